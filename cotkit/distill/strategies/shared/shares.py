"""The most rows of one kind among the rest, and which ones go that are too many."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence


def above_share(names: Sequence[str], others: int, share: float) -> tuple[int, Sequence[str]]:
    """How many of `names` stay, so that they are at most `share` of them and the others together; and who goes.

    Who goes depends on the names alone, so a run that is done again drops the same.
    """
    # n / (others + n) <= share, and 0.2 * 4 / 0.8 is 1
    most = len(names) if share == 1 else min(len(names), int(share * others / (1 - share) + 1e-9))
    return most, sorted(names, key=lambda name: hashlib.sha256(name.encode()).hexdigest())[most:]
