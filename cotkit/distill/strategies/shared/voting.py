"""Which of several answers to take: the most frequent, the best scored, or the most frequent by weight of scores."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Literal

# Over the scores of a candidate's steps, then over candidates (arXiv 2502.06703, of which these are the names: min,
# last, mean; prod, the product, is one more). max takes the single best candidate,
# vote adds up the candidates of each answer.
Vote = Literal[
    "majority",
    "min_max",
    "last_max",
    "mean_max",
    "prod_max",
    "min_vote",
    "last_vote",
    "mean_vote",
    "prod_vote",
]

_HOW: Mapping[str, Callable[[Sequence[float]], float]] = {
    "min": min,
    "last": lambda scores: scores[-1],
    "mean": fmean,
    "prod": math.prod,
}

# A candidate without scores loses to every scored one. In a vote it weighs nothing, where the paper's code takes it off
# its answer: a judge that stammered has said nothing against it.
UNSCORED = -1.0


def step_scores(scores: Sequence[float]) -> dict[str, float]:
    """The scores of a trace that those of its steps come to; none where there are none."""
    return {f"step_{how}": of(scores) for how, of in _HOW.items()} if scores else {}


def value(scores: Sequence[float], how: str) -> float:
    """One number for the steps of a candidate; UNSCORED where there are none."""
    if not scores:
        return UNSCORED
    return _HOW[how](scores)


def pick(groups: Sequence[int | None], scores: Sequence[Sequence[float]], vote: Vote) -> int | None:
    """The index of the candidate to take; None where none has an answer. Among equals the earliest wins.

    Args:
        groups: of each candidate the index of the first one with the same answer; None where it has no answer.
        scores: of each candidate those of its steps; not read for a majority.
    """
    able = [index for index, group in enumerate(groups) if group is not None]
    if not able:
        return None
    if vote == "majority":
        return max(able, key=lambda index: (groups.count(groups[index]), -index))
    how, rule = vote.split("_")
    values = [value(scores[index], how) if index in able else UNSCORED for index in range(len(groups))]
    if rule == "max":
        return max(able, key=lambda index: (values[index], -index))
    weight = {group: sum(max(values[k], 0.0) for k in able if groups[k] == group) for group in groups}
    best = max(able, key=lambda index: (weight[groups[index]], -(groups[index] or 0)))
    return max((k for k in able if groups[k] == groups[best]), key=lambda index: (values[index], -index))
