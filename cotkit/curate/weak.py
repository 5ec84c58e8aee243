"""What other models made of the problems: graded attempts, read or asked for, and how often they were right."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, get_args

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from cotkit import records
from cotkit.config import Config, LocalPath
from cotkit.curate.sources.file import FileSource
from cotkit.distill.prompt import Prompt
from cotkit.distill.teacher import Sampling, Teacher
from cotkit.errors import InputError
from cotkit.records import Problem, Trace, Verdict, VerdictName, WeakRate

if TYPE_CHECKING:
    import polars as pl


class Weak(Config):
    """Attempts of one model: graded ones from `path`, or asked for here and graded as the verify step does."""

    model: str = Field(
        min_length=1, description="Name of the model in solved_by, unsolved_by and weak_rates, and for filters."
    )
    path: LocalPath | None = Field(
        None, description="A run directory with a verify step, or a file that `cotkit verify FILE --out` wrote."
    )
    teacher: Teacher | None = Field(None, description="The model itself, to be asked, instead of `path`.")
    prompt: Prompt = Field(default_factory=Prompt, description="What it is told.")
    sampling: Sampling = Field(default_factory=Sampling, description="Sampling keys; unset ones are not sent.")
    samples: int = Field(1, ge=1, description="Attempts at each problem.")
    judge: Teacher | None = Field(
        None, description="Who decides what the rules leave undecided; what stays undecided does not count."
    )
    judge_when: Literal["undecided-only", "rescue", "all"] = Field(
        "undecided-only", description="What else the judge is asked about, as `when` of a judge step."
    )

    @model_validator(mode="after")
    def _one_way(self) -> Weak:
        if (self.path is None) == (self.teacher is None):
            raise PydanticCustomError("weak", "give either 'path' (graded attempts) or 'teacher' (who is asked)")
        idle = sorted(self.altered() & {"prompt", "sampling", "samples", "judge", "judge_when"})
        if self.teacher is None and idle:
            raise PydanticCustomError("weak", "'{key}' changes nothing beside 'path'; drop it", {"key": idle[0]})
        if self.judge is None and "judge_when" in idle:
            raise PydanticCustomError("weak", "'judge_when' changes nothing without a 'judge'; drop it")
        return self


class Tried(TypedDict):
    """One attempt of one model, as features.parquet lists it; `request_hash` finds the answer in the journal."""

    model: str
    verdict: str
    method: str
    reason: str
    extracted: str | None
    request_hash: str | None


def rate_of(model: str, tried: Sequence[Tried]) -> WeakRate | None:
    """The share of correct ones among the attempts that count; None where none counts.

    As in select: an answer that could not be decided does not count; one that was cut off counts as not solved.
    """
    counted = [t for t in tried if t["verdict"] != "undecided" or t["reason"].startswith("trace_")]
    if not counted:
        return None
    rate = sum(t["verdict"] == "correct" for t in counted) / len(counted)
    return WeakRate(model=model, rate=rate, attempts=len(counted))


def with_rates(problem: Problem, models: Sequence[str], rates: Sequence[WeakRate]) -> Problem:
    """The problem with who of `models` solved it, who did not, and how often; a model without a rate is in none.

    What an earlier step told of other models stays.
    """
    return replace(
        problem,
        solved_by=[m for m in problem.solved_by or () if m not in models]
        + [r["model"] for r in rates if r["rate"] > 0],
        unsolved_by=[m for m in problem.unsolved_by or () if m not in models]
        + [r["model"] for r in rates if r["rate"] == 0],
        weak_rates=[r for r in problem.weak_rates or () if r["model"] not in models] + list(rates),
    )


def tried_from(model: str, trace: Trace, verdict: Verdict) -> Tried:
    """An attempt that was asked for and graded."""
    return Tried(
        model=model,
        verdict=verdict.verdict,
        method=verdict.method,
        reason=verdict.reason,
        extracted=verdict.extracted,
        request_hash=trace.request_hash,
    )


def graded_file(model: str, path: Path) -> Path:
    """The table of verdicts: of a run the last one. Raises InputError where there is none."""
    if path.is_file():
        return path
    wanted = records.schema(Verdict)
    for table in sorted(path.glob("[0-9][0-9]*-*/kept.parquet"), reverse=True):
        if _schema(table) == wanted:
            return table
    raise InputError(
        f"{path}: no graded answers of '{model}' here; give a run directory with a finished verify step, "
        f"or a file of `cotkit verify`"
    )


def _schema(path: Path) -> Mapping[str, Any]:
    import polars as pl

    try:
        return dict(pl.read_parquet_schema(path))
    except (pl.exceptions.PolarsError, OSError):
        return {}


def graded_digest(model: str, path: Path) -> str:
    """sha256 of the table."""
    with graded_file(model, path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_graded(model: str, path: Path) -> dict[str, list[Tried]]:
    """problem_id -> the attempts at it. Raises InputError for what is no graded answer."""
    found: dict[str, list[Tried]] = {}
    for identity, tried in _attempts(model, graded_file(model, path), path.is_dir()):
        found.setdefault(identity, []).append(tried)
    return found


def _attempts(model: str, table: Path, of_run: bool) -> Iterable[tuple[str, Tried]]:
    if of_run:
        import polars as pl

        verdicts: pl.DataFrame = pl.read_parquet(table)
        for row in verdicts.select("problem_id", "verdict", "method", "reason", "extracted").iter_rows():
            identity, verdict, method, reason, extracted = row
            yield identity, _tried(model, verdict, method, reason, extracted)
        return
    for raw in FileSource(kind="file", name="graded", path=table).rows({}):
        values = raw.values or {}
        verdict = values.get("verdict")
        identity = values.get("problem_id")
        if identity is None and isinstance(values.get("problem"), str):
            identity = records.problem_id(values["problem"], values.get("choices") or None)
        if not isinstance(identity, str) or verdict not in get_args(VerdictName):
            raise InputError(
                f"{raw.place}: no problem_id or problem, or no verdict (correct, incorrect, undecided); "
                f"give a file that `cotkit verify FILE --out` wrote"
            )
        more = [values.get(name) for name in ("verdict_method", "verdict_reason", "extracted")]
        yield identity, _tried(model, str(verdict), *more)


def _tried(model: str, verdict: str, method: Any, reason: Any, extracted: Any) -> Tried:
    return Tried(
        model=model,
        verdict=verdict,
        method=str(method or ""),
        reason=str(reason or ""),
        extracted=extracted if isinstance(extracted, str) else None,
        request_hash=None,
    )
