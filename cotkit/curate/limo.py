"""LIMO's score of a trace (Ye et al. 2025, arXiv 2502.03387, version 3): long, and rich in words of careful reasoning.

The weights and the six words are as told there. How length and counts become comparable is not; that is our choice:
each part is a share of a full mark, at most 1, so that a trace has one score whatever it is compared with. Inflected
forms count. English only.
"""

from __future__ import annotations

import re

# Full marks, ours: LIMO trained with 16,384 tokens, about so many words; one keyword in a hundred words.
FULL_LENGTH = 10_000
FULL_DENSITY = 0.01
_LENGTH_WEIGHT = 0.30
_PARTS = (
    (0.20, re.compile(r"\b(?:check(?:s|ed|ing)?|verif(?:y|ies|ied|ying))\b", re.IGNORECASE)),
    (0.25, re.compile(r"\b(?:perhaps|might)\b", re.IGNORECASE)),
    (0.25, re.compile(r"\b(?:therefore|since)\b", re.IGNORECASE)),
)


def limo_score(text: str) -> float:
    """From 0 to 1: 30 % length, 20 % verification, 25 % tentative and 25 % connective words by the length."""
    words = len(text.split())
    if not words:
        return 0.0
    score = _LENGTH_WEIGHT * min(1.0, words / FULL_LENGTH)
    for weight, pattern in _PARTS:
        found = sum(1 for _ in pattern.finditer(text))
        score += weight * min(1.0, found / words / FULL_DENSITY)
    return round(score, 6)
