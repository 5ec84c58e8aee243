"""Rounds: who comes later is asked only about problems that nobody has solved yet, and adds to what is there.

STILL-2's imitate, explore, improve (arXiv 2412.09413) as two or more steps of one recipe: distill, verify, then a
distill or construct step with `only: unsolved` and another teacher, more samples or a dearer strategy, then verify.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from cotkit.distill.request import canonical
from cotkit.records import Problem, Trace, Verdict, dropped_frame
from cotkit.steps import StepOutput, Tables

if TYPE_CHECKING:
    import polars as pl

Only = Literal["unsolved"]
ONLY = (
    "Ask only about problems of which no attempt so far is correct; the attempts of the rounds before stay, and new "
    "ones are added to them."
)


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

    problems: pl.DataFrame
    attempts: pl.DataFrame
    round: int

    @classmethod
    def of(cls, tables: Tables) -> Pool:
        """An undecided verdict solves nothing."""
        import polars as pl

        solved = tables[Verdict].filter(pl.col("verdict") == "correct")["problem_id"]
        attempts = _in_round(tables[Trace], 1)
        last = max((json.loads(text)["round"] for text in attempts["provenance"]), default=1)
        problems = tables[Problem].filter(~pl.col("problem_id").is_in(solved.implode()))
        return cls(problems, attempts, last + 1)

    def join(self, output: StepOutput) -> StepOutput:
        """This round's output together with the attempts before it; samples are counted on.

        An attempt that the pool has already (the same request, or the same words about a problem) is dropped as
        "duplicate", so a teacher that is asked again needs more samples than it gave.
        """
        import polars as pl

        new = _in_round(self._counted_on(output.kept), self.round)
        had: dict[tuple[str, ...], int] = {}
        for row in self.attempts.iter_rows(named=True):
            had.update(dict.fromkeys(_marks(row), row["sample"]))
        fresh: list[int] = []
        again: dict[int, int] = {}
        for number, row in enumerate(new.iter_rows(named=True)):
            same = next((had[mark] for mark in _marks(row) if mark in had), None)
            if same is None:
                fresh.append(number)
                had.update(dict.fromkeys(_marks(row), row["sample"]))
            else:
                again[number] = same
        doubles = dropped_frame(new, list(again), ["duplicate"] * len(again), [{"sample": n} for n in again.values()])
        kept = pl.concat([self.attempts, new[fresh]])
        dropped = pl.concat([_in_round(self._counted_on(output.dropped), self.round), doubles])
        counters = {**output.counters, "round": self.round, "asked": self.problems.height, "added": len(fresh)}
        return replace(output, kept=kept, dropped=dropped, rows_in=kept.height + dropped.height, counters=counters)

    def _counted_on(self, table: pl.DataFrame) -> pl.DataFrame:
        import polars as pl

        last = self.attempts.group_by("problem_id").agg(pl.col("sample").max().alias("last"))
        joined = table.join(last, on="problem_id", how="left", maintain_order="left")
        return joined.with_columns(sample=pl.col("sample") + pl.col("last").fill_null(-1) + 1).drop("last")


def _in_round(table: pl.DataFrame, number: int) -> pl.DataFrame:
    """Attempts that say which round they are of; those that do already stay as they are."""
    import polars as pl

    told = [canonical({"round": number, **json.loads(text)}) for text in table["provenance"]]
    return table.with_columns(provenance=pl.Series(told, dtype=pl.String))


def _marks(row: dict[str, Any]) -> list[tuple[str, ...]]:
    """What two attempts at a problem must not share."""
    marks: list[tuple[str, ...]] = [("asked", row["problem_id"], row["request_hash"])] if row["request_hash"] else []
    if row["reasoning"] or row["response"]:
        marks.append(("said", row["problem_id"], row["reasoning"] or "", row["response"] or ""))
    return marks
