"""What no single key can say: do the steps fit together, can the teacher do what is asked?"""

from __future__ import annotations

import re

from cotkit.errors import RecipeError
from cotkit.recipe.document import Document
from cotkit.recipe.models import SLUG, Recipe
from cotkit.records import Problem, Trace


def check(recipe: Recipe, document: Document) -> None:
    """Raises RecipeError for the first thing that cannot work."""
    _names(recipe, document)
    _tables(recipe, document)
    for index, step in enumerate(recipe.steps):
        for sentence in (*step.check(), *step.check_after(recipe.steps[:index])):
            raise RecipeError(f"{document.place(('steps', index))}: step '{step.name}': {sentence}")
    _sources(recipe, document)
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


def _sources(recipe: Recipe, document: Document) -> None:
    """Keys that name sources name pulled ones; a name with a slip in it would quietly do nothing."""
    pulled = [source.name for step in recipe.steps for source in getattr(step, "sources", ())]
    for index, step in enumerate(recipe.steps):
        for key in ("source_order", "compared", "of"):
            for name in getattr(step, key, ()):
                if name not in pulled:
                    raise RecipeError(
                        f"{document.place(('steps', index, key))}: no source is named '{name}'; the recipe pulls "
                        f"{', '.join(pulled)}"
                    )


def _reasoning(recipe: Recipe, document: Document) -> None:
    """A format with reasoning needs a teacher that shows it."""
    silent = [
        step.name
        for step in recipe.steps
        if step.writes is Trace and getattr(getattr(step, "teacher", None), "reasoning", None) == "none"
    ]
    for index, step in enumerate(recipe.steps):
        if silent and getattr(getattr(step, "format", None), "reasoning", False):
            raise RecipeError(
                f"{document.place(('steps', index))}: step '{step.name}' publishes reasoning, but the teacher of "
                f"'{silent[0]}' gives none (reasoning: none); set `format: {{kind: messages, reasoning: false}}`"
            )
