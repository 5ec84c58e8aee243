"""`cotkit estimate`: what a recipe's teacher will cost, before it is paid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
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
    from cotkit.verify.judge import Judge

    Asks = Extract | Features | Construct | Distill | Judge


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
    """Requests, tokens and dollars of whatever a recipe asks: answers, features, readings, judgements.

    Runs the steps before the first of these that still has to ask; that costs nothing. What a step after it will drop
    is not known then, so the rest is reckoned for all problems, as an upper bound. Where answers decide how much is
    asked (until, strategies, judges), the least and the most are told. --tokens and --probe are about distill.

    Examples:

      cotkit estimate my.yaml --probe 20

      cotkit estimate my.yaml --rows 1000 --tokens 9000
    """
    from cotkit.cli.run import default_out
    from cotkit.distill.estimate import estimate as reckon
    from cotkit.distill.step import JOURNAL_FILE, Distill
    from cotkit.errors import RecipeError, UnreachableError
    from cotkit.recipe.load import load
    from cotkit.verify.judge import Judge

    output = Output(as_json, quiet, yes)
    loaded = load(recipe, set_ or (), limit)
    asking = _asking(loaded)
    if not asking:
        raise RecipeError(f"the recipe '{loaded.recipe.name}' asks no teacher, so it costs nothing")
    folder = out or default_out(loaded)
    try:
        table = None if rows is not None else _problems(loaded, asking, folder, output)
    except UnreachableError as error:
        raise UnreachableError(f"{error}; --rows N reckons with so many problems instead") from error
    told: list[tuple[str, Estimate]] = []
    main: Estimate | None = None
    notes, attempts = [], 1
    for step in asking:
        problems = records.rows(Problem, table) if table is not None else _made_up(rows or 0, step)
        if isinstance(step, Distill) and main is None and probe > 0:
            _probe(step, problems, folder / JOURNAL_FILE, probe, output)
        questions = step.asking(problems, attempts) if isinstance(step, Judge) else step.asking(problems)
        known = tokens if isinstance(step, Distill) else None
        found = [(one.what, reckon(one, folder / JOURNAL_FILE, known)) for one in questions]
        told += found
        if isinstance(step, Distill):
            attempts, main = step.most, main or found[0][1]
        budget = getattr(step, "budget", None)
        if budget is not None and budget.usd is not None:
            notes.append(f"budget    {step.name} stops by itself at ${budget.usd:,.2f} (budget.usd)")
    _tell(told, main, notes, output)


def _asking(loaded: Loaded) -> list[Asks]:
    """The steps that ask a teacher, in order."""
    from cotkit.curate.extract import Extract
    from cotkit.curate.features import Features
    from cotkit.distill.construct import Construct
    from cotkit.distill.step import Distill
    from cotkit.verify.judge import Judge

    kinds = (Extract, Construct, Distill, Judge)
    return [s for s in loaded.recipe.steps if isinstance(s, kinds) or (isinstance(s, Features) and s.teachers())]


def _made_up(rows: int, step: Asks) -> list[Problem]:
    """So many problems of a usual length that `step` asks about, with a solution to read an answer from."""
    of, kinds = getattr(step, "of", ()), getattr(step, "kinds", ())
    base = Problem(
        "",
        "",
        solution="x" * 1_500,
        answer_kind=(kinds or ("empty",))[0],
        domain=(getattr(step, "domains", None) or ("math",))[0],
        source=(of or ("made up",))[0],
    )
    return [replace(base, problem_id=f"{n}", problem=f"{n} " + "x" * 300, source_row=n) for n in range(rows)]


def _problems(loaded: Loaded, asking: Sequence[Asks], folder: Path, output: Output) -> pl.DataFrame:
    """Run the steps before the first of `asking` that has still to ask, and read what they keep."""
    from cotkit.distill.step import Distill
    from cotkit.run.directory import RunDirectory
    from cotkit.run.plan import inputs_of, plan
    from cotkit.run.runner import Options, old_pins, resolve_pins, run_recipe

    recipe, directory = loaded.recipe, RunDirectory(folder)
    maker = ""
    for step in asking:
        maker = inputs_of(recipe.steps, recipe.steps.index(step))[Problem.__name__].name
        run_recipe(recipe, folder, Options(until=maker), output, Teller(output))
        planned = plan(recipe, directory, resolve_pins(recipe, old_pins(directory)))
        if isinstance(step, Distill) or planned[recipe.steps.index(step)].why:
            break
    return directory.kept(maker)


def _probe(step: Distill, problems: Sequence[Problem], journal: Path, count: int, output: Output) -> None:
    from cotkit.distill.estimate import probe

    prompts = list(step.prompts(records.frame(Problem, problems)))
    told = probe(step, prompts, step.journal or journal, count, output.confirm)
    unasked = sum(one.failure is not None and one.failure.reason == "over_budget" for one in told)
    used = sum(one.trace.completion_tokens or 0 for one in told)
    output.say(f"asked {len(told) - unasked} problems: {used:,} tokens came back")
    if unasked:
        output.warn(f"the recipe's budget is used up: {unasked} were not asked")


def _tell(told: Sequence[tuple[str, Estimate]], main: Estimate | None, notes: Sequence[str], output: Output) -> None:
    """A block for each thing that is asked; the numbers of distill (`main`) are the top level of the JSON, too."""
    blocks = []
    for name, found in told:
        fewest = "" if found.least is None else f"{found.least:,} to "
        lines = [name] if len(told) > 1 else []
        lines += [
            f"requests  {fewest}{found.requests:,}, of which {found.kept:,} are answered already",
            f"tokens    {found.prompt_tokens:,} in, {found.completion_tokens:,} out ({found.basis})",
            f"price     {found.price}",
            f"cost      {_money(found.least_usd, found.usd)}",
        ]
        blocks.append("\n".join(lines))
    most = _sum([found.usd for _, found in told])
    least = _sum([found.usd if found.least is None else found.least_usd for _, found in told])
    ends = [f"total     {_money(least, most)}"] if len(told) > 1 else []
    if ends or notes:
        blocks.append("\n".join([*ends, *notes]))
    machine = [{"step": name, **_plain(found)} for name, found in told]
    totals = {"total_usd": _float(most), "least_total_usd": _float(least)}
    output.data("\n\n".join(blocks), {**(_plain(main) if main else {}), "steps": machine, **totals})


def _sum(costs: Sequence[Decimal | None]) -> Decimal | None:
    known = [cost for cost in costs if cost is not None]
    return sum(known, Decimal()) if len(known) == len(costs) else None


def _money(least: Decimal | None, most: Decimal | None) -> str:
    if most is None:
        return "unpriced"
    fewest = "" if least is None or round(least, 2) == round(most, 2) else f"${least:,.2f} to "
    return f"{fewest}${most:,.2f}"


def _float(usd: Decimal | None) -> float | None:
    return None if usd is None else float(usd)


def _plain(found: Estimate) -> dict[str, Any]:
    return {
        "requests": found.requests,
        **({} if found.least is None else {"least_requests": found.least, "least_usd": _float(found.least_usd)}),
        "answered": found.kept,
        "prompt_tokens": found.prompt_tokens,
        "completion_tokens": found.completion_tokens,
        "usd": _float(found.usd),
        "price": found.price,
        "basis": found.basis,
    }
