"""The one place that prints: data on stdout, talk on stderr, progress only where a person looks."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from cotkit.steps import Task

# Exit code of the commands that compare, where the two sides differ.
DIFFERENT = 8
# Where nobody watches a bar (a log file), a line this often tells that work goes on.
LOG_EVERY_S = 15.0


class Output:
    """Human (default), --json or --quiet; `yes` answers every question."""

    def __init__(self, as_json: bool = False, quiet: bool = False, yes: bool = False) -> None:
        self.as_json = as_json
        self.quiet = quiet
        self.yes = yes
        self.console = Console(stderr=True, highlight=False, soft_wrap=True)
        if as_json or quiet or not self.console.is_terminal:
            # The Hub's client reads it when it is imported, which is later, and else draws bars of its own.
            os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")

    def say(self, text: str, style: str = "") -> None:
        """A line of talk on stderr."""
        if not self.quiet:
            self.console.print(escape(text), style=style or None)

    def confirm(self, question: str) -> bool:
        """Ask before something is paid anew; no where nobody can be asked."""
        if self.yes:
            return True
        if not (sys.stdin.isatty() and self.console.is_terminal):
            return False
        return self.console.input(escape(f"{question} [y/N] ")).strip().casefold() in ("y", "yes")

    def next(self, text: str) -> None:
        """What to do now."""
        self.say(f"next: {text}", "bold")

    def warn(self, text: str) -> None:
        self.console.print(escape(f"warning: {text}"), style="yellow")

    def data(self, human: str, machine: Any) -> None:
        """The result, on stdout."""
        print(json.dumps(machine, ensure_ascii=False) if self.as_json else human)

    def rows(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Rows as JSON Lines on stdout."""
        for row in rows:
            print(json.dumps(row, ensure_ascii=False, default=str))

    @contextmanager
    def task(self, label: str, total: int) -> Iterator[Task]:
        """A bar with rate, ETA, tokens and cost; `total` 0 means that nobody knows it yet."""
        if self.quiet or self.as_json:
            yield _Bar(None, None)
        elif not self.console.is_terminal:
            yield _Log(self, label, total)
        else:
            columns = (
                TextColumn("{task.description:<16}"),
                BarColumn(bar_width=30),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}"),
                TimeRemainingColumn(),
                TextColumn("{task.fields[sums]}"),
            )
            with Progress(*columns, console=self.console, transient=True) as progress:
                identity = progress.add_task(label, total=total or None, rate="", sums="")
                yield _Bar(progress, identity)

    def note(self, text: str) -> None:
        self.say(text)


class _Sums:
    """Running sums of what is reported beside the count."""

    def __init__(self) -> None:
        self.done = 0
        self.sums: dict[str, float] = {}
        self.started = time.monotonic()

    def add(self, n: int, counters: Mapping[str, float]) -> None:
        self.done += n
        for name, value in counters.items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    def rate(self) -> str:
        seconds = time.monotonic() - self.started
        if seconds <= 0.5:
            return ""
        a_second = self.done / seconds
        return f"{a_second:.1f}/s" if a_second >= 0.1 or not self.done else f"{a_second * 60:.1f}/min"

    def text(self) -> str:
        parts = [f"${v:.4f}" if name == "usd" else f"{v:,.0f} {name}" for name, v in self.sums.items()]
        return " · ".join(parts)


class _Bar:
    def __init__(self, progress: Progress | None, identity: Any) -> None:
        self._progress, self._identity, self._sums = progress, identity, _Sums()

    def advance(self, n: int = 1, **counters: float) -> None:
        self._sums.add(n, counters)
        if self._progress is not None:
            self._progress.update(self._identity, advance=n, rate=self._sums.rate(), sums=self._sums.text())


class _Log:
    def __init__(self, output: Output, label: str, total: int) -> None:
        self._output, self._label, self._total, self._sums = output, label, total, _Sums()
        self._last = time.monotonic()

    def advance(self, n: int = 1, **counters: float) -> None:
        self._sums.add(n, counters)
        now = time.monotonic()
        if now - self._last < LOG_EVERY_S:
            return
        self._last = now
        done, sums = self._sums.done, self._sums.text()
        eta = ""
        if self._total and done:
            left = (self._total - done) * (now - self._sums.started) / done
            eta = f", about {left / 60:.1f} min left"
        of = f" of {self._total:,}" if self._total else ""
        self._output.say(f"  {self._label}: {done:,}{of}, {self._sums.rate()}{eta}{', ' + sums if sums else ''}")


def fail(error: BaseException) -> None:
    """One sentence on stderr; stdout stays clean."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(escape(f"error: {error}"), style="red")
