"""`cotkit pairs`: preference pairs from a file of graded attempts, and the proof that pairs obey their rule."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cotkit.cli.options import Dropped, Json, Limit, Quiet
from cotkit.cli.output import DIFFERENT, Output
from cotkit.cli.steps import no_recipe_options

RuleOption = Annotated[str, typer.Option("--by", help="first, long2short, extremes; branches of a run.")]
Ratio = Annotated[
    float | None,
    typer.Option("--ratio", help="Of long2short: how many times as long a correct attempt is to be rejected (1.5)."),
]


def pairs(
    target: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="A file that `cotkit verify FILE --out` wrote; with --by branches a run directory."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Where to write (.jsonl, .json, .csv, .parquet); stdout when left out."),
    ] = None,
    dropped: Dropped = None,
    by: RuleOption = "long2short",
    ratio: Ratio = None,
    most: Annotated[int, typer.Option("--pairs", min=1, help="Most pairs of one problem.")] = 1,
    tokenizer: Annotated[
        str | None,
        typer.Option("--tokenizer", help="Measure in its tokens: a Hub id, or a path that begins with ./ or /."),
    ] = None,
    limit: Limit = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make preference pairs of the attempts at each problem, as the format `preference` of a recipe does.

    long2short: the shortest correct attempt, against one that is incorrect and longer, or correct and 1.5 times as
    long. extremes: the shortest against the longest correct one. first: a correct against an incorrect one. Undecided
    and unfinished attempts are in no pair.

    branches: out of the trees of a run (strategies journey, critique_loop), at each place on the way to a verified end
    the step that was taken, against each one beside it that was judged wrong.

    Subcommand: cotkit pairs check FILE proves that every pair obeys its rule.

    Examples:

      cotkit pairs graded.jsonl --by long2short --pairs 4 --out dpo.jsonl --dropped alone.jsonl

      cotkit pairs check dpo.jsonl --by long2short

      cotkit pairs runs/journey --by branches --pairs 4 --out steps.jsonl
    """
    from cotkit.cli import files
    from cotkit.cli.branched import RULE, branched
    from cotkit.cli.paired import paired
    from cotkit.errors import RecipeError

    output = Output(as_json, quiet)
    _no_ratio_without_effect(by, ratio)
    no_recipe_options(str(target), limit, None, (out, dropped))
    if target.is_dir() and by != RULE:
        raise RecipeError(
            f"{target} is a run directory: take --by {RULE}, or give a file that `cotkit verify FILE` wrote"
        )
    if by == RULE and not target.is_dir():
        raise RecipeError(f"{target}: --by {RULE} takes a run directory, whose trees it reads")
    if by == RULE and tokenizer is not None:
        raise RecipeError(f"--tokenizer changes nothing with --by {RULE}; drop it")
    table, left = branched(target, most, limit) if by == RULE else paired(target, by, ratio, most, tokenizer, limit)
    output.say(f"{table.height:,} pairs, {left.height:,} {'problems' if by == RULE else 'attempts'} in none")
    if dropped is not None:
        files.write(dropped, left)
    files.deliver_rows(table, out, output, f"cotkit pairs check {out} --by {by}" if out else "")


def check(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="Pairs in the format `preference`.")],
    by: RuleOption = "long2short",
    ratio: Ratio = None,
    as_json: Json = False,
) -> None:
    """Prove that every pair of a file obeys its rule; exit code 8 where one does not.

    Example:

      cotkit pairs check dpo.jsonl --by long2short
    """
    from cotkit.cli.branched import RULE, broken_branches
    from cotkit.cli.paired import broken

    output = Output(as_json)
    _no_ratio_without_effect(by, ratio)
    count, found = broken_branches(target) if by == RULE else broken(target, by, ratio)
    lines = [f"row {number}: {rule}" for number, rule in found[:20]]
    said: dict[str, Any] = {"pairs": count, "broken": [{"row": number, "rule": rule} for number, rule in found]}
    output.data("\n".join([*lines, f"{count:,} pairs, {len(found):,} break the rule '{by}'"]), said)
    if found:
        raise typer.Exit(DIFFERENT)


def _no_ratio_without_effect(by: str, ratio: float | None) -> None:
    from cotkit.errors import RecipeError

    if ratio is not None and by != "long2short":
        raise RecipeError(f"--ratio changes nothing with --by {by}; drop it, or take --by long2short")
