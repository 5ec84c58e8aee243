"""A recipe, a lock, a run or a published dataset as plain data with all defaults, so that two can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path, PurePosixPath
from typing import Any

from cotkit.config import PACKAGE, Config
from cotkit.errors import RecipeError
from cotkit.recipe.document import KeyPath
from cotkit.recipe.load import SHIPPED, Loaded, find, load, written
from cotkit.recipe.lock import resolved

_LOCK = "recipe.lock.yaml"
# So many variables without a value are tried as a text and as a URL each.
_MOST = 4


@dataclass(frozen=True)
class Side:
    """One of two recipes that are compared.

    Attributes:
        path: the file that was read.
        data: the recipe as plain data, defaults and all.
        defaults: places that hold what they hold when they are left out.
        lock: what a lock resolved.
        published: it comes from a published dataset, where paths are cut short and nothing is pushed.
        unchecked: why the recipe could not be resolved; `data` is then what its files write.
    """

    path: Path
    data: Mapping[str, Any]
    defaults: frozenset[KeyPath] = frozenset()
    lock: Mapping[str, Any] | None = None
    published: bool = False
    unchecked: str | None = None

    def at(self, place: KeyPath, missing: Any = None) -> Any:
        """What stands there."""
        value: Any = self.data
        for part in place:
            if isinstance(value, Mapping):
                value = value.get(str(part), missing)
            elif isinstance(value, list) and isinstance(part, int):
                value = value[part]
            else:
                return missing
        return value

    def is_default(self, place: KeyPath, of: KeyPath = ()) -> bool:
        """Is the place, or one above it and below `of`, at its default?"""
        return any(place[:length] in self.defaults for length in range(len(of) + 1, len(place) + 1))


def side(reference: str) -> Side:
    """A recipe by name or path, a lock, a run directory or a published dataset's folder.

    Variables without a value stand as ${vars.NAME}. Raises RecipeError for what is none of these, or is wrong.
    """
    path = _file(reference)
    published = (path.parent / "data").is_dir() and path.name in (_LOCK, "recipe.yaml") and path.parent != SHIPPED
    document = written(str(path))
    variables = document.data.get("vars")
    unset = [name for name, value in variables.items() if value is None] if isinstance(variables, dict) else []
    try:
        loaded = _load(str(path), unset)
    except RecipeError as error:
        if not unset:
            raise
        # Only with all its values could this be said for sure.
        return Side(path, document.data, published=published, unchecked=str(error).splitlines()[0])
    data = _named(resolved(loaded.recipe), path.parent)
    lock = loaded.recipe.lock
    return Side(
        path, data, frozenset(_defaults(loaded.recipe, ())), lock.model_dump(mode="json") if lock else None, published
    )


def pair(a: str, b: str) -> tuple[Side, Side]:
    """Both sides in one form: as written where one cannot be resolved, with short paths where one is published."""
    sides = side(a), side(b)
    if any(one.unchecked for one in sides):
        sides = tuple(  # type: ignore[assignment]
            one if one.unchecked else replace(one, data=written(str(one.path)).data, defaults=frozenset())
            for one in sides
        )
    if any(one.published for one in sides):
        sides = tuple(replace(one, data=_portable(one.data)) for one in sides)  # type: ignore[assignment]
    return sides


def _file(reference: str) -> Path:
    folder = Path(reference).expanduser()
    if not folder.is_dir():
        return find(reference)
    for name in (_LOCK, "recipe.yaml"):
        if (folder / name).is_file():
            return folder / name
    raise RecipeError(f"{reference}: neither a run nor a published dataset is in this folder (no {_LOCK})")


def _load(path: str, unset: list[str]) -> Loaded:
    """With a text, or where none will do a URL, in place of each variable without a value."""
    forms = ("${{vars.{}}}", "https://vars.{}.invalid") if len(unset) <= _MOST else ("${{vars.{}}}",)
    refused = []
    for chosen in product(forms, repeat=len(unset)):
        options = [f"vars.{name}='{form.format(name)}'" for name, form in zip(unset, chosen, strict=True)]
        try:
            return load(path, options)
        except RecipeError as error:
            refused.append(error)
    raise refused[0]


def _named(value: Any, folder: Path) -> Any:
    """Variables without a value back as they are written, without the folder that a path was thought to start in."""
    if isinstance(value, Mapping):
        return {key: _named(item, folder) for key, item in value.items()}
    if isinstance(value, list):
        return [_named(item, folder) for item in value]
    if not isinstance(value, str) or "vars." not in value:
        return value
    bases = [f"{folder.resolve()}/"]
    if folder.resolve().is_relative_to(PACKAGE):
        bases.append(f"cotkit:{folder.resolve().relative_to(PACKAGE).as_posix()}/")
    for base in bases:
        if value.startswith(base + "${vars."):
            value = value.removeprefix(base)
    while "https://vars." in value and ".invalid" in value:
        head, _, rest = value.partition("https://vars.")
        name, _, tail = rest.partition(".invalid")
        value = f"{head}${{vars.{name}}}{tail}"
    return value


def _defaults(value: Any, place: KeyPath) -> list[KeyPath]:
    found: list[KeyPath] = []
    if isinstance(value, Config):
        altered = value.altered()
        for name in type(value).model_fields:
            if name not in altered:
                found.append((*place, name))
            else:
                found += _defaults(getattr(value, name), (*place, name))
    elif isinstance(value, tuple | list):
        for number, item in enumerate(value):
            found += _defaults(item, (*place, number))
    elif isinstance(value, Mapping):
        for name, item in value.items():
            found += _defaults(item, (*place, name))
    return found


def _portable(value: Any) -> Any:
    """Absolute paths by their last part, as in a published recipe."""
    if isinstance(value, Mapping):
        return {key: _portable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_portable(item) for item in value]
    return (
        PurePosixPath(value).name if isinstance(value, str) and value.startswith("/") and "\n" not in value else value
    )
