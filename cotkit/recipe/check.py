"""What no single key can say: do the steps fit together, can the teacher do what is asked?"""

from __future__ import annotations

import re

from cotkit.errors import RecipeError
from cotkit.recipe.document import Document
from cotkit.recipe.explain import culprit
from cotkit.recipe.models import SLUG, Recipe
from cotkit.records import Example, Problem, Trace, Verdict


def check(recipe: Recipe, document: Document) -> None:
    """Raises RecipeError for the first thing that cannot work."""
    _names(recipe, document)
    _tables(recipe, document)
    _after_choice(recipe, document)
    for index, step in enumerate(recipe.steps):
        for sentence in (*step.check(), *step.check_after(recipe.steps[:index])):
            place = document.place(culprit(document, ("steps", index), sentence))
            raise RecipeError(f"{place}: step '{step.name}': {sentence}")
    _reasoning(recipe, document)


def _names(recipe: Recipe, document: Document) -> None:
    seen: dict[str, int] = {}
    for index, step in enumerate(recipe.steps):
        place = document.place(("steps", index))
        if not re.match(SLUG, step.name):
            raise RecipeError(f"{place}: a step's name is of letters, digits, '-', '_' and '.', not '{step.name}'")
        if step.name in seen:
            first = document.place(("steps", seen[step.name]))
            raise RecipeError(
                f"{place}: two steps are named '{step.name}' (the other at {first}); give one its own `name:`"
            )
        seen[step.name] = index


def _tables(recipe: Recipe, document: Document) -> None:
    made: dict[type, str] = {}
    unread: set[type] = set()
    for index, step in enumerate(recipe.steps):
        for row in step.reads:
            if row not in made:
                makers = {"Problem": "pull", "Trace": "distill", "Verdict": "verify", "Example": "select"}
                table = row.__name__.lower() + "s"
                raise RecipeError(
                    f"{document.place(('steps', index))}: step '{step.name}' needs {table}, and no step before it "
                    f"makes them; add a {makers[row.__name__]} step before it"
                )
            unread.discard(row)
        if step.writes in unread:
            raise RecipeError(
                f"{document.place(('steps', index))}: step '{step.name}' replaces what '{made[step.writes]}' made, and "
                f"no step has read that; remove one of the two"
            )
        if step.writes is Problem and Trace in made:
            raise RecipeError(
                f"{document.place(('steps', index))}: step '{step.name}' changes the problems after "
                f"'{made[Trace]}' has asked them; move it before that step"
            )
        made[step.writes] = step.name
        if step.step != "publish":  # its dataset is an end in itself, and another may follow
            unread.add(step.writes)


def _after_choice(recipe: Recipe, document: Document) -> None:
    """Attempts that change once rows of them are chosen change nothing, unless something still reads them."""
    wanted: set[type] = set()
    idle: list[int] = []
    for index in reversed(range(len(recipe.steps))):
        step = recipe.steps[index]
        if step.writes in (Trace, Verdict) and step.writes not in wanted:
            idle.append(index)
        else:
            wanted |= set(step.reads)
    for index in reversed(idle):
        chose = [one.name for one in recipe.steps[:index] if one.writes is Example and Verdict in one.reads]
        if chose:
            step = recipe.steps[index]
            what = "traces" if step.writes is Trace else "verdicts"
            raise RecipeError(
                f"{document.place(('steps', index))}: step '{step.name}' changes {what} after '{chose[-1]}' has chosen "
                f"its rows, so nothing of it would be published; move it before '{chose[-1]}'"
            )


def _reasoning(recipe: Recipe, document: Document) -> None:
    """A format with reasoning needs a teacher that shows it."""
    silent = [
        step.name
        for step in recipe.steps
        if step.writes is Trace
        and getattr(getattr(step, "teacher", None), "reasoning", None) == "none"
        and not getattr(getattr(step, "strategy", None), "builds_reasoning", False)
    ]
    for index, step in enumerate(recipe.steps):
        if silent and getattr(getattr(step, "format", None), "reasoning", False):
            raise RecipeError(
                f"{document.place(('steps', index))}: step '{step.name}' publishes reasoning, but the teacher of "
                f"'{silent[0]}' gives none (reasoning: none); set `format: {{kind: messages, reasoning: false}}`"
            )
