"""What `cotkit report` tells of reasoning: phrases by kind and language, and what reflection came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from cotkit.curate.reflection import reflected
from cotkit.verify.scorers import Attempt
from cotkit.verify.scorers.phrases import KINDS, LANGUAGES, count_phrases
from cotkit.verify.scorers.words import count_words

Table = list[dict[str, Any]]


def pattern_table(attempts: Sequence[Attempt]) -> Table:
    """A row for each kind and language: places, places a 1,000 words of all texts, and attempts that have any."""
    places: Counter[tuple[str, str]] = Counter()
    having: Counter[tuple[str, str]] = Counter()
    size = 0
    for attempt in attempts:
        size += count_words(attempt.text)
        found = count_phrases(attempt.text)
        places.update(found)
        having.update({key: 1 for key, n in found.items() if n})
    return [
        {
            "kind": kind,
            "language": language,
            "places": places[kind, language],
            "per_1000_words": round(1000 * places[kind, language] / size, 3) if size else 0.0,
            "attempts": having[kind, language],
        }
        for kind in KINDS
        for language in LANGUAGES
    ]


def reflection_table(attempts: Sequence[Attempt]) -> dict[str, Any]:
    """How often attempts with and without reflection are right, and what became of answers stated before one.

    The counts of `reflection` add up to all attempts, those of `transitions` with `no_candidate` and `unknown` to the
    attempts that reflect.
    """
    cells: Counter[tuple[str, str]] = Counter()
    moves: Counter[str] = Counter()
    kept = 0
    names = {True: "right", False: "wrong"}
    for attempt in attempts:
        found = reflected(attempt)
        cells["with" if found.count else "without", attempt.verdict] += 1
        if not found.count:
            continue
        kept += found.is_changed is False
        if found.candidate is None:
            moves["no_candidate"] += 1
        elif found.was_right is None or attempt.is_right is None:
            moves["unknown"] += 1
        else:
            moves[f"{names[found.was_right]}_{names[attempt.is_right]}"] += 1
    verdicts = ("correct", "incorrect", "undecided")
    return {
        "reflection": {side: {v: cells[side, v] for v in verdicts} for side in ("with", "without")},
        "transitions": {
            name: moves[name]
            for name in ("wrong_right", "right_right", "right_wrong", "wrong_wrong", "unknown", "no_candidate")
        },
        "answer_unchanged": kept,
    }
