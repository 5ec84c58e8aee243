"""Sentences and lines that belong to a benchmark as a whole: an instruction, a heading, a limit of time.

They are learned: what stands in half of the items of one benchmark tells nothing about any of them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence

from cotkit.dedup.facts import ASKED, NUMBER_WORDS, SOFT_WORDS
from cotkit.dedup.vocabulary import QUALIFIERS, STATES

# A benchmark of fewer items teaches nothing.
_ITEMS = 8
_SHARE = 0.5
# A line of so few words is the same with another number in it ("Time limit: 2000 ms").
_SHORT_LINE = 6
_END = re.compile(r"(?:(?<=[.?!:])|(?<=[.?!:][$)\"']))\s+|\n+")
_NUMBER = re.compile(r"\d+")
_LETTERS = re.compile(r"[^\W\d_]+")
_TELLING = STATES | ASKED.keys() | QUALIFIERS.keys() | NUMBER_WORDS.keys() | SOFT_WORDS.keys()
_KEPT = 0.8  # what is left of an item without its edges
_SAYS = re.compile(r"[\d$\\?=<>^]|\b[b-zB-HJ-Z]\b")


def shared_lines(texts: Sequence[str]) -> frozenset[str]:
    """Keys of the sentences and lines that half of the items of a benchmark have.

    None where most items would lose half of their text: such a benchmark is one template, not problems in a wrapper.
    """
    if len(texts) < _ITEMS:
        return frozenset()
    counts = Counter(key for text in texts for key in {_key(part) for part in sentences(text)})
    shared = frozenset(key for key, count in counts.items() if count >= _SHARE * len(texts))
    halved = sum(2 * len(without_lines(text, shared)) < len(text.strip()) for text in texts) if shared else 0
    return shared if halved <= _SHARE * len(texts) else frozenset()


def without_lines(text: str, shared: Collection[str]) -> str:
    """The text without its shared sentences and lines; itself, if it has nothing else."""
    if not shared:
        return text
    parts = sentences(text)
    own = [rest for part in parts if (rest := _own(part, shared))]
    return "\n".join(own) if own and own != parts else text


def without_edges(text: str, other: str) -> str:
    """The text without its first and last sentences that say nothing of the problem and that `other` does not have."""
    parts = sentences(text)
    keys = {_key(part) for part in sentences(other)}
    first, last = 0, len(parts)
    while first < last and _empty(parts[first]) and _key(parts[first]) not in keys:
        first += 1
    while first < last and _empty(parts[last - 1]) and _key(parts[last - 1]) not in keys:
        last -= 1
    rest = "\n".join(parts[first:last])
    return rest if len(rest) >= _KEPT * len(text.strip()) else text


def _empty(part: str) -> bool:
    """No number, no formula, and no word that states, asks or limits something: a label, a greeting, a tag."""
    words = _LETTERS.findall(part.lower())
    return not _SAYS.search(part) and not any(not w.isascii() or w in _TELLING for w in words)


def _own(part: str, shared: Collection[str]) -> str:
    """What is left of a sentence; a shared one may follow it without a full stop."""
    key = _key(part)
    if key in shared:
        return ""
    for line in shared:
        size = len(line.split())
        if size > _SHORT_LINE and key.endswith(f" {line}"):
            return " ".join(part.split()[:-size])
    return part


def sentences(text: str) -> list[str]:
    """Sentences and lines of a text, in order."""
    return [part for part in _END.split(text) if part]


def _key(part: str) -> str:
    words = part.lower().split()
    return " ".join(words) if len(words) > _SHORT_LINE else _NUMBER.sub("0", " ".join(words))
