"""What the verbs do with a file of rows: the same steps as in a recipe, on one table, without a run directory."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotkit.cli.output import Output
from cotkit.steps import Step, StepContext, StepOutput

if TYPE_CHECKING:
    import polars as pl

    from cotkit.records import Problem, WeakRate


def mapping(column: Sequence[str] | None, valid: Iterable[str]) -> dict[str, str]:
    """`KEY=NAME` options as a dict; raises RecipeError for an unknown key."""
    from cotkit.errors import RecipeError

    known = list(valid)
    found = {}
    for option in column or ():
        key, sign, name = option.partition("=")
        if not sign or key not in known or not name:
            raise RecipeError(f"--column {option}: write KEY=NAME with a key of {', '.join(known)}")
        found[key] = name
    return found


def read_problems(path: Path, column: Sequence[str] | None, limit: int | None, output: Output) -> StepOutput:
    """The rows of a file as problems (Problem table), as `pull` reads them.

    A file that a verb wrote is taken as it is, so that source, licence and metadata stay through a chain of verbs.
    """
    from cotkit.cli.given import GivenFile
    from cotkit.curate.pull import pull
    from cotkit.records import Problem, dropped_frame, frame, schema
    from cotkit.source import Columns

    columns = Columns(**mapping(column, Columns.model_fields))
    source = GivenFile(name=path.stem or "file", path=path.resolve(), columns=columns, limit=limit)
    mapped = {getattr(columns, key) for key in Columns.model_fields}
    rows = [row.values or {} for row in source.read({})]
    seen = dict.fromkeys(name for row in rows for name in row)
    if not column and schema(Problem).keys() <= seen.keys() and all(map(_is_problem, rows)):
        found = [_as_problem(row) for row in rows]
        return StepOutput(frame(Problem, found), dropped_frame(frame(Problem, []), [], [], []))
    source = source.model_copy(update={"keep": tuple(name for name in seen if name not in mapped)})
    return pull((source,), {}, output)


def _is_problem(row: Mapping[str, Any]) -> bool:
    """Whole enough to be taken as it is; a file with other rows goes through `pull`, which says what is wrong."""
    text = row.get("problem")
    return isinstance(text, str) and bool(text.strip()) and str(row.get("source_row")).isdecimal()


def _as_problem(row: Mapping[str, Any]) -> Problem:
    """A row that a verb wrote. CSV has only texts; the id is that of the text, which may have been edited since."""
    from cotkit.records import Problem, problem_id

    text, choices = str(row["problem"]), as_list(row["choices"])
    texts = ("answer", "solution", "license", "tests", "language", "subject", "answer_from", "answer_kind")
    own: dict[str, Any] = {name: as_text(row[name]) or None for name in texts}
    own |= {name: as_list(row[name]) for name in ("solved_by", "unsolved_by", "copies")}
    return Problem(
        problem_id=problem_id(text, choices),
        problem=text,
        domain=as_text(row["domain"]) or "math",
        source=as_text(row["source"]) or "",
        source_row=int(row["source_row"]),
        choices=choices,
        metadata=as_text(row["metadata"]) or "{}",
        difficulty=as_number(row["difficulty"]),
        weak_rates=_as_rates(row["weak_rates"]),
        direct_tokens=int(row["direct_tokens"]) if row["direct_tokens"] not in (None, "") else None,
        **own,
    )


def run_step(step: Step, tables: Mapping[type, pl.DataFrame], output: Output) -> StepOutput:
    """One step on tables in memory, with the same check of rows as in a run."""
    from cotkit.run.conserve import rows_in

    with tempfile.TemporaryDirectory(prefix="cotkit-") as work:
        result = step.run(tables, StepContext(seed=0, work=Path(work), run=Path(work), progress=output))
        rows_in(step, tables, result)
        return result


def joined(first: StepOutput, second: StepOutput) -> StepOutput:
    """Two steps one after the other: what the second kept, and what either dropped."""
    import polars as pl

    return StepOutput(
        kept=second.kept,
        dropped=pl.concat([first.dropped, second.dropped], how="diagonal"),
        counters={**first.counters, **second.counters},
        incomplete=first.incomplete + second.incomplete,
    )


def check_names(flag: str, given: Sequence[str], group: str) -> None:
    """Raises RecipeError with the nearest name for one that is not registered."""
    from difflib import get_close_matches

    from cotkit.errors import RecipeError
    from cotkit.registry import names

    for name in given:
        if name not in names(group):
            near = get_close_matches(name, names(group), n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}? " if near else ""
            raise RecipeError(f"{flag} {name}: there is no such; {hint}there are {', '.join(names(group))}")


def filtered(problems: StepOutput, names: Sequence[str], output: Output) -> StepOutput:
    from pydantic import ValidationError

    from cotkit.curate.filter import FilterStep
    from cotkit.errors import RecipeError
    from cotkit.records import Problem

    check_names("--filter", names, "filters")
    try:
        step = FilterStep.model_validate({"step": "filter", "name": "filter", "filters": [{"name": n} for n in names]})
    except ValidationError as error:
        raise RecipeError(
            f"--filter: {error.errors()[0]['msg']}; use this filter in a recipe, where it can have keys"
        ) from error
    return joined(problems, run_step(step, {Problem: problems.kept}, output))


def deduplicated(
    problems: StepOutput,
    benchmarks: Mapping[str, pl.DataFrame],
    embedding: bool,
    output: Output,
) -> StepOutput:
    """The dedup step, then benchmark items out; `benchmarks`: name -> Problem table."""
    from cotkit.cli.dedup import leak_step
    from cotkit.dedup.leaks import decontaminate_table
    from cotkit.dedup.step import Dedup
    from cotkit.records import Problem
    from cotkit.run.conserve import rows_in

    switch: dict[str, Any] = {} if embedding else {"embedding": None}
    first = Dedup.model_validate({"step": "dedup", "name": "dedup", **switch})
    result = joined(problems, run_step(first, {Problem: problems.kept}, output))
    if not benchmarks:
        return result
    step = leak_step("strict", switch)
    second = decontaminate_table(result.kept, benchmarks, step, output)
    rows_in(step, {Problem: result.kept}, second)
    return joined(result, second)


def read_rows(path: Path, limit: int | None) -> list[dict[str, Any]]:
    """All rows of a file as dicts; raises InputError with the place of a bad one."""
    from cotkit.cli.given import GivenFile

    source = GivenFile(name="file", path=path.resolve(), limit=limit)
    return [dict(row.values or {}) for row in source.read({})]


def selected(path: Path, choose: str, per_problem: int, filters: Sequence[str], limit: int | None) -> StepOutput:
    """Rows of `cotkit verify` as attempts, then the select step."""
    from pydantic import ValidationError

    from cotkit import records
    from cotkit.curate.select import Select, select
    from cotkit.errors import RecipeError
    from cotkit.records import Example

    check_names("--choose", [choose], "choosers")
    check_names("--filter", filters, "trace_filters")
    try:
        config = Select.model_validate(
            {
                "step": "select",
                "choose": {"by": choose},
                "filters": [{"name": name} for name in filters],
                "per_problem": per_problem,
            }
        )
    except ValidationError as error:
        raise RecipeError(f"{error.errors()[0]['msg']}; use this in a recipe, where it can have keys") from error
    from cotkit.cli.attempts import read_attempts

    attempts, rows = read_attempts(path, limit)
    tokens: dict[tuple[str, int], dict[str, Any]] = {
        (a.problem.problem_id, a.trace.sample): {
            name: as_count(row.get(name)) for name in ("reasoning_tokens", "response_tokens")
        }
        for a, row in zip(attempts, rows, strict=True)
    }
    chosen = select(attempts, config)
    kept = [replace(row, **tokens[row.problem_id, row.sample]) for row in records.rows(Example, chosen.kept)]
    return replace(chosen, kept=records.frame(Example, kept))


def as_text(value: Any) -> str | None:
    """Text of a cell; None for no value, and for NaN and infinities, which readers make of missing cells and 1e400."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def as_number(value: Any) -> float | None:
    """A number, or the text of one (CSV has only texts); None for anything else."""
    with suppress(TypeError, ValueError):
        return float(value) if not isinstance(value, bool) and math.isfinite(float(value)) else None
    return None


def as_count(value: Any) -> int | None:
    number = as_number(value)
    return None if number is None else int(number)


def as_list(value: Any) -> list[str] | None:
    items = items_of(value)
    return [str(item) for item in items] if items else None


def items_of(value: Any) -> list[Any]:
    """The items of a list; of a CSV cell, which is their JSON; [] for anything else."""
    if isinstance(value, str) and value.startswith("["):
        with suppress(ValueError):
            value = json.loads(value)
    return value if isinstance(value, list) else []


def _as_rates(value: Any) -> list[WeakRate] | None:
    with suppress(KeyError, TypeError, ValueError):
        rates: list[WeakRate] = [
            {"model": str(r["model"]), "rate": float(r["rate"]), "attempts": int(r["attempts"])}
            for r in items_of(value)
        ]
        return rates or None
    return None


def deliver(result: StepOutput, out: Path | None, dropped: Path | None, output: Output, next_: str) -> None:
    """Kept rows to `out` or stdout, dropped rows to `dropped`; the counts are said."""
    from cotkit.cli.watch import nothing_kept
    from cotkit.run.funnel import reasons

    why = ", ".join(f"{reason} {count:,}" for reason, count in reasons(result.dropped).items())
    counted = ", ".join(f"{label} {value:,.6g}" for label, value in result.counters.items())
    output.say(f"{result.kept.height:,} kept, {result.dropped.height:,} dropped{f' ({why})' if why else ''}")
    if counted:
        output.say(counted, "dim")
    if result.dropped.height and result.kept.is_empty():
        output.warn(nothing_kept("this", result.dropped.height, reasons(result.dropped)))
    if dropped is not None:
        write(dropped, result.dropped)
    deliver_rows(result.kept, out, output, next_)


def deliver_rows(table: pl.DataFrame, out: Path | None, output: Output, next_: str) -> None:
    if "verdict" in table.columns and out is not None:
        verdicts = table["verdict"].to_list()
        output.say(", ".join(f"{verdicts.count(v):,} {v}" for v in ("correct", "incorrect", "undecided")))
    if out is None:
        output.rows(table.iter_rows(named=True))
        return
    write(out, table)
    output.data(str(out), {"out": str(out), "rows": table.height})
    if next_:
        output.next(next_)


def table_of(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Rows as a table whose columns are those of any row."""
    import polars as pl

    try:
        return pl.DataFrame(rows, infer_schema_length=None)
    except (pl.exceptions.PolarsError, TypeError, OverflowError):
        # A column of mixed types has no Parquet type; as text it can be written in every format.
        mixed = [{k: v if v is None or isinstance(v, str) else as_text(v) for k, v in row.items()} for row in rows]
        return pl.DataFrame(mixed, infer_schema_length=None)


def check_outputs(outputs: Sequence[Path | None], inputs: Sequence[str | Path]) -> None:
    """Before any work is done or paid: every file to write has an ending that is known and a folder to lie in, is none
    of the inputs, and is named once. Raises RecipeError.
    """
    from cotkit.curate.sources.file import SUFFIXES
    from cotkit.errors import RecipeError

    read, written = {Path(path).resolve() for path in inputs}, set[Path]()
    for path in (path for path in outputs if path is not None):
        place = path.resolve()
        if path.suffix.lower() not in SUFFIXES:
            raise RecipeError(f"{path}: cannot write this kind of file; end its name in one of {', '.join(SUFFIXES)}")
        if place in read:
            raise RecipeError(f"{path}: this is the input; give another file to write to")
        if place in written:
            raise RecipeError(f"{path}: two outputs would be written to this file; give each a file of its own")
        if place.is_dir():
            raise RecipeError(f"{path}: this is a folder; give a file to write to")
        if not place.parent.is_dir():
            raise RecipeError(f"{path}: there is no folder {path.parent}; make it, or give another file to write to")
        written.add(place)


def write(path: Path, table: pl.DataFrame) -> None:
    """Whole or not at all, in the format that the name tells."""
    import polars as pl

    from cotkit.curate.sources.file import format_of
    from cotkit.run.tables import write_atomic

    form, rows = format_of(path), table.to_dicts()
    if form == "jsonl":
        text = "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows)
        write_atomic(path, lambda p: p.write_text(text, encoding="utf-8"))
    elif form == "json":
        text = json.dumps(rows, ensure_ascii=False, default=str, indent=1) + "\n"
        write_atomic(path, lambda p: p.write_text(text, encoding="utf-8"))
    elif form == "parquet":
        write_atomic(path, lambda p: table.write_parquet(p, compression="zstd"))
    else:
        flat = [pl.col(n).map_elements(_flat, pl.String) for n, t in table.schema.items() if t.is_nested()]
        write_atomic(path, lambda p: table.with_columns(flat).write_csv(p))


def _flat(value: Any) -> str:
    return json.dumps(value.to_list() if hasattr(value, "to_list") else value, ensure_ascii=False, default=str)
