"""A long thought with its wrong turnings, out of a tree of steps that a judge looked through.

The first part of O1 Journey (arXiv 2410.18982): grow a tree, keep the right steps of each level, walk it depth first
with wrong trials on the way, and let a writer make one thought of it. Which end is right is the judge's word and the
majority of right ends; the reference is never read, so verify what comes out.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from cotkit.distill.strategies import Attempt, Call, Case, Count, Play, Played, Reply, Role, Strategy
from cotkit.distill.strategies.shared.fates import fates
from cotkit.distill.strategies.shared.linearize import Part, Trial, laid_out, thought
from cotkit.distill.strategies.shared.rewriting import rewritten
from cotkit.distill.strategies.shared.rulings import ask_about, read_ruling
from cotkit.distill.strategies.shared.stepping import NEXT_STEP, asked_after, boxed, closing, language, same_answers
from cotkit.distill.strategies.shared.tree import ROOT, Node, Tree

Growth = Generator[Sequence[Call], Sequence[Reply], list[Node]]


class Journey(Strategy):
    """Trial, error, correction: a tree of judged steps, told as one long thought, with the straight path if wanted."""

    by: Literal["journey"]
    judge: Role = Field(description="Who says of each step whether it is right.")
    writer: Role | None = Field(
        None,
        description="Who makes one fluent thought of the parts; when unset, or where it loses or changes something, "
        "the parts are joined with sentences of cotkit's own.",
    )
    width: int = Field(3, ge=2, le=16, description="Next steps that are tried at each place.")
    depth: int = Field(8, ge=1, le=64, description="Steps of a solution at most.")
    keep_per_level: int = Field(2, ge=1, le=16, description="Right steps of a level that are followed further.")
    trials_per_step: int = Field(1, ge=1, le=8, description="Wrong turnings that are told before a right step.")
    shortcut: bool = Field(
        False,
        description="Build the straight path, too, as a second trace to compare with; `select` publishes the journey "
        "unless it takes two of a problem.",
    )

    compares: ClassVar[bool] = True
    usual_tokens: ClassVar[int | None] = 200

    def roles(self) -> Mapping[str, Role]:
        return {"judge": self.judge, **({"writer": self.writer} if self.writer else {})}

    def counts(self) -> Sequence[Count]:
        most = self.width * (1 + (self.depth - 1) * self.keep_per_level)
        writer = [Count("writer", 0, 1)] if self.writer else []
        return [Count("teacher", self.width, most), Count("judge", 0, most), *writer]

    def traces(self) -> int:
        return 2 if self.shortcut else 1

    def carried(self, role: str) -> float:
        return self.depth

    def play(self, case: Case) -> Play:
        tree, heard = Tree(), list[Reply]()
        ends = yield from self._grow(case, tree, heard)
        if not ends:
            return Played([_endless(heard, tree)], tree.dump())
        groups = same_answers([end.facts["answer"] for end in ends], case.problem)
        # Counter keeps the order of first meeting: among equals the earliest end wins.
        end = ends[next(k for k, _ in Counter(g for g in groups if g is not None).most_common(1))]
        lang = language(case.problem)
        path = tree.path(end.number)
        end.facts["chosen"] = True
        response = closing(end.facts["answer"], lang)
        trials = wrong_turnings(tree, [node.number for node in path], self.trials_per_step, case.rng)
        if not trials:
            journey = Attempt(None, None, heard, status="failed", label="journey", reason="no_wrong_step")
            return Played([journey], tree.dump())
        parts: Sequence[Part] = thought([(n.number, n.text) for n in path], trials, case.rng, lang)
        facts: dict[str, Any] = {"writer": "none"}
        if self.writer is not None:
            parts, facts["writer"] = yield from rewritten(case.problem, parts, lang, heard)
        built = [_built(parts, response, heard, "journey", facts)]
        if self.shortcut:
            straight = thought([(node.number, node.text) for node in path], {}, case.rng, lang)
            built.append(_built(straight, response, heard, "shortcut", {}))
        return Played(built, tree.dump())

    def _grow(self, case: Case, tree: Tree, heard: list[Reply]) -> Growth:
        """Level by level, until one has ends that were judged right; these."""
        messages, lang = case.messages(), language(case.problem)
        frontier = [ROOT]
        for _ in range(self.depth):
            asked = [
                (place, Call(asked_after(messages, tree.texts(place), NEXT_STEP[lang]), purpose="step", sample=k))
                for place in frontier
                for k in range(self.width)
            ]
            replies = yield [call for _, call in asked]
            heard += replies
            steps = [(place, r.text) for (place, _), r in zip(asked, replies, strict=True) if r.done and r.text]
            # Equal steps at one place are one step, judged once.
            fresh = [tree.add(place, text, answer=boxed(text)) for place, text in dict.fromkeys(steps)]
            if not fresh:
                return []
            rulings = yield [
                Call(
                    ask_about(case.problem.problem, tree.texts(node.parent or ROOT), node.text, lang),
                    "judge",
                    "judge",
                )
                for node in fresh
            ]
            heard += rulings
            for node, reply in zip(fresh, rulings, strict=True):
                ruling = read_ruling(reply.text if reply.done else "")
                node.facts |= {"judged": ruling.verdict, "why": ruling.why}
            right = [node for node in fresh if node.facts["judged"] == "right"]
            ends = [node for node in right if node.facts["answer"] is not None]
            if ends:
                return ends
            frontier = [node.number for node in right[: self.keep_per_level]]
            if not frontier:
                return []
        return []


def wrong_turnings(tree: Tree, path: Sequence[int], most: int, rng: random.Random) -> dict[int, list[Trial]]:
    """For each step of `path` up to `most` trials that leave the way before it and end on a step judged wrong.

    A trial goes down one random child at a time, among those that come to a wrong step.
    """
    wrong = [node.number for node in tree.nodes if node.facts.get("judged") == "wrong"]
    leads = tree.reaching(wrong)
    found: dict[int, list[Trial]] = {}
    for index, (place, right) in enumerate(zip([ROOT, *path], path, strict=False)):
        off = [node for node in tree.children(place) if node.number != right and node.number in leads]
        trials = []
        for first in rng.sample(off, min(most, len(off))):
            walked = [first]
            while walked[-1].facts.get("judged") != "wrong":
                walked.append(rng.choice([n for n in tree.children(walked[-1].number) if n.number in leads]))
            steps = [(node.number, node.text) for node in walked]
            trials.append(Trial(steps, len(steps) - 1, walked[-1].facts.get("why", "")))
        if trials:
            found[index] = trials
    return found


def _endless(heard: Sequence[Reply], tree: Tree) -> Attempt:
    return Attempt(None, None, heard, status="failed", reason="no_right_end", evidence=fates(heard, tree))


def _built(
    parts: Sequence[Part], response: str, heard: Sequence[Reply], label: str, facts: Mapping[str, Any]
) -> Attempt:
    text, spans = laid_out(parts)
    told = {"form": label, "picked": label == "journey", **spans, **facts}
    return Attempt(text, response, heard, facts=told, label=label)
