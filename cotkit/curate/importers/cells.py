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


def some(row: Mapping[str, Any], column: str) -> list[Any]:
    """A list as `items` gives it, but Unreadable for a cell that holds something else."""
    found = items(row, column)
    if not found and row.get(column) not in (None, [], "", "[]"):
        raise Unreadable(f"the column '{column}' holds no list")
    return found


def item(values: list[Any], index: int) -> Any:
    return values[index] if index < len(values) else None


def turns(row: Mapping[str, Any], column: str, role: str = "role", content: str = "content") -> list[dict[str, str]]:
    """Chat turns as {role, content, …}, roles in lower case. Raises Unreadable."""
    found = items(row, column)
    if not found or not all(isinstance(t, dict) for t in found):
        raise Unreadable(f"the column '{column}' holds no chat turns")
    return [{**t, "role": _role(t, column, role), "content": _content(t, column, content)} for t in found]


def _role(turn: Mapping[str, Any], column: str, role: str) -> str:
    if not isinstance(turn.get(role), str):
        raise Unreadable(f"a turn of '{column}' names nobody under '{role}'")
    if turn.get("tool_calls"):
        raise Unreadable(f"a turn of '{column}' calls tools")
    return str(turn[role]).lower()


def _content(turn: Mapping[str, Any], column: str, content: str) -> str:
    """A text, or the parts of OpenAI's list form if all of them are texts."""
    value = turn.get(content)
    parts = value if isinstance(value, list) else [value]
    said = [part.get("text") if isinstance(part, dict) and part.get("type") == "text" else part for part in parts]
    texts = [text for text in said if isinstance(text, str)]
    if len(texts) < len(said):
        raise Unreadable(f"a turn of '{column}' has no text, or not only text, under '{content}'")
    return "\n".join(texts).encode("utf-8", "replace").decode()
