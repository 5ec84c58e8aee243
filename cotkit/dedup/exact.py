"""Equality after normalisation: the cheapest method, and the one that needs no second look."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Hashable, Iterable
from typing import TypeVar

from cotkit.dedup.normal import normal_form
from cotkit.dedup.symbols import CHARACTERS, SKIPPED

Key = TypeVar("Key", bound=Hashable)

_CHARACTERS = str.maketrans(CHARACTERS)
_DROPPED = re.compile(rf"\\(?:{'|'.join(sorted(SKIPPED))})", re.IGNORECASE)


def match_key(text: str) -> str:
    """Equal for texts that differ in layout only.

    The text itself where nothing is left of it (only punctuation): such texts are not all the same.
    """
    return normal_form(text) or text.strip()


def may_match(here: str, there: str) -> bool:
    """False if the match keys differ for sure: a normal form has the digits of its text, unless a command drops some.

    Costs far less than the keys, and settles most problems of one template.
    """
    return _digits(here) == _digits(there) or bool(_DROPPED.search(here) or _DROPPED.search(there))


def _digits(text: str) -> list[str]:
    return sorted(filter(str.isdigit, unicodedata.normalize("NFKC", text.translate(_CHARACTERS))))


def groups(keys: Iterable[Key]) -> dict[Key, list[int]]:
    """Key -> positions that have it, in order."""
    found: dict[Key, list[int]] = {}
    for position, key in enumerate(keys):
        found.setdefault(key, []).append(position)
    return found
