"""`cotkit estimate`: what a recipe's teacher will cost, before it is paid."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cotkit import records
from cotkit.cli.options import Json, Limit, Out, Quiet, RecipeArgument, Set, Yes
from cotkit.cli.output import Output
from cotkit.cli.watch import Teller
from cotkit.records import Problem

if TYPE_CHECKING:
    import polars as pl

    from cotkit.curate.extract import Extract
    from cotkit.curate.features import Features
    from cotkit.distill.construct import Construct
    from cotkit.distill.estimate import Estimate
    from cotkit.distill.step import Distill
    from cotkit.recipe.load import Loaded
    from cotkit.steps import Step

Rows = list[tuple[str, list[dict[str, str]]]]


def estimate(
    recipe: RecipeArgument,
    out: Out = None,
    limit: Limit = None,
    set_: Set = None,
    rows: Annotated[
        int | None,
        typer.Option("--rows", min=1, help="Reckon with so many problems instead of running the steps before."),
    ] = None,
    tokens: Annotated[
        int | None, typer.Option("--tokens", min=1, help="Tokens of an answer, if you know them.")
    ] = None,
    probe: Annotated[
        int, typer.Option("--probe", min=0, help="Ask so many first, for a better guess; they count in the run.")
    ] = 0,
    yes: Yes = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Requests, tokens and dollars of a recipe's distill, construct, features and extract steps.

    Runs the steps before the first of these that still has to ask; that costs nothing. What a step after it will drop
    is not known then, so the rest is reckoned for all problems, as an upper bound. --tokens and --probe are about
    distill.

    Examples:

      cotkit estimate my.yaml --probe 20

      cotkit estimate my.yaml --rows 1000 --tokens 9000
    """
    from cotkit.cli.run import default_out
    from cotkit.distill.estimate import estimate as reckon
    from cotkit.distill.step import JOURNAL_FILE, Distill
    from cotkit.errors import RecipeError
    from cotkit.recipe.load import load

    output = Output(as_json, quiet, yes)
    loaded = load(recipe, set_ or (), limit)
    steps = [step for step in loaded.recipe.steps if isinstance(step, Distill)]
    others = _asking(loaded)
    if not steps and not others:
        raise RecipeError(f"the recipe '{loaded.recipe.name}' asks no teacher, so it costs nothing")
    folder = out or default_out(loaded)
    table = _made_up(rows) if rows is not None else _problems(loaded, [*others, *steps[:1]], folder, output)
    problems = records.rows(Problem, table)
    asked = [one for step in others for one in step.asking(problems)]
    told = [(one.what, reckon(one, folder / JOURNAL_FILE)) for one in asked]
    if steps:
        prompts = list(steps[0].prompts(table))
        told.append((steps[0].name, _distill(steps[0], prompts, folder / JOURNAL_FILE, tokens, probe, output)))
    _tell(told, steps[0] if steps else None, output)


def _asking(loaded: Loaded) -> list[Extract | Features | Construct]:
    from cotkit.curate.extract import Extract
    from cotkit.curate.features import Features
    from cotkit.distill.construct import Construct

    steps = loaded.recipe.steps
    return [s for s in steps if isinstance(s, Extract | Construct) or (isinstance(s, Features) and s.teachers())]


def _made_up(rows: int) -> pl.DataFrame:
    """Problems of a usual length, with a solution to read an answer from."""
    made = [
        Problem(f"{n}", f"{n} " + "x" * 300, solution="x" * 1_500, answer_kind="empty", source="made up", source_row=n)
        for n in range(rows)
    ]
    return records.frame(Problem, made)


def _problems(loaded: Loaded, asking: Sequence[Step], folder: Path, output: Output) -> pl.DataFrame:
    """Run the steps before the first of `asking` that has still to ask, and read what they keep."""
    from cotkit.distill.step import Distill
    from cotkit.run.directory import RunDirectory
    from cotkit.run.plan import inputs_of, plan
    from cotkit.run.runner import Options, old_pins, resolve_pins, run_recipe

    recipe, directory = loaded.recipe, RunDirectory(folder)
    maker = ""
    for step in sorted(asking, key=recipe.steps.index):
        maker = inputs_of(recipe.steps, recipe.steps.index(step))[Problem.__name__].name
        run_recipe(recipe, folder, Options(until=maker), output, Teller(output))
        planned = plan(recipe, directory, resolve_pins(recipe, old_pins(directory)))
        if isinstance(step, Distill) or planned[recipe.steps.index(step)].why:
            break
    return directory.kept(maker)


def _distill(step: Distill, prompts: Rows, journal: Path, tokens: int | None, probe: int, output: Output) -> Estimate:
    from cotkit.distill import estimate as reckon

    if probe > 0:
        told = reckon.probe(step, prompts, step.journal or journal, probe, output.confirm)
        unasked = sum(one.failure is not None and one.failure.reason == "over_budget" for one in told)
        used = sum(one.trace.completion_tokens or 0 for one in told)
        output.say(f"asked {len(told) - unasked} problems: {used:,} tokens came back")
        if unasked:
            output.warn(f"the recipe's budget is used up: {unasked} were not asked")
    batch = step.batch is not None
    asking = reckon.Asking(step.name, step.teacher, step.sampling, step.samples, prompts, step.journal, None, batch)
    return reckon.estimate(asking, journal, tokens)


def _tell(told: Sequence[tuple[str, Estimate]], distill: Distill | None, output: Output) -> None:
    """A block a step; the last one is distill's, whose numbers are the top level of the JSON."""
    blocks, machine = [], []
    for name, found in told:
        usd = "unpriced" if found.usd is None else f"${found.usd:,.2f}"
        lines = [name] if len(told) > 1 else []
        lines += [
            f"requests  {_from(found)}{found.requests:,}, of which {found.kept:,} are answered already",
            f"tokens    {found.prompt_tokens:,} in, {found.completion_tokens:,} out ({found.basis})",
            f"price     {found.price}",
            f"cost      {usd}",
        ]
        blocks.append("\n".join(lines))
        machine.append({"step": name, **_plain(found)})
    if distill is not None and distill.until is not None and distill.samples:
        most = distill.until.max
        times = most / distill.samples
        blocks[-1] += f"\nat most   {times:g} times that, if every problem takes all {most} attempts (until.max)"
    costs = [found.usd for _, found in told]
    known = [cost for cost in costs if cost is not None]
    total = sum(known, Decimal()) if len(known) == len(costs) else None
    if len(told) > 1:
        blocks.append(f"total     {'unpriced in part' if total is None else f'${total:,.2f}'}")
    own = _plain(told[-1][1]) if distill is not None else {}
    steps = {"steps": machine, "total_usd": None if total is None else float(total)}
    output.data("\n\n".join(blocks), {**own, **steps})


def _from(found: Estimate) -> str:
    return "" if found.least is None else f"{found.least:,} to "


def _plain(found: Estimate) -> dict[str, Any]:
    return {
        "requests": found.requests,
        **({} if found.least is None else {"least_requests": found.least}),
        "answered": found.kept,
        "prompt_tokens": found.prompt_tokens,
        "completion_tokens": found.completion_tokens,
        "usd": None if found.usd is None else float(found.usd),
        "price": found.price,
        "basis": found.basis,
    }
