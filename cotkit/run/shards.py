"""One shard of a step's work, from files to files; and the shards of a step put together.

`Job.run` is what an engine calls, in whatever process: all that it needs is in the job and on the disk, and its
result is a folder that is there whole or not at all.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from socket import gethostname
from typing import Any

from cotkit.content import digest_of_rows, lasting, row_digests
from cotkit.mean import Mean
from cotkit.run.conserve import Check
from cotkit.run.cut import Shard
from cotkit.run.funnel import reasons
from cotkit.run.tables import FileTable, join_tables, storage, sync, write_table
from cotkit.steps import NoProgress, Step, StepContext, StepOutput

DONE = "done.json"
# So many notes of shards are told.
_NOTES = 3
Part = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """What a process needs to run a shard.

    Attributes:
        tables: input table -> its file.
        folder: where the shard's folder is to be.
    """

    step: Step
    shard: Shard
    tables: Mapping[type, Path]
    folder: Path
    context: StepContext

    @property
    def target(self) -> Path:
        return self.folder / f"{self.shard.number:05d}"

    @property
    def place(self) -> str:
        """How errors name it."""
        of = self.shard.of
        return f"step '{self.step.name}'" + (f", shard {self.shard.number + 1} of {of}" if of > 1 else "")

    def run(self) -> None:
        """Run the step on the rows of the shard and leave the result in `target`.

        Of several shards, what the step says is kept with the result. Raises what the step raises, ConservationError,
        StorageError.
        """
        _run(self)

    def is_done(self) -> bool:
        """Whether its result is there, and lacks no row that another try could get."""
        return (self.target / DONE).is_file() and not any(part["incomplete"] for part in self.outcome()["parts"])

    def outcome(self) -> dict[str, Any]:
        """What it made: "parts", each in numbers, and the "notes" that it left."""
        found: dict[str, Any] = json.loads((self.target / DONE).read_text(encoding="utf-8"))
        return found


@dataclass(frozen=True)
class Made:
    """What all shards of a step made, in numbers; `content` is the digest of its kept and of its dropped rows."""

    rows_in: int
    kept: int
    dropped: int
    reasons: Mapping[str, int]
    counters: Mapping[str, float]
    incomplete: int
    content: Mapping[str, str]
    notes: tuple[str, ...] = ()


class _Notes(NoProgress):
    """Keeps what a shard says; its bars are those of the whole step."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)


def _run(job: Job) -> None:
    step, shard = job.step, job.shard
    # Two machines may have one process number.
    fresh = job.folder / f".{shard.number:05d}.{gethostname()}.{os.getpid()}"
    with storage(fresh):
        shutil.rmtree(fresh, ignore_errors=True)
        # Not its parents: the run that wanted this shard may be over.
        fresh.mkdir()
    notes = _Notes()
    context = job.context
    if shard.of > 1:
        context = replace(context, progress=notes, work=fresh / "work")
        context.work.mkdir()
    tables = {row: FileTable(path, None if shard.runs is None else shard.runs[row]) for row, path in job.tables.items()}
    check = Check(step, job.place)
    made = []
    for number, output in enumerate(step.parts(tables, context)):
        check.part(output)
        made.append(_write(output, fresh / f"{number:05d}"))
    done = {"rows_in": check.end(tables), "parts": made, "notes": notes.said}
    with storage(job.target):
        (fresh / DONE).write_text(json.dumps(done), encoding="utf-8")
        sync(fresh / DONE)
        shutil.rmtree(fresh / "work", ignore_errors=True)
        _put(fresh, job)


def _put(fresh: Path, job: Job) -> None:
    """In place by one rename.

    A shard may run twice at a time: a worker outlives a run that was killed, or a cluster takes it for lost. Both make
    the same bytes, and the first stays, since the run may be reading it.
    """
    try:
        os.rename(fresh, job.target)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        if job.is_done():
            shutil.rmtree(fresh, ignore_errors=True)
            return
        shutil.rmtree(job.target, ignore_errors=True)
        os.rename(fresh, job.target)
    sync(job.folder)


def _write(output: StepOutput, folder: Path) -> Part:
    """The tables of an output, and what the whole step's numbers are made of."""
    with storage(folder):
        folder.mkdir()
    for stem, table in {"kept": output.kept, "dropped": output.dropped, **output.secondary}.items():
        write_table(folder / f"{stem}.parquet", table)
    both = {"kept": output.kept, "dropped": output.dropped}
    with storage(folder):
        for stem, table in both.items():
            (folder / f"{stem}.digests").write_bytes(b"".join(row_digests(table)))
    return {
        "kept": output.kept.height,
        "dropped": output.dropped.height,
        "reasons": reasons(output.dropped),
        "counters": {name: _plain(value) for name, value in output.counters.items()},
        "incomplete": output.incomplete,
        "tables": ["kept", "dropped", *output.secondary],
        "columns": {stem: lasting(table).columns for stem, table in both.items()},
    }


def _plain(value: float) -> Any:
    return [value.total, value.rows] if isinstance(value, Mean) else float(value)


def counters_of(parts: Sequence[Part]) -> dict[str, float]:
    """The counters of several parts together."""
    return _added([{n: Mean(*v) if isinstance(v, list) else v for n, v in part["counters"].items()} for part in parts])


def join(jobs: Sequence[Job], work: Path) -> Made:
    """Put the tables of all shards into `work`, in the order of the shards, and add up what they counted.

    The shards stay as they are. Raises StorageError.
    """
    found = [(job.target / f"{number:05d}", part) for job in jobs for number, part in enumerate(job.outcome()["parts"])]
    parts = [part for _, part in found]
    content = {
        stem: digest_of_rows(
            parts[0]["columns"][stem], ((folder / f"{stem}.digests").read_bytes() for folder, _ in found)
        )
        for stem in ("kept", "dropped")
    }
    for stem in dict.fromkeys(stem for part in parts for stem in part["tables"]):
        with storage(work):
            join_tables(
                work / f"{stem}.parquet", [folder / f"{stem}.parquet" for folder, p in found if stem in p["tables"]]
            )
    why: Counter[str] = Counter()
    for part in parts:
        why.update(part["reasons"])
    return Made(
        rows_in=sum(job.outcome()["rows_in"] for job in jobs),
        kept=sum(part["kept"] for part in parts),
        dropped=sum(part["dropped"] for part in parts),
        reasons=dict(sorted(why.items(), key=lambda item: (-item[1], item[0]))),
        counters=counters_of(parts),
        incomplete=sum(part["incomplete"] for part in parts),
        content=content,
        notes=_told([(job, note) for job in jobs for note in job.outcome()["notes"]]),
    )


def _added(shards: Sequence[Mapping[str, float]]) -> dict[str, float]:
    added: dict[str, float] = {}
    for name in dict.fromkeys(name for counters in shards for name in counters):
        values = [counters[name] for counters in shards if name in counters]
        means = [value for value in values if isinstance(value, Mean)]
        if means:
            added[name] = float(Mean(sum(m.total for m in means), sum(m.rows for m in means)))
        else:
            # As decimal numbers, so that money adds up whatever the number of shards.
            added[name] = float(sum(Decimal(str(value)) for value in values))
    return added


def _told(notes: Sequence[tuple[Job, str]]) -> tuple[str, ...]:
    told = [f"shard {job.shard.number + 1} of {job.shard.of}: {note}" for job, note in notes[:_NOTES]]
    more = len(notes) - len(told)
    return (*told, f"{more} more such notes of other shards") if more > 0 else tuple(told)
