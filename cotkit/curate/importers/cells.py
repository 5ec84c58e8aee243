"""Cells of published rows, taken with care: they are strangers' text, and CSV and JSON lines have other types."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from cotkit.curate.importers import Unreadable


def text(row: Mapping[str, Any], column: str) -> str:
    """A text that must be there. Raises Unreadable."""
    value = optional(row, column)
    if value is None:
        raise Unreadable(f"the column '{column}' holds no text")
    return value


def optional(row: Mapping[str, Any], column: str) -> str | None:
    """A text that is not empty, or None. A lone surrogate cannot be written as UTF-8."""
    value = row.get(column)
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) and value else None


def items(row: Mapping[str, Any], column: str) -> list[Any]:
    """A list; JSON where a CSV cell holds one; empty where there is none."""
    value = row.get(column)
    if isinstance(value, str) and value.startswith("["):
        with suppress(ValueError, RecursionError):
            value = json.loads(value)
    return value if isinstance(value, list) else []


def item(values: list[Any], index: int) -> Any:
    return values[index] if index < len(values) else None


def turns(row: Mapping[str, Any], column: str, role: str = "role", content: str = "content") -> list[dict[str, str]]:
    """Chat turns as {role, content, …}, roles in lower case. Raises Unreadable."""
    found = items(row, column)
    if not found or not all(isinstance(t, dict) for t in found):
        raise Unreadable(f"the column '{column}' holds no chat turns")
    for turn in found:
        if not isinstance(turn.get(role), str) or not isinstance(turn.get(content), str):
            raise Unreadable(f"a turn of '{column}' has no text under '{role}' and '{content}'")
    return [{**t, "role": t[role].lower(), "content": t[content].encode("utf-8", "replace").decode()} for t in found]
