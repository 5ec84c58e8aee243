"""A tree of steps, as searches grow it and tables keep it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

ROOT = 0


@dataclass(slots=True)
class Node:
    """One step. `facts` are JSON values: how it was judged, scored, visited."""

    number: int
    parent: int | None
    kind: str
    text: str
    facts: dict[str, Any] = field(default_factory=dict)


class Tree:
    """Nodes in the order of their making; number 0 is the problem itself, without text."""

    def __init__(self) -> None:
        self.nodes: list[Node] = [Node(ROOT, None, "problem", "")]
        self._children: list[list[int]] = [[]]

    def add(self, parent: int, text: str, kind: str = "step", **facts: Any) -> Node:
        """A new child of `parent`."""
        node = Node(len(self.nodes), parent, kind, text, facts)
        self.nodes.append(node)
        self._children.append([])
        self._children[parent].append(node.number)
        return node

    def children(self, number: int) -> list[Node]:
        """In the order of their making."""
        return [self.nodes[child] for child in self._children[number]]

    def path(self, number: int) -> list[Node]:
        """From the first step down to this node; empty for the root."""
        found = []
        node = self.nodes[number]
        while node.parent is not None:
            found.append(node)
            node = self.nodes[node.parent]
        return found[::-1]

    def texts(self, number: int) -> list[str]:
        """The texts on the way down to a node."""
        return [node.text for node in self.path(number)]

    def depth(self, number: int) -> int:
        """Steps from the root."""
        return len(self.path(number))

    def reaching(self, numbers: Sequence[int]) -> set[int]:
        """All nodes on the ways down to these, they and the root included."""
        return {ROOT, *(node.number for number in numbers for node in self.path(number))}

    def dump(self) -> dict[str, Any]:
        """As JSON: {"nodes": [{"number", "parent", "kind", "text", …facts}]}."""
        return {"nodes": list(self._rows())}

    def _rows(self) -> Iterator[dict[str, Any]]:
        for node in self.nodes:
            yield {"number": node.number, "parent": node.parent, "kind": node.kind, "text": node.text, **node.facts}
