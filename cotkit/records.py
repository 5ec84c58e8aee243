"""The row types, and the one place that knows column names.

Each table holds rows of one type. A row type is a frozen dataclass; its annotations give the Polars
schema, so a column that is all null still has its type (huggingface/datasets#7222, #4491).
"""

from __future__ import annotations

import hashlib
import json
import math
import typing
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from functools import cache
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar

if TYPE_CHECKING:
    import polars as pl

Domain = Literal["math", "code", "science", "puzzle"]
ReasoningKind = Literal["raw", "summary", "none", "synthetic"]
# length: cut by max_tokens; unclosed: stopped inside its reasoning; empty: neither reasoning nor
# answer; filtered: withheld by the provider; failed: no answer came, see `error`.
TraceStatus = Literal["done", "length", "unclosed", "empty", "filtered", "failed"]
VerdictName = Literal["correct", "incorrect", "undecided"]

# Characters that no text means: they hide things in a terminal and break some readers.
_CONTROLS = {code: None for code in (*range(32), 127) if chr(code) not in "\t\n\r"}


class WeakRate(TypedDict):
    """How often one model solved a problem: the share `rate` of those of its `attempts` that count."""

    model: str
    rate: float
    attempts: int


class Score(TypedDict):
    """A number that a scorer gave an attempt; a score that could not be had is left out, never 0."""

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem. (source, source_row) names the row it came from; problem_id names its text.

    `answer_from` is the place the answer was found in, `answer_kind` what `verify` can do with it
    (cotkit.curate.reference).
    A features step fills the last six: `subject` is a two-digit class of MSC 2020, `difficulty` a rating from 1 to
    10, `solved_by` and `unsolved_by` name models that solved it in at least one attempt, or in none, and `weak_rates`
    says how often; a model without an attempt that counts is in none of the three. `direct_tokens` is the length of a
    model's direct answer. A dedup step puts into `copies` the texts of the rows that it dropped for this one; a
    decontaminate step looks at them as well, and empties it.
    """

    problem_id: str
    problem: str
    answer: str | None = None
    solution: str | None = None
    domain: str = "math"
    source: str = ""
    source_row: int = 0
    license: str | None = None
    tests: str | None = None
    choices: list[str] | None = None
    language: str | None = None
    answer_from: str | None = None
    answer_kind: str | None = None
    metadata: str = "{}"
    subject: str | None = None
    difficulty: float | None = None
    solved_by: list[str] | None = None
    unsolved_by: list[str] | None = None
    weak_rates: list[WeakRate] | None = None
    direct_tokens: int | None = None
    copies: list[str] | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """One attempt of a teacher at a problem. Tokens are the provider's count, cost is US dollars.

    `scores` holds each name once; null before any score step.
    """

    problem_id: str
    sample: int
    teacher: str
    request_hash: str
    status: str
    reasoning: str | None = None
    response: str | None = None
    reasoning_kind: str = "none"
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_usd: float | None = None
    latency_s: float | None = None
    strategy: str = "plain"
    provenance: str = "{}"
    error: str | None = None
    scores: list[Score] | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What grading said of one trace: three-valued, with the ladder step that decided and why."""

    problem_id: str
    sample: int
    verdict: str
    extracted: str | None
    reference: str | None
    method: str
    reason: str


@dataclass(frozen=True, slots=True)
class Message:
    """One chat turn, as TRL and `datasets` users expect it."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Example:
    """One published row: a problem, the chosen trace, how it was judged and where it came from.

    Tokens of reasoning and response are counted by the tokenizer that the select step names. `strategy` and
    `provenance` are the trace's, the latter without how its answers came (`published_provenance`); `saw_reference` is
    true where the teacher was shown the reference answer or the solution.
    """

    problem_id: str
    messages: list[Message]
    problem: str
    answer: str | None
    reasoning: str | None
    response: str | None
    verdict: str
    verdict_method: str
    pass_rate: float | None
    attempts: int
    domain: str
    source: str
    source_row: int
    license: str | None
    language: str | None
    teacher: str
    sample: int
    completion_tokens: int | None
    reasoning_kind: str
    metadata: str = field(default="{}")
    reasoning_tokens: int | None = None
    response_tokens: int | None = None
    subject: str | None = None
    difficulty: float | None = None
    solved_by: list[str] | None = None
    unsolved_by: list[str] | None = None
    weak_rates: list[WeakRate] | None = None
    direct_tokens: int | None = None
    scores: list[Score] | None = None
    strategy: str = "plain"
    provenance: str = "{}"
    saw_reference: bool | None = None


Row = TypeVar("Row", Problem, Trace, Verdict, Example)

# The columns that name one row. The runner compares them before and after a step, so that no step
# can lose a row or count one twice.
KEYS: Mapping[type, tuple[str, ...]] = {
    Problem: ("source", "source_row"),
    Trace: ("problem_id", "sample"),
    Verdict: ("problem_id", "sample"),
    Example: ("problem_id", "sample"),
}
# What a dropped row carries besides its own columns: the reason (a short fixed word) and the
# evidence (a JSON object: the pair, the span, the number that decided).
DROP_COLUMNS = ("reason", "evidence")
# What differs between two runs of one recipe that made the same rows, and so counts in no digest of content: how long
# an answer took, by which price list and way it came, the words of an error, and evidence, which names places on a
# disk and numbers whose last digits are a processor's.
VOLATILE = frozenset({"latency_s", "cost_usd", "provenance", "error", "evidence"})


# Where a trace came from and what a set said of it: neither is how it was made.
_OF_ASKING = frozenset({"base_url", "published"})


def _dtype(annotation: Any) -> Any:
    import polars as pl

    plain: dict[Any, Any] = {str: pl.String, int: pl.Int64, float: pl.Float64, bool: pl.Boolean}
    options = [part for part in typing.get_args(annotation) if part is not type(None)]
    if typing.get_origin(annotation) is list:
        return pl.List(_dtype(options[0]))
    if options:
        return _dtype(options[0])
    if annotation is Message:
        return pl.Struct(schema(Message))
    if typing.is_typeddict(annotation):
        return pl.Struct({name: _dtype(hint) for name, hint in typing.get_type_hints(annotation).items()})
    return plain[annotation]


@cache
def schema(row: type) -> dict[str, pl.DataType]:
    """Column name -> Polars type, in the order of the row type's fields."""
    hints = typing.get_type_hints(row)
    return {f.name: _dtype(hints[f.name]) for f in fields(row)}


def frame(row: type, rows: Iterable[Any]) -> pl.DataFrame:
    """A table of `row`, typed from row 0 whatever the values are."""
    import polars as pl

    names = [f.name for f in fields(row)]
    # asdict would copy every text.
    plain = [{name: _plain(getattr(one, name)) for name in names} for one in rows]
    return pl.DataFrame(plain, schema=schema(row), strict=False)


def _plain(value: Any) -> Any:
    """A value of a row, with rows in it as mappings."""
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


def rows(row: type[Row], table: pl.DataFrame) -> list[Row]:
    """The table as row objects; columns that the row type does not know are left out."""
    names = [f.name for f in fields(row)]
    return [row(**values) for values in table.select(names).iter_rows(named=True)]


def dropped_frame(
    table: pl.DataFrame, indices: Sequence[int], reasons: Sequence[str], evidence: Sequence[Mapping[str, Any]]
) -> pl.DataFrame:
    """Rows `indices` of `table` with their `reason` and their `evidence` as JSON.

    The three sequences are of one length. Keys of evidence are sorted, so equal evidence is equal text.
    """
    import polars as pl

    texts = [json.dumps(e, sort_keys=True, ensure_ascii=False) for e in evidence]
    picked = table[list(indices)] if indices else table.clear()
    return picked.with_columns(
        pl.Series("reason", list(reasons), dtype=pl.String), pl.Series("evidence", texts, dtype=pl.String)
    )


def read_scores(value: Any) -> list[Score] | None:
    """Scores out of a cell, whatever it holds; None where it holds none."""
    found: dict[str, float] = {}
    for item in value if isinstance(value, list) else ():
        told = item if isinstance(item, dict) else {}
        name, number = told.get("name"), told.get("value")
        if isinstance(name, str) and isinstance(number, int | float) and not isinstance(number, bool):
            found |= {name: float(number)} if math.isfinite(number) else {}
    return scores_from(found)


def scores_from(values: Mapping[str, float]) -> list[Score] | None:
    """Name -> value as the column holds it."""
    return [{"name": name, "value": value} for name, value in values.items()] or None


def score_of(scores: Sequence[Score] | None, name: str) -> float | None:
    """The score of this name; None where there is none."""
    return next((score["value"] for score in scores or () if score["name"] == name), None)


def provenance_of(text: str | None) -> dict[str, Any]:
    """What a `provenance` cell tells, whatever it holds; empty where it is no JSON object."""
    try:
        told = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def published_provenance(text: str | None) -> str:
    """What a `provenance` cell tells of how a trace was made, as canonical JSON: all that is the same in every run."""
    told = provenance_of(text)
    # Only a plain answer has these two; what a recording's maker says of it may stand beside them.
    if "answered_at" in told and "cotkit" in told:
        told = {name: told[name] for name in ("reading", "round", "trim") if name in told}
    told = {name: value for name, value in told.items() if name not in _OF_ASKING}
    return json.dumps(told, sort_keys=True, separators=(",", ":"))


def problem_id(problem: str, choices: Sequence[str] | None = None) -> str:
    """Content hash of a problem: 16 hex digits, the same on every machine.

    Unicode form, white space and control characters do not count; options of a multiple-choice problem do.
    """
    parts = [readable(part) for part in (problem, *(choices or ()))]
    text = "\x1f".join(" ".join(unicodedata.normalize("NFKC", part).split()) for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def readable(text: str) -> str:
    """Text without the control characters that no table, page or terminal should meet, and without half characters."""
    # A lone surrogate (JSON allows "\ud800") cannot be written as UTF-8.
    return text.translate(_CONTROLS).encode("utf-8", "replace").decode("utf-8")


def lettered(choices: Sequence[str] | None) -> str:
    """Options as lines `A. …`, `B. …` (numbers after Z); empty where there are none."""
    letters = [ascii_uppercase[i] if i < len(ascii_uppercase) else str(i + 1) for i in range(len(choices or ()))]
    return "\n".join(f"{letter}. {choice}" for letter, choice in zip(letters, choices or (), strict=True))


def question(problem: str, choices: Sequence[str] | None) -> str:
    """The problem as it is put to a student: its options follow as they are put to a teacher."""
    return f"{problem}\n\n{lettered(choices)}" if choices else problem
