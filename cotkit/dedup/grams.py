"""Word n-grams of many texts at once, as arrays: which texts may hold which items, at 10^5 texts per CPU second.

A coarse sieve before the closer look. Tokens are runs of letters or digits in lower case; marks, single letters and
LaTeX commands that only set a formula fall away, so the LaTeX and the plain spelling of a text, and a text with
renamed variables, give one sequence.
A token is a 64-bit hash of its bytes (prefix sums of powers, modulo 2^64), an n-gram a hash of its tokens; a clash
of hashes costs a closer look and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from cotkit.dedup.symbols import COMMANDS, FRACTIONS, LAYOUT, WRAPPERS

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_BASE = 0x9E3779B97F4A7C15  # odd, so it has an inverse modulo 2^64
_STEP = 0xD6E8FEB86659FD93
# An item of fewer tokens is found by equality alone.
_SHORTEST = 3
_CHUNK = 1 << 22  # bytes of text in work at once
# Commands that stand for a mark or for nothing; \sin and its like stay words.
_DROPPED = sorted((set(COMMANDS) | FRACTIONS | LAYOUT | WRAPPERS | {"begin", "end", "sqrt", "pmod"}) - {"in", "to"})


@dataclass(frozen=True, slots=True)
class Tokens:
    """Token hashes of some texts, one text after the other.

    Attributes:
        hashes: uint64 (tokens,).
        starts: int64 (texts + 1,): text i has the tokens starts[i] to starts[i + 1].
    """

    hashes: Array
    starts: Array

    def owners(self) -> Array:
        """Text number of each token."""
        import numpy as np

        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))

    def grams(self, n: int) -> tuple[Array, Array, Array]:
        """Hash, text and position in its text of every n-gram."""
        import numpy as np

        count = len(self.hashes) - n + 1
        if count <= 0:
            empty = np.zeros(0, dtype=np.int64)
            return np.zeros(0, dtype=np.uint64), empty, empty
        rolled = np.zeros(count, dtype=np.uint64)
        for j in range(n):
            rolled *= np.uint64(_STEP)
            rolled += self.hashes[j : j + count]
        owner = self.owners()
        whole = owner[:count] == owner[n - 1 :]
        where = np.flatnonzero(whole)
        return rolled[where], owner[where], where - self.starts[owner[where]]


def tokenize(texts: Sequence[str]) -> Tokens:
    """Tokens of texts; memory is bounded by the texts and 8 bytes per token."""
    import numpy as np

    hashes, counts = [], []
    for some in _chunks(texts):
        own, per_text = _tokens(some)
        hashes.append(own)
        counts.append(per_text)
    lengths = np.concatenate(counts) if counts else np.zeros(0, dtype=np.int64)
    starts = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)])
    return Tokens(np.concatenate(hashes) if hashes else np.zeros(0, dtype=np.uint64), starts)


def _chunks(texts: Sequence[str]) -> Iterator[list[bytes]]:
    some: list[bytes] = []
    size = 0
    for text in texts:
        raw = text.lower().encode("utf-8", "replace")
        for piece in (raw,) if len(raw) < _CHUNK else (raw[:_CHUNK],):  # beyond 4 MB nobody reads
            if some and size + len(piece) + 1 > _CHUNK:
                yield some
                some, size = [], 0
            some.append(piece)
            size += len(piece) + 1
    if some:
        yield some


@cache
def _tables() -> tuple[Any, Any, Any]:
    """Class of each byte (0 separator, 1 letter, 2 digit), powers of the base and of its inverse."""
    import numpy as np

    classes = np.zeros(256, dtype=np.uint8)
    classes[ord("a") : ord("z") + 1] = 1
    classes[128:] = 1
    classes[ord("0") : ord("9") + 1] = 2
    powers = np.cumprod(np.full(_CHUNK + 2, _BASE, dtype=np.uint64))
    inverse = np.cumprod(np.full(_CHUNK + 2, pow(_BASE, -1, 1 << 64), dtype=np.uint64))
    return classes, powers, inverse


def _tokens(texts: list[bytes]) -> tuple[Array, Array]:
    import numpy as np

    classes, powers, inverse = _tables()
    raw = np.frombuffer(b"\0".join(texts) + b"\0", dtype=np.uint8)
    kind = classes[raw]
    edge = np.flatnonzero(np.diff(kind, prepend=np.uint8(0)))
    begin = edge[kind[edge] > 0]
    changes = np.append(edge, len(raw))
    end = changes[np.searchsorted(changes, begin, side="right")]
    sums = np.zeros(len(raw) + 1, dtype=np.uint64)
    np.cumsum(raw * powers[: len(raw)], out=sums[1:])
    hashes = _mixed((sums[end] - sums[begin]) * inverse[begin])
    single = (end - begin == 1) & (kind[begin] == 1)  # a variable, or an article
    keep = ~(single | np.isin(hashes, _dropped()))
    lengths = np.fromiter((len(t) + 1 for t in texts), dtype=np.int64, count=len(texts))
    owner = np.searchsorted(np.cumsum(lengths), begin[keep], side="right")
    return hashes[keep], np.bincount(owner, minlength=len(texts)).astype(np.int64)


def _mixed(values: Array) -> Array:
    import numpy as np

    values = values ^ (values >> np.uint64(29))
    return (values * np.uint64(_STEP)) ^ (values >> np.uint64(32))


@cache
def _dropped() -> Any:
    """Hashes of the commands that fall away."""
    import numpy as np

    powers, inverse = _tables()[1:]
    found = []
    for word in _DROPPED:
        raw = np.frombuffer(word.encode(), dtype=np.uint8)
        if word.isalpha():
            found.append(_mixed((raw * powers[: len(raw)]).sum(dtype=np.uint64) * inverse[:1])[0])
    return np.sort(np.array(found, dtype=np.uint64))


def sieve(items: Tokens, texts: Tokens, n: int, share: float, common: int) -> list[tuple[int, int]]:
    """Pairs (text, item) where shared n-grams may cover `share` of the item; a shorter item must be there whole.

    An n-gram in more than `common` items leads nowhere by itself.
    """
    import numpy as np

    lengths = np.diff(items.starts)
    found = [_long(items, texts, n, share, common, lengths)]
    for size in range(_SHORTEST, n):
        short = np.flatnonzero(lengths == size)
        if len(short):
            found.append(_whole(items, texts, size, short))
    found.append(_equal(items, texts))
    pairs = np.unique(np.concatenate(found), axis=0)
    return [(int(text), int(item)) for text, item in pairs]


def _long(items: Tokens, texts: Tokens, n: int, share: float, common: int, lengths: Array) -> Array:
    import numpy as np

    key, item, _ = items.grams(n)
    if not len(key):
        return np.zeros((0, 2), dtype=np.int64)
    order = np.lexsort((item, key))
    key, item = key[order], item[order]
    once = np.append(True, (key[1:] != key[:-1]) | (item[1:] != item[:-1]))
    key, item = key[once], item[once]
    hashes, first, count = np.unique(key, return_index=True, return_counts=True)
    rare = count <= common
    hashes, first, count = hashes[rare], first[rare], count[rare]
    gram, text, _ = texts.grams(n)
    place = np.searchsorted(hashes, gram)
    place[place == len(hashes)] = 0
    hit = np.flatnonzero(hashes[place] == gram) if len(hashes) else np.zeros(0, dtype=np.int64)
    place, text = place[hit], text[hit]
    spread = np.repeat(np.arange(len(hit)), count[place])
    offset = np.arange(len(spread)) - np.repeat(np.cumsum(count[place]) - count[place], count[place])
    pair = text[spread] * len(lengths) + item[first[place[spread]] + offset]
    pairs, shared = np.unique(pair, return_counts=True)
    text, item = pairs // len(lengths), pairs % len(lengths)
    good = shared + n - 1 >= share * lengths[item]
    return np.stack([text[good], item[good]], axis=1)


def _whole(items: Tokens, texts: Tokens, size: int, short: Array) -> Array:
    """Texts that hold all tokens of a short item in a row."""
    import numpy as np

    key, item, _ = items.grams(size)
    mine = np.isin(item, short)
    key, item = key[mine], item[mine]
    order = np.argsort(key, kind="stable")
    key, item = key[order], item[order]
    gram, text, _ = texts.grams(size)
    low, high = np.searchsorted(key, gram), np.searchsorted(key, gram, side="right")
    hit = np.flatnonzero(high > low)
    count = (high - low)[hit]
    spread = np.repeat(np.arange(len(hit)), count)
    offset = np.arange(len(spread)) - np.repeat(np.cumsum(count) - count, count)
    return np.stack([text[hit][spread], item[low[hit][spread] + offset]], axis=1)


def whole_hashes(texts: Tokens) -> Array:
    """One hash for each text, of all its tokens in order; 0 for a text without tokens."""
    import numpy as np

    position = np.arange(len(texts.hashes)) - texts.starts[texts.owners()]
    placed = _mixed(texts.hashes + position.astype(np.uint64) * np.uint64(_BASE))
    sums = np.zeros(len(placed) + 1, dtype=np.uint64)
    np.cumsum(placed, out=sums[1:])
    found: Array = sums[texts.starts[1:]] - sums[texts.starts[:-1]]
    return found


def _equal(items: Tokens, texts: Tokens) -> Array:
    """Texts whose tokens are those of an item."""
    import numpy as np

    key, gram = whole_hashes(items), whole_hashes(texts)
    order = np.argsort(key, kind="stable")
    low, high = np.searchsorted(key[order], gram), np.searchsorted(key[order], gram, side="right")
    count = high - low
    spread = np.repeat(np.arange(len(gram)), count)
    offset = np.arange(len(spread)) - np.repeat(np.cumsum(count) - count, count)
    return np.stack([spread, order[low[spread] + offset]], axis=1)


def documents_with(phrases: Sequence[str], texts: Tokens, n: int) -> list[int]:
    """In how many texts each phrase stands; 0 for a phrase that has not n tokens."""
    import numpy as np

    own = tokenize(phrases)
    key, phrase, _ = own.grams(n)
    fits = np.diff(own.starts)[phrase] == n
    key, phrase = key[fits], phrase[fits]
    gram, text, _ = texts.grams(n)
    wanted = np.unique(key)
    hit = np.isin(gram, wanted)
    both = np.unique(np.stack([gram[hit], text[hit].astype(np.uint64)], axis=1), axis=0)
    hashes, count = np.unique(both[:, 0], return_counts=True)
    found = [0] * len(phrases)
    if len(hashes):
        place = np.clip(np.searchsorted(hashes, key), 0, len(hashes) - 1)
        for number, at, same in zip(phrase.tolist(), place.tolist(), (hashes[place] == key).tolist(), strict=True):
            found[number] = int(count[at]) if same else 0
    return found


def contained(texts: Tokens, n: int, few: int) -> list[tuple[int, int]]:
    """Pairs (longer, shorter) of texts where the first n tokens of the shorter one stand in the longer one.

    Beginnings that more than `few` texts have are passed over; texts of fewer than n tokens are not looked for.
    """
    import numpy as np

    gram, text, position = texts.grams(n)
    heads = position == 0
    order = np.argsort(gram[heads], kind="stable")
    key, owner = gram[heads][order], text[heads][order]
    low, high = np.searchsorted(key, gram), np.searchsorted(key, gram, side="right")
    count = high - low
    wanted = np.unique(key)
    places: Any = (
        np.bincount(np.searchsorted(wanted, gram[np.isin(gram, wanted)]), minlength=len(wanted)) if len(wanted) else []
    )
    rare = wanted[np.asarray(places) <= few] if len(wanted) else wanted
    hit = np.flatnonzero((count > 0) & np.isin(gram, rare))
    spread = np.repeat(hit, count[hit])
    offset = np.arange(len(spread)) - np.repeat(np.cumsum(count[hit]) - count[hit], count[hit])
    longer, shorter = text[spread], owner[low[spread] + offset]
    lengths = np.diff(texts.starts)
    good = (longer != shorter) & (lengths[longer] > lengths[shorter])
    pairs = np.unique(np.stack([longer[good], shorter[good]], axis=1), axis=0)
    return [(int(a), int(b)) for a, b in pairs]
