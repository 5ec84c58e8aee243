"""GRPO's advantage: how far an attempt's reward lies above the mean of its group."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from cotkit.verify.scorers import Attempt, Scored, Scorer


class Advantage(Scorer):
    """`reward_mean`, `reward_std` and `advantage` of a score among the attempts at one problem: (r - mean) / std with
    the population's standard deviation (GRPO, arXiv 2402.03300, 4.1.2), and 0 where all are equal.

    Attempts without that score take no part.
    """

    by: Literal["advantage"] = "advantage"
    of: str = Field("reward_total", min_length=1, description="The score it is computed from, given before this one.")

    compares: ClassVar[bool] = True

    def names(self) -> tuple[str, ...]:
        return "reward_mean", "reward_std", "advantage"

    def needs(self) -> tuple[str, ...]:
        return (self.of,)

    def score(self, group: Sequence[Attempt]) -> list[Scored]:
        known = [a.scores[self.of] for a in group if self.of in a.scores]
        mean, std = moments(known) if known else (0.0, 0.0)
        gains = iter(advantages(known))
        return [
            Scored({"reward_mean": mean, "reward_std": std, "advantage": next(gains)})
            if self.of in attempt.scores
            else Scored(why="no_score", evidence={"of": self.of})
            for attempt in group
        ]


def moments(rewards: Sequence[float]) -> tuple[float, float]:
    """Mean and the population's standard deviation; 0 exactly where all are equal."""
    if min(rewards) == max(rewards):
        return rewards[0], 0.0
    mean = math.fsum(rewards) / len(rewards)
    return mean, math.sqrt(math.fsum((r - mean) ** 2 for r in rewards) / len(rewards))


def advantages(rewards: Sequence[float]) -> list[float]:
    """(r - mean) / std of each reward of a group; all 0 where they are equal."""
    if not rewards:
        return []
    mean, std = moments(rewards)
    return [(r - mean) / std if std else 0.0 for r in rewards]
