"""The sample step: so many problems of the whole set, before any of them is paid for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from cotkit import records
from cotkit.config import LocalPath
from cotkit.curate.choose import CODE, output, selector_materials, vectors_from
from cotkit.curate.selectors import AnySelector, Item, choose
from cotkit.curate.selectors.simple import Random
from cotkit.records import Problem
from cotkit.steps import Step, StepContext, StepOutput, Tables


class Sample(Step):
    """Keep `rows` problems, at random or by another selector, in their old order.

    The rank of a problem is a hash of (seed, problem_id): adding problems never reshuffles the rest,
    so a larger random sample contains the smaller one and no paid answer is wasted.
    """

    step: Literal["sample"] = "sample"
    rows: int = Field(ge=1, description="How many problems to keep.")
    by: AnySelector = Field(Random(), description="Which ones.")
    weights: LocalPath | None = Field(None, description="Folder of MiniLM weights, for selectors by meaning.")

    room: ClassVar[str] = "curate"
    reads: ClassVar[tuple[type, ...]] = (Problem,)
    writes: ClassVar[type] = Problem
    code: ClassVar[tuple[str, ...]] = ("cotkit.curate.sample", *CODE)
    excluded: ClassVar[Mapping[str, str]] = {"weights": "the digest of the weights is in the key instead"}

    def code_modules(self) -> tuple[str, ...]:
        return (*self.code, type(self.by).__module__)

    def materials(self, pins: Mapping[str, str]) -> dict[str, str]:
        return selector_materials(self.by, self.weights)

    def run(self, tables: Tables, context: StepContext) -> StepOutput:
        table = tables[Problem]
        items = [problem_item(row) for row in records.rows(Problem, table)]
        choice = choose(items, self.rows, self.by, context.seed, vectors_from(self.weights, context))
        return output(table, choice)


def problem_item(row: Problem) -> Item:
    """A problem as selectors see it: it has no trace yet."""
    known = {
        "domain": row.domain,
        "source": row.source,
        "subject": row.subject,
        "difficulty": row.difficulty,
        "direct_tokens": row.direct_tokens,
    }
    return Item(id=row.problem_id, tie=f"{row.source}:{row.source_row}", text=row.problem, values=known)
