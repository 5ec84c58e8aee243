"""A recipe as it may be published: no folder of this machine, no password, nothing that pushes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

# The first folder has no space, so that a prompt such as "/no_think Is a/b prime?" stays as it is.
_POSIX = re.compile(r"(?:file://|~)?/[^/\s]+/[^\n]+|~/[^\n]+")
_WINDOWS = re.compile(r"(?:[A-Za-z]:[\\/]|\\\\)[^\n]+")
_USERINFO = re.compile(r"\b([a-z][a-z0-9+.-]*://)[^/\s@]+@")


def portable_text(text: str) -> str:
    """An absolute path becomes its last part; a URL loses its user name and password."""
    if _POSIX.fullmatch(text):
        return PurePosixPath(text).name
    if _WINDOWS.fullmatch(text):
        return PureWindowsPath(text).name
    return _USERINFO.sub(r"\1", text)


def portable(value: Any) -> Any:
    """`portable_text` on every string in nested data, keys included."""
    if isinstance(value, str):
        return portable_text(value)
    if isinstance(value, Mapping):
        return {portable(key): portable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [portable(item) for item in value]
    return value


def portable_recipe(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe without its push steps (a reader rebuilds the data, not our upload), made portable."""
    steps = [step for step in recipe.get("steps", ()) if step.get("step") != "push"]
    return {**portable(recipe), **({"steps": portable(steps)} if "steps" in recipe else {})}


def local_files(value: Any) -> list[str]:
    """Names of the files and folders whose path `portable` cut short, sorted."""
    if isinstance(value, str):
        reduced = _POSIX.fullmatch(value) or _WINDOWS.fullmatch(value)
        return [portable_text(value)] if reduced else []
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return sorted({name for part in parts for name in local_files(part)})
