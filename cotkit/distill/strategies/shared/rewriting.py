"""A writer makes one fluent thought of the parts of a draft; what it may not do is checked, part by part."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace

from cotkit.distill.prompt import Message
from cotkit.distill.strategies import Call, Reply, grade
from cotkit.distill.strategies.shared.linearize import Part
from cotkit.distill.strategies.shared.stepping import Language, boxed, filled
from cotkit.records import Problem

_TASK: Mapping[Language, str] = {
    "en": (
        "Below are the notes of somebody who solved a problem, wrong turnings included, in numbered parts. Rewrite "
        "them as the person's own running thoughts, in the first person, with natural transitions.\nKeep every part, "
        "also the wrong ones and what corrects them, in the same order. Keep each part's marker ([[1]], [[2]], …) on a "
        "line of its own before its text. Keep all numbers and formulas of a part in that part, add no new ones, and "
        "leave the final answer as it is.\n\nProblem:\n{problem}\n\nNotes:\n{notes}"
    ),
    "zh": (
        "下面是某人解题时的笔记，分成带编号的部分，其中包括走错的路。请把它改写成这个人自己连贯的思考过程，"
        "用第一人称，过渡自然。\n保留每一个部分（包括错误的部分和对它的纠正），顺序不变；每一部分的标记"
        "（[[1]]、[[2]]……）单独占一行，放在该部分文字之前。每一部分中的数字和公式都要保留在该部分，"
        "不要添加新的数字，最终答案不变。\n\n题目：\n{problem}\n\n笔记：\n{notes}"
    ),
}
_MARK = re.compile(r"^[ \t]*\[\[(\d{1,4})\]\][ \t]*$", re.MULTILINE)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


Rewriting = Generator[Sequence[Call], Sequence[Reply], tuple[Sequence[Part], str]]
WRITER = "writer"


def rewritten(problem: Problem, parts: Sequence[Part], lang: Language, heard: list[Reply]) -> Rewriting:
    """Ask the role "writer" once: (its parts, "used"), or (the draft's, what was wrong with its own)."""
    (reply,) = yield [Call(ask_writer(problem, parts, lang), WRITER, "rewrite")]
    heard.append(reply)
    better, said = read_writer(reply.text if reply.done else "", parts, problem)
    return better or parts, said


def ask_writer(problem: Problem, parts: Sequence[Part], lang: Language) -> list[Message]:
    """The chat that asks for the rewriting."""
    notes = "\n\n".join(f"[[{number}]]\n{part.text}" for number, part in enumerate(parts, 1))
    return [{"role": "user", "content": filled(_TASK[lang], problem=problem.problem, notes=notes)}]


def read_writer(text: str, parts: Sequence[Part], problem: Problem) -> tuple[Sequence[Part] | None, str]:
    """(the parts in the writer's words, "used"), or (None, what is wrong with them).

    rewrite_lost_step: a part is missing, empty, out of order, or without a number that it held.
    rewrite_new_number: a number that neither the draft nor the problem knows.
    rewrite_changed_answer: the final answer differs, or is gone.
    """
    marks = list(_MARK.finditer(text))
    if [int(mark[1]) for mark in marks] != list(range(1, len(parts) + 1)):
        return None, "rewrite_lost_step"
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    texts = [text[mark.end() : end].strip() for mark, end in zip(marks, ends, strict=True)]
    if not all(texts) or text[: marks[0].start()].strip():
        return None, "rewrite_lost_step"
    before, after = boxed(parts[-1].text), boxed(texts[-1])
    if before is None or after is None:
        return None, "rewrite_changed_answer"
    if before != after and grade(replace(problem, answer=before), f"\\boxed{{{after}}}") != "correct":
        return None, "rewrite_changed_answer"
    if any(_numbers(part.text) - _numbers(new) for part, new in zip(parts, texts, strict=True)):
        return None, "rewrite_lost_step"
    known = _numbers(problem.problem).union(*(_numbers(part.text) for part in parts))
    if _numbers("\n".join(texts)) - known:
        return None, "rewrite_new_number"
    return [replace(part, text=new) for part, new in zip(parts, texts, strict=True)], "used"


def _numbers(text: str) -> set[str]:
    return set(_NUMBER.findall(text))
