"""The import step: attempts out of published rows, for problems that a recipe has pulled; nobody is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any, ClassVar, Literal

from pydantic import Field

from cotkit import records
from cotkit.curate.importers import find_format
from cotkit.curate.importing import Defaults, Read, read_published
from cotkit.records import Problem, Trace
from cotkit.source import AnySource, FromSources, Source
from cotkit.steps import StepContext, StepOutput
from cotkit.table import Table

# What is held at a time: attempts, and characters of theirs.
_PART_ROWS, _PART_CHARS = 5_000, 32_000_000
# The columns of so many rows tell the format: JSON lines may leave empty ones out.
_FIRST = 20


class Import(FromSources):
    """Take the attempts of published rows as traces of the problems that the recipe has.

    Dropped: "no_problem" (an attempt at a problem that no step before has, or has kept), "unreadable_row". What the
    rows say of their own attempts (a grade, a verdict) is kept in `provenance` and not believed.
    """

    step: Literal["import"] = "import"
    sources: tuple[AnySource, ...] = Field(
        min_length=1, description="Where the rows are; their problems are told by their texts."
    )
    format: str | None = Field(
        None, description="Format of the rows, as in `cotkit curate import`; told by the columns when left out."
    )
    teacher: str = Field("", description="Who wrote the traces, where the rows do not say.")

    room: ClassVar[str] = "distill"
    reads: ClassVar[tuple[type, ...]] = (Problem,)
    writes: ClassVar[type] = Trace
    adds_rows: ClassVar[bool] = True
    code: ClassVar[tuple[str, ...]] = (
        "cotkit.curate.import_step",
        "cotkit.curate.importing",
        "cotkit.curate.importers",
        "cotkit.curate.sources",
        "cotkit.curate.wrappings",
        "cotkit.source",
        "cotkit.tags",
        "cotkit.records",
    )

    def parts(self, tables: Mapping[type, Table], context: StepContext) -> Iterator[StepOutput]:
        wanted = set(tables[Problem].columns(["problem_id"])["problem_id"])
        part, before = _Part(wanted), False
        with context.progress.task(self.name or self.step, 0) as task:
            for source in self.sources:
                for row in self._read(source, context.pins):
                    part.take(row, source)
                    task.advance()
                    if part.is_full():
                        yield part.output()
                        part, before = _Part(wanted), True
        if part.kept or part.dropped or not before:
            yield part.output()

    def _read(self, source: Source, pins: Mapping[str, str]) -> Iterator[Read]:
        rows = source.read(pins)
        first = list(islice(rows, _FIRST))
        shape = find_format(self.format, sorted({name for row in first for name in row.values or ()}))[1]
        defaults = Defaults(source.name, source.license, source.domain, self.teacher)
        return read_published(chain(first, rows), shape, defaults)


class _Part:
    """Rows that become one output."""

    def __init__(self, wanted: set[str]) -> None:
        self.wanted = wanted
        self.kept: list[Trace] = []
        self.dropped: list[tuple[Trace, str, dict[str, Any]]] = []
        self.counts: Counter[str] = Counter()
        self.chars = 0

    def take(self, row: Read, source: Source) -> None:
        if row.problem is None:
            shell = Trace("", row.raw.number, "", "", "failed", error=row.why)
            self.dropped.append((shell, "unreadable_row", {"place": row.raw.place, "why": row.why}))
            return
        self.counts["rows without an attempt"] += not row.traces
        for trace in row.traces:
            self.chars += len(trace.reasoning or "") + len(trace.response or "")
            if trace.problem_id in self.wanted:
                self.counts[trace.status] += 1
                self.kept.append(trace)
            else:
                place = {"source": source.name, "source_row": row.raw.number}
                self.dropped.append((trace, "no_problem", place))

    def is_full(self) -> bool:
        return len(self.kept) + len(self.dropped) >= _PART_ROWS or self.chars >= _PART_CHARS

    def output(self) -> StepOutput:
        return StepOutput(
            kept=records.frame(Trace, self.kept),
            dropped=records.dropped_frame(
                records.frame(Trace, [trace for trace, _, _ in self.dropped]),
                range(len(self.dropped)),
                [reason for _, reason, _ in self.dropped],
                [evidence for _, _, evidence in self.dropped],
            ),
            rows_in=len(self.kept) + len(self.dropped),
            counters={label: float(count) for label, count in sorted(self.counts.items()) if count},
        )
