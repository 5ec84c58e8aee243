"""Sentences and lines that belong to a benchmark as a whole: an instruction, a heading, a limit of time.

They are learned: what stands in half of the items of one benchmark tells nothing about any of them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

# A benchmark of fewer items teaches nothing.
_ITEMS = 8
_SHARE = 0.5
# A line of so few words is the same with another number in it ("Time limit: 2000 ms").
_SHORT_LINE = 6
_END = re.compile(r"(?:(?<=[.?!:])|(?<=[.?!:][$)\"']))\s+|\n+")
_NUMBER = re.compile(r"\d+")


def shared_lines(texts: Sequence[str]) -> frozenset[str]:
    """Keys of the sentences and lines that half of the items of a benchmark have."""
    if len(texts) < _ITEMS:
        return frozenset()
    counts = Counter(key for text in texts for key in {_key(text[a:b]) for a, b in _parts(text)})
    return frozenset(key for key, count in counts.items() if count >= _SHARE * len(texts))


def without_lines(text: str, shared: Collection[str]) -> str:
    """The text without its shared sentences and lines; itself, if less than half of it would be left."""
    if not shared:
        return text
    parts = [text[a:b] for a, b in _parts(text)]
    own = [part for part in parts if _key(part) not in shared]
    rest = "\n".join(own)
    return rest if len(own) < len(parts) and 2 * len(rest) >= len(text.strip()) else text


def _parts(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for match in _END.finditer(text):
        if match.start() > start:
            yield start, match.start()
        start = match.end()
    if start < len(text):
        yield start, len(text)


def _key(part: str) -> str:
    words = part.lower().split()
    return " ".join(words) if len(words) > _SHORT_LINE else _NUMBER.sub("0", " ".join(words))
