"""How often a text checks, turns back, tries another way or sets itself a part of the task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from cotkit.verify.scorers import Attempt, Scored, Scorer
from cotkit.verify.scorers.phrases import KINDS, LANGUAGES, count_phrases
from cotkit.verify.scorers.words import count_words


class Patterns(Scorer):
    """`patterns_verify`, `patterns_backtrack`, `patterns_alternative` and `patterns_subgoal`: phrases of each kind,
    English and Chinese, a 1,000 words of reasoning and response (a Chinese character is a word).

    They describe; they are no mark of quality: accuracy rises in training without them (Yeo et al. 2025, arXiv
    2502.03373), and much reflection changes nothing (sail-sg/oat-zero).
    """

    by: Literal["patterns"] = "patterns"

    def names(self) -> tuple[str, ...]:
        return tuple(f"patterns_{kind}" for kind in KINDS)

    def score(self, group: Sequence[Attempt]) -> list[Scored]:
        return [self._one(attempt.text) for attempt in group]

    def _one(self, text: str) -> Scored:
        size = count_words(text)
        if not size:
            return Scored(why="no_text")
        found = count_phrases(text)
        return Scored(
            {f"patterns_{kind}": 1000 * sum(found[kind, lang] for lang in LANGUAGES) / size for kind in KINDS}
        )
