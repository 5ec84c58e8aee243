"""Traces that change their language."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import cache
from typing import Any, ClassVar, Literal

from pydantic import Field

from cotkit.curate.prose import words_of
from cotkit.curate.trace_filters import TraceFilter, parts
from cotkit.records import Problem, Trace

_WORD = re.compile(r"[^\W\d_]+")
# Scripts of one language count as one; Greek letters are names of quantities.
_SCRIPTS = {
    "LATIN": "Latin",
    "CJK": "Han",
    "HIRAGANA": "Kana",
    "KATAKANA": "Kana",
    "HANGUL": "Hangul",
    "CYRILLIC": "Cyrillic",
    "ARABIC": "Arabic",
    "HEBREW": "Hebrew",
    "DEVANAGARI": "Devanagari",
    "BENGALI": "Bengali",
    "TAMIL": "Tamil",
    "TELUGU": "Telugu",
    "THAI": "Thai",
    "GEORGIAN": "Georgian",
    "ARMENIAN": "Armenian",
}


class LanguageMix(TraceFilter):
    """Drop a trace whose words are in more than one script: DeepSeek-R1's filter on mixed languages.

    Formulas, code and LaTeX do not count, nor do Latin names of one or two letters. R1's paper gives no threshold
    (arXiv 2501.12948, 2.3.3); the share is ours. Mixes within one script (English and Spanish) are not found.
    """

    name: Literal["language_mix"] = "language_mix"
    min_share: float = Field(0.9, gt=0.5, le=1, description="Share that the main script must have.")
    min_foreign: int = Field(8, ge=1, description="So many characters or words in other scripts are let pass anyhow.")

    reason: ClassVar[str] = "language_mix"

    def reject(self, trace: Trace, problem: Problem) -> dict[str, Any] | None:
        weights: Counter[str] = Counter()
        first: dict[str, str] = {}
        for _, text in parts(trace):
            for match in _WORD.finditer(words_of(text)):
                for script, weight in scripts(match[0]).items():
                    weights[script] += weight
                    first.setdefault(script, match[0][:20])
        if "Kana" in weights:  # Japanese is written in both
            weights["Kana"] += weights.pop("Han", 0)
        total = weights.total()
        main = max(weights, key=lambda script: (weights[script], script), default="")
        foreign = total - weights[main]
        if foreign < self.min_foreign or weights[main] >= self.min_share * total:
            return None
        shares = {script: round(weight / total, 3) for script, weight in weights.most_common(4)}
        return {"shares": shares, "first": {script: first[script] for script in shares if script in first}}


def scripts(word: str) -> dict[str, int]:
    """How much a word says in each script: 1 for a word of letters, 1 for each two Chinese characters, rounded up."""
    if word.isascii():
        return {"Latin": 1} if len(word) > 2 else {}
    counts = Counter(script for script in map(script_of, word) if script)
    return {script: -(-n // 2) if script in ("Han", "Kana") else 1 for script, n in counts.items()}


@cache
def script_of(character: str) -> str:
    return _SCRIPTS.get(unicodedata.name(character, "").split(" ", 1)[0], "")
