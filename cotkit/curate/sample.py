"""The sample step: a seeded random subset, for trials and for a budget."""

from __future__ import annotations

import hashlib
from typing import ClassVar, Literal

from pydantic import Field

from cotkit import records
from cotkit.records import Problem
from cotkit.steps import Step, StepContext, StepOutput, Tables


class Sample(Step):
    """Keep `rows` problems chosen at random from the recipe's seed, in their old order.

    The rank of a problem is a hash of (seed, problem_id): adding problems never reshuffles the rest,
    so a larger sample contains the smaller one and no paid answer is wasted.
    """

    step: Literal["sample"] = "sample"
    rows: int = Field(ge=1, description="How many problems to keep.")

    room: ClassVar[str] = "curate"
    reads: ClassVar[tuple[type, ...]] = (Problem,)
    writes: ClassVar[type] = Problem
    code: ClassVar[tuple[str, ...]] = ("cotkit.curate.sample", "cotkit.records")

    def run(self, tables: Tables, context: StepContext) -> StepOutput:
        table = tables[Problem]
        ids = table["problem_id"].to_list()
        ranks = [hashlib.sha256(f"{context.seed}:{identity}".encode()).hexdigest() for identity in ids]
        order = sorted(range(len(ids)), key=lambda i: (ranks[i], i))
        kept, dropped = sorted(order[: self.rows]), sorted(order[self.rows :])
        return StepOutput(
            kept=table[kept] if kept else table.clear(),
            dropped=records.dropped_frame(
                table, dropped, ["not_sampled"] * len(dropped), [{"rows": self.rows}] * len(dropped)
            ),
        )
