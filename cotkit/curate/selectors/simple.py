"""Selectors of one rule: at random, by a measure, by quotas."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from cotkit.curate.selectors import (
    SCORE,
    Group,
    Item,
    Measure,
    Picks,
    Selector,
    Vectors,
    grouped,
    longest_first,
    split,
)
from cotkit.source import not_pulled
from cotkit.steps import Step


class Random(Selector):
    """Uniformly at random: the rows with the smallest hash of (seed, id).

    A reservoir in one pass whatever the order (bottom-k sampling): a larger sample holds the smaller one.
    """

    by: Literal["random"] = "random"

    def pick(self, items: Sequence[Item], count: int, rng: random.Random, vectors: Vectors) -> Picks:
        return {place: {"rank": place} for place in range(count)}


class Top(Selector):
    """The rows with the highest (or lowest) measure: longest, shortest, hardest."""

    by: Literal["top"] = "top"
    of: Measure = Field(
        "reasoning_tokens",
        description="What is measured; chars: characters of the trace, in sample of the problem; limo: its LIMO score.",
    )
    lowest: bool = Field(False, description="Take the lowest instead of the highest.")

    def needs(self) -> tuple[str, ...]:
        return (self.of,)

    def pick(self, items: Sequence[Item], count: int, rng: random.Random, vectors: Vectors) -> Picks:
        ranked = longest_first(items, range(len(items)), self.of, self.lowest)[:count]
        return {place: {"rank": rank, self.of: items[place].values[self.of]} for rank, place in enumerate(ranked)}


class ByScore(Selector):
    """The rows with the highest (or lowest) of a score that a score step gave their trace."""

    by: Literal["score"] = "score"
    of: str = Field(min_length=1, description="The score's name, such as cosine.")
    lowest: bool = Field(False, description="Take the lowest instead of the highest.")

    def needs(self) -> tuple[str, ...]:
        return (f"{SCORE}{self.of}",)

    def pick(self, items: Sequence[Item], count: int, rng: random.Random, vectors: Vectors) -> Picks:
        (name,) = self.needs()
        ranked = longest_first(items, range(len(items)), name, self.lowest)[:count]
        return {place: {"rank": rank, self.of: items[place].values[name]} for rank, place in enumerate(ranked)}


class Failing(Selector):
    """At random with a weight of 1 - success rate, as Kimi k1.5 draws (arXiv 2501.12599, 2.3.4): what fails, often.

    Without replacement, by the largest u^(1/weight) (Efraimidis and Spirakis 2006), so a larger draw holds the smaller
    one. What always succeeds is taken only where nothing else is left.
    """

    by: Literal["failing"] = "failing"
    of: Literal["solve_rate", "pass_rate"] = Field(
        "solve_rate",
        description="Whose success: solve_rate, of the weak models on average; pass_rate, of the teacher (choose).",
    )

    def needs(self) -> tuple[str, ...]:
        return (self.of,)

    def pick(self, items: Sequence[Item], count: int, rng: random.Random, vectors: Vectors) -> Picks:
        weights = [1 - float(item.values[self.of]) for item in items]
        # 1 - random() is never 0.
        keys = [math.log(1 - rng.random()) / weight if weight > 0 else -math.inf for weight in weights]
        ranked = sorted(range(len(items)), key=lambda place: (-keys[place], place))[:count]
        return {place: {"rank": rank, self.of: items[place].values[self.of]} for rank, place in enumerate(ranked)}


class Quota(Selector):
    """So many rows of each domain, source, subject or level of difficulty; what a small group lacks goes to the rest.

    Groups without a share are not taken from, if there are shares.
    """

    by: Literal["quota"] = "quota"
    over: Group = Field("domain", description="What the groups are; difficulty: by whole levels.")
    shares: dict[str, float] = Field(
        default_factory=dict,
        description="Group -> its share, relative to the others (3 and 1) or of the whole (0.75 and 0.25); empty: "
        "equal ones for all.",
    )
    inside: Literal["random", "longest", "shortest", "hardest"] = Field(
        "random", description="Which rows of a group; longest and shortest by reasoning_tokens."
    )

    @model_validator(mode="after")
    def _positive(self) -> Quota:
        if any(share <= 0 for share in self.shares.values()):
            raise PydanticCustomError("shares", "every share must be above 0; leave a group out to take none of it")
        total = sum(self.shares.values())
        if (
            any(share < 1 for share in self.shares.values())
            and abs(total - 1) > 0.001
            and max(self.shares.values()) <= 1
        ):
            raise PydanticCustomError(
                "shares",
                "shares below 1 read as parts of the whole, but these add up to {total}; let them add up to 1, or "
                "write larger numbers, which are relative to each other",
                {"total": f"{total:g}"},
            )
        return self

    def needs(self) -> tuple[str, ...]:
        return (self.over, *((self._measure,) if self._measure else ()))

    def check_after(self, before: Sequence[Step]) -> list[str]:
        return not_pulled("shares", self.shares, before) if self.over == "source" else []

    @property
    def _measure(self) -> str | None:
        return {"random": None, "hardest": "difficulty"}.get(self.inside, "reasoning_tokens")

    def refuses(self, item: Item) -> dict[str, str] | None:
        (group,) = grouped([item], self.over)
        return {self.over: group, "why": "no share"} if self.shares and group not in self.shares else None

    def pick(self, items: Sequence[Item], count: int, rng: random.Random, vectors: Vectors) -> Picks:
        groups = grouped(items, self.over)
        shares = self.shares or dict.fromkeys(groups, 1.0)
        quotas = split(count, {name: len(places) for name, places in groups.items()}, shares)
        picks: Picks = {}
        for name, places in groups.items():
            lowest = self.inside == "shortest"
            ranked = longest_first(items, places, self._measure, lowest) if self._measure else places
            picks |= {place: {self.over: name, "quota": quotas[name]} for place in ranked[: quotas[name]]}
        return picks
