"""Overrides: `--set distill.samples=4`, and the `set:` of a recipe that includes another."""

from __future__ import annotations

import difflib
from typing import Any

import yaml

from cotkit.errors import RecipeError
from cotkit.recipe.document import Document, KeyPath, Place
from cotkit.recipe.edit import step_name


def parse_option(option: str) -> tuple[str, Any]:
    """`key=value` with the value read as YAML; raises RecipeError for anything else."""
    key, sign, text = option.partition("=")
    if not sign or not key.strip():
        raise RecipeError(f"--set {option}: write it as key=value, e.g. --set distill.samples=4")
    try:
        return key.strip(), yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        raise RecipeError(f"--set {option}: the value is not valid YAML; quote it, e.g. --set '{key}=\"…\"'") from error


def apply(document: Document, key: str, value: Any, place: Place) -> None:
    """Set `key` in the document, in place.

    A key starts with a top-level key of the recipe or with the name of a step; a list item is named by
    its `name` or its number. Raises RecipeError for a path that leads nowhere.
    """
    parts = key.split(".")
    path, parts = _start(document.data, parts, place)
    target = document.data
    for part in path:
        target = target[part]
    while len(parts) > 1:
        target, step = _enter(target, parts.pop(0), key, place)
        path = (*path, step)
    last = _slot(target, parts[0], key, place)
    target[last] = value
    document.move((*path, last), place)


def _start(data: dict[str, Any], parts: list[str], place: Place) -> tuple[KeyPath, list[str]]:
    from cotkit.recipe.models import EDITS, RecipeFile

    steps = data.get("steps")
    names = [step_name(step) for step in steps] if isinstance(steps, list) else []
    if len(parts) > 1 and parts[0] in names:
        return ("steps", names.index(parts[0])), parts[1:]
    top = [name for name in RecipeFile.model_fields if name not in ("lock", *EDITS)]
    if parts[0] in top:
        return (), parts
    if parts[0] in names:
        raise RecipeError(
            f"{place}: '{parts[0]}' is a whole step; name the key in it that changes, such as {parts[0]}.enabled"
        )
    choices = [*(name for name in names if name), *top]
    near = difflib.get_close_matches(parts[0], choices, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'?" if near else f"start with one of {', '.join(choices)}"
    raise RecipeError(f"{place}: '{parts[0]}' is neither a step nor a key of this recipe; {hint}")


def _enter(target: Any, part: str, key: str, place: Place) -> tuple[Any, str | int]:
    slot = _slot(target, part, key, place)
    if isinstance(target, dict) and target.get(str(slot)) is None:
        target[str(slot)] = {}
    return target[slot], slot


def _slot(target: Any, part: str, key: str, place: Place) -> str | int:
    if isinstance(target, dict):
        return part
    if isinstance(target, list):
        for index, item in enumerate(target):
            if isinstance(item, dict) and part in (item.get("name"), item.get("kind"), str(index)):
                return index
        labels = [str(item.get("name", i)) if isinstance(item, dict) else str(i) for i, item in enumerate(target)]
        raise RecipeError(f"{place}: '{key}' names no item '{part}'; the list has {', '.join(labels) or 'no items'}")
    raise RecipeError(f"{place}: '{key}' goes below a plain value at '{part}'; set the key above it instead")
