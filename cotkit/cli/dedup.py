"""`cotkit dedup check`: the leak check for any dataset."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cotkit.cli.options import Quiet
from cotkit.cli.output import Output

if TYPE_CHECKING:
    from cotkit.dedup.check import Flag
    from cotkit.dedup.step import Decontaminate

LEAKS = 3


def check(
    file: Annotated[str, typer.Argument(metavar="FILE", help="JSONL, JSON, CSV, Parquet, or the id of a Hub dataset.")],
    against: Annotated[
        list[str],
        typer.Option("--against", metavar="NAMES", help="Benchmarks by name, or files; commas between; repeatable."),
    ],
    id_column: Annotated[
        str | None, typer.Option("--id-column", help="Column that names a row; found by itself if called id.")
    ] = None,
    text_column: Annotated[
        str | None,
        typer.Option(
            "--text-column",
            help="Column of the problem; found if called problem, question, messages … Of a chat all user turns count.",
        ),
    ] = None,
    against_column: Annotated[
        str | None, typer.Option("--against-column", help="Column of the problem in the files of --against.")
    ] = None,
    policy: Annotated[str, typer.Option("--policy", help="strict, or a published rule: faithful:s1 …")] = "strict",
    no_embedding: Annotated[bool, typer.Option("--no-embedding", help="Without MiniLM: copies only.")] = False,
    precision: Annotated[
        str | None, typer.Option("--precision", help="Of MiniLM: auto, bf16, fp32, or int8 (fastest without a GPU).")
    ] = None,
    split: Annotated[str, typer.Option("--split", help="Split of a Hub dataset.")] = "train",
    cache: Annotated[
        Path | None,
        typer.Option("--cache", file_okay=False, help="Folder where embeddings are kept for the next check."),
    ] = None,
    skip_missing: Annotated[
        bool, typer.Option("--skip-missing", help="Go on without a benchmark that cannot be fetched.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per flagged row on stdout.")] = False,
    quiet: Quiet = False,
) -> None:
    """Find benchmark items in a dataset. Ends with 3 if there are leaks, 0 if not, 2 if something cannot be read.

    Kinds: same and reworded are leaks; same-template (other numbers, or another question) is not.

    Examples:

      cotkit dedup check train.jsonl --against aime25,math500

      cotkit dedup check train.parquet --against held_out.jsonl --id-column uid --text-column prompt --json
    """
    from cotkit.cli.anyrows import Wanted, read_benchmarks, read_file
    from cotkit.dedup.check import flags
    from cotkit.dedup.leaks import decontaminate_table
    from cotkit.errors import InputError, RecipeError

    output = Output(as_json, quiet)
    step = leak_step(policy, _embedding(no_embedding, precision))
    try:
        benchmarks = read_benchmarks(against, against_column, skip_missing, output)
        rows = read_file(file, Wanted(text_column, identity=id_column, split=split), output)
        tables = {name: items.table for name, items in benchmarks.items()}
        out = decontaminate_table(rows.table, tables, step, output, cache)
    except InputError as error:
        raise RecipeError(str(error)) from error
    found = [(f, rows.ids[f.row], benchmarks[f.benchmark].ids[f.item]) for f in flags(out, tables)]
    _report(found, list(benchmarks), len(rows.ids), output)
    if any(flag.leak for flag, _, _ in found):
        raise typer.Exit(LEAKS)


Found = list[tuple["Flag", Any, Any]]


def _embedding(left_out: bool, precision: str | None) -> dict[str, Any]:
    """The step's key `embedding`, if an option changes it."""
    from cotkit.errors import RecipeError

    if left_out and precision:
        raise RecipeError("--precision: there is no MiniLM with --no-embedding; drop one of them")
    if left_out:
        return {"embedding": None}
    return {"embedding": {"precision": precision}} if precision else {}


def leak_step(policy: str, embedding: dict[str, Any]) -> Decontaminate:
    """The step with what options say; its benchmarks are read beside it. Raises RecipeError for a wrong option."""
    from pydantic import ValidationError

    from cotkit.dedup.step import Decontaminate
    from cotkit.errors import RecipeError

    unused = {"kind": "file", "name": "unused", "path": "unused.jsonl"}
    keys = {"step": "decontaminate", "name": "decontaminate", "benchmarks": [unused], "policy": policy, **embedding}
    try:
        step = Decontaminate.model_validate(keys)
    except ValidationError as error:
        first = error.errors()[0]
        raise RecipeError(f"--{first['loc'][-1]} {first['input']}: {first['msg']}") from error
    for sentence in step.check():
        raise RecipeError(sentence)
    step.ready()
    return step


def _report(found: Found, names: Sequence[str], rows: int, output: Output) -> None:
    from cotkit.dedup.check import summary

    if output.as_json:
        output.rows(
            {
                "row": flag.row,
                "id": own,
                "benchmark": flag.benchmark,
                "item": item,
                "method": flag.method,
                "score": flag.score,
                "kind": flag.kind,
                "finding": flag.finding,
                "text": flag.text,
                "item_text": flag.item_text,
            }
            for flag, own, item in found
        )
    else:
        for flag, own, item in sorted(found, key=lambda f: (not f[0].leak, f[0].row)):
            why = "" if flag.leak else f", {flag.finding.replace('_', ' ')}"
            print(f"{flag.kind:<13} {own} = {flag.benchmark} {item} ({flag.method} {flag.score:.3f}{why})")
            print(f"    {' '.join(flag.text.split())[:300]}\n    {' '.join(flag.item_text.split())[:300]}")
    leaks = sum(flag.leak for flag, _, _ in found)
    for name, counts in summary([flag for flag, _, _ in found], names).items():
        told = ", ".join(f"{count:,} {kind}" for kind, count in counts.items() if kind != "items")
        output.say(f"{name}: {told}; {counts['items']:,} of its items met")
    output.say(f"{leaks:,} of {rows:,} rows are leaks", "bold")
