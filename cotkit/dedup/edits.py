"""How one text was edited into another: which words were replaced, which names and letters only renamed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from cotkit.dedup.facts import Facts, is_letter
from cotkit.dedup.normal import is_number
from cotkit.dedup.signature import is_formula
from cotkit.dedup.vocabulary import QUALIFIERS, stem

# An edited copy keeps this share of the tokens in place, in so few pieces; a rewording moves and replaces all over.
_SIMILAR = 0.65
_BLOCKS = 4
# In a text of so few tokens one word weighs more.
_SHORT = 12
_SIMILAR_SHORT = 0.5
# A piece of a formula put in or replaced is no longer than this.
_PATCH = 3
# A remark is longer than this; a condition put in, or another word in its place, is not.
_CONDITION = 5
_LAYOUT = frozenset("()[]{}*_")
# Words that begin alike (division, divided) are forms of one word.
_ALIKE = 4
# Or it keeps the beginning and the end: so many tokens, and this share of the item.
_ENDS = 8
_ENDS_SHARE = 0.5
LONGER = 2.5
# Alignments cost the product of two lengths: 25 MB of bits here. Longer texts are told by what covers them.
_CELLS = 100_000_000


@dataclass(frozen=True, slots=True)
class Edits:
    """The difference of a candidate and an item.

    Attributes:
        similarity: 1 - token edit distance / longer length, letters and names renamed back; 0 where the candidate
            is too long to be an edited copy, or both are too long to be aligned.
        edited: it looks like an edited copy, not like a rewording.
        renamed: letters and names were replaced one for one.
        swapped: letters changed places or fell together: not a renaming.
        here, there: content words that only one of them has.
        numbers: numbers that stand in each other's place.
        patched: operators, letters or numbers put into a formula or replaced there, ours and theirs.
        qualified: words such as "not", "even", "least" that a short change inside a sentence put in or took out.
        inside: share of the item's tokens that stand in the candidate in their order.
        prefix: the candidate is the beginning of the item.
    """

    similarity: float
    edited: bool
    renamed: bool
    swapped: tuple[tuple[str, str], ...]
    here: Counter[str]
    there: Counter[str]
    numbers: tuple[tuple[str, str], ...]
    patched: tuple[str, ...]
    qualified: tuple[str, ...]
    inside: float
    prefix: bool


def edits(candidate: Facts, item: Facts) -> Edits:
    """Compare two texts token by token."""
    ours, theirs = candidate.normal.split(), item.normal.split()
    here, there = candidate.content - item.content, item.content - candidate.content
    if not ours or not theirs or len(ours) > LONGER * len(theirs) + 20 or len(ours) * len(theirs) > _CELLS:
        return Edits(0.0, False, False, (), here, there, (), (), (), 0.0, False)
    from rapidfuzz.distance import LCSseq, Levenshtein

    if LCSseq.similarity(ours, theirs) == len(theirs):
        names: dict[str, str] = {}
        swapped: tuple[tuple[str, str], ...] = ()
    else:
        # The same letters as often: none is renamed, though some may have changed places.
        same_letters = Counter(filter(is_letter, ours)) == Counter(filter(is_letter, theirs))
        names, swapped = _renaming(ours, theirs, candidate.names, item.names, not same_letters)
        if same_letters:
            swapped += tuple(_replaced(ours, theirs, Levenshtein.opcodes(ours, theirs), is_letter))
    back = [names.get(t, t) for t in ours] if not swapped else ours
    if names and not swapped:
        ours_only, theirs_only = {stem(a) for a in names}, {stem(b) for b in names.values()}
        here = Counter({word: count for word, count in here.items() if word not in ours_only})
        there = Counter({word: count for word, count in there.items() if word not in theirs_only})
    here, there = _unlike(here, there), _unlike(there, here)
    blocks = [op for op in Levenshtein.opcodes(back, theirs) if op.tag != "equal"]
    longer = max(len(back), len(theirs))
    changed = sum(max(op.src_end - op.src_start, op.dest_end - op.dest_start) for op in blocks)
    similarity = 1 - min(1.0, changed / longer)
    ends = _common(back, theirs) + _common(back[::-1], theirs[::-1])
    kept_ends = ends >= _ENDS and ends >= _ENDS_SHARE * len(theirs)
    return Edits(
        similarity,
        kept_ends or (similarity >= (_SIMILAR if longer > _SHORT else _SIMILAR_SHORT) and len(blocks) <= _BLOCKS),
        any(a != b for a, b in names.items()) and not swapped,
        swapped,
        here,
        there,
        tuple(_replaced(back, theirs, blocks, is_number)),
        tuple(_patches(back, theirs, blocks)),
        _qualified(back, theirs, blocks),
        LCSseq.similarity(back, theirs) / len(theirs),
        len(back) < len(theirs) and _common(back, theirs) >= len(back) - 1,
    )


def _unlike(words: Counter[str], others: Counter[str]) -> Counter[str]:
    beginnings = {other[:_ALIKE] for other in others if len(other) >= _ALIKE}
    return Counter({word: count for word, count in words.items() if word[:_ALIKE] not in beginnings})


def _replaced(
    ours: Sequence[str], theirs: Sequence[str], blocks: Iterable[Any], kind: Callable[[str], bool]
) -> Iterator[tuple[str, str]]:
    """Pairs of different tokens of one kind in replaced stretches of one length."""
    for op in blocks:
        if op.tag == "replace" and op.src_end - op.src_start == op.dest_end - op.dest_start:
            for a, b in zip(ours[op.src_start : op.src_end], theirs[op.dest_start : op.dest_end], strict=True):
                if kind(a) and kind(b) and a != b:
                    yield a, b


def _patches(ours: Sequence[str], theirs: Sequence[str], blocks: Sequence[Any]) -> Iterator[str]:
    """Formula tokens in short changed stretches beside a formula; brackets and a written-out `*` are no change."""
    for op in blocks:
        changed = [*ours[op.src_start : op.src_end], *theirs[op.dest_start : op.dest_end]]
        if len(changed) > 2 * _PATCH or not all(is_formula(t) for t in changed):
            continue
        changed = [t for t in changed if t not in _LAYOUT]
        around = [*ours[max(0, op.src_start - 1) : op.src_start], *ours[op.src_end : op.src_end + 1]]
        beside = sum(is_formula(t) for t in around)
        if beside == 2 or (beside and not all(is_letter(t) for t in changed)):
            yield from changed


def _qualified(ours: Sequence[str], theirs: Sequence[str], blocks: Sequence[Any]) -> tuple[str, ...]:
    """Qualifiers that short changes put in or took out, if they did not only move.

    What was put before or behind all is no change.
    """
    here: Counter[str] = Counter()
    there: Counter[str] = Counter()
    for start, end, there_start, there_end in _merged(blocks):
        around = (start == 0 and there_start == 0) or (end == len(ours) and there_end == len(theirs))
        if (around and there_start == there_end) or max(end - start, there_end - there_start) > _CONDITION:
            continue
        here += _qualifiers(ours[start:end])
        there += _qualifiers(theirs[there_start:there_end])
    all_here, all_there = _qualifiers(ours), _qualifiers(theirs)
    put_in = (here - there) & (all_here - all_there)
    taken_out = (there - here) & (all_there - all_here)
    return tuple(sorted((put_in + taken_out).elements()))


def _qualifiers(tokens: Sequence[str]) -> Counter[str]:
    return Counter(QUALIFIERS[token] for token in tokens if token in QUALIFIERS)


def _merged(blocks: Sequence[Any]) -> list[list[int]]:
    """Changed stretches; two with hardly a token between them are one."""
    merged: list[list[int]] = []
    for op in blocks:
        if merged and op.src_start - merged[-1][1] < _PATCH:
            merged[-1][1], merged[-1][3] = op.src_end, op.dest_end
        else:
            merged.append([op.src_start, op.src_end, op.dest_start, op.dest_end])
    return merged


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _renaming(
    ours: Sequence[str], theirs: Sequence[str], our_names: frozenset[str], their_names: frozenset[str], letters: bool
) -> tuple[dict[str, str], tuple[tuple[str, str], ...]]:
    """Our letter or name -> theirs, and the pairs that contradict it (or each other)."""
    from rapidfuzz.distance import Levenshtein

    masked = [_mask(t, our_names, letters) for t in ours], [_mask(t, their_names, letters) for t in theirs]
    pairs: Counter[tuple[str, str]] = Counter()
    for op in Levenshtein.opcodes(*masked):
        if op.tag == "equal" and op.src_end - op.src_start >= _PATCH:  # a letter between changes pairs by chance
            for a, b in zip(ours[op.src_start : op.src_end], theirs[op.dest_start : op.dest_end], strict=True):
                if _mask(a, our_names, letters) != a:
                    pairs[a, b] += 1
    names: dict[str, str] = {}
    taken: dict[str, str] = {}
    clash = []
    for (a, b), count in sorted(pairs.items(), key=lambda p: (-p[1], p[0])):
        if names.setdefault(a, b) != b or taken.setdefault(b, a) != a:
            clash += [(a, b)] * count
    total = sum(pairs.values())
    if clash and len(clash) > 0.2 * total:
        return {}, ()  # the alignment is too poor to tell
    return names, tuple(clash)


def _mask(token: str, names: frozenset[str], letters: bool) -> str:
    """Letters (if they are to be masked) are one kind of token, names another."""
    return "§" if letters and is_letter(token) else "¶" if token in names else token
