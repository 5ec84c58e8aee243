"""The pull step: rows of all sources become problems with a reference answer."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from cotkit import records
from cotkit.errors import InputError
from cotkit.records import Problem
from cotkit.source import AnySource, RawRow, Source, exclusions, materials
from cotkit.steps import Progress, Step, StepContext, StepOutput, Tables


class Pull(Step):
    """Read every source in order; take the reference answer from its column or from the solution."""

    step: Literal["pull"] = "pull"
    sources: tuple[AnySource, ...] = Field(min_length=1, description="Where the problems come from.")

    room: ClassVar[str] = "curate"
    reads: ClassVar[tuple[type, ...]] = ()
    writes: ClassVar[type] = Problem
    code: ClassVar[tuple[str, ...]] = (
        "cotkit.curate.pull",
        "cotkit.source",
        "cotkit.verify",
        "cotkit.records",
    )

    @field_validator("sources")
    @classmethod
    def _names_differ(cls, sources: tuple[Source, ...]) -> tuple[Source, ...]:
        twice = [name for name, count in Counter(s.name for s in sources).items() if count > 1]
        if twice:
            raise PydanticCustomError(
                "same_name", "two sources are named '{name}'; rows are told apart by it", {"name": twice[0]}
            )
        return sources

    def code_modules(self) -> tuple[str, ...]:
        return (*self.code, *(type(source).__module__ for source in self.sources))

    def materials(self, pins: Mapping[str, str]) -> dict[str, str]:
        return materials(self.sources, pins)

    def exclusions(self) -> Mapping[str, str]:
        return exclusions("sources", self.sources)

    def rows_in(self, tables: Tables) -> int | None:
        return None

    def run(self, tables: Tables, context: StepContext) -> StepOutput:
        return pull(self.sources, context.pins, context.progress)


@dataclass(frozen=True)
class _Rejected:
    """A row that is no problem, with what could be read of it."""

    row: Problem
    reason: str
    evidence: dict[str, Any]


def pull(sources: tuple[Source, ...], pins: Mapping[str, str], progress: Progress) -> StepOutput:
    """Read the sources into a Problem table.

    Dropped: "unreadable_row" and "no_problem_text". A row without a reference answer is kept (`answer`
    null): whether that matters is for the filters to say. Raises InputError for a source without rows
    and for a column that the recipe names and no row has.
    """
    kept: list[Problem] = []
    rejected: list[_Rejected] = []
    found: Counter[str] = Counter()
    for source in sources:
        seen: set[str] = set()
        first_kept = len(kept)
        with progress.task(f"pull {source.name}", 0) as task:
            numbers: set[int] = set()
            for raw in islice(source.rows(pins), source.limit):
                if raw.number in numbers:
                    raise InputError(
                        f"source '{source.name}': two rows have the number {raw.number}; rows are told apart by it"
                    )
                numbers.add(raw.number)
                seen.update(raw.values or ())
                row = to_problem(raw, source, found)
                if isinstance(row, Problem):
                    kept.append(row)
                else:
                    rejected.append(row)
                task.advance()
        _check_columns(source, seen, len(kept) > first_kept)
    dropped = records.dropped_frame(
        records.frame(Problem, [r.row for r in rejected]),
        range(len(rejected)),
        [r.reason for r in rejected],
        [r.evidence for r in rejected],
    )
    counters = {f"answer from {method}": float(count) for method, count in sorted(found.items())}
    return StepOutput(records.frame(Problem, kept), dropped, rows_in=len(kept) + len(rejected), counters=counters)


def _check_columns(source: Source, seen: set[str], any_kept: bool) -> None:
    wanted = source.columns.named() | {"problem"} if not any_kept else source.columns.named()
    for key in sorted(wanted):
        column = getattr(source.columns, key)
        if column not in seen:
            raise InputError(
                f"source '{source.name}' has no column '{column}' for the {key}; its columns are "
                f"{', '.join(sorted(seen)) or 'none'}; name the right one under `columns: {{{key}: …}}`"
            )
    missing = sorted(set(source.keep) - seen)
    if missing:
        raise InputError(
            f"source '{source.name}' has no column '{missing[0]}' to keep; its columns are {', '.join(sorted(seen))}"
        )


def to_problem(raw: RawRow, source: Source, found: Counter[str] | None = None) -> Problem | _Rejected:
    """One raw row as a Problem; `found` counts by which way reference answers were found."""
    from cotkit.verify.extract import extract_reference

    values = raw.values or {}
    columns = source.columns
    text = _text(values.get(columns.problem))
    if raw.values is None or not text:
        shell = Problem(problem_id="", problem=text or "", source=source.name, source_row=raw.number)
        reason = "unreadable_row" if raw.values is None else "no_problem_text"
        return _Rejected(shell, reason, {"place": raw.place, "error": raw.error or "the problem text is empty"})
    solution = _text(values.get(columns.solution))
    reference = extract_reference(_text(values.get(columns.answer)), solution)
    if found is not None:
        found[reference.method if reference.answer is not None else "nowhere"] += 1
    choices = _choices(values.get(columns.choices))
    tests = values.get(columns.tests)
    return Problem(
        problem_id=records.problem_id(text, choices),
        problem=text,
        answer=reference.answer,
        solution=solution,
        domain=_text(values.get(columns.domain)) or source.domain,
        source=source.name,
        source_row=raw.number,
        license=source.license,
        tests=tests if tests is None or isinstance(tests, str) else _json(tests),
        choices=choices,
        language=_text(values.get(columns.language)),
        metadata=_json({key: values[key] for key in source.keep if key in values}),
    )


def _text(value: Any) -> str | None:
    """Text of a cell; numbers as written, a list of one as its item, everything else as JSON."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    text = value if isinstance(value, str) else str(value) if isinstance(value, int | float | Decimal) else _json(value)
    # A lone surrogate (JSON allows "\ud800") cannot be written as UTF-8.
    return text.encode("utf-8", "replace").decode("utf-8").strip() or None


def _choices(value: Any) -> list[str] | None:
    if isinstance(value, str) and value.startswith("["):
        # A CSV cell holds a list as JSON.
        with suppress(ValueError):
            value = json.loads(value)
    if isinstance(value, dict):
        value = value.get("text") or list(value.values())
    if not isinstance(value, list) or not value:
        return None
    return [_text(item) or "" for item in value]


def _json(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return text.encode("utf-8", "replace").decode("utf-8")
