"""Rounds: who comes later is asked only about problems that nobody has solved yet, and adds to what is there.

STILL-2's imitate, explore, improve (arXiv 2412.09413) as two or more steps of one recipe: distill, verify, then a
distill or construct step with `only: unsolved` and another teacher, more samples or a dearer strategy, then verify.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from cotkit.distill.request import canonical
from cotkit.records import Problem, Trace, Verdict, dropped_frame
from cotkit.steps import StepOutput
from cotkit.table import Table

if TYPE_CHECKING:
    import polars as pl

Only = Literal["unsolved"]
ONLY = (
    "Ask only about problems of which no attempt so far is correct; the attempts of the rounds before stay, and new "
    "ones are added to them."
)
_MARKS = ("problem_id", "sample", "request_hash", "reasoning", "response")


def reads(only: Only | None) -> tuple[type, ...]:
    """The tables that a step needs."""
    return (Problem,) if only is None else (Problem, Trace, Verdict)


@dataclass(frozen=True)
class Pool:
    """What the rounds before have made.

    Attributes:
        problems: those that are asked now.
        attempts: all of the rounds before.
        round: number of this round; the first steps were round 1.
    """

    problems: Table
    attempts: Table
    round: int

    @classmethod
    def of(cls, tables: Mapping[type, Table]) -> Pool:
        """An undecided verdict solves nothing."""
        import polars as pl

        verdicts = tables[Verdict].columns(["problem_id", "verdict"])
        solved = verdicts.filter(pl.col("verdict") == "correct")["problem_id"].unique()
        told = tables[Trace].columns(["provenance"])["provenance"]
        last = max((json.loads(text).get("round", 1) for text in told), default=1)
        return cls(_Without(tables[Problem], solved), tables[Trace], last + 1)

    def join(self, made: Callable[[], Iterable[StepOutput]]) -> Iterator[StepOutput]:
        """The attempts before this round, and then its own; samples are counted on.

        An attempt that the pool has already (the same request, or the same words about a problem) is dropped as
        "duplicate", so a teacher that is asked again needs more samples than it gave.

        Args:
            made: the parts of this round's output; called again where some of it are duplicates, since they stand
                behind all others that are dropped.
        """
        import polars as pl

        # Mark of an attempt -> its sample.
        had: dict[bytes, int] = {}
        samples = self.attempts.columns(["problem_id", "sample"])
        last = samples.group_by("problem_id").agg(pl.col("sample").max().alias("last"))
        asked = self.problems.columns(["problem_id"])["problem_id"].implode()
        for attempts in self.attempts.batches():
            for row in attempts.filter(pl.col("problem_id").is_in(asked)).select(_MARKS).iter_rows(named=True):
                had.update(dict.fromkeys(_marks(row), row["sample"]))
            before = _in_round(attempts, 1)
            yield StepOutput(before, dropped_frame(before, [], [], []), rows_in=before.height)
        again: dict[int, int] = {}
        counters: dict[str, float] = {}
        seen = 0
        for output in made():
            new = self._ours(output.kept, last)
            doubles = _doubles(new, had)
            again |= {seen + number: sample for number, sample in doubles.items()}
            seen += new.height
            kept, dropped = new[_others(new, doubles)], self._ours(output.dropped, last)
            counters |= output.counters
            yield replace(output, kept=kept, dropped=dropped, rows_in=kept.height + dropped.height, counters={})
        start = 0
        for output in made() if again else ():
            new = self._ours(output.kept, last)
            rows = [number for number in range(new.height) if start + number in again]
            evidence = [{"sample": again[start + number]} for number in rows]
            doubled = dropped_frame(new, rows, ["duplicate"] * len(rows), evidence)
            start += new.height
            yield StepOutput(new.clear(), doubled, rows_in=len(rows))
        counters |= {"round": self.round, "asked": self.problems.height, "added": seen - len(again)}
        yield StepOutput(before.clear(), dropped_frame(before, [], [], []), rows_in=0, counters=counters)

    def _ours(self, table: pl.DataFrame, last: pl.DataFrame) -> pl.DataFrame:
        """Attempts of this round; their samples count on from the `last` of each problem."""
        import polars as pl

        joined = table.join(last, on="problem_id", how="left", maintain_order="left")
        counted = joined.with_columns(sample=pl.col("sample") + pl.col("last").fill_null(-1) + 1).drop("last")
        return _in_round(counted, self.round)


@dataclass(frozen=True)
class _Without:
    """A table of problems without some of them."""

    table: Table
    gone: pl.Series

    @property
    def height(self) -> int:
        return self.columns(["problem_id"]).height

    def whole(self) -> pl.DataFrame:
        return self._left(self.table.whole())

    def columns(self, names: Sequence[str]) -> pl.DataFrame:
        return self._left(self.table.columns(list(dict.fromkeys([*names, "problem_id"])))).select(names)

    def batches(self) -> Iterator[pl.DataFrame]:
        return map(self._left, self.table.batches())

    def _left(self, table: pl.DataFrame) -> pl.DataFrame:
        import polars as pl

        return table.filter(~pl.col("problem_id").is_in(self.gone.implode()))


def _in_round(table: pl.DataFrame, number: int) -> pl.DataFrame:
    """Attempts that say which round they are of; those that do already stay as they are."""
    import polars as pl

    told = [canonical({"round": number, **json.loads(text)}) for text in table["provenance"]]
    return table.with_columns(provenance=pl.Series(told, dtype=pl.String))


def _doubles(table: pl.DataFrame, had: dict[bytes, int]) -> dict[int, int]:
    """Row -> sample of the attempt that it repeats; those that repeat none add their marks to `had`."""
    again: dict[int, int] = {}
    for number, row in enumerate(table.select(_MARKS).iter_rows(named=True)):
        marks = _marks(row)
        same = next((had[mark] for mark in marks if mark in had), None)
        if same is None:
            had.update(dict.fromkeys(marks, row["sample"]))
        else:
            again[number] = same
    return again


def _others(table: pl.DataFrame, numbers: Mapping[int, int]) -> list[int]:
    return [number for number in range(table.height) if number not in numbers]


def _marks(row: Mapping[str, Any]) -> list[bytes]:
    """What two attempts at a problem must not share; digests, since the words are long."""
    marks: list[tuple[str, ...]] = [("asked", row["problem_id"], row["request_hash"])] if row["request_hash"] else []
    if row["reasoning"] or row["response"]:
        marks.append(("said", row["problem_id"], row["reasoning"] or "", row["response"] or ""))
    return [hashlib.blake2b(json.dumps(mark).encode(), digest_size=16).digest() for mark in marks]
