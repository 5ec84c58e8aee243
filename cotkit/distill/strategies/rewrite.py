"""A short worked solution told again in detail, as o1-journey part 2 does with the solutions of its problems.

The source is the problem's own solution, so no attempt is needed to start from; the teacher adds words, and may change
neither the answer nor a formula (arXiv 2411.16489, §2.3).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

from pydantic import Field

from cotkit.distill.formulas import formulas
from cotkit.distill.strategies import Attempt, Call, Case, Count, Play, Played, Reply, Strategy, grade, unpaid
from cotkit.distill.strategies.shared.stepping import Language, language
from cotkit.records import Problem, question

ASK: Mapping[Language, str] = {
    "en": (
        "Tell the solution below again for a learner, in many small steps: say before each step what it is for, write "
        "out every calculation that was skipped, and check the result at the end. Keep to its way of solving. Copy "
        "every formula of it letter for letter; you may add further ones. End with the same final answer in "
        "\\boxed{}.\n\nProblem:\n{problem}\n\nSolution:\n{solution}"
    ),
    "zh": (
        "请把下面的解答重新讲给初学者听，分成许多小步：每一步之前先说明这一步要做什么，把省略的计算都写出来，"
        "最后检验结果。解法保持不变。原解答中的每个公式都要一字不差地保留，可以另外增加公式。"
        "最后把同样的答案放在 \\boxed{} 中。\n\n题目：\n{problem}\n\n解答：\n{solution}"
    ),
}
_PLACES = re.compile(r"\{problem\}|\{solution\}")


class Rewrite(Strategy):
    """The worked solution of a problem in detailed steps, with the same answer and the same formulas."""

    by: Literal["rewrite"]
    instruction: str | None = Field(
        None,
        min_length=1,
        description="What is asked; {problem} and {solution} are filled in. cotkit's own words in the problem's "
        "language, English or Chinese, when unset.",
    )
    formulas: bool = Field(True, description="Every formula of the solution must stand in the rewriting, byte-equal.")
    min_growth: float = Field(1.0, ge=0, description="Least length of the rewriting, in lengths of the solution.")
    fall_back: bool = Field(
        False,
        description="Where a rewriting fails a check, keep the solution as it was; the row's `teacher` then names the "
        "source. Else it is dropped.",
    )

    uses_reference: ClassVar[bool] = True
    builds_reasoning: ClassVar[bool] = False
    usual_tokens: ClassVar[int | None] = 1_500

    def counts(self) -> Sequence[Count]:
        return [Count("teacher", 1, 1)]

    def carried(self, role: str) -> float:
        return 0

    def play(self, case: Case) -> Play:
        problem = case.problem
        if (dropped := unpaid(problem)) is not None:
            return dropped
        if not problem.solution:
            return Played([Attempt(None, None, status="failed", label="no_solution", reason="no_solution")])
        values = {"{problem}": question(problem.problem, problem.choices), "{solution}": problem.solution}
        content = _PLACES.sub(lambda found: values[found[0]], self.instruction or ASK[language(problem)])
        (reply,) = yield [Call([{"role": "user", "content": content}], purpose="rewrite")]
        fault = self._fault(problem, reply)
        if fault is None:
            told: dict[str, Any] = {"rewritten": True, "saw_reference": True}
            return Played([Attempt(None, reply.response, [reply], facts=told, label="rewritten")])
        reason, evidence = fault
        if self.fall_back:
            facts = {"rewritten": False, "fell_back": reason, **evidence}
            author = f"{problem.source or 'source'} (its own solution)"
            own = Attempt(None, problem.solution, facts=facts, label=f"fell_back_{reason}", author=author)
            return Played([own])
        lost = Attempt(None, reply.response, [reply], status=reply.status, label=reason)
        return Played([replace(lost, reason=reason, evidence=evidence)])

    def _fault(self, problem: Problem, reply: Reply) -> tuple[str, dict[str, Any]] | None:
        """What is wrong with a rewriting: a reason and its evidence."""
        if not reply.done:
            return "unfinished", {"status": reply.status, "error": reply.error}
        verdict = grade(problem, reply.text)
        if verdict != "correct":
            return "answer_changed", {"verdict": verdict}
        missing = Counter(formulas(problem.solution or "")) - Counter(formulas(reply.text))
        if self.formulas and missing:
            return "formulas_changed", {"missing": sorted(missing)[:3]}
        growth = len(reply.text) / len(problem.solution or " ")
        if growth < self.min_growth:
            return "too_short", {"growth": round(growth, 2)}
        return None
