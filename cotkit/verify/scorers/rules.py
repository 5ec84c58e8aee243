"""Rewards by rules: an answer that is right, in the form that was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from cotkit.verify.extract import extract_answer, visible
from cotkit.verify.scorers import UNDECIDED, Attempt, Scored, Scorer
from cotkit.verify.scorers.tags import keeps_format, tag_share


class R1Zero(Scorer):
    """Accuracy and format, as DeepSeek-R1-Zero was rewarded (arXiv 2501.12948, 2.2.2): `reward_accuracy`,
    `reward_format` and their sum `reward_total`.

    An undecided answer has no accuracy and no total. The paper gives no weights; 1 and 0.1 are common.
    """

    by: Literal["r1_zero"] = "r1_zero"
    accuracy: float = Field(1.0, description="What a correct answer earns; an incorrect one earns 0.")
    format: float = Field(0.1, description="What the form earns: <think>…</think> <answer>…</answer>, once, in order.")
    lines: bool = Field(False, description="Whether each tag must stand on a line of its own, as Open-R1 asks.")

    reward: ClassVar[str] = "reward_total"

    def names(self) -> tuple[str, ...]:
        return "reward_accuracy", "reward_format", "reward_total"

    def score(self, group: Sequence[Attempt]) -> list[Scored]:
        return [self._one(attempt) for attempt in group]

    def _one(self, attempt: Attempt) -> Scored:
        form = self.format * keeps_format(attempt.tagged, self.lines)
        if attempt.is_right is None:
            return Scored({"reward_format": form}, "undecided")
        right = self.accuracy * attempt.is_right
        return Scored({"reward_accuracy": right, "reward_format": form, "reward_total": right + form})


class DeepScaler(Scorer):
    r"""1 where the reasoning is closed, a \boxed{} follows it and its answer is correct; else 0 (agentica-project/rllm,
    rllm/rewards/math_reward.py)."""

    by: Literal["deepscaler"] = "deepscaler"

    reward: ClassVar[str] = "deepscaler"

    def names(self) -> tuple[str, ...]:
        return ("deepscaler",)

    def score(self, group: Sequence[Attempt]) -> list[Scored]:
        return [self._one(attempt) for attempt in group]

    def _one(self, attempt: Attempt) -> Scored:
        shown = visible(attempt.tagged) if "</think>" in attempt.tagged else None
        if attempt.is_cut or shown is None or extract_answer(shown).method != "boxed":
            return Scored({"deepscaler": 0.0})
        return UNDECIDED if attempt.is_right is None else Scored({"deepscaler": float(attempt.is_right)})


class OpenR1(Scorer):
    """Accuracy, form and number of tags, the three rewards that Open-R1 adds up for its first model, and the sum
    `open_r1` (huggingface/open-r1, src/open_r1/rewards.py).

    Its pattern for the form also takes nested tags; ours does not.
    """

    by: Literal["open_r1"] = "open_r1"
    accuracy: float = Field(1.0, description="Weight of a correct answer.")
    format: float = Field(1.0, description="Weight of the form: each tag once, in order, on a line of its own.")
    tags: float = Field(1.0, description="Weight of the share of the four tags that are there once.")

    reward: ClassVar[str] = "open_r1"

    def names(self) -> tuple[str, ...]:
        return "open_r1_accuracy", "open_r1_format", "open_r1_tags", "open_r1"

    def score(self, group: Sequence[Attempt]) -> list[Scored]:
        return [self._one(attempt) for attempt in group]

    def _one(self, attempt: Attempt) -> Scored:
        form = {
            "open_r1_format": float(keeps_format(attempt.tagged, lines=True)),
            "open_r1_tags": tag_share(attempt.tagged),
        }
        if attempt.is_right is None:
            return Scored(form, "undecided")
        right = float(attempt.is_right)
        total = self.accuracy * right + self.format * form["open_r1_format"] + self.tags * form["open_r1_tags"]
        return Scored({"open_r1_accuracy": right, **form, "open_r1": total})
