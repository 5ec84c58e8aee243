"""`cotkit trim`: shorter traces of a file of graded attempts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cotkit.cli.options import Json, Limit, Quiet
from cotkit.cli.output import Output
from cotkit.cli.steps import no_recipe_options


def trim(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="A file that `cotkit verify FILE --out` wrote.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Where to write (.jsonl, .json, .csv, .parquet); stdout when left out."),
    ] = None,
    mode: Annotated[
        str, typer.Option("--mode", help="first-correct, first-correct+reflection or diverse.")
    ] = "first-correct+reflection",
    tokenizer: Annotated[
        str | None,
        typer.Option(
            "--tokenizer", help="Measure lengths in its tokens: a Hub id, or a path that begins with ./ or /."
        ),
    ] = None,
    limit: Limit = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Cut correct traces behind their first correct attempt; each result is verified again.

    Every row comes out, in its order. A row that cannot be cut stays as it is, and its column `trim` says why; the
    others say trimmed. Also new: solutions, first_correct, outcome_efficiency, process_efficiency, length,
    trimmed_length, unit. In a recipe it is the step `trim` between verify and select.

    Examples:

      cotkit trim graded.jsonl --out short.jsonl

      cotkit trim graded.jsonl --mode first-correct --tokenizer ./qwen/tokenizer.json --out short.parquet
    """
    from cotkit.cli import files
    from cotkit.cli.trimmed import trimmed

    output = Output(as_json, quiet)
    no_recipe_options(str(target), limit, None, (out,))
    table = trimmed(target, mode, tokenizer, limit, output)
    files.deliver_rows(table, out, output, f"cotkit verify {out}" if out else "")
