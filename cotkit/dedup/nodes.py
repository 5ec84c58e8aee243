"""The different problems of a pool, with little in memory: what a comparison reads of one is computed when it is read.

What is held is a text, the numbers of its rows, and 16 bytes for each form that equal problems share; the facts of the
closer look would take five thousand bytes a problem, and most problems are never looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from cotkit.dedup.confirm import Finding, confirm_duplicate
from cotkit.dedup.exact import match_key
from cotkit.dedup.facts import Facts, facts, same_answer
from cotkit.dedup.plain import plain_texts
from cotkit.dedup.rows import Item

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    Array = np.ndarray[Any, Any]

# So many problems are kept as the closer look sees them: some 100 MB. Pairs come in order of their first problem.
_LOOKED_AT = 20_000


@dataclass(frozen=True, slots=True)
class Look:
    """A problem as the closer look sees it; the answer is that of its rows, where they agree."""

    facts: Facts
    answer: str | None


class Nodes:
    """All rows of one normal form are a node. Nodes are numbered by content, so row order changes nothing.

    Attributes:
        texts: one text of each node.
    """

    def __init__(self, items: Sequence[Item]) -> None:
        self._items = items
        self.texts, self._order, self._starts = _by_form(items)
        self.look: Callable[[int], Look] = lru_cache(_LOOKED_AT)(self._look)

    def __len__(self) -> int:
        return len(self.texts)

    def rows(self, node: int) -> list[int]:
        """The rows of a node, in order."""
        found: list[int] = self._order[self._starts[node] : self._starts[node + 1]].tolist()
        return found

    def several(self) -> Iterator[int]:
        """Nodes of more than one row."""
        import numpy as np

        yield from np.flatnonzero(np.diff(self._starts) > 1).tolist()

    def compare(self, a: int, b: int) -> Callable[[float], Finding]:
        """The closer look at two nodes, see confirm_duplicate."""
        here, there = self.look(a), self.look(b)
        return confirm_duplicate(here.facts, there.facts, (here.answer, there.answer))

    def alike(self, forms: Callable[[str], Sequence[str]]) -> Iterator[list[int]]:
        """Nodes that share a form, two or more: by the first form of their texts, then by the second, and so on.

        An empty form is none.
        """
        first: list[dict[bytes, int]] = []
        groups: list[dict[bytes, list[int]]] = []
        for node, text in enumerate(self.texts):
            for number, form in enumerate(forms(text)):
                if number == len(first):
                    first.append({})
                    groups.append({})
                key = blake2b(form.encode("utf-8", "replace"), digest_size=16).digest()
                other = first[number].setdefault(key, node)
                if form and other != node:
                    groups[number].setdefault(key, [other]).append(node)
        for some in groups:
            yield from sorted(some.values())

    def _look(self, node: int) -> Look:
        answers = sorted({answer for i in self.rows(node) if (answer := self._items[i].answer)})
        clear = answers and all(same_answer(answers[0], other) for other in answers)
        return Look(facts(self.texts[node]), answers[0] if clear else None)


def _by_form(items: Sequence[Item]) -> tuple[list[str], Array, Array]:
    """A text of each node; all rows, those of a node together; and where each node's rows begin."""
    import numpy as np

    own = sorted({item.text for item in items})
    plain = plain_texts(own)
    # Texts of which nothing is left (a tag, a mark of no width) are not all the same.
    keys = [match_key(text) or own[number] for number, text in enumerate(plain)]
    node_of = np.empty(len(own), dtype=np.int64)
    texts: list[str] = []
    last = None
    for number in sorted(range(len(own)), key=keys.__getitem__):
        if keys[number] != last:
            last = keys[number]
            texts.append(plain[number])
        node_of[number] = len(texts) - 1
        texts[-1] = min(texts[-1], plain[number])
    place = {text: number for number, text in enumerate(own)}
    node = node_of[np.fromiter((place[item.text] for item in items), dtype=np.int64, count=len(items))]
    order = np.argsort(node, kind="stable")
    return texts, order, np.searchsorted(node[order], np.arange(len(texts) + 1))
