"""Marco-o1's tree search: actions of a step, or of 64 or 32 tokens, valued by how sure the model was of what it wrote.

After arXiv 2411.14405, whose authors call this reward noisy themselves: the surest way is often not the right one.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from pydantic import Field

from cotkit.distill.presets import Capability
from cotkit.distill.strategies import Attempt, Call, Case, Count, Play, Played, Reply, Strategy
from cotkit.distill.strategies.shared.confidence import TOP, confidence
from cotkit.distill.strategies.shared.fates import fates
from cotkit.distill.strategies.shared.stepping import boxed, closing, language, shared_prefix
from cotkit.distill.strategies.shared.tree import ROOT, Node, Tree
from cotkit.distill.strategies.shared.uct import Visits

STOP = "\n\n"


class MarcoO1(Strategy):
    """Tree search with the model's own confidence as reward; it takes logprobs and continues begun answers."""

    by: Literal["marco_o1"]
    action: Literal["step", 64, 32] = Field(
        "step", description="What one action is: a step (up to a blank line), or so many tokens."
    )
    width: int = Field(3, ge=1, le=16, description="Actions that are tried at a place.")
    rollouts: int = Field(8, ge=1, le=256, description="Ways that are written to their end.")
    depth: int = Field(40, ge=1, le=1000, description="Actions on a way before the rest is written in one go.")
    exploration: float = Field(1.414, ge=0, description="Weight of what is to be learned against what was found (UCT).")
    keep_pruned: bool = Field(False, description="Keep every way that reached an answer, not only the surest.")

    needs: ClassVar[tuple[Capability, ...]] = ("logprobs", "prefix")
    usual_tokens: ClassVar[int | None] = 500

    def needed(self) -> tuple[Capability, ...]:
        return (*self.needs, "stop") if self.action == "step" else self.needs

    def counts(self) -> Sequence[Count]:
        return [Count("teacher", self.width, self.rollouts * (self.width + 1))]

    def traces(self) -> int:
        return self.rollouts if self.keep_pruned else 1

    def carried(self, role: str) -> float:
        return self.depth

    def play(self, case: Case) -> Play:
        search = _Search(self, case)
        visits = Visits(search.tree, self.exploration, case.rng)
        for _ in range(self.rollouts):
            walked = visits.down()
            last = walked[-1]
            seen = last.number == ROOT or last.number in visits.count
            if seen and not last.facts.get("ended") and len(walked) <= self.depth:
                yield from search.expand(last)
                if search.blind:
                    return search.failed("no_logprobs")
                children = search.tree.children(last.number)
                if children:
                    walked.append(case.rng.choice(children))
            value = yield from search.to_the_end(walked[-1])
            visits.reward(walked, value)
        return search.played()


@dataclass(frozen=True)
class _Way:
    text: str
    answer: str | None
    value: float
    nodes: Sequence[int]
    made_of: Sequence[Reply]


@dataclass
class _Search:
    """Pieces are kept letter by letter: a way's text is its pieces, joined by nothing."""

    strategy: MarcoO1
    case: Case
    tree: Tree = field(default_factory=Tree)
    ways: list[_Way] = field(default_factory=list)
    replies: dict[int, Reply] = field(default_factory=dict)
    heard: list[Reply] = field(default_factory=list)
    rests: dict[int, int] = field(default_factory=dict)
    blind: bool = False

    def _call(self, node: Node, purpose: str, sample: int) -> Call:
        begun = "".join(self.tree.texts(node.number)) or None
        extra: dict[str, Any] = {"logprobs": True, "top_logprobs": TOP}
        sampling: dict[str, Any] = {}
        if purpose == "action" and self.strategy.action == "step":
            extra["stop"] = [STOP]
        elif purpose == "action":
            sampling["max_tokens"] = self.strategy.action
        return Call(self.case.messages(), "teacher", purpose, sampling, sample, begun, begun is None, extra)

    def expand(self, node: Node) -> Generator[Sequence[Call], Sequence[Reply], None]:
        """Add the next actions; equal ones are one. `blind` tells that the teacher gave no logprobs."""
        if self.tree.children(node.number):
            return
        replies = yield [self._call(node, "action", k) for k in range(self.strategy.width)]
        self.heard += replies
        before = "".join(self.tree.texts(node.number))
        for reply in replies:
            by_length = self.strategy.action != "step"
            if not reply.text.strip() or not (reply.done or (by_length and reply.status == "length")):
                continue
            sure = confidence(reply.logprobs)
            if sure is None:
                self.blind = True
                return
            answer = boxed(before + reply.text)
            ended = answer is not None or (by_length and reply.done)
            text = reply.text if by_length or ended else reply.text + STOP
            if text not in [child.text for child in self.tree.children(node.number)]:
                new = self.tree.add(node.number, text, "action", confidence=sure, ended=ended)
                self.replies[new.number] = reply

    def to_the_end(self, node: Node) -> Generator[Sequence[Call], Sequence[Reply], float]:
        """Write the rest of a way in one go; its value is the mean confidence of that rest."""
        path = self.tree.path(node.number)
        own = [self.replies[one.number] for one in path]
        begun = "".join(one.text for one in path)
        numbers = [one.number for one in path]
        if node.facts.get("ended"):
            value = float(node.facts["confidence"])
            self.ways.append(_Way(begun, boxed(begun), value, numbers, own))
            return value
        sample = self.rests.get(node.number, 0)
        self.rests[node.number] = sample + 1
        (rest,) = yield [self._call(node, "rollout", sample)]
        self.heard.append(rest)
        value = confidence(rest.logprobs) or 0.0
        text = begun + rest.text
        self.ways.append(_Way(text, boxed(text) if rest.done else None, value, numbers, [*own, rest]))
        return value

    def failed(self, reason: str) -> Played:
        lost = Attempt(None, None, self.heard, status="failed", reason=reason, evidence=fates(self.heard))
        return Played([lost], self.tree.dump())

    def played(self) -> Played:
        """The surest way that has an answer; of equal ones the first."""
        found: dict[str, _Way] = {}
        for way in self.ways:
            if way.answer is not None:
                found.setdefault(way.text, way)
        ways = list(found.values())
        if not ways:
            return self.failed("no_answer")
        best = max(range(len(ways)), key=lambda k: (ways[k].value, -k))
        return Played([self._attempt(way, k == best, ways[best]) for k, way in enumerate(ways)], self.tree.dump())

    def _attempt(self, way: _Way, picked: bool, best: _Way) -> Attempt:
        # For pairs: what both share need not be learned from (characters).
        shared = {} if picked else {"shared_prefix": shared_prefix(way.text, best.text)}
        facts = {"picked": picked, "confidence": way.value, **shared}
        return Attempt(
            way.text,
            closing(way.answer or "", language(self.case.problem)),
            way.made_of,
            facts={**facts, "nodes": list(way.nodes)},
            scores={"confidence": way.value},
            reason=None if picked or self.strategy.keep_pruned else "not_picked",
            evidence=facts,
        )
