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
from cotkit.records import Problem

if TYPE_CHECKING:
    from cotkit.distill.estimate import Estimate
    from cotkit.distill.step import Distill
    from cotkit.steps import Tables


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
    """Requests, tokens and dollars of whatever a recipe asks: answers, features, judgements, scores, translations.

    Runs the steps before the first of these that still has to ask; that costs nothing. What a step after it will drop
    is not known then, so the rest is reckoned for all problems, as an upper bound. Where answers decide how much is
    asked (until, strategies, judges), the least and the most are told. Scores and translations are counted to the call
    once the rows before them are there. --tokens is about distill and strategies that ask for whole traces, --probe
    about distill.

    Examples:

      cotkit estimate my.yaml --probe 20

      cotkit estimate my.yaml --rows 1000 --tokens 9000
    """
    from cotkit.cli.estimated import asking_steps, inputs, made_up, questions
    from cotkit.cli.run import default_out
    from cotkit.distill.construct import Construct
    from cotkit.distill.estimate import estimate as reckon
    from cotkit.distill.step import JOURNAL_FILE, Distill
    from cotkit.errors import RecipeError, UnreachableError
    from cotkit.recipe.load import load

    output = Output(as_json, quiet, yes)
    loaded = load(recipe, set_ or (), limit)
    asking = asking_steps(loaded.recipe)
    if not asking:
        raise RecipeError(f"the recipe '{loaded.recipe.name}' asks no teacher, so it costs nothing")
    folder = out or default_out(loaded)
    try:
        known = {} if rows is not None else inputs(loaded.recipe, asking, folder, probe > 0, output)
    except UnreachableError as error:
        raise UnreachableError(f"{error}; --rows N reckons with so many problems instead") from error
    told: list[tuple[str, Estimate]] = []
    main: Estimate | None = None
    notes, attempts = [], 1
    tables: Tables = {}
    for step in asking:
        # What a step drops that has still to ask is not known: the problems before it stand for those after it.
        tables = known.get(step.name) or {row: table for row, table in tables.items() if row is Problem}
        problems = records.rows(Problem, tables[Problem]) if tables else made_up(rows or 0, step)
        if isinstance(step, Distill) and main is None and probe > 0:
            _probe(step, problems, folder / JOURNAL_FILE, probe, output)
        before = loaded.recipe.steps[: loaded.recipe.steps.index(step)]
        asked = questions(step, before, tables, problems, attempts, loaded.recipe.seed)
        given = tokens if isinstance(step, Distill | Construct) else None
        found = [(one.what, reckon(one, folder / JOURNAL_FILE, given)) for one in asked]
        told += found
        if isinstance(step, Distill | Construct):
            most = step.most if isinstance(step, Distill) else step.strategy.traces()
            attempts = most if step.only is None else attempts + most
        if isinstance(step, Distill):
            main = main or found[0][1]
        budget = getattr(step, "budget", None)
        if budget is not None and budget.usd is not None:
            notes.append(f"budget    {step.name} stops by itself at ${budget.usd:,.2f} (budget.usd)")
    _tell(told, main, notes, output)


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
    ends = [f"total     {_total(told)}"] if len(told) > 1 else []
    if ends or notes:
        blocks.append("\n".join([*ends, *notes]))
    machine = [{"step": name, **_plain(found)} for name, found in told]
    totals = {"total_usd": _float(most), "least_total_usd": _float(least)}
    output.data("\n\n".join(blocks), {**(_plain(main) if main else {}), "steps": machine, **totals})


def _sum(costs: Sequence[Decimal | None]) -> Decimal | None:
    known = [cost for cost in costs if cost is not None]
    return sum(known, Decimal()) if len(known) == len(costs) else None


def _total(told: Sequence[tuple[str, Estimate]]) -> str:
    """All that has a price; what has none is told beside it."""
    priced = [found for _, found in told if found.usd is not None]
    if not priced:
        return "unpriced"
    money = _money(_sum([f.usd if f.least is None else f.least_usd for f in priced]), _sum([f.usd for f in priced]))
    return money if len(priced) == len(told) else f"{money}, and what is unpriced"


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
