"""The filter step: a list of named filters; the first one that rejects a problem names the reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from cotkit import records
from cotkit.curate.filters import AnyFilter, Filter
from cotkit.curate.rejection import first_rejection
from cotkit.records import Domain, Problem
from cotkit.steps import Step, StepContext, StepOutput, Tables


class FilterStep(Step):
    """Drop problems by named filters, in the order of the list."""

    step: Literal["filter"] = "filter"
    filters: tuple[AnyFilter, ...] = Field(min_length=1, description="Filters, applied in this order.")
    domains: tuple[Domain, ...] = Field((), description="Only problems of these domains; the others stay. Empty: all.")

    room: ClassVar[str] = "curate"
    reads: ClassVar[tuple[type, ...]] = (Problem,)
    writes: ClassVar[type] = Problem
    by_problem: ClassVar[bool] = True
    code: ClassVar[tuple[str, ...]] = (
        "cotkit.curate.filter",
        "cotkit.curate.rejection",
        "cotkit.curate.prose",
        "cotkit.verify",
        "cotkit.records",
    )

    def code_modules(self) -> tuple[str, ...]:
        return (*self.code, *(type(f).__module__ for f in self.filters))

    def check_after(self, before: Sequence[Step]) -> list[str]:
        return [sentence for item in self.filters for sentence in item.check_after(before)]

    def run(self, tables: Tables, context: StepContext) -> StepOutput:
        table = tables[Problem]
        kept: list[int] = []
        dropped: list[int] = []
        reasons: list[str] = []
        evidence: list[dict[str, Any]] = []
        with context.progress.task(self.name or self.step, table.height) as task:
            for index, problem in enumerate(records.rows(Problem, table)):
                found = self._rejection(problem)
                if found is None:
                    kept.append(index)
                else:
                    dropped.append(index)
                    reasons.append(found[0].reason_of(found[1]))
                    evidence.append({"filter": found[0].name, **found[1]})
                task.advance()
        return StepOutput(
            kept=table[kept] if kept else table.clear(),
            dropped=records.dropped_frame(table, dropped, reasons, evidence),
        )

    def _rejection(self, problem: Problem) -> tuple[Filter, dict[str, Any]] | None:
        if self.domains and problem.domain not in self.domains:
            return None
        where = f"{problem.source}:{problem.source_row}"
        return first_rejection(self.filters, lambda item: item.reject(problem), where)
