"""Step-by-step search guided by scores: beam search, and the same in independent subtrees (DVTS).

As in Hugging Face's search-and-learn: `n` continuations a level, each step ends at a blank line, the last level goes
to the end. Beam keeps the best n / width of all; DVTS keeps the best of each of n / width subtrees, which costs the
same and stays more varied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from cotkit.distill.presets import Capability
from cotkit.distill.strategies import Attempt, Call, Case, Count, Play, Played, Rated, Reply, Role, Strategy
from cotkit.distill.strategies.shared.fates import fates
from cotkit.distill.strategies.shared.scoring import ask_scores, read_scores
from cotkit.distill.strategies.shared.stepping import boxed, closing, language, same_answers
from cotkit.distill.strategies.shared.tree import ROOT, Node, Tree
from cotkit.distill.strategies.shared.voting import Vote, pick, step_scores, value
from cotkit.verify.scorers.prm_server import PrmServer

STOP = "\n\n"


class Beam(Strategy):
    """Grow solutions step by step and follow those whose steps a judge or a process reward model scores best."""

    by: Literal["beam", "dvts"]
    n: int = Field(4, ge=1, le=256, description="Continuations that are tried on each level.")
    width: int = Field(4, ge=1, le=256, description="Continuations of one place; n is a multiple of it.")
    depth: int = Field(40, ge=1, le=200, description="Steps of a solution at most; the last one runs to the end.")
    judge: Role | None = Field(None, description="Who scores each step, from 0 to 10.")
    prm: PrmServer | None = Field(
        None, description="A process reward model that scores each step, from 0 to 1, instead of a judge."
    )
    vote: Vote = Field(
        "last_max",
        description="How the scores of a way decide, while searching and among the finished ways: its least, last or "
        "mean score, or their product; the best way (max), or the answer whose ways' scores add up to most (vote).",
    )
    keep_pruned: bool = Field(
        False, description="Keep finished ways that were not picked, and, as unclosed traces, those that were given up."
    )

    needs: ClassVar[tuple[Capability, ...]] = ("prefix", "stop")
    compares: ClassVar[bool] = True
    usual_tokens: ClassVar[int | None] = 150

    @model_validator(mode="after")
    def _scorer(self) -> Beam:
        if (self.judge is None) == (self.prm is None) or self.vote == "majority":
            raise PydanticCustomError(
                "scorer",
                "{by} follows scores, so it needs either a judge or a prm, and a vote by scores; without a scorer only "
                "best_of_n with vote: majority works",
                {"by": self.by},
            )
        if self.n % self.width:
            raise PydanticCustomError("width", "n must be a multiple of width")
        return self

    def roles(self) -> Mapping[str, Role]:
        return {"judge": self.judge} if self.judge else {}

    def scorers(self) -> Mapping[str, PrmServer]:
        return {"prm": self.prm} if self.prm else {}

    def counts(self) -> Sequence[Count]:
        most = self.n * self.depth
        return [Count("teacher", self.n, most), Count("prm" if self.prm else "judge", 0, most)]

    def traces(self) -> int:
        return self.n * self.depth if self.keep_pruned else 1

    def carried(self, role: str) -> float:
        return self.depth

    def play(self, case: Case) -> Play:
        search = _Search(self, case)
        frontiers = [[ROOT] for _ in range(1 if self.by == "beam" else self.n // self.width)]
        for level in range(self.depth):
            asked = search.next_calls(frontiers, level)
            fresh = search.grow(asked, (yield [call for _, _, call in asked]))
            if not fresh:
                break
            search.score(fresh, (yield [search.question(node) for _, node in fresh]))
            frontiers = search.follow(fresh, len(frontiers))
            if len(search.ended) >= self.n or not any(frontiers):
                break
        return search.played()


@dataclass
class _Search:
    strategy: Beam
    case: Case
    tree: Tree = field(default_factory=Tree)
    ended: list[Node] = field(default_factory=list)
    replies: dict[int, Reply] = field(default_factory=dict)
    heard: list[Reply] = field(default_factory=list)

    def next_calls(self, frontiers: Sequence[Sequence[int]], level: int) -> list[tuple[int, int, Call]]:
        """(subtree, place, call) of a level."""
        keys, messages = self.strategy, self.case.messages()
        each = keys.n // len(frontiers) if level == 0 else keys.width
        extra = {"stop": [STOP]} if level < keys.depth - 1 else {}
        asked = []
        for subtree, places in enumerate(frontiers):
            for place in places:
                texts = self.tree.texts(place)
                begun = STOP.join([*texts, ""]) if texts else None
                for k in range(each):
                    # Subtrees are independent: two that came to equal places still draw their own answers.
                    call = Call(messages, purpose="step", sample=subtree * keys.width + k, begun=begun, extra=extra)
                    asked.append((subtree, place, call))
        return asked

    def grow(self, asked: Sequence[tuple[int, int, Call]], replies: Sequence[Reply]) -> list[tuple[int, Node]]:
        """New nodes with their subtree; equal steps at one place of one subtree are one."""
        self.heard += replies
        found: dict[tuple[int, int, str], Node] = {}
        for (subtree, place, _), reply in zip(asked, replies, strict=True):
            text = reply.text.strip()
            key = (subtree, place, text)
            if reply.done and text and key not in found:
                found[key] = self.tree.add(place, text, subtree=subtree, answer=boxed(text))
                self.replies[found[key].number] = reply
        return [(subtree, node) for (subtree, _, _), node in found.items()]

    def question(self, node: Node) -> Call:
        problem = self.case.problem
        before = self.tree.texts(node.parent or ROOT)
        if self.strategy.prm is not None:
            rated = Rated(problem.problem, [*before, node.text], len(before))
            return Call([], "prm", "score", rated=rated)
        return Call(ask_scores(problem.problem, before, [node.text], language(problem)), "judge", "score")

    def score(self, fresh: Sequence[tuple[int, Node]], replies: Sequence[Reply]) -> None:
        for (_, node), reply in zip(fresh, replies, strict=True):
            said = read_scores(reply.text if reply.done else "", 1) if reply.scores is None else reply.scores
            node.facts["score"] = next(iter(said), None)

    def follow(self, fresh: Sequence[tuple[int, Node]], subtrees: int) -> list[list[int]]:
        """The places to go on from, by subtree; what reached an answer has ended, the others are pruned."""
        self.ended += [node for _, node in fresh if node.facts["answer"] is not None]
        room = self.strategy.n // self.strategy.width // subtrees
        frontiers: list[list[int]] = []
        for subtree in range(subtrees):
            alive = [node for own, node in fresh if own == subtree and node.facts["answer"] is None]
            ranked = sorted(alive, key=lambda node: (-self.value(node), node.number))
            frontiers.append([node.number for node in ranked[:room]])
            for node in ranked[room:]:
                node.facts["pruned"] = True
        return frontiers

    def scores(self, node: Node) -> list[float]:
        """Of the steps down to a node; empty where one of them has none."""
        found = [one.facts["score"] for one in self.tree.path(node.number)]
        return [] if None in found else found

    def value(self, node: Node) -> float:
        return value(self.scores(node), self.strategy.vote.split("_")[0])

    def played(self) -> Played:
        groups = same_answers([node.facts["answer"] for node in self.ended], self.case.problem)
        picked = pick(groups, [self.scores(node) for node in self.ended], self.strategy.vote)
        attempts = [self._attempt(node, k == picked) for k, node in enumerate(self.ended)]
        if not self.ended:
            lost = fates(self.heard)
            attempts = [Attempt(None, None, self.heard, status="failed", reason="no_answer", evidence=lost)]
        if self.strategy.keep_pruned:
            attempts += [self._attempt(node, False) for node in self.tree.nodes if node.facts.get("pruned")]
        return Played(attempts, self.tree.dump())

    def _attempt(self, node: Node, picked: bool) -> Attempt:
        path = self.tree.path(node.number)
        answer = node.facts["answer"]
        facts: dict[str, Any] = {"picked": picked, "step_scores": [one.facts["score"] for one in path]}
        kept = picked or self.strategy.keep_pruned
        return Attempt(
            STOP.join(one.text for one in path),
            None if answer is None else closing(answer, language(self.case.problem)),
            [self.replies[one.number] for one in path],
            status="unclosed" if answer is None else "done",
            facts={**facts, "nodes": [one.number for one in path]},
            scores=step_scores(self.scores(node)),
            label="pruned" if answer is None else None,
            reason=None if kept else "not_picked",
            evidence=facts,
        )
