"""Which benchmark items a judge should see: the few that a text may be a retelling of.

A retelling keeps neither words nor formulas, so the nearest items by meaning alone are the right ones for one in two.
What it does keep is the answer, and most of the numbers. Each candidate gets a score: the cosine, the share of
numbers in common (weighted by how rare they are in the benchmarks), and how rare an answer it shares. An item with
clearly another answer is out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from math import log2

from cotkit.dedup.facts import Facts, answer_key

# Chosen on the seen part of the exam (docs/dedup.md).
_NUMBERS = 0.5
_ANSWER = 0.06  # a bit
# Where an answer is missing, what a common one would say.
_UNKNOWN = 5.0
# A text with few numbers shares all of them easily (bits).
_FEW = 4.0
# Candidates that shared numbers bring.
_BY_NUMBERS = 30


class Plausible:
    """The items of the benchmarks by answer and by number."""

    def __init__(self, items: Sequence[Facts], answers: Sequence[str | None]) -> None:
        self.keys = [answer_key(answer) for answer in answers]
        self.by_answer: dict[object, list[int]] = {}
        for item, key in enumerate(self.keys):
            if key is not None:
                self.by_answer.setdefault(key, []).append(item)
        self.numbers = [_numbers(item) for item in items]
        self.by_number: dict[str, list[int]] = {}
        for item, numbers in enumerate(self.numbers):
            for number in numbers:
                self.by_number.setdefault(number, []).append(item)
        self.totals = [self._bits(numbers) for numbers in self.numbers]

    def find(
        self, text: Facts, answer: str | None, near: Iterable[int], cosine: Callable[[int], float]
    ) -> list[tuple[int, float]]:
        """(item, score), best first: those in `near`, with the same answer, and with most numbers in common.

        Args:
            near: the nearest items by meaning.
            cosine: of the text and an item.
        """
        key = answer_key(answer)
        own = _numbers(text)
        total = self._bits(own)
        gained: defaultdict[int, float] = defaultdict(float)
        for number in own:
            with_it = self.by_number.get(number, ())
            for item in with_it:
                gained[item] += log2(len(self.keys) / len(with_it))
        shares = {item: bits / (max(total, self.totals[item]) + _FEW) for item, bits in gained.items()}
        told = sorted(shares, key=lambda item: (-shares[item], item))[:_BY_NUMBERS]
        same = self.by_answer.get(key, ()) if key is not None else ()
        scores = {
            item: cosine(item) + _NUMBERS * shares.get(item, 0.0) + _ANSWER * self._answer_bits(key, item)
            for item in {*near, *told, *same}
            if not _apart(key, self.keys[item])
        }
        return sorted(scores.items(), key=lambda found: (-found[1], found[0]))

    def _bits(self, numbers: Iterable[str]) -> float:
        every = len(self.keys)
        return sum(log2(every / len(self.by_number.get(number, (0,)))) for number in numbers)

    def _answer_bits(self, key: object, item: int) -> float:
        there = self.keys[item]
        if key is None or there is None:
            return _UNKNOWN
        return log2(len(self.keys) / len(self.by_answer[key])) if key == there else 0.0


def _numbers(text: Facts) -> list[str]:
    """In order, so that sums of bits do not depend on the order of a set."""
    return sorted({*text.numbers, *text.soft})


def _apart(here: object, there: object) -> bool:
    """Both are values of one kind and differ; answers in words or formulas may be spelled in two ways."""
    if not isinstance(here, tuple) or not isinstance(there, tuple):
        return False
    return here[0] == there[0] and len(here) == len(there) and here != there
