"""The selection of s1K (Muennighoff et al. 2025, arXiv 2501.19393; simplescaling/s1, data/filter.ipynb)."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from cotkit.config import Config
from cotkit.curate.selectors import Item, Picks, Selector, Vectors, grouped, longest_first
from cotkit.source import not_pulled
from cotkit.steps import Step


class Forced(Config):
    """Rows that are in from the start: correct ones of a source, if their reasoning is long enough."""

    source: str = Field(description="Name of the source.")
    longer_than: int | None = Field(None, ge=0, description="Only traces with more of `length` than this.")


class S1(Selector):
    """Forced picks, then a domain at random, then one of its rows with weight 2^-rank by length (longest: rank 0).

    `paper` is Algorithm 1: every domain is as likely as any other. `notebook` is the code that made s1K: that way up
    to `uniform_share` of the rows (700 of 1,000), then domains as they occur in `mixture`. As in both, forced picks
    stay in their domain, and drawing one again adds nothing; a domain that is used up is not drawn any more. Beyond
    both: when all domains of the mixture are used up, the rest is drawn from all; no more than the wanted rows are
    forced; a seed decides everything, where the notebook sets none.

    Each draw takes two numbers u of random.Random(f"{seed} s1"): the domain (in the order of their names) and the
    rank in it, both where the running sum of weights first exceeds u times their total.
    """

    by: Literal["s1"] = "s1"
    variant: Literal["paper", "notebook"] = Field("paper", description="Algorithm 1 of the paper, or its notebook.")
    domain: Literal["subject", "domain", "source"] = Field(
        "subject", description="The column of domains; s1 has classes of mathematics (subject)."
    )
    length: Literal["reasoning_tokens", "chars"] = Field(
        "reasoning_tokens", description="How long a trace is; chars in sample: its problem."
    )
    forced: tuple[Forced, ...] = Field(
        (), description="s1: gpqa and aime, and math with over 5,600 tokens of reasoning; by your names of sources."
    )
    mixture: dict[str, float] = Field(
        default_factory=lambda: {"aime": 1.0, "gpqa": 0.5},
        min_length=1,
        description="notebook: source -> mass relative to the first one, whose counts stay, by your names of sources.",
    )
    uniform_share: float = Field(0.7, ge=0, le=1, description="notebook: share of the rows drawn as in the paper.")

    @model_validator(mode="after")
    def _whole(self) -> S1:
        if self.variant == "paper" and self.altered() & {"mixture", "uniform_share"}:
            raise PydanticCustomError("mixture", "'mixture' and 'uniform_share' belong to variant: notebook")
        return self

    def check_after(self, before: Sequence[Step]) -> list[str]:
        return not_pulled("forced", [forced.source for forced in self.forced], before)

    def needs(self) -> tuple[str, ...]:
        return (self.domain, self.length)

    def pick(self, items: Sequence[Item], count: int, rng: random.Random, vectors: Vectors) -> Picks:
        forced = [place for place, item in enumerate(items) if self._is_forced(item)]
        picks: Picks = {place: {"phase": "forced"} for place in forced[:count]}
        pools = {
            name: longest_first(items, places, self.length) for name, places in grouped(items, self.domain).items()
        }
        mixture = self._mixture(items) if self.variant == "notebook" else {}
        uniform_until = self.uniform_share * count if mixture else count
        while len(picks) < count:
            weights = {name: mixture[name] for name in pools if mixture.get(name)}
            phase = "mixture" if weights and len(picks) >= uniform_until else "uniform"
            name = _draw(weights if phase == "mixture" else dict.fromkeys(pools, 1), rng)
            rank = _rank(len(pools[name]), rng)
            place = pools[name].pop(rank)
            picks.setdefault(place, {"phase": phase, self.domain: name, "rank": rank})
            if not pools[name]:
                del pools[name]
        return picks

    def _is_forced(self, item: Item) -> bool:
        return item.correct and any(
            item.values.get("source") == rule.source
            and (rule.longer_than is None or item.values[self.length] > rule.longer_than)
            for rule in self.forced
        )

    def _mixture(self, items: Sequence[Item]) -> dict[str, int]:
        """Domain -> weight: the first source's counts; each further one's scaled to its mass and cut to whole ones."""
        counts = {source: self._domains(items, source) for source in self.mixture}
        first = next(iter(counts.values())).total()
        sums: Counter[str] = Counter()
        for number, (source, found) in enumerate(counts.items()):
            scale = self.mixture[source] * first / found.total() if number and found else 1.0
            sums.update({name: int(n * scale) for name, n in found.items()})
        return dict(sums)

    def _domains(self, items: Sequence[Item], source: str) -> Counter[str]:
        own = [item for item in items if item.values.get("source") == source]
        return Counter({name: len(places) for name, places in grouped(own, self.domain).items()})


def _draw(weights: Mapping[str, int], rng: random.Random) -> str:
    """A name with a chance proportional to its weight."""
    left = rng.random() * sum(weights.values())
    for name, weight in weights.items():
        left -= weight
        if left < 0:
            return name
    return name


def _rank(size: int, rng: random.Random) -> int:
    """A rank r below `size` with a chance proportional to 2^-r."""
    left = rng.random() * (2 - 2.0 ** (1 - size))
    for rank in range(size):
        left -= 2.0**-rank
        if left < 0:
            return rank
    return size - 1
