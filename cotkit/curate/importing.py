"""From published rows to Problem and Trace tables, so that they can be verified, filtered and traced anew."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

from cotkit import records
from cotkit.curate.importers import Format, Published, PublishedTrace, Unreadable
from cotkit.curate.importers.mapped import Mapped
from cotkit.records import Example, Problem, Trace
from cotkit.source import RawRow

if TYPE_CHECKING:
    import polars as pl

_EXAMPLE = tuple(f.name for f in fields(Example) if f.name not in ("messages", "reasoning", "response"))
_OF_PROBLEM = tuple(name for name in _EXAMPLE if name in {f.name for f in fields(Problem)})
_OF_TRACE = ("teacher", "sample", "completion_tokens", "reasoning_kind", "scores")
# How a trace was made, in cotkit's own words; a foreign set means something else by these names. The third stands in
# the second, too.
_MADE = ("strategy", "provenance", "saw_reference")
# What a published row may say of an attempt beside that; it is kept as hearsay, the verdict is ours to find.
_SAID = tuple(name for name in _EXAMPLE if name not in (*_OF_PROBLEM, *_OF_TRACE, *_MADE))
_READ = ("problem_id", "problem", "answer", "domain", "source", "source_row", "license", "language", "metadata")
_KINDS = ("raw", "summary", "none", "synthetic")


@dataclass(frozen=True, slots=True)
class Defaults:
    """What the user says of a set where its rows do not: its name, licence, domain and teacher."""

    source: str
    license: str | None = None
    domain: str = "math"
    teacher: str = ""


@dataclass(frozen=True)
class Imported:
    """Tables of an import.

    Attributes:
        problems: one row for each different problem.
        traces: all attempts at them.
        attempts: one row for each attempt with its problem, as `cotkit verify FILE` reads it.
        dropped: rows that could not be read, with `reason` and `evidence`.
        counters: label -> number, for the user.
    """

    problems: pl.DataFrame
    traces: pl.DataFrame
    attempts: pl.DataFrame
    dropped: pl.DataFrame
    counters: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Read:
    """A published row: its problem and the attempts at it; or why it could not be read, and then no problem."""

    raw: RawRow
    problem: Problem | None = None
    traces: tuple[Trace, ...] = ()
    why: str = ""


def read_published(rows: Iterable[RawRow], shape: Format | Mapped, defaults: Defaults) -> Iterator[Read]:
    """Every row as it is read; the attempts at one problem get different numbers (`sample`)."""
    reader = shape.load()
    taken: dict[str, tuple[int, ...]] = {}
    for raw in rows:
        try:
            if raw.values is None:
                raise Unreadable(raw.error or "the row cannot be read")
            published = reader(raw.values)
            problem = _problem(published, raw, defaults)
        except Unreadable as error:
            yield Read(raw, why=str(error))
            continue
        samples = set(taken.get(problem.problem_id, ()))
        traces = [_trace(one, published, raw.values, problem, samples, defaults) for one in published.traces]
        taken[problem.problem_id] = tuple(samples)
        yield Read(raw, problem, tuple(traces))


def import_rows(rows: Iterable[RawRow], shape: Format | Mapped, defaults: Defaults) -> Imported:
    """Read published rows; a row that is not in the format is dropped with the reason "unreadable_row"."""
    problems: dict[str, Problem] = {}
    pairs: list[tuple[Problem, Trace]] = []
    rejected: list[tuple[Problem, dict[str, Any]]] = []
    counts: Counter[str] = Counter()
    for row in read_published(rows, shape, defaults):
        if row.problem is None:
            shell = Problem(problem_id="", problem="", source=defaults.source, source_row=row.raw.number)
            rejected.append((shell, {"place": row.raw.place, "why": row.why}))
            continue
        problem = row.problem
        first = problems.setdefault(problem.problem_id, problem)
        counts["rows whose problem came before"] += first is not problem
        counts["rows whose answer differs from the first"] += first.answer != problem.answer
        counts["rows without an attempt"] += not row.traces
        for trace in row.traces:
            counts[f"attempts {trace.status}"] += 1
            pairs.append((problem, trace))
    dropped = records.dropped_frame(
        records.frame(Problem, [shell for shell, _ in rejected]),
        range(len(rejected)),
        ["unreadable_row"] * len(rejected),
        [evidence for _, evidence in rejected],
    )
    return Imported(
        records.frame(Problem, problems.values()),
        records.frame(Trace, [trace for _, trace in pairs]),
        _joined(pairs),
        dropped,
        {label: float(count) for label, count in sorted(counts.items()) if count},
    )


def _joined(pairs: list[tuple[Problem, Trace]]) -> pl.DataFrame:
    import polars as pl

    schema = {**records.schema(Problem), **records.schema(Trace)}
    return pl.DataFrame([{**asdict(problem), **asdict(trace)} for problem, trace in pairs], schema=schema)


def _problem(published: Published, raw: RawRow, defaults: Defaults) -> Problem:
    values = raw.values or {}
    told = {name: values[name] for name in _OF_PROBLEM if name in values} | dict(published.columns)
    own = told.get("problem")
    text = own if isinstance(own, str) and own.strip() else published.asked
    if not text.strip():
        raise Unreadable("the problem has no text")
    choices = _choices(text, published.asked)
    identity = records.problem_id(text, choices)
    ours = told.get("problem_id") == identity
    row = told.get("source_row")
    problem = Problem(
        problem_id=identity,
        problem=text,
        answer=_plain(told.get("answer")) if ours else _reference(told.get("answer"), published.solution),
        solution=_plain(told.get("solution")) if ours else published.solution,
        domain=_plain(told.get("domain")) or defaults.domain,
        source=_plain(told.get("source")) or ("" if ours else defaults.source),
        source_row=row if ours and isinstance(row, int) else raw.number,
        license=_plain(told.get("license")) or defaults.license,
        tests=published.tests,
        choices=choices,
        language=_plain(told.get("language")),
        metadata=_metadata(values, published.used, told.get("metadata"), ours),
    )
    # Columns that only cotkit's own rows have are as cotkit wrote them.
    further = {name: told[name] for name in _OF_PROBLEM if ours and name in told and name not in _READ}
    return replace(problem, **further)


def _reference(answer: Any, solution: str | None) -> str | None:
    """The reference answer as `pull` finds it."""
    from cotkit.verify.extract import extract_reference

    return extract_reference(_plain(answer), solution).answer


def _plain(value: Any) -> str | None:
    """Text of a cell, numbers as written; None for what is neither, NaN and infinities too."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value).encode("utf-8", "replace").decode("utf-8") or None


def _choices(problem: str, asked: str) -> list[str] | None:
    """The options that stand after the problem in the text that was asked, where they are all there is."""
    rest = asked.removeprefix(f"{problem}\n\n") if asked.startswith(f"{problem}\n\n") else ""
    found: list[str] = []
    for line in rest.split("\n") if rest else ():
        label = f"{ascii_uppercase[len(found)] if len(found) < len(ascii_uppercase) else len(found) + 1}. "
        if line.startswith(label):
            found.append(line.removeprefix(label))
        elif found:
            found[-1] += f"\n{line}"
        else:
            return None
    return found if found and records.question(problem, found) == asked else None


def _metadata(values: Mapping[str, Any], used: frozenset[str], own: Any, ours: bool) -> str:
    """Columns that nothing else holds, as JSON, with the row's own metadata.

    A foreign set may have a column of one of our names that holds something else (a list of domains).
    """
    own_names = (*_MADE, *_OF_PROBLEM) if ours else ()
    taken = {*used, *_SAID, *own_names, "problem", "problem_id", "metadata"}
    plain = {name for name in (*_READ, *_OF_TRACE) if ours or _plain(values.get(name)) is not None}
    left = {n: value for n, value in values.items() if n not in taken | plain and value is not None}
    data: Any = None
    if isinstance(own, str):
        try:
            data = json.loads(own)
        except (ValueError, RecursionError):
            left["metadata"] = own
    if not left:
        return own if isinstance(own, str) and isinstance(data, dict) else "{}"
    whole = {**(data if isinstance(data, dict) else {}), **left}
    text = json.dumps(whole, sort_keys=True, ensure_ascii=False, default=str)
    return text.encode("utf-8", "replace").decode("utf-8")


def _trace(
    one: PublishedTrace,
    published: Published,
    values: Mapping[str, Any],
    problem: Problem,
    samples: set[int],
    defaults: Defaults,
) -> Trace:
    told = {name: values[name] for name in (*_OF_TRACE, *_SAID, *_MADE) if name in values} | dict(one.own)
    ours = values.get("problem_id") == problem.problem_id
    sample = told.get("sample")
    if not isinstance(sample, int) or isinstance(sample, bool) or sample < 0 or sample in samples:
        sample = next(n for n in range(len(samples) + 1) if n not in samples)
    samples.add(sample)
    said = {**one.said, **{name: told[name] for name in _SAID if told.get(name) is not None}}
    if published.asked != records.question(problem.problem, problem.choices):
        said["asked"] = published.asked
    made = records.provenance_of(_plain(told.get("provenance"))) if ours else {}
    tokens, kind = told.get("completion_tokens"), told.get("reasoning_kind")
    trace = Trace(
        problem_id=problem.problem_id,
        sample=sample,
        teacher=_plain(told.get("teacher")) or one.teacher or defaults.teacher,
        request_hash="",
        status="done" if one.response.strip() else "empty",
        reasoning=one.reasoning,
        response=one.response,
        reasoning_kind=kind if kind in _KINDS else one.kind if one.reasoning else "none",
        completion_tokens=tokens if isinstance(tokens, int) and tokens >= 0 else None,
        strategy=(_plain(told.get("strategy")) if ours else None) or "imported",
        provenance=json.dumps({**made, "published": said}, sort_keys=True, default=str),
        scores=records.read_scores(told.get("scores")),
    )
    return trace if one.closed else replace(trace, status="unclosed")
