"""A second look: the model is asked to find its own mistake, and both answers are kept with how they turned out.

What SCoRe trains on (arXiv 2409.12917); its reinforcement learning is not ours. Of four outcomes wrong to right is what
users look for, and right to wrong must never be taught.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from cotkit.distill.strategies import Attempt, Call, Case, Count, Play, Played, Reply, Strategy, grade, unpaid

SECOND_LOOK = (
    "Go over your solution once more, line by line. There may be a mistake in it, or none. If you find one, "
    "say where it is and solve the problem anew from there; if not, say what you checked. End with the final answer in "
    "\\boxed{}."
)


class SelfCorrect(Strategy):
    """Two turns: an answer, and the same model's second look at it."""

    by: Literal["self_correct"]
    instruction: str = Field(SECOND_LOOK, min_length=1, description="What the second turn asks.")
    keep: tuple[Literal["wrong_to_right", "right_to_right", "wrong_to_wrong", "right_to_wrong"], ...] = Field(
        ("wrong_to_right", "right_to_right"), description="Which outcomes are kept; the others are dropped as named."
    )

    uses_reference: ClassVar[bool] = True

    def counts(self) -> Sequence[Count]:
        return [Count("teacher", 1, 2)]

    def carried(self, role: str) -> float:
        return 1

    def play(self, case: Case) -> Play:
        if (dropped := unpaid(case.problem)) is not None:
            return dropped
        messages = case.messages()
        (first,) = yield [Call(messages, purpose="first")]
        if not first.done or first.response is None:
            return Played([_lost(first, "first_unfinished")])
        turns = [*messages, {"role": "assistant", "content": first.text}, {"role": "user", "content": self.instruction}]
        (second,) = yield [Call(turns, purpose="second")]
        if not second.done or second.response is None:
            return Played([_lost(second, "second_unfinished")])
        before, after = grade(case.problem, first.text), grade(case.problem, second.text)
        facts: dict[str, Any] = {"first_verdict": before, "second_verdict": after}
        words = {"correct": "right", "incorrect": "wrong"}
        transition = f"{words.get(before, before)}_to_{words.get(after, after)}"
        reasoning, spans = _joined(first, second, self.instruction)
        attempt = Attempt(
            reasoning,
            second.response,
            [first, second],
            facts={**facts, "transition": transition, **spans},
            label=transition,
            reason=None if transition in self.keep else transition,
            evidence=facts,
        )
        return Played([attempt])


def _lost(reply: Reply, reason: str) -> Attempt:
    return Attempt(
        reply.reasoning,
        reply.response,
        [reply],
        status=reply.status,
        reason=reason,
        evidence={"status": reply.status, "error": reply.error},
    )


def _joined(first: Reply, second: Reply, instruction: str) -> tuple[str, dict[str, Any]]:
    """Both turns as one reasoning, and where the second begins."""
    before = "\n\n".join(part for part in (first.reasoning, first.response) if part)
    after = second.reasoning or ""
    turns = [before, after] if after else [before]
    return "\n\n".join(turns), {"first_span": [0, len(before)], "instruction": instruction}
