"""Several answers to one problem, and the one that most agree on, or that a judge scores best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from cotkit.config import Config
from cotkit.distill.strategies import Attempt, Call, Case, Count, Play, Played, Reply, Role, Strategy
from cotkit.distill.strategies.scoring import MOST_STEPS, ask_scores, read_scores
from cotkit.distill.strategies.stepping import language, same_answers, stated, steps_of
from cotkit.distill.strategies.voting import Vote, pick
from cotkit.records import Problem

# Absolute difficulty by how often a model solves a problem (arXiv 2502.06703, section 4): easy from 50% on, hard below
# 10%.
_EASY, _MEDIUM = 0.5, 0.1


class Samples(Config):
    """How many answers problems of each difficulty get."""

    easy: int = Field(2, ge=1, le=1024, description="Where weak models solve at least 50%.")
    medium: int = Field(8, ge=1, le=1024, description="Where they solve at least 10%.")
    hard: int = Field(32, ge=1, le=1024, description="Where they solve less.")


class BestOfN(Strategy):
    """Several answers, and a vote or a judge that picks one; with fixed numbers by difficulty, if told so."""

    by: Literal["best_of_n"]
    n: int = Field(8, ge=1, le=1024, description="Answers to each problem.")
    by_difficulty: Samples | None = Field(
        None,
        description="Answers by difficulty instead of `n`, for problems whose `weak_rates` a features step filled.",
    )
    vote: Vote = Field(
        "majority",
        description="majority: the most frequent answer; or by a judge's scores of steps: the candidate whose least, "
        "last or mean score is highest (max), or the answer whose candidates' scores add up to most (vote).",
    )
    judge: Role | None = Field(None, description="Who scores the steps of candidates, from 0 to 10.")
    keep_pruned: bool = Field(False, description="Keep the candidates that were not picked, too.")

    builds_reasoning: ClassVar[bool] = False
    compares: ClassVar[bool] = True

    @model_validator(mode="after")
    def _scorer(self) -> BestOfN:
        if self.vote != "majority" and self.judge is None:
            raise PydanticCustomError(
                "scorer", "vote: {vote} needs scores; name a judge, or take vote: majority", {"vote": self.vote}
            )
        if self.vote == "majority" and self.judge is not None:
            raise PydanticCustomError("scorer", "vote: majority asks no judge; leave judge out, or choose another vote")
        return self

    def roles(self) -> Mapping[str, Role]:
        return {"judge": self.judge} if self.judge else {}

    def counts(self) -> Sequence[Count]:
        some = [self.n]
        if self.by_difficulty is not None:
            some += [self.by_difficulty.easy, self.by_difficulty.medium, self.by_difficulty.hard]
        judge = [Count("judge", 0, max(some))] if self.judge else []
        return [Count("teacher", min(some), max(some)), *judge]

    def traces(self) -> int:
        return self.counts()[0].most if self.keep_pruned else 1

    def play(self, case: Case) -> Play:
        level = difficulty(case.problem)
        count = self.n if self.by_difficulty is None or level is None else getattr(self.by_difficulty, level)
        messages, lang = case.messages(), language(case.problem)
        replies = yield [Call(messages, sample=sample) for sample in range(count)]
        answers = [stated(reply.text) if reply.done else None for reply in replies]
        groups = same_answers(answers, case.problem)
        scores: list[Sequence[float]] = [[] for _ in replies]
        judged = list[Reply]()
        if self.judge is not None:
            steps = {k: steps_of(replies[k].text) for k, group in enumerate(groups) if group is not None}
            steps = {k: parts for k, parts in steps.items() if len(parts) <= MOST_STEPS}
            if steps:
                asked = [
                    Call(ask_scores(case.problem.problem, [], parts, lang), "judge", "score")
                    for parts in steps.values()
                ]
                judged += yield asked
            for (k, parts), said in zip(steps.items(), judged, strict=True):
                scores[k] = read_scores(said.text if said.done else "", len(parts))
        picked = pick(groups, scores, self.vote)
        facts: dict[str, Any] = {"candidates": count, **({"difficulty": level} if level else {})}
        return Played([self._attempt(k, replies, groups, scores, picked, facts) for k in range(count)])

    def _attempt(
        self,
        index: int,
        replies: Sequence[Reply],
        groups: Sequence[int | None],
        scores: Sequence[Sequence[float]],
        picked: int | None,
        facts: Mapping[str, Any],
    ) -> Attempt:
        reply, group = replies[index], groups[index]
        votes = groups.count(group) if group is not None else 0
        own = {
            "picked": index == picked,
            "votes": votes,
            **({"step_scores": list(scores[index])} if self.judge else {}),
        }
        reason = None
        if group is None:
            reason = "no_answer"
        elif index != picked and not self.keep_pruned:
            reason = "not_picked"
        return Attempt(
            reply.reasoning,
            reply.response,
            [reply],
            status=reply.status,
            kind=reply.kind,
            facts={**facts, **own},
            reason=reason,
            evidence={**own, **({"error": reply.error} if reply.error else {})},
        )


def difficulty(problem: Problem) -> Literal["easy", "medium", "hard"] | None:
    """By the mean solve rate of the weak models that tried it; None where none did."""
    if not problem.weak_rates:
        return None
    rate = fmean(one["rate"] for one in problem.weak_rates)
    return "easy" if rate >= _EASY else "medium" if rate >= _MEDIUM else "hard"
