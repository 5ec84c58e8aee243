"""A graph of steps: solutions that share steps, merged where they say the same, without circles."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from typing import Any

ROOT = 0


@dataclass(slots=True)
class Place:
    """One step. `end` is the verdict on solutions that end here, None where none does; `answer` theirs."""

    number: int
    text: str
    children: list[int] = field(default_factory=list)
    end: str | None = None
    answer: str | None = None


class Graph:
    """Places in the order of their making; number 0 is the problem itself."""

    def __init__(self) -> None:
        self.places: list[Place] = [Place(ROOT, "")]
        self._saying: dict[str, list[int]] = defaultdict(list)

    def add(self, start: int, steps: Sequence[str]) -> list[int]:
        """Walk `steps` on from a place, over equal steps where that makes no circle; the places, in order."""
        walked, here = [], start
        for text in steps:
            here = self._next(here, text)
            walked.append(here)
        return walked

    def _next(self, here: int, text: str) -> int:
        saying = self._saying[" ".join(text.split())]
        known = next((number for number in saying if here not in self.below(number)), None)
        if known is None:
            place = Place(len(self.places), text)
            self.places.append(place)
            saying.append(place.number)
        else:
            place = self.places[known]
        if place.number not in self.places[here].children:
            self.places[here].children.append(place.number)
        return place.number

    def below(self, number: int) -> set[int]:
        """A place and all that can be reached from it."""
        found, waiting = {number}, [number]
        while waiting:
            new = [child for child in self.places[waiting.pop()].children if child not in found]
            found.update(new)
            waiting += new
        return found

    def verdicts(self) -> dict[int, set[str]]:
        """Of each place the verdicts of all ends that can be reached from it, its own included."""
        found: dict[int, set[str]] = {}
        for number in TopologicalSorter({place.number: place.children for place in self.places}).static_order():
            place = self.places[number]
            own = set() if place.end is None else {place.end}
            found[number] = own.union(*(found[child] for child in place.children))
        return found

    def dump(self) -> dict[str, Any]:
        """As JSON: {"nodes": [{"number", "text", "children", "end", "leads_to"}]}."""
        leads = self.verdicts()
        return {
            "nodes": [
                {
                    "number": place.number,
                    "text": place.text,
                    "children": place.children,
                    "end": place.end,
                    "leads_to": sorted(leads[place.number]),
                }
                for place in self.places
            ]
        }


class Ways:
    """Random ways through a graph that is done growing."""

    def __init__(self, graph: Graph, rng: random.Random) -> None:
        self._places = graph.places
        self._rng = rng
        self.leads: Mapping[int, set[str]] = graph.verdicts()

    def draw(self, start: int, verdict: str, avoid: set[int]) -> list[int] | None:
        """A way below `start` to an end of that verdict, around `avoid`; None where the lot finds none."""
        walked, here = list[int](), start
        while not (walked and self._places[here].end == verdict):
            able = [c for c in self._places[here].children if c not in avoid and verdict in self.leads[c]]
            if not able:
                return None
            here = self._rng.choice(able)
            walked.append(here)
        return walked
