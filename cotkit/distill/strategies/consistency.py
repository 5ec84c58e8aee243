"""Mutual consistency: does another model, given the beginning of a solution, come to the same answer?

The discriminator of rStar (arXiv 2408.06195): prefixes of 20 to 50% of the words are completed by a second model; a
solution stands if at least half of the completions reach its answer. Of use without any search, on any solution.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from cotkit.distill.prompt import Message
from cotkit.distill.strategies import Attempt, Call, Case, Count, Play, Played, Reply, Role, Strategy
from cotkit.distill.strategies.shared.fates import fates
from cotkit.distill.strategies.shared.stepping import Language, asked_after, language, same_answers, stated
from cotkit.records import Problem

ROLE = "discriminator"
PARTS = (0.2, 0.3, 0.4, 0.5)
STANDS = 0.5

_GO_ON: Mapping[Language, str] = {
    "en": (
        "This is only the beginning of the solution. Go on from exactly where it stops and finish it; end with the "
        "final answer in \\boxed{}."
    ),
    "zh": "这只是解答的开头。请从它停下的地方接着写完，最后把答案放在 \\boxed{} 中。",
}
# A Chinese character counts as a word.
_WORD = re.compile(r"[\u4e00-\u9fff]|[^\s\u4e00-\u9fff]+")


def prefixes(text: str) -> list[str]:
    """The beginnings of a text that hold 20, 30, 40 and 50% of its words, at least one word."""
    ends = [word.end() for word in _WORD.finditer(text)]
    return [text[: ends[max(0, round(len(ends) * part) - 1)]] for part in PARTS] if ends else []


def completions(messages: Sequence[Message], text: str, lang: Language) -> list[Call]:
    """The calls that have the beginnings of a solution completed; equal beginnings get answers of their own."""
    begun = prefixes(text)
    return [
        Call(asked_after(messages, [one], _GO_ON[lang]), ROLE, "complete", sample=begun[:k].count(one))
        for k, one in enumerate(begun)
    ]


def agreement(answer: str, replies: Sequence[Reply], problem: Problem) -> float:
    """The part of the completions that come to `answer`; what did not end, or has no answer, does not."""
    if not replies:
        return 0.0
    answers = [stated(reply.text) if reply.done else None for reply in replies]
    return sum(group == 0 for group in same_answers([answer, *answers], problem)[1:]) / len(replies)


class MutualConsistency(Strategy):
    """The teacher's own answer, kept where a second model completes its beginnings to the same answer."""

    by: Literal["mutual_consistency"]
    discriminator: Role = Field(description="Who completes the beginnings; the authors took temperature 1.0.")

    builds_reasoning: ClassVar[bool] = False
    compares: ClassVar[bool] = True

    def roles(self) -> Mapping[str, Role]:
        return {ROLE: self.discriminator}

    def counts(self) -> Sequence[Count]:
        return [Count("teacher", 1, 1), Count(ROLE, 0, len(PARTS))]

    def carried(self, role: str) -> float:
        return 1

    def play(self, case: Case) -> Play:
        messages = case.messages()
        (reply,) = yield [Call(messages)]
        answer = stated(reply.text) if reply.done else None
        if answer is None:
            return Played([_attempt(reply, None, "no_answer")])
        completed = yield completions(messages, reply.reasoning or reply.text, language(case.problem))
        share = agreement(answer, completed, case.problem)
        return Played([_attempt(reply, share, None if share >= STANDS else "inconsistent")])


def _attempt(reply: Reply, share: float | None, reason: str | None) -> Attempt:
    facts = {} if share is None else {"mutual_consistency": share}
    return Attempt(
        reply.reasoning,
        reply.response,
        [reply],
        status=reply.status,
        kind=reply.kind,
        facts=facts,
        scores=facts,
        reason=reason,
        evidence={**facts, **(fates([reply]) if share is None else {})},
    )
