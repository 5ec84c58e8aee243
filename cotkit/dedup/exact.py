"""Equality after normalisation: the cheapest method, and the one that needs no second look."""

from __future__ import annotations

from collections.abc import Iterable

from cotkit.dedup.normal import normal_form


def match_key(text: str) -> str:
    """Equal for texts that differ in layout only.

    The text itself where nothing is left of it (only punctuation): such texts are not all the same.
    """
    return normal_form(text) or text.strip()


def groups(keys: Iterable[str]) -> dict[str, list[int]]:
    """Key -> positions that have it, in order."""
    found: dict[str, list[int]] = {}
    for position, key in enumerate(keys):
        found.setdefault(key, []).append(position)
    return found
