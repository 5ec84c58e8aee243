"""What became of each row of a run: one line for each problem or attempt, without its long texts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotkit.errors import InputError

if TYPE_CHECKING:
    import polars as pl

    from cotkit.run.directory import RunDirectory
    from cotkit.run.funnel import Entry

_PROBLEM = ("problem_id", "source", "source_row", "domain", "metadata", "subject", "difficulty")
_TRACE = ("teacher", "status", "completion_tokens", "prompt_tokens", "cost_usd")


@dataclass(frozen=True)
class Fates:
    """Where the rows of a run ended.

    Attributes:
        table: one line a row, those kept first, then by step from the last to the first. Columns: step and reason
            (null where kept), problem_id, sample (null for a problem without attempts), source, source_row, domain,
            metadata, subject, difficulty, verdict, method, teacher, status, completion_tokens, prompt_tokens,
            cost_usd; `text` and `text_at`, number in `places` and row there of the problem or trace; `why` and
            `why_at`, the same of the evidence.
        places: the tables that `text` and `why` count.
        problems: tables of problems that attempts are at, the one to ask first in front.
        verdicts: the table of verdicts, if there is one.
    """

    table: pl.DataFrame
    places: tuple[Path, ...]
    problems: tuple[Path, ...]
    verdicts: Path | None


@dataclass(frozen=True)
class _Step:
    name: str
    kept: Path
    dropped: Path
    keeps: frozenset[str]
    drops: frozenset[str]


def gather(funnel: Sequence[Entry], directory: RunDirectory) -> Fates:
    """Follow every row to the step where it ended. Raises InputError for a table that cannot be read."""
    import polars as pl

    steps = _steps(funnel, directory)
    order = {step.name: number for number, step in enumerate(steps)}
    places = tuple(step.dropped for step in steps)
    problem_steps = [s for s in steps if "source_row" in s.keeps and "sample" not in s.keeps]
    trace_step = next((s for s in reversed(steps) if "request_hash" in s.keeps), None)
    verdicts = next((s.kept for s in reversed(steps) if "extracted" in s.keeps), None)
    problems = tuple(dict.fromkeys(s.kept for s in (*problem_steps[-1:], *problem_steps[:1])))
    last = steps[-1].name if steps else ""
    parts = [
        read(s.dropped, (*_PROBLEM, "reason")).with_columns(
            step=pl.lit(s.name), text=pl.lit(order[s.name]), why=pl.lit(order[s.name]), text_at="at", why_at="at"
        )
        for s in steps
        if "source_row" in s.drops and "sample" not in s.drops
    ]
    attempts = _attempts(steps, trace_step, order, len(places), last)
    places += (trace_step.kept,) if trace_step else ()
    known = _known(problems)
    if attempts is not None:
        graded = read(verdicts, ("problem_id", "sample", "verdict", "method")) if verdicts else _nothing()
        graded = graded.drop("at").unique(("problem_id", "sample"), keep="first")
        attempts = attempts.join(graded, on=("problem_id", "sample"), how="left", maintain_order="left")
        parts.append(attempts.join(known.drop("at"), on="problem_id", how="left", maintain_order="left"))
    if problem_steps:
        alone = known if attempts is None else known.join(attempts, on="problem_id", how="anti", maintain_order="left")
        mine = alone.filter(pl.col("problem_id").is_in(read(problems[0], ("problem_id",))["problem_id"].to_list()))
        for part in parts:
            # A step that publishes problems may drop some of them behind the last step that makes problems.
            mine = mine.join(part, on=("source", "source_row"), how="anti", maintain_order="left")
        parts.append(mine.with_columns(step=pl.lit(problem_steps[-1].name), text=pl.lit(len(places)), text_at="at"))
        places += problems[:1]
    table = pl.concat([_shaped(part) for part in parts]) if parts else _shaped(_nothing())
    if table.height:
        step = pl.col("step").replace_strict(order, return_dtype=pl.Int64)
        table = table.sort(pl.col("reason").is_not_null(), -step, maintain_order=True)
    return Fates(table, places, problems, verdicts)


def _steps(funnel: Sequence[Entry], directory: RunDirectory) -> list[_Step]:
    found = []
    for line in funnel:
        folder = directory.find(line["step"])
        if folder is None:
            continue
        kept, dropped = folder / "kept.parquet", folder / "dropped.parquet"
        found.append(_Step(line["step"], kept, dropped, columns_of(kept), columns_of(dropped)))
    return found


def _attempts(
    steps: Sequence[_Step], maker: _Step | None, order: dict[str, int], text: int, last: str
) -> pl.DataFrame | None:
    """All attempts with their traces' numbers and the step that dropped them; None where nobody attempted."""
    import polars as pl

    keys = ("problem_id", "sample")
    made: list[pl.DataFrame] = []
    gone: list[pl.DataFrame] = []
    if maker is not None:
        made.append(read(maker.kept, (*keys, *_TRACE)).with_columns(text=pl.lit(text), text_at="at").drop("at"))
    for step in steps:
        if not {"sample", "reason"} <= step.drops:
            continue
        found = read(step.dropped, (*keys, "reason"))
        here = pl.lit(order[step.name])
        gone.append(found.with_columns(step=pl.lit(step.name), why=here, why_at="at").drop("at"))
        if "request_hash" in step.drops:
            own = read(step.dropped, (*keys, *_TRACE)).with_columns(text=here, text_at="at")
            made.append(own.drop("at"))
    if not made:
        return None
    attempts = pl.concat(made).unique(keys, keep="first", maintain_order=True)
    fates = pl.concat(gone).unique(keys, keep="first") if gone else None
    if fates is None:
        return attempts.with_columns(step=pl.lit(last))
    return attempts.join(fates, on=keys, how="left", maintain_order="left").with_columns(pl.col("step").fill_null(last))


def _known(problems: Sequence[Path]) -> pl.DataFrame:
    """Problems by their id; of equal ones that of the table asked first."""
    import polars as pl

    tables = [read(path, _PROBLEM) for path in problems] or [_nothing()]
    return pl.concat(tables).unique("problem_id", keep="first", maintain_order=True)


def columns_of(path: Path) -> frozenset[str]:
    """Names of a table's columns; none where there is no table."""
    import polars as pl

    if not path.is_file():
        return frozenset()
    try:
        return frozenset(pl.scan_parquet(path, glob=False).collect_schema().names())
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(
            f"{path}: not a readable table ({str(error).splitlines()[0]}); remove its step's folder"
        ) from error


def read(path: Path, columns: Sequence[str]) -> pl.DataFrame:
    """`columns` of a table (null where it has none of that name), and `at`, the number of each row."""
    import polars as pl

    there = columns_of(path)
    picked: list[Any] = [pl.col(c) if c in there else pl.lit(None, _types()[c]).alias(c) for c in columns]
    try:
        return pl.scan_parquet(path, glob=False).with_row_index("at").select("at", *picked).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(
            f"{path}: not a readable table ({str(error).splitlines()[0]}); remove its step's folder"
        ) from error


def decoded(text: str | None) -> Any:
    """Evidence or metadata as JSON that a browser reads too: no NaN, no half characters; None where it is none."""
    try:
        whole = json.dumps(json.loads(text or ""), ensure_ascii=False).encode(errors="replace")
        return json.loads(whole, parse_constant=str)
    except (ValueError, RecursionError):
        return None


def _types() -> dict[str, Any]:
    import polars as pl

    from cotkit.records import Problem, Trace, Verdict, schema

    places = {name: pl.Int64() for name in ("text", "text_at", "why", "why_at")}
    texts = {name: pl.String() for name in ("step", "reason", "evidence")}
    return {**schema(Problem), **schema(Trace), **schema(Verdict), **texts, **places}


def _nothing() -> pl.DataFrame:
    import polars as pl

    types = _types()
    names = (*_PROBLEM, "sample", "verdict", "method")
    return pl.DataFrame(schema={"at": pl.UInt32(), **{name: types[name] for name in names}})


def _shaped(part: pl.DataFrame) -> pl.DataFrame:
    """The same columns in the same order and of the same types, whatever a step's table had."""
    import polars as pl

    types = _types()
    names = ("step", "reason", *_PROBLEM, "sample", "verdict", "method", *_TRACE, "text", "text_at", "why", "why_at")
    there = set(part.columns)
    return part.select(pl.col(n).cast(types[n]) if n in there else pl.lit(None, types[n]).alias(n) for n in names)
