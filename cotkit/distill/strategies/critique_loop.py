"""A writer of steps and a critic, until the critic calls an end right: every mistake on the way stays in the thought.

The propose-and-critique loop that O1 Journey names beside its tree (arXiv 2410.18982, section 6). It asks far less than
the tree, and the teacher hears what was wrong before it tries again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from cotkit.distill.strategies import Attempt, Call, Case, Count, Play, Played, Reply, Role, Strategy
from cotkit.distill.strategies.shared.fates import fates
from cotkit.distill.strategies.shared.linearize import Part, Trial, laid_out, thought
from cotkit.distill.strategies.shared.rewriting import rewritten
from cotkit.distill.strategies.shared.rulings import Ruling, ask_about, read_ruling
from cotkit.distill.strategies.shared.stepping import NEXT_STEP, Language, asked_after, boxed, closing, filled, language
from cotkit.distill.strategies.shared.tree import ROOT, Node, Tree

_TRIED: Mapping[Language, str] = {
    "en": "\n\nThis was tried here already and is wrong; write another step:\n{tried}",
    "zh": "\n\n下面的写法已经在这里试过，是错的；请写另外的一步：\n{tried}",
}


class CritiqueLoop(Strategy):
    """One step after the other, each judged; a wrong one is told why and tried again, and stays in the trace."""

    by: Literal["critique_loop"]
    judge: Role = Field(description="Who says of each step whether it is right, and why not.")
    writer: Role | None = Field(
        None, description="Who makes one fluent thought of the parts, as in journey; cotkit's own sentences when unset."
    )
    depth: int = Field(12, ge=1, le=64, description="Right steps at most.")
    tries: int = Field(3, ge=1, le=16, description="Attempts at one step; a problem that needs more is given up.")
    keep_straight: bool = Field(False, description="Keep thoughts in which nothing was wrong, too.")

    compares: ClassVar[bool] = True
    usual_tokens: ClassVar[int | None] = 200

    def roles(self) -> Mapping[str, Role]:
        return {"judge": self.judge, **({"writer": self.writer} if self.writer else {})}

    def counts(self) -> Sequence[Count]:
        most = self.depth * self.tries
        writer = [Count("writer", 0, 1)] if self.writer else []
        return [Count("teacher", 1, most), Count("judge", 0, most), *writer]

    def carried(self, role: str) -> float:
        return self.depth + 1

    def play(self, case: Case) -> Play:
        tree, heard, lang = Tree(), list[Reply](), language(case.problem)
        here, trials = tree.nodes[ROOT], dict[int, list[Trial]]()
        for level in range(self.depth):
            for sample in range(self.tries):
                (reply,) = yield [self._next(case, tree, here, sample)]
                heard.append(reply)
                if not reply.done or not reply.text:
                    continue
                step = tree.add(here.number, reply.text, answer=boxed(reply.text))
                about = ask_about(case.problem.problem, tree.texts(here.number), step.text, lang)
                (said,) = yield [Call(about, "judge", "judge", sample=sample)]
                heard.append(said)
                ruling = read_ruling(said.text if said.done else "")
                step.facts |= {"judged": ruling.verdict, "why": ruling.why}
                if ruling.verdict == "right":
                    here = step
                    break
                if ruling.verdict == "wrong":
                    trials.setdefault(level, []).append(_trial(step, ruling))
            else:
                return self._lost(tree, heard, "stuck")
            if here.facts["answer"] is not None:
                break
        answer = here.facts["answer"]
        if answer is None:
            return self._lost(tree, heard, "no_right_end")
        path = [(node.number, node.text) for node in tree.path(here.number)]
        parts: Sequence[Part] = thought(path, trials, case.rng, lang)
        facts: dict[str, Any] = {"writer": "none"}
        straight = not trials
        if self.writer is not None and (not straight or self.keep_straight):
            parts, facts["writer"] = yield from rewritten(case.problem, parts, lang, heard)
        text, spans = laid_out(parts)
        attempt = Attempt(
            text,
            closing(answer, lang),
            heard,
            facts={**spans, **facts},
            label="straight" if straight else "corrected",
            reason="no_wrong_step" if straight and not self.keep_straight else None,
        )
        return Played([attempt], tree.dump())

    @staticmethod
    def _next(case: Case, tree: Tree, here: Node, sample: int) -> Call:
        lang = language(case.problem)
        wrong = [node for node in tree.children(here.number) if node.facts.get("judged") == "wrong"]
        tried = "\n".join(f"- {node.text} ({node.facts['why']})" for node in wrong)
        told = NEXT_STEP[lang] + (filled(_TRIED[lang], tried=tried) if tried else "")
        return Call(asked_after(case.messages(), tree.texts(here.number), told), purpose="step", sample=sample)

    @staticmethod
    def _lost(tree: Tree, heard: Sequence[Reply], reason: str) -> Played:
        lost = Attempt(None, None, heard, status="failed", reason=reason, evidence=fates(heard, tree))
        return Played([lost], tree.dump())


def _trial(step: Node, ruling: Ruling) -> Trial:
    return Trial([(step.number, step.text)], 0, ruling.why)
