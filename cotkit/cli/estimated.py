"""What `cotkit estimate` reckons with: the steps that ask, the rows they would ask about, their questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from cotkit import records
from cotkit.cli.watch import Teller
from cotkit.records import Example, Message, Problem, Trace, Verdict

if TYPE_CHECKING:
    from cotkit.cli.output import Output
    from cotkit.curate.extract import Extract
    from cotkit.curate.features import Features
    from cotkit.curate.translate import Translate
    from cotkit.dedup.step import Decontaminate
    from cotkit.distill.construct import Construct
    from cotkit.distill.estimate import Asking, Posted
    from cotkit.distill.step import Distill
    from cotkit.recipe.models import Recipe
    from cotkit.steps import Step, Tables
    from cotkit.verify.judge import Judge
    from cotkit.verify.score import ScoreStep

    Asks = Decontaminate | Extract | Features | Construct | Distill | Judge | ScoreStep | Translate

# A trace that nobody has seen yet: about 9,000 tokens, as distill guesses them, in paragraphs of usual length.
_PARAGRAPH, _PARAGRAPHS = "x" * 498, 63


def asking_steps(recipe: Recipe) -> list[Asks]:
    """The steps that ask a teacher or a scorer's server, in order."""
    from cotkit.curate.extract import Extract
    from cotkit.curate.features import Features
    from cotkit.curate.translate import Translate
    from cotkit.dedup.step import Decontaminate
    from cotkit.distill.construct import Construct
    from cotkit.distill.step import Distill
    from cotkit.verify.judge import Judge
    from cotkit.verify.score import ScoreStep

    always = (Extract, Construct, Distill, Judge, Translate)
    return [
        step
        for step in recipe.steps
        if isinstance(step, always)
        or (isinstance(step, Features) and step.teachers())
        or (isinstance(step, Decontaminate) and step.judge is not None)
        or (isinstance(step, ScoreStep) and step.asks())
    ]


def inputs(recipe: Recipe, asking: Sequence[Asks], folder: Path, probing: bool, output: Output) -> dict[str, Tables]:
    """Run the steps before the first of `asking` that has still to ask, and read by step name what they keep.

    Problems for each step, and for one that asks about finished rows all that it reads. A step after the first that has
    still to ask is not in it. `probing`: nothing after distill is run, since it will ask now.
    """
    from cotkit.curate.translate import Translate
    from cotkit.distill.step import Distill
    from cotkit.run.directory import RunDirectory
    from cotkit.run.plan import inputs_of, plan
    from cotkit.run.runner import Options, old_pins, resolve_pins, run_recipe
    from cotkit.verify.score import ScoreStep

    directory = RunDirectory(folder)
    found: dict[str, Tables] = {}
    for step in asking:
        index = recipe.steps.index(step)
        makers = inputs_of(recipe.steps, index)
        problems = [one for one in recipe.steps[:index] if one.writes is Problem][-1]
        wanted: Mapping[type, Step] = {Problem: problems}
        if isinstance(step, ScoreStep | Translate):
            wanted = {**wanted, **{row: makers[row.__name__] for row in step.reads}}
        last = max(wanted.values(), key=recipe.steps.index)
        run_recipe(recipe, folder, Options(until=last.name), output, Teller(output))
        found[step.name] = {row: directory.kept(maker.name) for row, maker in wanted.items()}
        planned = plan(recipe, directory, resolve_pins(recipe, old_pins(directory)))
        if planned[index].why or (probing and isinstance(step, Distill)):
            break
    return found


def made_up(rows: int, step: Asks) -> list[Problem]:
    """So many problems of a usual length that `step` asks about, with a solution to read an answer from."""
    of, kinds = getattr(step, "of", ()), getattr(step, "kinds", ())
    from cotkit.distill.construct import Construct

    base = Problem(
        "",
        "",
        answer="0" if isinstance(step, Construct) else None,  # a strategy may work on nothing else
        solution="x" * 1_500,
        answer_kind=(kinds or ("empty",))[0],
        domain=(getattr(step, "domains", None) or ("math",))[0],
        source=(of or ("made up",))[0],
    )
    return [replace(base, problem_id=f"{n}", problem=f"{n} " + "x" * 300, source_row=n) for n in range(rows)]


def questions(
    step: Asks, before: Sequence[Step], tables: Tables, problems: Sequence[Problem], attempts: int, seed: int = 0
) -> Sequence[Asking | Posted]:
    """What a step would ask: about the rows of `tables`, or about so many attempts at each of these problems."""
    from cotkit.curate.filters.language import language_of
    from cotkit.curate.translate import Translate
    from cotkit.distill.construct import Construct
    from cotkit.verify.judge import Judge
    from cotkit.verify.score import ScoreStep, attempts_of

    if isinstance(step, ScoreStep):
        if Trace in tables:
            verdicts, known = records.rows(Verdict, tables[Verdict]), records.rows(Problem, tables[Problem])
            return step.asking(attempts_of(records.rows(Trace, tables[Trace]), verdicts, known))
        one = _usual(problems)
        return step.asking(attempts_of([_trace(one)], [], [one]), times=len(problems) * attempts)
    if isinstance(step, Translate):
        if Example in tables:
            return step.asking(records.rows(Example, tables[Example]))
        foreign = [problem for problem in problems if (problem.language or language_of(problem.problem)) != step.to]
        return step.asking([_example(_usual(foreign))], times=_chosen(before, len(foreign), attempts))
    if isinstance(step, Construct):
        return step.asking(problems, seed)
    return step.asking(problems, attempts) if isinstance(step, Judge) else step.asking(problems)


def _usual(problems: Sequence[Problem]) -> Problem:
    """One that stands for all of these: as long as they are on average."""
    return Problem("", "x" * round(fmean(len(p.problem) for p in problems)) if problems else "")


def _trace(problem: Problem) -> Trace:
    text = "\n\n".join([_PARAGRAPH] * _PARAGRAPHS)
    return Trace(problem.problem_id, 0, "", "", "done", reasoning=text, response=_PARAGRAPH)


def _chosen(before: Sequence[Step], problems: int, attempts: int) -> int:
    """The most rows that the steps before could choose."""
    from cotkit.curate.choose import Choose
    from cotkit.curate.select import Select

    each = min([attempts, *(step.per_problem for step in before if isinstance(step, Select))])
    return min([problems * each, *(step.rows for step in before if isinstance(step, Choose))])


def _example(problem: Problem) -> Example:
    trace = _trace(problem)
    return Example(
        problem_id=problem.problem_id,
        messages=[Message("user", problem.problem)],
        problem=problem.problem,
        answer=problem.answer,
        reasoning=trace.reasoning,
        response=trace.response,
        verdict="correct",
        verdict_method="",
        pass_rate=None,
        attempts=1,
        domain=problem.domain,
        source=problem.source,
        source_row=problem.source_row,
        license=None,
        language=problem.language,
        teacher="",
        sample=trace.sample,
        completion_tokens=None,
        reasoning_kind="raw",
    )
