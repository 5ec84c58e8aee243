"""`cotkit score`: numbers for every attempt of a run or a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cotkit.cli.options import Column, Json, Limit, OutFile, Quiet, Set, Target
from cotkit.cli.output import Output
from cotkit.cli.steps import is_recipe, no_recipe_options, run_room
from cotkit.cli.verify import Question, Reference, Response


def score(
    context: typer.Context,
    target: Target,
    out: OutFile = None,
    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by", "--reward", metavar="NAME", help="With a file: a scorer; repeatable, asked in this order."
        ),
    ] = None,
    key: Annotated[
        list[str] | None,
        typer.Option(
            "--key", metavar="[NAME.]KEY=VALUE", help="With a file: a key of a scorer, as a recipe has it; repeatable."
        ),
    ] = None,
    flat: Annotated[bool, typer.Option("--flat", help="With a file: also a column of its own for each score.")] = False,
    reference: Reference = None,
    response: Response = None,
    question: Question = None,
    column: Column = None,
    limit: Limit = None,
    set_: Set = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Give every attempt numbers: rewards, lengths, repetition, patterns, scores of models that judge.

    A file needs a column for the response; where it has no verdicts, its answers are graded first. Rows of one problem
    are a group. The column `scores` holds all numbers by name, `unscored` why one is missing.

    Examples:

      cotkit score my.yaml

      cotkit score attempts.jsonl --reward r1-zero --reward advantage --flat --out scored.jsonl

      cotkit score graded.jsonl --reward cosine --key max_length=6144 --key unit=chars --out scored.jsonl

      cotkit score graded.jsonl --by patterns --by repetition --key repetition.ngram=20 --out scored.parquet
    """
    from cotkit.cli import files, graded, scored
    from cotkit.errors import IncompleteError, RecipeError
    from cotkit.registry import names as registered

    output = Output(as_json, quiet)
    if is_recipe(target):
        return run_room(context, "score", target, out, limit, set_, output)
    no_recipe_options(target, limit, set_, (out,))
    if not by:
        raise RecipeError(
            f"cotkit score {target}: name a scorer with --by; there are {', '.join(registered('scorers'))}"
        )
    columns = graded.columns(column, {"answer": reference, "response": response, "problem": question})
    step = scored.scoring(by, key or ())
    table, lost = scored.scored(Path(target), columns, limit, step, flat, output)
    files.deliver_rows(table, out, output, f"cotkit select {out} --choose …" if out and not lost else "")
    if lost:
        raise IncompleteError(f"{lost}; see that the server runs, and run the command again")
