"""How OpenThoughts3 took its questions (Guha et al. 2025, arXiv 2506.04178)."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from cotkit.curate.selectors import Item, Measure, Picks, Selector, Vectors, grouped, known, longest_first, split
from cotkit.source import not_pulled
from cotkit.steps import Step


class OpenThoughts3(Selector):
    """The best sources of each domain, then the rows with the longest answers (code: the hardest ones).

    Published: of 1, 2, 4, 8 and 16 sources a domain, two or one were best; math and science keep the questions with
    the longest answers, code those that a model rates hardest; 850,000 math, 250,000 code, 100,000 science rows.
    Which sources are best was found by training on each, so you name them. GPT-4.1-mini's answers were measured
    there, before the teacher was asked: `longest: direct_tokens` in a sample step after features with `direct`.
    """

    by: Literal["openthoughts3"] = "openthoughts3"
    sources: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="Domain -> its sources, at most two; a domain without any keeps all of its."
    )
    shares: dict[str, float] = Field(
        default_factory=lambda: {"math": 850.0, "code": 250.0, "science": 100.0},
        min_length=1,
        description="Domain -> its share, relative to the others.",
    )
    longest: Measure = Field("response_tokens", description="What is longest in math and science.")
    hardest: tuple[str, ...] = Field(("code",), description="Domains that go by difficulty instead.")

    @model_validator(mode="after")
    def _whole(self) -> OpenThoughts3:
        if any(len(names) > 2 for names in self.sources.values()):
            raise PydanticCustomError("sources", "OpenThoughts3 takes at most two sources of a domain")
        if any(share <= 0 for share in self.shares.values()):
            raise PydanticCustomError("shares", "every share must be above 0; leave a domain out to take none of it")
        return self

    def needs(self) -> tuple[str, ...]:
        return ("domain", *sorted({self._measure(domain) for domain in self.shares}))

    def check_after(self, before: Sequence[Step]) -> list[str]:
        return not_pulled("sources", [name for names in self.sources.values() for name in names], before)

    def lacks(self, item: Item) -> list[str]:
        if not known(item, "domain"):
            return ["domain"]
        measure = self._measure(str(item.values["domain"]))
        return [measure] if self.refuses(item) is None and not known(item, measure) else []

    def refuses(self, item: Item) -> dict[str, Any] | None:
        domain, source = str(item.values["domain"]), item.values.get("source")
        if domain not in self.shares:
            return {"domain": domain, "why": "no share"}
        if self.sources.get(domain) and source not in self.sources[domain]:
            return {"domain": domain, "source": source, "why": "not a top source"}
        return None

    def pick(self, items: Sequence[Item], count: int, rng: random.Random, vectors: Vectors) -> Picks:
        groups = grouped(items, "domain")
        quotas = split(count, {name: len(places) for name, places in groups.items()}, self.shares)
        picks: Picks = {}
        for name, places in groups.items():
            measure = self._measure(name)
            for rank, place in enumerate(longest_first(items, places, measure)[: quotas[name]]):
                picks[place] = {"domain": name, "rank": rank, measure: items[place].values[measure]}
        return picks

    def _measure(self, domain: str) -> str:
        return "difficulty" if domain in self.hardest else self.longest
