"""rStar: a tree search with five ways to go on, judged by how much the ends agree, and by a second model.

After arXiv 2408.06195. The reward of an end is the share of votes for its answer. The reference is read nowhere: the
authors' code drops winners that differ from it, which no dataset without answers could do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from pydantic import Field

from cotkit.distill.strategies import Attempt, Call, Case, Count, Play, Played, Reply, Role, Strategy
from cotkit.distill.strategies.consistency import PARTS, ROLE, STANDS, agreement, completions
from cotkit.distill.strategies.shared.fates import fates
from cotkit.distill.strategies.shared.stepping import (
    Language,
    asked_after,
    boxed,
    closing,
    filled,
    language,
    same_answers,
)
from cotkit.distill.strategies.shared.tree import Node, Tree
from cotkit.distill.strategies.shared.uct import Visits

Action = Literal["step", "answer", "subquestion", "again", "rephrase"]
# What may come after what. A second answer is for sub-questions alone, another wording for the problem alone.
ALLOWED: Mapping[str, Sequence[Action]] = {
    "problem": ("step", "answer", "subquestion", "rephrase"),
    "rephrase": ("step", "answer", "subquestion"),
    "step": ("step", "answer"),
    "subquestion": ("step", "answer", "subquestion", "again"),
    "again": ("step", "answer", "subquestion"),
    "answer": (),
}
# What a model writes instead of a sub-question when only the problem's own question is left.
LAST = "ORIGINAL"

_PROMPTS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "step": "Write only the next step of the solution, in a few sentences. Do not give the final answer yet.",
        "answer": "Now finish the solution, step by step, and put the final answer in \\boxed{}.",
        "subquestion": (
            "Which smaller question should be answered next on the way to the problem's answer? Write that one "
            f"question and nothing else. If only the problem's own question is left, write {LAST}."
        ),
        "reply": "Answer this question briefly, with your working, and put its answer in \\boxed{}: {question}",
        "rephrase": (
            "Before solving it, say the problem again in your own words: list what is given and what is asked. Do not "
            "solve it."
        ),
        "original": "the problem's own question",
        "said_again": "Let me answer that once more. ",
    },
    "zh": {
        "step": "只写解答的下一步，最多几句话，先不要给出最终答案。",
        "answer": "现在请一步一步完成解答，并把最终答案放在 \\boxed{} 中。",
        "subquestion": (
            "为了得到题目的答案，接下来应该先回答哪个更小的问题？只写这一个问题，不要写别的。"
            f"如果只剩下题目本身的问题，请写 {LAST}。"
        ),
        "reply": "请简要回答下面的问题，写出过程，并把它的答案放在 \\boxed{} 中：{question}",
        "rephrase": "先不要解题，请用自己的话重述题目：列出已知条件和所求。",
        "original": "题目本身的问题",
        "said_again": "我再回答一次这个问题。",
    },
}


class RStar(Strategy):
    """Tree search with five actions, votes as rewards, and, if named, a second model that checks every end."""

    by: Literal["rstar"]
    discriminator: Role | None = Field(
        None, description="Who completes beginnings of each end's solution; its agreement counts beside the votes."
    )
    rollouts: int = Field(16, ge=1, le=256, description="Ways from the root to an end.")
    depth: int = Field(5, ge=1, le=16, description="Actions on a way at most; the last one finishes the solution.")
    exploration: float = Field(2.0, ge=0, description="Weight of what is to be learned against what was found (UCT).")
    steps: int = Field(3, ge=1, le=16, description="Next steps that are tried at a place.")
    subquestions: int = Field(3, ge=1, le=16, description="Sub-questions that are tried at a place.")
    votes: int = Field(10, ge=1, le=128, description="Answers to each sub-question.")
    last_votes: int = Field(32, ge=1, le=256, description="Answers where the solution is finished.")
    keep_pruned: bool = Field(False, description="Keep every end, not only the one that was picked.")

    compares: ClassVar[bool] = True
    usual_tokens: ClassVar[int | None] = 250

    def roles(self) -> Mapping[str, Role]:
        return {ROLE: self.discriminator} if self.discriminator else {}

    def counts(self) -> Sequence[Count]:
        first = self.steps + self.last_votes + self.subquestions + 1
        inner = self.steps + self.last_votes + self.subquestions + self.votes + self.subquestions * self.votes
        if self.depth == 1:
            teacher = Count("teacher", self.last_votes, self.last_votes)
        else:
            root = first + self.subquestions * self.votes
            below = self.rollouts * ((self.depth - 2) * inner + self.last_votes)
            teacher = Count("teacher", first, root + below)
        return [teacher, *([Count(ROLE, 0, len(PARTS) * self.rollouts)] if self.discriminator else [])]

    def traces(self) -> int:
        return self.rollouts if self.keep_pruned else 1

    def carried(self, role: str) -> float:
        return self.depth + 1

    def play(self, case: Case) -> Play:
        search = _Search(self, case)
        visits = Visits(search.tree, self.exploration, case.rng)
        for _ in range(self.rollouts):
            walked = visits.down()
            while not search.ended(walked[-1]):
                yield from search.expand(walked[-1])
                children = search.tree.children(walked[-1].number)
                if not children:
                    break
                walked.append(case.rng.choice(children))
            visits.reward(walked, search.reward(walked[-1]))
        return (yield from search.judged())


@dataclass
class _Search:
    strategy: RStar
    case: Case
    tree: Tree = field(default_factory=Tree)
    expanded: set[int] = field(default_factory=set)
    made_of: dict[int, list[Reply]] = field(default_factory=dict)
    heard: list[Reply] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lang: Language = language(self.case.problem)
        self.prompts = _PROMPTS[self.lang]

    @staticmethod
    def ended(node: Node) -> bool:
        """Does it answer the problem itself?"""
        return bool(node.facts.get("last"))

    def reward(self, node: Node) -> float:
        return float(node.facts["share"]) if self.ended(node) else 0.0

    def expand(self, node: Node) -> Generator[Sequence[Call], Sequence[Reply], None]:
        """Add all children of a node, once."""
        if node.number in self.expanded:
            return
        self.expanded.add(node.number)
        near_end = self.tree.depth(node.number) >= self.strategy.depth - 1
        actions: Sequence[Action] = ("answer",) if near_end else ALLOWED[node.kind]
        calls = {action: self._calls(node, action) for action in actions}
        came = yield [call for group in calls.values() for call in group]
        self.heard += came
        replies = iter(came)
        heard = {action: [next(replies) for _ in group] for action, group in calls.items()}
        for action in actions:
            if action == "subquestion":
                yield from self._ask_questions(node, heard[action])
            elif action in ("answer", "again"):
                before = self.prompts["said_again"] if action == "again" else ""
                self._add_voted(node, action, before, heard[action], last=action == "answer")
            else:
                for reply in _different(heard[action]):
                    self._add(node, action, reply.text, [reply])

    def _calls(self, node: Node, action: Action) -> list[Call]:
        keys = self.strategy
        if action == "again":
            # The same question as its first answers, so further samples of the same call.
            question = node.facts["question"]
            return list(self._replies_to(node.parent or 0, question, range(keys.votes, 2 * keys.votes)))
        number = {
            "step": keys.steps,
            "answer": keys.last_votes,
            "subquestion": keys.subquestions,
            "rephrase": 1,
        }[action]
        messages = asked_after(self.case.messages(), self.tree.texts(node.number), self.prompts[action])
        return [Call(messages, purpose=action, sample=k) for k in range(number)]

    def _replies_to(self, place: int, question: str, samples: range) -> Iterator[Call]:
        told = filled(self.prompts["reply"], question=question)
        messages = asked_after(self.case.messages(), self.tree.texts(place), told)
        return (Call(messages, purpose="reply", sample=k) for k in samples)

    def _ask_questions(self, node: Node, replies: Sequence[Reply]) -> Generator[Sequence[Call], Sequence[Reply], None]:
        asked = []
        for reply in _different(replies):
            last = LAST in reply.text
            asked.append((reply, self.prompts["original"] if last else reply.text, last))
        # Two that mean the problem's own question are one.
        asked = [one for k, one in enumerate(asked) if one[1] not in [earlier[1] for earlier in asked[:k]]]
        if not asked:
            return
        votes = self.strategy.votes
        heard = yield [call for _, text, _ in asked for call in self._replies_to(node.number, text, range(votes))]
        self.heard += heard
        for k, (reply, question, last) in enumerate(asked):
            own = heard[k * votes : (k + 1) * votes]
            before = "" if last else f"{question}\n"
            self._add_voted(node, "subquestion", before, own, last=last, asked=reply, question=question)

    def _add_voted(
        self,
        node: Node,
        action: Action,
        before: str,
        replies: Sequence[Reply],
        *,
        last: bool,
        asked: Reply | None = None,
        **facts: Any,
    ) -> None:
        """A child with the answer that most replies gave; none where nobody gave one."""
        answers = [boxed(reply.text) if reply.done else None for reply in replies]
        groups = same_answers(answers, self.case.problem)
        votes = Counter(group for group in groups if group is not None)
        if not votes:
            return
        first, count = votes.most_common(1)[0]
        reply = replies[first]
        made_of = [reply] if asked is None else [asked, reply]
        share = count / len(replies)
        self._add(node, action, before + reply.text, made_of, answer=answers[first], share=share, last=last, **facts)

    def _add(self, node: Node, action: Action, text: str, made_of: list[Reply], **facts: Any) -> None:
        self.made_of[self.tree.add(node.number, text, action, **facts).number] = made_of

    def judged(self) -> Play:
        """Pick the end whose answer has most of the rewards and most of the second model's agreement."""
        ends = [node for node in self.tree.nodes if self.ended(node) and node.facts.get("visits")]
        problem = self.case.problem
        if self.strategy.discriminator is not None and ends:
            asked = [completions(self.case.messages(), self.text(end), self.lang) for end in ends]
            replies = iter((yield [call for group in asked for call in group]))
            for end, group in zip(ends, asked, strict=True):
                heard = [next(replies) for _ in group]
                end.facts["mutual_consistency"] = agreement(end.facts["answer"], heard, problem)
        groups = same_answers([end.facts["answer"] for end in ends], problem)
        scores = _scores(ends, groups)
        best = max(range(len(ends)), key=lambda k: (scores[k], ends[k].facts["share"], -k), default=0)
        attempts = [self._attempt(end, k == best, scores[k]) for k, end in enumerate(ends)]
        if not ends:
            lost = fates(self.heard)
            attempts = [Attempt(None, None, self.heard, status="failed", reason="no_answer", evidence=lost)]
        return Played(attempts, self.tree.dump())

    def text(self, end: Node) -> str:
        return "\n\n".join(self.tree.texts(end.number))

    def _attempt(self, end: Node, picked: bool, score: float) -> Attempt:
        path = self.tree.path(end.number)
        names = {"share": "vote_share", "mutual_consistency": "mutual_consistency"}
        told: dict[str, Any] = {key: end.facts[key] for key in names if key in end.facts}
        facts = {"picked": picked, "score": score, "actions": [node.kind for node in path], **told}
        return Attempt(
            self.text(end),
            closing(end.facts["answer"], self.lang),
            [reply for node in path for reply in self.made_of[node.number]],
            facts={**facts, "nodes": [node.number for node in path]},
            scores={"rstar_score": score, **{names[key]: float(number) for key, number in told.items()}},
            reason=None if picked or self.strategy.keep_pruned else "not_picked",
            evidence=facts,
        )


def _scores(ends: Sequence[Node], groups: Sequence[int | None]) -> list[float]:
    """Of each end's answer: its part of all rewards, plus the part of its ends that the second model agrees with."""
    whole = sum(end.facts["value"] for end in ends)
    found = []
    for group in groups:
        own = [end.facts for end, other in zip(ends, groups, strict=True) if other == group]
        stood = [facts.get("mutual_consistency", 0.0) >= STANDS for facts in own]
        found.append(float(sum(facts["value"] for facts in own) / whole + sum(stood) / len(own)))
    return found


def _different(replies: Sequence[Reply]) -> list[Reply]:
    """Those that hold a text, each text once."""
    found: dict[str, Reply] = {}
    for reply in replies:
        if reply.done and reply.text:
            found.setdefault(reply.text, reply)
    return list(found.values())
