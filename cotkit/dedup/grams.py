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
_CHUNK = 1 << 22  # bytes of text, or tokens, in work at once
_BITS = 20  # of a hash, for a first look-up in a table that fits the cache of a core
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

    def rolled(self, n: int) -> Array:
        """Hash of the n tokens from each token on, across the ends of texts too."""
        return _rolled(self.hashes, n)

    def grams(self, n: int) -> tuple[Array, Array, Array]:
        """Hash, text and position in its text of every n-gram."""
        import numpy as np

        rolled, owner = self.rolled(n), self.owners()
        where = np.flatnonzero(owner[: len(rolled)] == owner[n - 1 :][: len(rolled)])
        return rolled[where], owner[where], where - self.starts[owner[where]]

    def having(self, wanted: Array, n: int) -> tuple[Array, Array]:
        """For every n-gram that is in `wanted`, sorted hashes: its place there, and its text."""
        import numpy as np

        places, at = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
        for start in range(0, len(self.hashes) - n + 1, _CHUNK):
            rolled = _rolled(self.hashes[start : start + _CHUNK + n - 1], n)
            where = _among(rolled, wanted)
            places.append(np.searchsorted(wanted, rolled[where]))
            at.append(where + start)
        place, where = np.concatenate(places), np.concatenate(at)
        text = np.searchsorted(self.starts, where, side="right") - 1
        whole = where + n <= self.starts[text + 1]
        return place[whole], text[whole]


def _rolled(hashes: Array, n: int) -> Array:
    import numpy as np

    count = max(0, len(hashes) - n + 1)
    rolled = np.zeros(count, dtype=np.uint64)
    for j in range(n):
        rolled *= np.uint64(_STEP)
        rolled += hashes[j : j + count]
    return rolled


def _among(hashes: Array, wanted: Array) -> Array:
    """Positions of the hashes that are in `wanted` (sorted): nearly all others are ruled out by their first bits."""
    import numpy as np

    marked = np.zeros(1 << _BITS, dtype=bool)
    marked[wanted >> np.uint64(64 - _BITS)] = True
    maybe = np.flatnonzero(marked[hashes >> np.uint64(64 - _BITS)])
    place = np.minimum(np.searchsorted(wanted, hashes[maybe]), max(0, len(wanted) - 1))
    found: Array = maybe[wanted[place] == hashes[maybe]]
    return found


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
    edge = np.append(np.flatnonzero(np.diff(kind, prepend=np.uint8(0))), len(raw))
    run = np.flatnonzero(kind[edge[:-1]])
    begin, end = edge[run], edge[run + 1]
    sums = np.zeros(len(raw) + 1, dtype=np.uint64)
    np.cumsum(raw * powers[: len(raw)], out=sums[1:])
    hashes = _mixed((sums[end] - sums[begin]) * inverse[begin])
    keep = (end - begin > 1) | (kind[begin] == 2)  # a single letter is a variable, or an article
    keep[_among(hashes, _dropped())] = False
    ends = np.cumsum([len(text) + 1 for text in texts])
    return hashes[keep], np.diff(np.searchsorted(begin[keep], ends), prepend=0)


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
    both = np.unique(np.stack([key, item.astype(np.uint64)], axis=1), axis=0)
    hashes, first, count = np.unique(both[:, 0], return_index=True, return_counts=True)
    item = both[:, 1].astype(np.int64)
    rare = count <= common
    hashes, first, count = hashes[rare], first[rare], count[rare]
    place, text = texts.having(hashes, n)
    once = np.unique(text * len(hashes) + place)  # a phrase said again covers no more of an item
    text, place = (once // len(hashes), once % len(hashes)) if len(once) else (text, place)
    owner, at = _spread(first[place], count[place])
    pairs, shared = np.unique(text[owner] * len(lengths) + item[at], return_counts=True)
    text, item = pairs // len(lengths), pairs % len(lengths)
    again = np.maximum(0, lengths - n + 1) - np.bincount(both[:, 1].astype(np.int64), minlength=len(lengths))
    good = shared + again[item] + n - 1 >= share * lengths[item]
    return np.stack([text[good], item[good]], axis=1)


def _spread(low: Array, count: Array) -> tuple[Array, Array]:
    """Numbers low[i] to low[i] + count[i], each with its i: (i, number)."""
    import numpy as np

    owner = np.repeat(np.arange(len(count)), count)
    return owner, low[owner] + np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)


def _whole(items: Tokens, texts: Tokens, size: int, short: Array) -> Array:
    """Texts that hold all tokens of a short item in a row."""
    import numpy as np

    key, item, _ = items.grams(size)
    mine = np.isin(item, short)
    order = np.argsort(key[mine], kind="stable")
    item = item[mine][order]
    wanted, low, count = np.unique(key[mine][order], return_index=True, return_counts=True)
    place, text = texts.having(wanted, size)
    owner, at = _spread(low[place], count[place])
    return np.stack([text[owner], item[at]], axis=1)


def whole_hashes(texts: Tokens) -> Array:
    """One hash for each text, of all its tokens in order; 0 for a text without tokens."""
    import numpy as np

    found = np.zeros(len(texts.starts) - 1, dtype=np.uint64)
    for first, last in _runs(texts.starts):
        own = Tokens(
            texts.hashes[texts.starts[first] : texts.starts[last]], texts.starts[first : last + 1] - texts.starts[first]
        )
        position = np.arange(len(own.hashes)) - own.starts[own.owners()]
        placed = _mixed(own.hashes + position.astype(np.uint64) * np.uint64(_BASE))
        sums = np.zeros(len(placed) + 1, dtype=np.uint64)
        np.cumsum(placed, out=sums[1:])
        found[first:last] = sums[own.starts[1:]] - sums[own.starts[:-1]]
    return found


def _runs(starts: Array) -> Iterator[tuple[int, int]]:
    """Texts in a row, first and last plus one, of about _CHUNK tokens together."""
    import numpy as np

    first = 0
    while first < len(starts) - 1:
        last = max(first + 1, int(np.searchsorted(starts, starts[first] + _CHUNK, side="right")) - 1)
        yield first, last
        first = last


def _equal(items: Tokens, texts: Tokens) -> Array:
    """Texts whose tokens are those of an item."""
    import numpy as np

    key, gram = whole_hashes(items), whole_hashes(texts)
    order = np.argsort(key, kind="stable")
    low, high = np.searchsorted(key[order], gram), np.searchsorted(key[order], gram, side="right")
    text, at = _spread(low, high - low)
    return np.stack([text, order[at]], axis=1)


def documents_with(phrases: Sequence[str], texts: Tokens, n: int) -> list[int]:
    """In how many texts each phrase stands; 0 for a phrase that has not n tokens."""
    import numpy as np

    own = tokenize(phrases)
    key, phrase, _ = own.grams(n)
    fits = np.diff(own.starts)[phrase] == n
    key, phrase = key[fits], phrase[fits]
    wanted = np.unique(key)
    place, text = texts.having(wanted, n)
    count = np.bincount(np.unique(np.stack([place, text], axis=1), axis=0)[:, 0], minlength=len(wanted))
    found = [0] * len(phrases)
    for number, at in zip(phrase.tolist(), np.searchsorted(wanted, key).tolist(), strict=True):
        found[number] = int(count[at])
    return found


def contained(texts: Tokens, n: int, few: int) -> list[tuple[int, int]]:
    """Pairs (longer, shorter) of texts where the first n tokens of the shorter one stand in the longer one.

    Beginnings that more than `few` texts have are passed over; texts of fewer than n tokens are not looked for.
    """
    import numpy as np

    lengths = np.diff(texts.starts)
    long = np.flatnonzero(lengths >= n)
    heads = texts.rolled(n)[texts.starts[long]]
    wanted, head_of = np.unique(heads, return_inverse=True)
    order = np.argsort(head_of, kind="stable")
    place, text = texts.having(wanted, n)
    few_have = np.bincount(place, minlength=len(wanted)) <= few
    rare = few_have[place]
    place, text = place[rare], text[rare]
    low, high = (np.searchsorted(head_of[order], place, side=side) for side in ("left", "right"))
    which, at = _spread(low, high - low)
    longer, shorter = text[which], long[order[at]]
    good = (longer != shorter) & (lengths[longer] > lengths[shorter])
    pairs = np.unique(np.stack([longer[good], shorter[good]], axis=1), axis=0)
    return [(int(a), int(b)) for a, b in pairs]
