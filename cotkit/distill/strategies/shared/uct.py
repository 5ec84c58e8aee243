"""Which child a tree search tries next."""

from __future__ import annotations

import math
import random

from cotkit.distill.strategies.shared.tree import ROOT, Node, Tree


def uct(value: float, visits: int, parent_visits: int, weight: float) -> float:
    """Mean value plus what is to be learned: value/visits + weight * sqrt(ln parent_visits / visits).

    `value` is the sum of all rewards; `visits` is at least 1.
    """
    return value / visits + weight * math.sqrt(math.log(parent_visits) / visits)


class Visits:
    """Visits and rewards of the nodes of a tree."""

    def __init__(self, tree: Tree, weight: float, rng: random.Random) -> None:
        self._tree, self._weight, self._rng = tree, weight, rng
        self.count: dict[int, int] = {}
        self.value: dict[int, float] = {}

    def down(self) -> list[Node]:
        """From the root along the best children to one that was never visited, or that has no children.

        Of children without a visit a random one goes first; of equal ones the oldest.
        """
        walked = [self._tree.nodes[ROOT]]
        while children := self._tree.children(walked[-1].number):
            new = [child for child in children if child.number not in self.count]
            if new:
                return [*walked, self._rng.choice(new)]
            above = self.count[walked[-1].number]
            walked.append(max(children, key=lambda c: (self._uct(c.number, above), -c.number)))
        return walked

    def reward(self, walked: list[Node], value: float) -> None:
        """One more visit of each node on the way, and what it brought; kept in their facts for the dump."""
        for node in walked:
            self.count[node.number] = self.count.get(node.number, 0) + 1
            self.value[node.number] = self.value.get(node.number, 0.0) + value
            node.facts |= {"visits": self.count[node.number], "value": self.value[node.number]}

    def _uct(self, number: int, above: int) -> float:
        return uct(self.value[number], self.count[number], above, self._weight)
