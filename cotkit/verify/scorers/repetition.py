"""How much of a text came before."""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from cotkit.verify.scorers import Attempt, Scored, Scorer
from cotkit.verify.scorers.words import words


class Repetition(Scorer):
    """`repetition`, the share of n-grams of words that came before; `repetition_reward`, minus so much of `penalty`;
    and `compressed`, what zlib leaves of the text (1 is all of it, a loop is near 0).

    1 - different / all, with n = 40, is what Demystifying Long CoT punishes with 0.05 a token (Yeo et al. 2025, arXiv
    2502.03373, section 4.5). A text of fewer than n words repeats nothing. To drop loops, take the trace filter `loop`.
    """

    by: Literal["repetition"] = "repetition"
    ngram: int = Field(40, ge=1, le=500, description="Words of an n-gram; a Chinese character is a word.")
    penalty: float = Field(0.05, ge=0, description="What a text that only repeats itself would lose as a reward.")

    reward: ClassVar[str] = "repetition_reward"

    def names(self) -> tuple[str, ...]:
        return "repetition", "repetition_reward", "compressed"

    def score(self, group: Sequence[Attempt]) -> list[Scored]:
        return [self._one(attempt.text) for attempt in group]

    def _one(self, text: str) -> Scored:
        share = repetition(words(text), self.ngram)
        values = {"repetition": share, "repetition_reward": -self.penalty * share if share else 0.0}
        raw = text.encode("utf-8", "replace")
        return Scored({**values, "compressed": min(1.0, len(zlib.compress(raw)) / len(raw))} if raw else values)


def repetition(tokens: Sequence[str], n: int) -> float:
    """1 - different / all n-grams; 0 where there are fewer than n tokens."""
    total = len(tokens) - n + 1
    if total < 1:
        return 0.0
    numbers: dict[str, int] = {}
    packed = array("I", (numbers.setdefault(token, len(numbers)) for token in tokens))
    bytes_, size = packed.tobytes(), packed.itemsize
    # Hashes, not the n-grams themselves: a long text has megabytes of them.
    return 1 - len({hash(bytes_[at * size : (at + n) * size]) for at in range(total)}) / total
