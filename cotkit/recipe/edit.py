"""Which steps a recipe has: `remove:` and `insert:` in those of the one it includes, and `enabled:` of each."""

from __future__ import annotations

import difflib
from typing import Any

from cotkit.errors import RecipeError
from cotkit.recipe.document import Document, Place


def step_name(step: Any) -> str:
    """The name of a step in a recipe's data; empty where it has none."""
    return str(step.get("name") or step.get("step") or "") if isinstance(step, dict) else ""


def remove_steps(document: Document, names: Any, place: Place) -> None:
    """Take the steps of these names out, in place. Raises RecipeError for a name that no step has."""
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise RecipeError(f"{place}: `remove:` is a list of names of steps, such as [judge]")
    for name in names:
        _splice(document, _find(document, name, place), 1, [])


def insert_steps(document: Document, insertions: Any, source: Document) -> None:
    """Put steps in, in place: each insertion says `after` or `before` which step, and `steps`.

    Args:
        source: the file that has the insertions, under its key `insert`.

    Raises RecipeError for another shape and for a name that no step has.
    """
    if not isinstance(insertions, list):
        raise RecipeError(f"{source.place(('insert',))}: `insert:` is a list such as [{{after: dedup, steps: […]}}]")
    for index, one in enumerate(insertions):
        place = source.place(("insert", index))
        sides = [side for side in ("after", "before") if isinstance(one, dict) and side in one]
        if len(sides) != 1 or set(one) != {sides[0], "steps"} or not isinstance(one["steps"], list):
            raise RecipeError(f"{place}: an insertion has `steps` and one of `after` and `before`, and nothing else")
        if not one["steps"]:
            raise RecipeError(
                f"{place}: this insertion has no steps, so it changes nothing; give it some, or remove it"
            )
        at = _find(document, one[sides[0]], place) + (sides[0] == "after")
        steps = ("insert", index, "steps")
        _splice(document, at, 0, one["steps"])
        document.places.update(
            {
                ("steps", at + path[3], *path[4:]): found
                for path, found in source.places.items()
                if path[:3] == steps and len(path) > 3 and isinstance(path[3], int)
            }
        )


def switch_steps(document: Document) -> None:
    """Take out the steps that say `enabled: false`, and the key `enabled` of the others, in place.

    A variable gives the value as text. Raises RecipeError for any other value than true and false.
    """
    steps = document.data.get("steps")
    for at, step in reversed(list(enumerate(steps if isinstance(steps, list) else []))):
        if not isinstance(step, dict) or "enabled" not in step:
            continue
        place = document.place(("steps", at, "enabled"))
        told = str(step.pop("enabled")).lower()
        if told not in ("true", "false"):
            raise RecipeError(f"{place}: `enabled` is true or false, not '{told}'")
        if told == "false":
            _splice(document, at, 1, [])


def _find(document: Document, name: Any, place: Place) -> int:
    steps = document.data.get("steps")
    names = [step_name(step) for step in steps] if isinstance(steps, list) else []
    if name in names:
        return names.index(name)
    near = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'?" if near else f"it has {', '.join(filter(None, names)) or 'none'}"
    raise RecipeError(f"{place}: the included recipe has no step '{name}'; {hint}")


def _splice(document: Document, at: int, gone: int, steps: list[Any]) -> None:
    """Replace `gone` steps at `at` by `steps`; what stands behind keeps its places in the files."""
    shift = len(steps) - gone
    moved = {}
    for path, found in document.places.items():
        if path[:1] != ("steps",) or len(path) < 2 or not isinstance(path[1], int) or path[1] < at:
            moved[path] = found
        elif path[1] >= at + gone:
            moved[("steps", path[1] + shift, *path[2:])] = found
    document.data["steps"][at : at + gone] = steps
    document.places = moved
