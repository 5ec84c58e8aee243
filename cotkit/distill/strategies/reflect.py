"""A phrase of doubt after the thinking, and what the model makes of it: one continuation.

Marco-o1 (arXiv 2411.14405) adds such a phrase and found about half of its hard failures mended. Phrases like it are
often followed by nothing new (oat-zero); the transition tells which were worth it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field

from cotkit.distill.strategies import Attempt, Call, Case, Count, Play, Played, grade
from cotkit.distill.strategies.shared.stepping import Language, language
from cotkit.distill.strategies.shared.thinking import Continuing, lost, thought_of
from cotkit.distill.strategies.shared.turns import first_turn, transition

PHRASE: Mapping[Language, str] = {
    "en": "Wait. Something in this may be wrong, so I go through the whole of it again and look for the mistake.",
    "zh": "等一下，这里面可能有错，我把整个过程从头再看一遍，找找哪里不对。",
}
Outcome = Literal["right_at_once", "wrong_to_right", "right_to_right", "wrong_to_wrong", "right_to_wrong"]


class Reflect(Continuing):
    """The model doubts its own solution once; what counts is how that turned out."""

    by: Literal["reflect"]
    phrase: str | None = Field(
        None,
        min_length=1,
        description="What the model reads as its own words after its thinking; one of cotkit's own in the problem's "
        "language, English or Chinese, when unset.",
    )
    when: Literal["wrong", "always"] = Field(
        "wrong", description="After which first answers: those that are wrong by the reference, or all."
    )
    keep: tuple[Outcome, ...] = Field(
        ("right_at_once", "wrong_to_right", "right_to_right"),
        description="Which outcomes are kept; the others are dropped as named. right_at_once was not asked to doubt.",
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
        before = grade(case.problem, first.text)
        if self.when == "wrong" and before != "incorrect":
            outcome = "right_at_once" if before == "correct" else "first_undecided"
            attempt = Attempt(first.reasoning, first.response, [first], kind=first.kind, facts={"transition": outcome})
            return Played([self._judged(attempt, outcome)])
        thought, phrase = thought_of(first), self.phrase or PHRASE[language(case.problem)]
        (second,) = yield [Call(case.messages(), purpose="reflection", begun=self.begun(thought, phrase))]
        if not second.done:
            return Played([lost(second, [first, second], "second_unfinished")])
        outcome = transition(before, grade(case.problem, second.text))
        text, (span,) = thought.on(phrase, second.reasoning or "").stored(keep_words=True)
        facts = {"transition": outcome, "first_span": [0, len(thought.text())], "phrase_span": span}
        attempt = Attempt(text, second.text.strip(), [first, second], facts=facts)
        return Played([self._judged(attempt, outcome)])

    def _judged(self, attempt: Attempt, outcome: str) -> Attempt:
        reason = None if outcome in self.keep else outcome
        return replace(attempt, label=outcome, reason=reason, evidence={"transition": outcome} if reason else {})
