"""The pull step: rows of all sources become problems with a reference answer."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from cotkit import records
from cotkit.curate.reference import reference
from cotkit.errors import InputError
from cotkit.records import Problem
from cotkit.source import AnySource, FromSources, RawRow, Source
from cotkit.steps import Progress, StepContext, StepOutput, joined
from cotkit.table import Table

# Rows, and characters that they were read from, that are held until they are written.
_ROWS = 10_000
_CHARACTERS = 32_000_000


class Pull(FromSources):
    """Read every source in order; take the reference answer from its column or from the solution."""

    step: Literal["pull"] = "pull"
    sources: tuple[AnySource, ...] = Field(min_length=1, description="Where the problems come from.")
    conflicts: Literal["flag", "drop"] = Field(
        "flag",
        description="A row whose solution boxes another answer than its answer column: keep it, with both in "
        "`metadata` and in conflicts.parquet, or drop it.",
    )

    room: ClassVar[str] = "curate"
    reads: ClassVar[tuple[type, ...]] = ()
    writes: ClassVar[type] = Problem
    code: ClassVar[tuple[str, ...]] = (
        "cotkit.curate.pull",
        "cotkit.curate.reference",
        "cotkit.curate.sources",
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

    def parts(self, tables: Mapping[type, Table], context: StepContext) -> Iterator[StepOutput]:
        return pulled(self.sources, context.pins, context.progress, self.conflicts)


@dataclass(frozen=True)
class _Rejected:
    """A row that is no problem, with what could be read of it."""

    row: Problem
    reason: str
    evidence: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Conflict:
    """A row of conflicts.parquet: the answer column says one thing, the solution another."""

    problem_id: str
    source: str
    source_row: int
    problem: str
    column: str
    solution: str


def pull(
    sources: tuple[Source, ...], pins: Mapping[str, str], progress: Progress, conflicts: str = "flag"
) -> StepOutput:
    """As `pulled`, all at once."""
    return joined(list(pulled(sources, pins, progress, conflicts)))


def pulled(
    sources: tuple[Source, ...], pins: Mapping[str, str], progress: Progress, conflicts: str = "flag"
) -> Iterator[StepOutput]:
    """Read the sources into a Problem table, a part at a time.

    Dropped: "unreadable_row", "no_problem_text", what a preset leaves out under its own reason, and with
    `conflicts="drop"` "reference_conflict". A row without a reference answer is kept (`answer` null): whether that
    matters is for the filters to say. Raises InputError for a source without rows and for a column that the recipe
    names and no row has.
    """
    part, before = _Part(conflicts), False
    for source in sources:
        seen: set[str] = set()
        any_kept = False
        with progress.task(f"pull {source.name}", 0) as task:
            numbers: set[int] = set()
            for raw in source.read(pins):
                if raw.number in numbers:
                    raise InputError(
                        f"source '{source.name}': two rows have the number {raw.number}; rows are told apart by it"
                    )
                numbers.add(raw.number)
                seen.update(raw.values or ())
                any_kept = part.take(raw, source) or any_kept
                task.advance()
                if part.is_full():
                    yield part.output()
                    part, before = _Part(conflicts), True
        _check_columns(source, seen, any_kept)
    if part.kept or part.rejected or not before:
        yield part.output()


class _Part:
    """Rows that become one output."""

    def __init__(self, conflicts: str) -> None:
        self.conflicts = conflicts
        self.kept: list[Problem] = []
        self.rejected: list[_Rejected] = []
        self.flagged: list[Conflict] = []
        self.found: Counter[str] = Counter()
        self.characters = 0

    def take(self, raw: RawRow, source: Source) -> bool:
        """Whether the row is kept."""
        row, conflict = to_problem(raw, source, self.conflicts)
        self.characters += sum(len(value) for value in (raw.values or {}).values() if isinstance(value, str))
        if _marred(raw, source):
            self.found["rows with control characters removed"] += 1
        if conflict is not None:
            self.flagged.append(conflict)
        if not isinstance(row, Problem):
            self.rejected.append(row)
            return False
        self.found[f"answer from {row.answer_from}"] += 1
        self.found[f"reference {row.answer_kind}"] += 1
        self.kept.append(row)
        return True

    def is_full(self) -> bool:
        return len(self.kept) + len(self.rejected) >= _ROWS or self.characters >= _CHARACTERS

    def output(self) -> StepOutput:
        found = self.found + Counter({"conflicts": len(self.flagged)})
        return StepOutput(
            kept=records.frame(Problem, self.kept),
            dropped=records.dropped_frame(
                records.frame(Problem, [r.row for r in self.rejected]),
                range(len(self.rejected)),
                [r.reason for r in self.rejected],
                [r.evidence for r in self.rejected],
            ),
            rows_in=len(self.kept) + len(self.rejected),
            counters={name: float(count) for name, count in sorted(found.items())},
            secondary={"conflicts": records.frame(Conflict, self.flagged)} if self.flagged else {},
        )


def _check_columns(source: Source, seen: set[str], any_kept: bool) -> None:
    wanted = source.columns.named() | {"problem"} if not any_kept else source.columns.named()
    for key in sorted(wanted):
        column = getattr(source.columns, key)
        if column not in seen:
            raise InputError(
                f"source '{source.name}' has no column '{column}' for the {key}; its columns are "
                f"{', '.join(sorted(seen)) or 'none'}; {source.to_name_a_column.format(key=key)}"
            )
    missing = sorted(set(source.keep) - seen)
    if missing:
        raise InputError(
            f"source '{source.name}' has no column '{missing[0]}' to keep; its columns are {', '.join(sorted(seen))}"
        )


def to_problem(raw: RawRow, source: Source, conflicts: str = "flag") -> tuple[Problem | _Rejected, Conflict | None]:
    """One raw row as a Problem, and the two answers where its column and its solution do not agree."""
    values = raw.values or {}
    columns = source.columns
    said = values.get(columns.problem)
    text = _text(said) if isinstance(said, str) else None
    if raw.values is None or not text:
        shell = Problem(problem_id="", problem=text or "", source=source.name, source_row=raw.number)
        reason = "unreadable_row" if raw.values is None else "no_problem_text"
        return _Rejected(shell, reason, {"place": raw.place, "error": raw.error or _no_text(said)}), None
    solution = _text(values.get(columns.solution))
    answer = _text(values.get(columns.answer))
    choices = _choices(values.get(columns.choices))
    tests = values.get(columns.tests)
    known = reference(answer, solution, text, choices, source.answer_from, bool(tests))
    metadata = {key: values[key] for key in (*source.keep, *source.also_keep()) if key in values}
    if source.option_text and known.option is not None:
        metadata["option"] = {"letter": known.answer, "text": known.option}
    if known.conflict is not None:
        metadata["reference_conflict"] = dict(zip(("column", "solution"), known.conflict, strict=True))
    problem = Problem(
        problem_id=records.problem_id(text, choices),
        problem=text,
        answer=known.option if source.option_text and known.option is not None else known.answer,
        solution=solution,
        domain=_text(values.get(columns.domain)) or source.domain,
        source=source.name,
        source_row=raw.number,
        license=source.license,
        tests=tests if tests is None or isinstance(tests, str) else _json(tests),
        choices=choices,
        language=_text(values.get(columns.language)),
        answer_from=known.method,
        answer_kind=known.kind,
        metadata=_json(metadata),
    )
    if raw.left_out is not None:
        return _Rejected(problem, raw.left_out, {"place": raw.place}), None
    if known.conflict is None:
        return problem, None
    conflict = Conflict(problem.problem_id, source.name, raw.number, text, *known.conflict)
    if conflicts == "flag":
        return problem, conflict
    return _Rejected(problem, "reference_conflict", metadata["reference_conflict"]), conflict


def _marred(raw: RawRow, source: Source) -> bool:
    """Whether a text of the row loses characters, as `\\frac` does that was written as a form feed and `rac`."""
    columns = source.columns
    texts = ((raw.values or {}).get(name) for name in (columns.problem, columns.answer, columns.solution))
    return any(isinstance(text, str) and records.readable(text) != text for text in texts)


def _no_text(value: Any) -> str:
    """A number, a truth value or a list is no problem, even where it could be printed."""
    if value is None or isinstance(value, str):
        return "the problem text is empty"
    return f"the problem is no text but {_json(value)[:100]}"


def _text(value: Any) -> str | None:
    """Text of a cell; numbers as written, a list of one as its item, everything else as JSON.

    None for what is no number any more: a reader makes NaN and infinity of a missing cell and of 1e400.
    """
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, Decimal) and not value.is_finite():  # math.isfinite would ask whether it fits into a float
        return None
    text = value if isinstance(value, str) else str(value) if isinstance(value, int | float | Decimal) else _json(value)
    return records.readable(text).strip() or None


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
    text = json.dumps(_finite(value), sort_keys=True, ensure_ascii=False, default=str, allow_nan=False)
    return text.encode("utf-8", "replace").decode("utf-8")


def _finite(value: Any) -> Any:
    """NaN and infinities are no JSON."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value
