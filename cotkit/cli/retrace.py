"""`cotkit retrace`: the problems of a trace set through another teacher, both traces side by side."""

from __future__ import annotations

from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cotkit.cli.options import Json, Limit, Quiet, Yes
from cotkit.cli.output import Output
from cotkit.cli.steps import no_recipe_options

if TYPE_CHECKING:
    import polars as pl


def retrace(
    target: Annotated[
        str, typer.Argument(metavar="FILE|HUB_ID", help="A trace set: a file, or a Hub dataset, in a format we import.")
    ],
    preset: Annotated[
        str | None, typer.Option("--preset", help="A teacher that cotkit knows; `cotkit teachers` lists them.")
    ] = None,
    base_url: Annotated[
        str | None, typer.Option("--base-url", help="The teacher's OpenAI-compatible endpoint.")
    ] = None,
    model: Annotated[str | None, typer.Option("--model", help="The teacher's model name.")] = None,
    api_key_env: Annotated[
        str | None, typer.Option("--api-key-env", help="NAME of the variable that holds the key.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Where to write (.jsonl, .json, .csv, .parquet); stdout when left out."),
    ] = None,
    dropped: Annotated[
        Path | None, typer.Option("--dropped", metavar="FILE", help="Where to write unreadable rows, with the reason.")
    ] = None,
    format_: Annotated[
        str | None, typer.Option("--format", metavar="NAME", help="Format of the rows; told by the columns if it can.")
    ] = None,
    config: Annotated[str | None, typer.Option("--config", help="Configuration of a Hub dataset.")] = None,
    split: Annotated[str, typer.Option("--split", help="Split of a Hub dataset.")] = "train",
    samples: Annotated[int, typer.Option("--samples", min=1, help="New answers to ask for each problem.")] = 1,
    concurrency: Annotated[int, typer.Option("--concurrency", min=1, max=10_000, help="Requests in flight.")] = 8,
    temperature: Annotated[float | None, typer.Option("--temperature", help="Sampling temperature.")] = None,
    max_tokens: Annotated[int | None, typer.Option("--max-tokens", help="Most tokens of an answer.")] = None,
    budget_usd: Annotated[
        str | None, typer.Option("--budget-usd", metavar="USD", help="Stop before more is spent.")
    ] = None,
    budget_tokens: Annotated[
        int | None, typer.Option("--budget-tokens", help="Stop before more tokens are used.")
    ] = None,
    journal: Annotated[
        Path | None, typer.Option("--journal", help="Where paid answers are kept; default FILE.journal.sqlite.")
    ] = None,
    limit: Limit = None,
    yes: Yes = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Ask another teacher the problems of a trace set; both traces stand in one row, both verified by the rules.

    Every problem has a row, also where the new teacher gave no answer (`later_status` says why); run the same command
    again to ask for these alone. Columns: the problem, then earlier_… and later_… teacher, reasoning, response,
    status, verdict. Where an older dataset is to be rebuilt with s1K-1.1's own columns, use the recipe s1k-1.1.

    Examples:

      cotkit retrace simplescaling/s1K --preset deepseek --model deepseek-v4-pro --limit 20 --out both.jsonl

      cotkit retrace attempts.jsonl --base-url http://127.0.0.1:8000/v1 --model r1 --samples 2 --out both.parquet
    """
    import polars as pl

    from cotkit.cli import files
    from cotkit.cli.distill import Asked, refuse_incomplete
    from cotkit.curate.retracing import counts, side_by_side
    from cotkit.distill.paid import spare
    from cotkit.errors import RecipeError
    from cotkit.records import Problem, Trace
    from cotkit.verify.step import Verify

    output = Output(as_json, quiet, yes)
    no_recipe_options(target, limit, None, (out, dropped))
    if model is None or (base_url is None and preset is None):
        raise RecipeError("cotkit retrace needs a teacher: give --base-url URL (or --preset NAME) and --model NAME")
    paid = (journal or Path(f"{target.removeprefix('hub:').replace('/', '--')}.journal.sqlite")).resolve()
    if journal is None and Path(target).exists():
        paid = Path(f"{target}.journal.sqlite").resolve()
    for written in (out, dropped):
        spare(written, paid, Path(target))
    step = Asked(
        {"preset": preset, "base_url": base_url, "model": model, "api_key_env": api_key_env},
        {"temperature": temperature, "max_tokens": max_tokens},
        {"concurrency": concurrency},
        {"usd": budget_usd, "tokens": budget_tokens},
        samples,
        paid,
    ).step()
    problems, earlier, unread = _read(target, format_, config, split, limit, output)
    if dropped is not None:
        files.write(dropped, unread)
    result = files.run_step(step, {Problem: problems}, output)
    # What the teacher refused is dropped by distill and stays in its row here.
    new = pl.concat([result.kept, result.dropped.select(result.kept.columns)])
    grader = Verify(name="verify")
    sides = [
        (traces, files.run_step(grader, {Trace: traces, Problem: problems}, output).kept) for traces in (earlier, new)
    ]
    found = side_by_side(problems, sides[0], sides[1])
    output.say(", ".join(f"{name} {count:,}" for name, count in counts(found).items()))
    files.deliver_rows(files.table_of(found), out, output, "")
    refuse_incomplete(result)


def _read(
    target: str, format_: str | None, config: str | None, split: str, limit: int | None, output: Output
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Problems (each once), the attempts that the set has, and its unreadable rows. Raises InputError, RecipeError."""
    from cotkit import records
    from cotkit.cli.attempts import read_attempts
    from cotkit.cli.importing import dataset
    from cotkit.curate.importers import find_format
    from cotkit.curate.importing import Defaults, import_rows
    from cotkit.errors import InputError
    from cotkit.records import Problem, Trace

    source = dataset(target, config, split, None, limit)
    rows = source.read(source.materials({}))
    first = list(islice(rows, 20))
    columns = sorted({name for row in first for name in row.values or ()})
    own = Path(target).exists() and {"problem", "response"} <= set(columns)
    if format_ is None and own:  # a file that a verb wrote
        attempts, _ = read_attempts(Path(target), limit, graded=False)
        once = {a.problem.problem_id: a.problem for a in attempts}
        nothing = records.dropped_frame(records.frame(Problem, []), [], [], [])
        return records.frame(Problem, once.values()), records.frame(Trace, [a.trace for a in attempts]), nothing
    name, shape = find_format(format_, columns)
    found = import_rows(chain(first, rows), shape, Defaults(source.name))
    if found.problems.is_empty():
        raise InputError(f"{target}: no row is in the format '{name}'; name another one with --format")
    output.say(f"{name}: {found.problems.height:,} problems, {found.traces.height:,} attempts")
    if found.dropped.height:
        output.warn(f"{found.dropped.height:,} rows are unreadable and are not asked; --dropped FILE lists them")
    return found.problems, found.traces, found.dropped
