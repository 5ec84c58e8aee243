"""STaR: a model's own right solutions, and for problems that it fails a second try with the answer as a hint.

After arXiv 2203.14465 and its code (ezelikman/STaR). What is kept has no hint in it: the row's prompt is the plain one,
and a solution that shows that it was written with the answer in view is dropped. Hinted rows say less about what the
model can do than its own: `max_hinted_share` caps them, and select's trace filter `rationalized` takes them out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

from pydantic import Field

from cotkit.distill.prompt import Message
from cotkit.distill.strategies import (
    Attempt,
    Call,
    Case,
    Count,
    Overruled,
    Play,
    Played,
    Reply,
    Strategy,
    grade,
    unpaid,
)
from cotkit.distill.strategies.shared.leaks import find_leak, from_equation
from cotkit.distill.strategies.shared.shares import above_share
from cotkit.distill.strategies.shared.stepping import Language, language
from cotkit.records import Problem, lettered, question
from cotkit.verify.options import which_option

HintStyle = Literal["answer", "worked_solution", "choice_mark"]

# Before each hint; the request for a solution that stands by itself is what makes most of them usable.
ASK = (
    "For your eyes only, to check yourself against at the end: {hint}\n"
    "Derive the result from the problem alone, step by step, as for a reader who sees nothing but the problem. Never "
    "mention this remark, and state no result before you have derived it."
)
ASK_ZH = (
    "以下内容只供你最后自己核对用：{hint}\n"
    "请只根据题目本身一步一步地推导，就像读者只看得到题目一样。绝不要提到这段话，没有推导出来的结果不要先说。"
)
_ASKS: Mapping[Language, str] = {"en": ASK, "zh": ASK_ZH}
# The line of each style of hint.
_HINTS: Mapping[Language, Mapping[HintStyle, str]] = {
    "en": {
        "answer": "the reference answer is %s.",
        "worked_solution": "a worked solution reads:\n%s",
        "choice_mark": "the options are\n%s",
    },
    "zh": {"answer": "参考答案是 %s。", "worked_solution": "一份完整的解答如下：\n%s", "choice_mark": "选项如下：\n%s"},
}
MARK = " [this is the right one]"
_OVER = "over_hinted_share"


class Star(Strategy):
    """Plain attempts until one is right; if none is, attempts with a hint, kept without it."""

    by: Literal["star"]
    attempts: int = Field(1, ge=1, le=64, description="Most plain attempts at a problem; the first right one is kept.")
    hinted: int = Field(1, ge=0, le=64, description="Most attempts with a hint at a problem that no plain one solved.")
    hint: HintStyle = Field(
        "answer",
        description="What the hint is: the reference answer, the worked solution of the problem, or its options with "
        "the right one marked.",
    )
    max_hinted_share: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Largest share of hinted rows among the kept ones; those above it are dropped, drawn by the "
        "problem's name.",
    )

    uses_reference: ClassVar[bool] = True
    builds_reasoning: ClassVar[bool] = False

    def counts(self) -> Sequence[Count]:
        return [Count("teacher", 1, self.attempts + self.hinted)]

    def carried(self, role: str) -> float:
        return 0

    def play(self, case: Case) -> Play:
        problem = case.problem
        if (dropped := unpaid(problem)) is not None:
            return dropped
        for number in range(self.attempts):
            (last,) = yield [Call(case.messages(), purpose="plain", sample=number)]
            if last.done and grade(problem, last.text) == "correct":
                own = _made(last, {"rationalized": False, "attempt": number}, "solved")
                return Played([replace(own, kind=last.kind)])
        hint = hint_of(problem, self.hint)
        if hint is None:
            return Played([_unsolved(last, {"hint": "the problem has none of this style"})])
        secrets = [
            *_ASKS.values(),
            hint,
            *([problem.solution] if self.hint == "worked_solution" and problem.solution else []),
        ]
        leaked: Attempt | None = None
        for number in range(self.hinted):
            (last,) = yield [Call(hinted(case.messages(), hint, language(problem)), purpose="hinted", sample=number)]
            if not last.done or grade(problem, last.text) != "correct":
                continue
            text = f"{last.reasoning or ''}\n\n{last.text}"
            leak = find_leak(text, problem.answer or "", question(problem.problem, problem.choices), secrets)
            facts: dict[str, Any] = {
                "rationalized": True,
                "saw_reference": True,
                "attempt": number,
                "hint_style": self.hint,
                "gold_from_equation": from_equation(text, problem.answer or ""),
            }
            good = _made(last, facts, "rationalized")
            if leak is None:
                return Played([good])
            evidence = {"leak": leak.kind, "words": leak.words}
            leaked = replace(good, label="hint_leak", reason="hint_leak", evidence=evidence)
        return Played([leaked or _unsolved(last, {})])

    def settle(self, labels: Mapping[str, str | None]) -> Mapping[str, Overruled]:
        """Hinted rows above `max_hinted_share` are dropped; which, depends on the problems' names alone."""
        names = [name for name, label in labels.items() if label == "rationalized"]
        own = len(labels) - len(names)
        most, surplus = above_share(names, own, self.max_hinted_share)
        evidence = {"max_hinted_share": self.max_hinted_share, "solved_without": own, "kept_hinted": most}
        return {name: Overruled(_OVER, _OVER, evidence) for name in surplus}


def hint_of(problem: Problem, style: HintStyle) -> str | None:
    """The hint's own line; None where the problem has nothing of the style."""
    line = _HINTS[language(problem)][style]
    if style == "answer":
        return line % problem.answer if problem.answer else None
    if style == "worked_solution":
        return line % problem.solution if problem.solution else None
    right = which_option(problem.answer or "", problem.choices or ())
    if right is None:
        return None
    marked = [f"{text}{MARK if i == right else ''}" for i, text in enumerate(problem.choices or ())]
    return line % lettered(marked)


def hinted(messages: Sequence[Message], hint: str, lang: Language) -> list[Message]:
    """The messages with the hint after the last one."""
    *before, last = messages
    return [*before, {**last, "content": f"{last['content']}\n\n{_ASKS[lang].replace('{hint}', hint)}"}]


def _made(reply: Reply, facts: Mapping[str, Any], label: str) -> Attempt:
    return Attempt(reply.reasoning, reply.response, [reply], status=reply.status, facts=facts, label=label)


def _unsolved(reply: Reply, evidence: Mapping[str, Any]) -> Attempt:
    told = {**evidence, "status": reply.status, "error": reply.error}
    return replace(_made(reply, {}, "unsolved"), reason="unsolved", evidence=told)
