"""Rewards by length: how much a right or a wrong answer earns as it gets longer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from cotkit.verify.scorers import UNDECIDED, Attempt, Scored, Scorer, Unit

_NO_LENGTH = Scored(why="no_length")


class Cosine(Scorer):
    """The cosine reward of Demystifying Long CoT (Yeo et al. 2025, arXiv 2502.03373, section 4.2): half a cosine
    between two values, from length 0 to `max_length`, one curve for right and one for wrong answers.

    The defaults are the paper's for a window of 16k (6144 for 8k, 2048 for 4k). Open-R1's curve is correct: [1, 0.5],
    wrong: [-1, -0.5], max_length: 1000, margin: null.
    """

    by: Literal["cosine"] = "cosine"
    correct: tuple[float, float] = Field(
        (2.0, 1.0), description="A correct answer's reward at length 0 and at the end."
    )
    wrong: tuple[float, float] = Field((-10.0, 0.0), description="An incorrect one's.")
    max_length: int = Field(14_336, ge=1, description="The length at the end of the curves; beyond it they are flat.")
    margin: int | None = Field(
        16, ge=0, description="An answer that comes this near to max_length counts as cut off; null: none does."
    )
    exceeded: float = Field(-10.0, description="What an answer that was cut off earns.")
    unit: Unit = "tokens"

    reward: ClassVar[str] = "cosine"

    def names(self) -> tuple[str, ...]:
        return ("cosine",)

    def score(self, group: Sequence[Attempt]) -> list[Scored]:
        return [self._one(attempt) for attempt in group]

    def _one(self, attempt: Attempt) -> Scored:
        if attempt.is_empty:
            return Scored({"cosine": min(*self.wrong, *([] if self.margin is None else [self.exceeded]))})
        length = attempt.length(self.unit)
        if length is None:
            return _NO_LENGTH
        if self.margin is not None and (attempt.is_cut or length + self.margin >= self.max_length):
            return Scored({"cosine": self.exceeded})
        if attempt.is_right is None:
            return UNDECIDED
        start, end = self.correct if attempt.is_right else self.wrong
        return Scored({"cosine": cosine(start, end, length / self.max_length)})


def cosine(start: float, end: float, share: float) -> float:
    """Half a cosine from `start` at 0 to `end` at 1, flat beyond: the formula alone would turn round there."""
    return end + 0.5 * (start - end) * (1 + math.cos(math.pi * min(1.0, share)))


class K15Length(Scorer):
    """The length reward of Kimi k1.5 (arXiv 2501.12599, 2.3.3): 0.5 - (length - shortest) / (longest - shortest) among
    the attempts at one problem; a wrong one earns no more than 0, and equal lengths earn 0.

    Attempts that grading left undecided take no part. One that wrote nothing takes no part either and earns -0.5, the
    least: by the formula it would be the shortest.
    """

    by: Literal["k15_length"] = "k15_length"
    unit: Unit = "tokens"

    reward: ClassVar[str] = "k15_length"
    compares: ClassVar[bool] = True

    def names(self) -> tuple[str, ...]:
        return ("k15_length",)

    def score(self, group: Sequence[Attempt]) -> list[Scored]:
        told = [a for a in group if a.is_right is not None and not a.is_empty]
        decided = [n for a in told if (n := a.length(self.unit)) is not None]
        return [self._one(a, min(decided, default=0), max(decided, default=0)) for a in group]

    def _one(self, attempt: Attempt, shortest: int, longest: int) -> Scored:
        if attempt.is_empty:
            return Scored({"k15_length": -0.5})
        length = attempt.length(self.unit)
        if attempt.is_right is None:
            return UNDECIDED
        if length is None:
            return _NO_LENGTH
        share = 0.5 - (length - shortest) / (longest - shortest) if longest > shortest else 0.0
        return Scored({"k15_length": share if attempt.is_right else min(0.0, share)})
