"""Option types that several commands share, so that one name means one thing everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Out = Annotated[Path | None, typer.Option("--out", "-o", help="Run directory; default runs/NAME.", show_default=False)]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a recipe key, e.g. distill.samples=4; repeatable."),
]
Limit = Annotated[int | None, typer.Option("--limit", metavar="N", help="Read only the first N rows of each source.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout and draw no progress.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but warnings and errors.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Pay anew without asking, where settings were changed.")]
Engine = Annotated[
    str | None, typer.Option("--engine", metavar="KIND", help="Who runs the shards of big tables; default local.")
]
Workers = Annotated[
    int | None, typer.Option("--workers", metavar="N", help="Processes that work on shards; the bytes stay the same.")
]
RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.")]
RecipeArgument = Annotated[str, typer.Argument(metavar="RECIPE", help="Path of a recipe YAML, or a shipped name.")]
OutFile = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        help="With a recipe: the run directory. With a file: where to write (.jsonl, .json, .csv, .parquet)."
        " Stdout when left out.",
    ),
]
Dropped = Annotated[
    Path | None,
    typer.Option("--dropped", help="With a file: where to write dropped rows, with reason and evidence."),
]
Column = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        metavar="KEY=NAME",
        help="With a file: which column holds what, e.g. problem=question; repeatable.",
    ),
]
Target = Annotated[
    str, typer.Argument(metavar="RECIPE|FILE", help="A recipe (path or shipped name), or a file of rows.")
]
