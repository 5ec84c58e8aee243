"""Several answers to one problem, and the one that most agree on, or that a judge or a PRM scores best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from cotkit.config import Config
from cotkit.distill.strategies import Attempt, Call, Case, Count, Play, Played, Rated, Reply, Role, Strategy
from cotkit.distill.strategies.shared.fates import fates
from cotkit.distill.strategies.shared.scoring import MOST_STEPS, ask_scores, read_scores
from cotkit.distill.strategies.shared.stepping import Language, language, same_answers, stated, steps_of
from cotkit.distill.strategies.shared.voting import Vote, pick, step_scores
from cotkit.records import Problem
from cotkit.verify.scorers.prm_server import PrmServer

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
        description="majority: the most frequent answer; or by scores of steps: the candidate whose least, last or "
        "mean score or whose product of scores is highest (max), or the answer whose candidates' scores add up to most "
        "(vote).",
    )
    judge: Role | None = Field(None, description="Who scores the steps of candidates, from 0 to 10.")
    prm: PrmServer | None = Field(
        None, description="A process reward model that scores the steps of candidates, from 0 to 1, instead of a judge."
    )
    keep_pruned: bool = Field(False, description="Keep the candidates that were not picked, too.")

    builds_reasoning: ClassVar[bool] = False
    compares: ClassVar[bool] = True

    @model_validator(mode="after")
    def _scorer(self) -> BestOfN:
        if self.judge is not None and self.prm is not None:
            raise PydanticCustomError("scorer", "a judge and a prm would both score; leave one of them out")
        scorer = "judge" if self.judge is not None else "prm" if self.prm is not None else None
        if self.vote != "majority" and scorer is None:
            raise PydanticCustomError(
                "scorer",
                "vote: {vote} needs scores; name a judge or a prm, or take vote: majority",
                {"vote": self.vote},
            )
        if self.vote == "majority" and scorer is not None:
            raise PydanticCustomError(
                "scorer", "vote: majority asks no {it}; leave {it} out, or choose another vote", {"it": scorer}
            )
        return self

    def roles(self) -> Mapping[str, Role]:
        return {"judge": self.judge} if self.judge else {}

    def counts(self) -> Sequence[Count]:
        some = [self.n]
        if self.by_difficulty is not None:
            some += [self.by_difficulty.easy, self.by_difficulty.medium, self.by_difficulty.hard]
        scores = [Count("judge", 0, max(some))] if self.judge else []
        if self.prm is not None:
            scores = [Count("prm", 0, max(some) * self.prm.requests(MOST_STEPS))]
        return [Count("teacher", min(some), max(some)), *scores]

    def scorers(self) -> Mapping[str, PrmServer]:
        return {"prm": self.prm} if self.prm else {}

    def traces(self) -> int:
        return self.counts()[0].most if self.keep_pruned else 1

    def carried(self, role: str) -> float:
        return 1

    def play(self, case: Case) -> Play:
        level = difficulty(case.problem)
        count = self.n if self.by_difficulty is None or level is None else getattr(self.by_difficulty, level)
        messages, lang = case.messages(), language(case.problem)
        replies = yield [Call(messages, sample=sample) for sample in range(count)]
        answers = [stated(reply.text) if reply.done else None for reply in replies]
        groups = same_answers(answers, case.problem)
        scores: list[Sequence[float]] = [[] for _ in replies]
        judged = list[Reply]()
        if self._scored():
            steps = {k: steps_of(replies[k].text) for k, group in enumerate(groups) if group is not None}
            steps = {k: parts for k, parts in steps.items() if len(parts) <= MOST_STEPS}
            if steps:
                judged += yield [self._question(case.problem.problem, parts, lang) for parts in steps.values()]
            for (k, parts), said in zip(steps.items(), judged, strict=True):
                read = said.scores if said.scores is not None else read_scores(said.text, len(parts))
                scores[k] = read if said.done else []
        picked = pick(groups, scores, self.vote)
        facts: dict[str, Any] = {"candidates": count, **({"difficulty": level} if level else {})}
        return Played([self._attempt(k, replies, groups, scores, picked, facts) for k in range(count)])

    def _scored(self) -> bool:
        return self.judge is not None or self.prm is not None

    def _question(self, problem: str, steps: Sequence[str], lang: Language) -> Call:
        if self.prm is not None:
            return Call([], "prm", "score", rated=Rated(problem, steps))
        return Call(ask_scores(problem, [], steps, lang), "judge", "score")

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
            **({"step_scores": list(scores[index])} if self._scored() else {}),
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
            scores={} if group is None else {"vote_share": votes / len(groups), **step_scores(scores[index])},
            reason=reason,
            evidence={**own, **(fates([reply]) if group is None else {})},
        )


def difficulty(problem: Problem) -> Literal["easy", "medium", "hard"] | None:
    """By the mean solve rate of the weak models that tried it; None where none did."""
    if not problem.weak_rates:
        return None
    rate = fmean(one["rate"] for one in problem.weak_rates)
    return "easy" if rate >= _EASY else "medium" if rate >= _MEDIUM else "hard"
