"""Budget forcing, after s1 (arXiv 2501.19393, simplescaling/s1): short thinking must go on, long thinking must end.

s1 forces at test time, and found that it helps up to a point; here the forced traces become data. A trace that ran into
its limit becomes a whole one for the price of one short answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from cotkit.distill.strategies import Attempt, Call, Case, Count, Play, Played, Reply
from cotkit.distill.strategies.shared.stepping import Language, language
from cotkit.distill.strategies.shared.thinking import Continuing, Thought, lost, thought_of

WORD: Mapping[Language, str] = {"en": "Wait", "zh": "等等"}
END_WORDS: Mapping[Language, str] = {"en": "Final answer:", "zh": "最终答案："}


class BudgetForce(Continuing):
    """A model that ends its thinking early reads a word that keeps it going; one that does not end it is made to.

    A model that does not think apart from its answer goes on in its answer, and is asked for the final one at the end.
    """

    by: Literal["budget_force"]
    max_tokens: int = Field(
        32_000, ge=16, description="Most tokens before the thinking is ended; instead of sampling.max_tokens."
    )
    min_tokens: int | None = Field(
        None, ge=1, description="Fewest tokens: shorter answers go on. All go on, `waits` times, when unset."
    )
    waits: int = Field(1, ge=0, le=16, description="Most times that an end is ignored; s1 tried 1, 2, 4 and 6.")
    word: str | None = Field(
        None,
        min_length=1,
        description="What stands in the place of an ignored end; Wait, or 等等 in Chinese, when unset.",
    )
    keep_word: bool = Field(True, description="Leave the word in the trace; its place is recorded either way.")
    end_words: str | None = Field(
        None,
        min_length=1,
        description="What the answer begins with after a forced end; Final answer:, or its Chinese, when unset.",
    )
    answer_tokens: int = Field(1_024, ge=16, description="Most tokens of the answer after a forced end.")

    @model_validator(mode="after")
    def _in_order(self) -> BudgetForce:
        if self.min_tokens is not None and self.min_tokens > self.max_tokens:
            raise PydanticCustomError("tokens", "min_tokens is above max_tokens: no trace could be long enough")
        return self

    def first_sampling(self) -> Mapping[str, Any]:
        return {"max_tokens": self.max_tokens}

    def counts(self) -> Sequence[Count]:
        return [Count("teacher", 1, 1 + self.waits + 1)]

    def carried(self, role: str) -> float:
        return self.waits + 1

    def play(self, case: Case) -> Play:
        messages, lang = case.messages(), language(case.problem)
        word, end_words = self.word or WORD[lang], self.end_words or END_WORDS[lang]
        (last,) = yield [Call(messages, purpose="first", sampling=self.first_sampling())]
        if not _usable(last):
            return Played([lost(last, [last], "first_unfinished")])
        replies, thought, answer = [last], thought_of(last), last.response if last.reasoning is not None else None
        while self._goes_on(last, replies):
            left = {"max_tokens": self.max_tokens - _spent(replies)}
            call = Call(messages, purpose="wait", begun=self.begun(thought, word), sampling=left)
            (last,) = yield [call]
            replies.append(last)
            if last.status == "empty":
                break  # it has nothing to add
            if not _usable(last):
                return Played([lost(last, replies, "wait_failed")])
            apart = thought.marked and last.reasoning is not None
            thought = thought.on(word, (last.reasoning if apart else last.response) or "")
            answer = last.response if apart else None
        if thought.marked and answer is not None and last.status in ("done", "empty"):
            return Played([self._attempt(thought, answer.strip(), replies)])
        if not thought.marked and not thought.words and last.status in ("done", "empty"):
            return Played([Attempt(None, thought.text(), replies, facts=_facts(thought, [], False))])
        # Cut in the middle of its answer, it only goes on with that.
        start = answer if answer is not None else end_words
        cut = answer is None and last.status not in ("done", "empty")
        short = {"max_tokens": self.answer_tokens}
        (last,) = yield [Call(messages, purpose="end", begun=self.closed(thought, start), sampling=short)]
        replies.append(last)
        if last.status != "done":
            return Played([lost(last, replies, "end_unfinished")])
        whole = (start + last.text).strip()
        return Played([self._attempt(thought, whole, replies, forced_end=cut)])

    def _goes_on(self, last: Reply, replies: Sequence[Reply]) -> bool:
        spent = _spent(replies)
        short = self.min_tokens is None or spent < self.min_tokens
        return last.done and short and len(replies) <= self.waits and spent < self.max_tokens

    def _attempt(self, thought: Thought, answer: str, replies: Sequence[Reply], forced_end: bool = False) -> Attempt:
        text, spans = thought.stored(self.keep_word)
        own = not thought.words and not forced_end
        kind = replies[0].kind if own else "synthetic"
        return Attempt(text, answer, replies, kind=kind, facts=_facts(thought, spans, forced_end))


def _facts(thought: Thought, spans: Sequence[Sequence[int]], forced: bool) -> dict[str, Any]:
    return {"forced_waits": len(thought.words), "forced_end": forced, "inserted": list(spans)}


def _usable(reply: Reply) -> bool:
    """There is thinking to go on with, or to end."""
    return reply.status in ("done", "length", "unclosed") and bool(reply.reasoning or reply.response)


def _spent(replies: Sequence[Reply]) -> int:
    return sum(reply.completion_tokens or 0 for reply in replies)
