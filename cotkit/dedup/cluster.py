"""Clusters of confirmed pairs that do not chain across pairs known to differ."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Edge:
    """A confirmed pair of nodes."""

    a: int
    b: int
    method: str
    score: float
    kind: str
    detail: dict[str, Any] = field(default_factory=dict)


def clusters(count: int, edges: Sequence[Edge], apart: Iterable[tuple[int, int]]) -> list[int]:
    """Cluster number of each of `count` nodes: the smallest node in it.

    Edges join in order of score, and never two clusters that hold a pair of `apart`. The result depends
    on the numbering of the nodes alone, so number them by content and the order of rows does not matter.
    """
    parent = list(range(count))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    linked = {node for edge in edges for node in (edge.a, edge.b)}
    foes: dict[int, set[int]] = {}
    for a, b in apart:
        if a in linked and b in linked:
            foes.setdefault(a, set()).add(b)
            foes.setdefault(b, set()).add(a)
    for edge in sorted(edges, key=lambda e: (-e.score, e.a, e.b)):
        a, b = sorted((root(edge.a), root(edge.b)))
        if a == b or b in foes.get(a, ()):
            continue
        parent[b] = a
        for foe in foes.pop(b, set()):
            foes[foe].discard(b)
            foes[foe].add(a)
            foes.setdefault(a, set()).add(foe)
    return [root(node) for node in range(count)]
