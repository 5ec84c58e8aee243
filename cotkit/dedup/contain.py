"""Benchmark items inside longer texts: the share of an item that shared word n-grams cover.

Coverage, not "any shared n-gram": one shared 8-gram is mostly boilerplate ("where m and n are relatively
prime positive integers"). Phrases that many problems share count less, learned from the tables at hand.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from cotkit.dedup.grams import Tokens, documents_with
from cotkit.dedup.normal import is_word, without_figures, words
from cotkit.dedup.signature import numbers_bits, pieces_bits, signature

# A phrase of this many tokens in more problems than _COMMON loses weight in proportion: it belongs to the
# collection ("express your answer as a common fraction"), not to the item.
_PHRASE = 4
_COMMON = 5
# An item shorter than this many tokens is found by equality only.
_SHORTEST = 3
# A short item ends a sentence by chance if it holds fewer bits of numbers and formulas than this.
_TELLING = 4.0
# The matched part may be this much longer than the item: words put in between.
_STRETCH = 1.25
_SENTENCE_END = re.compile(r"(?<=[.?!:])\s+|\n+")

Gram = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """An item found in a text.

    Attributes:
        item: its number in the index.
        coverage: weighted share of its tokens that are covered.
        start, end: tokens of the text where it lies, with what may belong to it on both sides.
    """

    item: int
    coverage: float
    start: int
    end: int


@dataclass(frozen=True)
class Index:
    """N-grams of benchmark items. Use build_index.

    Attributes:
        grams: n-gram -> item -> its places there. A phrase that both sides repeat costs the sum of its places,
            not the product.
    """

    n: int
    items: Sequence[Sequence[str]]
    grams: dict[Gram, dict[int, list[int]]]
    short: dict[Gram, list[int]]
    phrases: Counter[Gram]
    telling: Sequence[bool]

    def weights(self, texts: Tokens) -> list[list[float]]:
        """Weight of each token of each item; `texts` tell how common its phrases are.

        A token weighs as little as the most common phrase that it stands in.
        """
        phrases = sorted(self.phrases)
        joined = [" ".join(phrase) for phrase in phrases]
        counts = zip(*(documents_with(joined, texts, n) for n in (_PHRASE - 1, _PHRASE)), strict=True)
        documents = dict(zip(phrases, map(max, counts), strict=True))
        found = [[1.0] * len(tokens) for tokens in self.items]
        for tokens, row in zip(self.items, found, strict=True):
            for i in range(len(tokens) - _PHRASE + 1):
                phrase = tuple(tokens[i : i + _PHRASE])
                weight = min(1.0, _COMMON / (documents[phrase] + self.phrases[phrase]))
                row[i : i + _PHRASE] = [min(w, weight) for w in row[i : i + _PHRASE]]
        return found

    def find(
        self, tokens: Sequence[str], text: Callable[[], str], coverage: float, weights: Sequence[Sequence[float]]
    ) -> list[Match]:
        """Items covered to at least `coverage`, by number. `text` gives the text behind `tokens`."""
        hits: dict[int, list[tuple[int, Gram]]] = {}
        for position in range(len(tokens) - self.n + 1):
            gram = tuple(tokens[position : position + self.n])
            for item in self.grams.get(gram, ()):
                hits.setdefault(item, []).append((position, gram))
        found = [
            match
            for item, where in hits.items()
            if (match := self._covered(item, where, weights[item])).coverage >= coverage
        ]
        found.extend(self._whole(tokens, text))
        return sorted(found, key=lambda m: m.item)

    def _covered(self, item: int, where: list[tuple[int, Gram]], weights: Sequence[float]) -> Match:
        """The stretch of the text, about as long as the item, that covers most of it."""
        size, n = len(self.items[item]), self.n
        reach = int(_STRETCH * size) + 1 - n
        positions = [position for position, _ in where]
        best = max(range(len(where)), key=lambda i: (bisect_right(positions, positions[i] + reach) - i, -i))
        inside = where[best : bisect_right(positions, positions[best] + reach)]
        offsets = [offset for gram in {gram for _, gram in inside} for offset in self.grams[gram][item]]
        covered = {t for offset in offsets for t in range(offset, offset + n)}
        share = sum(weights[t] for t in sorted(covered)) / sum(weights)
        margin = int((_STRETCH - 1) * size)
        before = min(offsets)
        behind = size - n - max(offsets)
        start = max(0, inside[0][0] - before - margin * (before > 0))
        return Match(item, round(share, 5), start, inside[-1][0] + n + behind + margin * (behind > 0))

    def _whole(self, tokens: Sequence[str], text: Callable[[], str]) -> Iterator[Match]:
        """Short items that stand in the text as whole sentences, or end one and say enough."""
        sentences: set[str] | None = None
        if not self.short:
            return
        seen: set[int] = set()
        for position in range(len(tokens) - _SHORTEST + 1):
            for item in self.short.get(tuple(tokens[position : position + _SHORTEST]), ()):
                wanted = self.items[item]
                if item in seen or list(tokens[position : position + len(wanted)]) != list(wanted):
                    continue
                sentences = _sentences(text()) if sentences is None else sentences
                joined = " ".join(wanted)
                if joined in sentences or (
                    self.telling[item] and any(sentence.endswith(f" {joined}") for sentence in sentences)
                ):
                    seen.add(item)
                    yield Match(item, 1.0, position, position + len(wanted))


def build_index(items: Sequence[str], n: int) -> Index:
    """Index the texts of benchmark items by their word n-grams."""
    tokens = [words(text) for text in items]
    phrases: Counter[Gram] = Counter()
    grams: dict[Gram, dict[int, list[int]]] = {}
    short: dict[Gram, list[int]] = {}
    for item, item_tokens in enumerate(tokens):
        phrases.update({tuple(item_tokens[i : i + _PHRASE]) for i in range(len(item_tokens) - _PHRASE + 1)})
        for offset in range(len(item_tokens) - n + 1):
            grams.setdefault(tuple(item_tokens[offset : offset + n]), {}).setdefault(item, []).append(offset)
        if _SHORTEST <= len(item_tokens) < n:
            short.setdefault(tuple(item_tokens[:_SHORTEST]), []).append(item)
    telling = [_tells(own) for own in tokens]
    return Index(n, tokens, grams, short, phrases, telling)


def _tells(tokens: Sequence[str]) -> bool:
    """It starts with a word (a formula may go on to the left) and has numbers or a formula of its own."""
    own = signature(tokens)
    return bool(tokens) and is_word(tokens[0]) and numbers_bits(own.numbers) + pieces_bits(own.pieces) >= _TELLING


def _sentences(text: str) -> set[str]:
    """Each sentence of a text, and each two in a row, as joined tokens."""
    parts = [" ".join(words(part)) for part in _SENTENCE_END.split(without_figures(text))]
    parts = [part for part in parts if part]
    return {*parts, *(f"{a} {b}" for a, b in pairwise(parts))}
