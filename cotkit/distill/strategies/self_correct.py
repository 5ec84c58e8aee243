"""A second look: the model is asked to find its own mistake, and both answers are kept with how they turned out.

What SCoRe trains on (arXiv 2409.12917); its reinforcement learning is not ours. Of four outcomes wrong to right is what
users look for, and right to wrong must never be taught.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from cotkit.distill.strategies import (
    Attempt,
    Call,
    Case,
    Count,
    Overruled,
    Play,
    Played,
    Reply,
    Strategy,
    grade,
)
from cotkit.distill.strategies.shared.shares import above_share
from cotkit.distill.strategies.shared.stepping import Language, language
from cotkit.distill.strategies.shared.thinking import lost
from cotkit.distill.strategies.shared.turns import first_turn, transition

SECOND_LOOK: Mapping[Language, str] = {
    "en": (
        "Go over your solution once more, line by line. There may be a mistake in it, or none. If you find one, "
        "say where it is and solve the problem anew from there; if not, say what you checked. End with the final "
        "answer in \\boxed{}."
    ),
    "zh": (
        "请把你的解答逐行再检查一遍。其中可能有错，也可能没有。如果发现错误，请指出错在哪里，并从那里重新解；"
        "如果没有，请说明你检查了什么。最后把答案放在 \\boxed{} 中。"
    ),
}

_OVER = "over_right_share"


class SelfCorrect(Strategy):
    """Two turns: an answer, and the same model's second look at it."""

    by: Literal["self_correct"]
    instruction: str | None = Field(
        None,
        min_length=1,
        description="What the second turn asks; cotkit's own words in the problem's language, English or Chinese, when "
        "unset.",
    )
    keep: tuple[Literal["wrong_to_right", "right_to_right", "wrong_to_wrong", "right_to_wrong"], ...] = Field(
        ("wrong_to_right", "right_to_right"), description="Which outcomes are kept; the others are dropped as named."
    )

    max_right_to_right: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Largest share of right_to_right among the kept rows; those above it are dropped, drawn by the "
        "problem's name.",
    )

    uses_reference: ClassVar[bool] = True

    def counts(self) -> Sequence[Count]:
        return [Count("teacher", 1, 2)]

    def carried(self, role: str) -> float:
        return 1

    def play(self, case: Case) -> Play:
        first = yield from first_turn(case)
        if isinstance(first, Played):
            return first
        told = self.instruction or SECOND_LOOK[language(case.problem)]
        turns = [*case.messages(), {"role": "assistant", "content": first.text}, {"role": "user", "content": told}]
        (second,) = yield [Call(turns, purpose="second")]
        if not second.done or second.response is None:
            return Played([lost(second, [second], "second_unfinished")])
        before, after = grade(case.problem, first.text), grade(case.problem, second.text)
        facts: dict[str, Any] = {"first_verdict": before, "second_verdict": after}
        outcome = transition(before, after)
        reasoning, spans = _joined(first, second, told)
        attempt = Attempt(
            reasoning,
            second.response,
            [first, second],
            facts={**facts, "transition": outcome, **spans},
            label=outcome,
            reason=None if outcome in self.keep else outcome,
            evidence=facts,
        )
        return Played([attempt])

    def settle(self, labels: Mapping[str, str | None]) -> Mapping[str, Overruled]:
        """Rows of right_to_right above their share are dropped; which, depends on the problems' names alone."""
        right = [name for name, label in labels.items() if label == "right_to_right"]
        others, share = len(labels) - len(right), self.max_right_to_right
        most, surplus = above_share(right, others, share)
        evidence = {"max_right_to_right": share, "others": others, "kept_right_to_right": most}
        return {name: Overruled(_OVER, labels[name], evidence) for name in surplus}


def _joined(first: Reply, second: Reply, instruction: str) -> tuple[str, dict[str, Any]]:
    """Both turns as one reasoning, and where the second begins."""
    before = "\n\n".join(part for part in (first.reasoning, first.response) if part)
    after = second.reasoning or ""
    turns = [before, after] if after else [before]
    return "\n\n".join(turns), {"first_span": [0, len(before)], "instruction": instruction}
