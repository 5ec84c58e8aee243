"""`cotkit estimate`: what a recipe's teacher will cost, before it is paid."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cotkit.cli.options import Json, Limit, Out, Quiet, RecipeArgument, Set, Yes
from cotkit.cli.output import Output
from cotkit.cli.watch import Teller

if TYPE_CHECKING:
    from cotkit.distill.step import Distill
    from cotkit.recipe.load import Loaded

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
    """Requests, tokens and dollars of a recipe's distill step. Runs the steps before it, which cost nothing.

    Examples:

      cotkit estimate my.yaml --probe 20

      cotkit estimate my.yaml --rows 1000 --tokens 9000
    """
    from cotkit.distill.step import JOURNAL_FILE, Distill
    from cotkit.errors import RecipeError
    from cotkit.recipe.load import load

    output = Output(as_json, quiet, yes)
    loaded = load(recipe, set_ or (), limit)
    steps = [step for step in loaded.recipe.steps if isinstance(step, Distill)]
    if not steps:
        raise RecipeError(f"the recipe '{loaded.recipe.name}' has no distill step, so it costs nothing")
    from cotkit.cli.run import default_out

    folder = out or default_out(loaded)
    step = steps[0]
    prompts = _made_up(step, rows) if rows is not None else _prompts(loaded, step, folder, output)
    _tell(step, prompts, step.journal or folder / JOURNAL_FILE, tokens, probe, output)


def _made_up(step: Distill, rows: int) -> Rows:
    """Problems of a usual length."""
    return [(f"row {n}", step.prompt.messages(f"{n} " + "x" * 300)) for n in range(rows)]


def _prompts(loaded: Loaded, step: Distill, folder: Path, output: Output) -> Rows:
    """Run the steps before distill and read what they keep."""
    from cotkit.records import Problem
    from cotkit.run.directory import RunDirectory
    from cotkit.run.plan import inputs_of
    from cotkit.run.runner import Options, run_recipe

    recipe = loaded.recipe
    maker = inputs_of(recipe.steps, recipe.steps.index(step))[Problem.__name__].name
    run_recipe(recipe, folder, Options(until=maker), output, Teller(output))
    return list(step.prompts(RunDirectory(folder).kept(maker)))


def _tell(step: Distill, prompts: Rows, journal: Path, tokens: int | None, probe: int, output: Output) -> None:
    from cotkit.distill import estimate as reckon

    if probe > 0:
        told = reckon.probe(step, prompts, journal, probe, output.confirm)
        unasked = sum(one.failure is not None and one.failure.reason == "over_budget" for one in told)
        used = sum(one.trace.completion_tokens or 0 for one in told)
        output.say(f"asked {len(told) - unasked} problems: {used:,} tokens came back")
        if unasked:
            output.warn(f"the recipe's budget is used up: {unasked} were not asked")
    found = reckon.estimate(
        prompts, step.teacher, step.sampling, step.samples, journal, tokens=tokens, batch=step.batch is not None
    )
    most = step.until.max if step.until is not None else None
    usd = "unpriced" if found.usd is None else f"${found.usd:,.2f}"
    human = [
        f"requests  {found.requests:,}, of which {found.kept:,} are answered already",
        f"tokens    {found.prompt_tokens:,} in, {found.completion_tokens:,} out ({found.basis})",
        f"price     {found.price}",
        f"cost      {usd}",
    ]
    if most is not None and step.samples:
        times = most / step.samples
        human.append(f"at most   {times:g} times that, if every problem takes all {most} attempts (until.max)")
    machine: dict[str, Any] = {
        "requests": found.requests,
        "answered": found.kept,
        "prompt_tokens": found.prompt_tokens,
        "completion_tokens": found.completion_tokens,
        "usd": None if found.usd is None else float(found.usd),
        "price": found.price,
        "basis": found.basis,
    }
    output.data("\n".join(human), machine)
