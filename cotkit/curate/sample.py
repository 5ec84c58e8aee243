"""The sample step: so many problems of the whole set, or of each part of it, before any of them is paid for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import ClassVar, Literal

from pydantic import Field

from cotkit import records
from cotkit.config import LocalPath
from cotkit.curate.choose import CODE, output, selector_materials, vectors_from
from cotkit.curate.selectors import SCORE, AnySelector, Choice, Item, choose
from cotkit.curate.selectors.simple import Random
from cotkit.records import Problem
from cotkit.source import not_kept, not_pulled
from cotkit.steps import Step, StepContext, StepOutput, Tables

# What only an attempt has.
TRACE_VALUES = ("reasoning_tokens", "response_tokens", "pass_rate", "limo")


class Sample(Step):
    """Keep `rows` problems, at random or by another selector, in their old order.

    The rank of a problem is a hash of (seed, problem_id): adding problems never reshuffles the rest,
    so a larger random sample contains the smaller one and no paid answer is wasted.
    """

    step: Literal["sample"] = "sample"
    rows: int = Field(ge=1, description="How many problems to keep.")
    of: tuple[str, ...] = Field((), description="Only problems of these sources; the others stay. Empty: all.")
    each: str | None = Field(
        None, description="A column that the source keeps: `rows` problems of each of its values in a source."
    )
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

    def check(self) -> list[str]:
        missing = [name for name in self.by.needs() if name in TRACE_VALUES or name.startswith(SCORE)]
        if not missing:
            return []
        return [
            f"the selector '{self.by.by}' needs {', '.join(missing)}, which a problem does not have before it is "
            f"asked; use it in a `choose` step after select, or measure chars, the length of the problem"
        ]

    def check_after(self, before: Sequence[Step]) -> list[str]:
        found = not_pulled("of", self.of, before) + self.by.check_after(before)
        return found if self.each is None else found + not_kept("each", self.each, before)

    def run(self, tables: Tables, context: StepContext) -> StepOutput:
        table = tables[Problem]
        problems = records.rows(Problem, table)
        for name in sorted(set(self.of) - {p.source for p in problems}):
            context.progress.note(f"{self.name or self.step}: no problem is of the source '{name}'")
        items = [problem_item(row) for row in problems]
        whole = Choice({}, {})
        vectors = vectors_from(self.weights, context)
        for places in self._parts(problems, whole):
            part = choose([items[i] for i in places], self.rows, self.by, context.seed, vectors)
            whole.taken.update((places[at], why) for at, why in part.taken.items())
            whole.left.update((places[at], fate) for at, fate in part.left.items())
        return output(table, whole)

    def _parts(self, problems: Sequence[Problem], whole: Choice) -> list[list[int]]:
        """Places of the problems that are chosen among, part by part; the fate of all others goes into `whole`."""
        parts: dict[tuple[str, ...], list[int]] = {}
        for place, problem in enumerate(problems):
            if self.of and problem.source not in self.of:
                whole.taken[place] = {"why": "another source"}
            elif self.each is None:
                parts.setdefault((), []).append(place)
            elif (value := json.loads(problem.metadata).get(self.each)) is None:
                whole.left[place] = "no_feature", {"missing": [self.each]}
            else:
                parts.setdefault((problem.source, json.dumps(value, sort_keys=True)), []).append(place)
        return list(parts.values())


def problem_item(row: Problem) -> Item:
    """A problem as selectors see it: it has no trace yet."""
    known = {
        "domain": row.domain,
        "source": row.source,
        "subject": row.subject,
        "difficulty": row.difficulty,
        "chars": len(row.problem),
        "direct_tokens": row.direct_tokens,
        "solve_rate": fmean(one["rate"] for one in row.weak_rates) if row.weak_rates else None,
    }
    return Item(id=row.problem_id, tie=f"{row.source}:{row.source_row}", text=row.problem, values=known)
