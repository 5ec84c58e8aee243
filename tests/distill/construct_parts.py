"""What the tests of strategies share: a step ready to run, problems with answers, what was asked."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import polars as pl

from cotkit.distill.construct import Construct
from cotkit.distill.converse import Answers, Ended, Wave, converse
from cotkit.distill.scripted.server import ScriptedTeacher
from cotkit.distill.strategies import Call, Count, Played, Reply, Strategy
from cotkit.records import Problem, frame, problem_id
from cotkit.steps import NoProgress, StepContext, StepOutput


def play(problems: Sequence[tuple[str, str | None]]) -> list[Problem]:
    """Problems out of (text, answer)."""
    return [
        Problem(problem_id(text), text, answer=answer, solution="why", metadata='{"a": 1}', source="test", source_row=i)
        for i, (text, answer) in enumerate(problems)
    ]


def problem_table(problems: Sequence[tuple[str, str | None]]) -> pl.DataFrame:
    return frame(Problem, play(problems))


def construct(url: str, strategy: Mapping[str, Any], **more: Any) -> Construct:
    """A construct step that asks the model m at `url`; `teacher` keys are merged."""
    teacher = {"base_url": url, "model": "m", **more.pop("teacher", {})}
    keys = {"step": "construct", "teacher": teacher, "prompt": {"user": "{problem}"}, "limits": {"timeout_s": 60}}
    return Construct.model_validate({**keys, "strategy": strategy, **more})


class Notes(NoProgress):
    """Keeps what is said."""

    def __init__(self, notes: list[str]) -> None:
        self._notes = notes

    def note(self, text: str) -> None:
        self._notes.append(text)


def run_construct(
    step: Construct, table: pl.DataFrame, run: Path, seed: int = 0, notes: list[str] | None = None
) -> StepOutput:
    """Run it as the runner does; `notes` hears what is said."""
    work = run / "work"
    work.mkdir(parents=True, exist_ok=True)
    return step.run(
        {Problem: table}, StepContext(seed=seed, work=work, run=run, progress=Notes([] if notes is None else notes))
    )


def asked(server: ScriptedTeacher) -> list[list[dict[str, Any]]]:
    """The messages of each request, in order of arrival."""
    return [entry["body"]["messages"] for entry in server.log.requests]


def at_rest(server: ScriptedTeacher) -> None:
    """Wait until the server has dealt with all that a killed client had sent."""
    # What came before these is read before the second is answered.
    for _ in range(2):
        urlopen(server.url.replace("/v1", "/_log")).close()  # noqa: S310 (loopback)
    deadline = time.monotonic() + 60
    while server.log.in_flight:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def perform(
    strategy: Strategy, problem: Problem, answer: Callable[[Call], str | Reply], seed: int = 0
) -> tuple[Played, list[Call]]:
    """Play a strategy on one problem without a server, each call answered by a function; and the calls."""
    calls: list[Call] = []

    def ask(wave: Wave) -> Answers:
        calls.extend(call for _, call in wave)
        return [(_reply(answer(call), len(calls)), None) for _, call in wave]

    step = construct("http://127.0.0.1:9/v1", {"by": "self_correct"}).model_copy(update={"strategy": strategy})
    ended: list[Ended] = []
    converse(step.plays([problem], seed), ask, ended.append)
    assert ended[0].played is not None
    return ended[0].played, calls


def _reply(said: str | Reply, number: int) -> Reply:
    return said if isinstance(said, Reply) else Reply(f"r{number}", "done", None, said)


def within(counts: Sequence[Count], server: ScriptedTeacher, models: Mapping[str, str], problems: int = 1) -> None:
    """Assert that the server was asked as often as a strategy says; `models` is role -> the model's name."""
    asked_of = Counter(entry["body"]["model"] for entry in server.log.requests)
    for count in counts:
        number = asked_of.pop(models[count.role], 0)
        assert count.least * problems <= number <= count.most * problems, (count, number)
    assert not asked_of
