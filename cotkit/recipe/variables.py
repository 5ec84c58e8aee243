"""`${vars.NAME}` in the strings of a recipe."""

from __future__ import annotations

import re
from typing import Any

from cotkit.errors import RecipeError
from cotkit.recipe.document import Document, KeyPath

_VARIABLE = re.compile(r"\$\{vars\.([A-Za-z0-9_-]*)\}")
_BROKEN = re.compile(r"\$\{vars\.(?![A-Za-z0-9_-]*\}).{0,40}")


def named(value: Any) -> set[str]:
    """The variables that the strings of a recipe's data name."""
    if isinstance(value, dict | list):
        return set().union(*map(named, value.values() if isinstance(value, dict) else value))
    return set(_VARIABLE.findall(value)) if isinstance(value, str) else set()


def declared(document: Document) -> dict[str, Any]:
    """The variables with their values; none where `vars` is no mapping, which the model refuses."""
    values = document.data.get("vars")
    return values if isinstance(values, dict) else {}


def substitute(document: Document, in_files: set[str]) -> None:
    """Put the values of `vars` where they are named, in place.

    Args:
        in_files: the variables that the files name; an edit or an override may since have taken one's place.

    Raises RecipeError for a variable without a value or with a list or a mapping for one, one that is not declared,
    one that nothing uses, and a `${vars.` that is not closed.
    """
    values = declared(document)
    for name, value in values.items():
        if not isinstance(value, str | int | float | None):
            raise RecipeError(
                f"{document.place(('vars', name))}: the variable '{name}' must be a text, a number, true or false; "
                "write anything else where it belongs, or quote it if a text was meant"
            )
    used: set[str] = set()
    for key in [k for k in document.data if k != "vars"]:
        document.data[key] = _walk(document.data[key], (key,), document, values, used)
    unused = sorted(set(values) - used - in_files)
    if unused and not document.data.get("lock"):
        raise RecipeError(
            f"{document.place(('vars', unused[0]))}: the variable '{unused[0]}' is used nowhere; "
            f"write ${{vars.{unused[0]}}} where it belongs, or remove it"
        )


def _walk(value: Any, path: KeyPath, document: Document, values: dict[str, Any], used: set[str]) -> Any:
    if isinstance(value, dict):
        return {k: _walk(v, (*path, k), document, values, used) for k, v in value.items()}
    if isinstance(value, list):
        return [_walk(v, (*path, i), document, values, used) for i, v in enumerate(value)]
    if not isinstance(value, str):
        return value

    if (broken := _BROKEN.search(value)) is not None:
        raise RecipeError(
            f"{document.place(path)}: '{broken[0]}' is no variable; write ${{vars.NAME}}, the name of letters, digits, "
            "'-' and '_'"
        )

    def one(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in values:
            raise RecipeError(
                f"{document.place(path)}: the variable '{name}' is not declared under `vars:`; add it there"
            )
        used.add(name)
        if values[name] is None:
            raise RecipeError(
                f"{document.place(('vars', name))}: the variable '{name}' has no value; "
                f"give it with --set vars.{name}=…"
            )
        return str(values[name])

    return _VARIABLE.sub(one, value)
