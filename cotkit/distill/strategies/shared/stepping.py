"""What strategies share that build a solution step by step: how a step is asked for, how an end is seen and said."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Literal

from cotkit.distill.prompt import Message
from cotkit.records import Problem

Language = Literal["en", "zh"]

# So many different answers to one problem are compared by value.
MOST_DIFFERENT = 32

_HAN = re.compile(r"[\u4e00-\u9fff]")
_KANA = re.compile(r"[\u3040-\u30ff]")
# Words of prose; what follows a backslash is LaTeX's, and single letters are variables.
_LATIN = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,}")
# A Chinese problem has far more characters than names of functions, an English one with a Chinese name far fewer.
_CHINESE_SHARE = 0.3
_SLOT = re.compile(r"\{([a-z]+)\}")
_BLANK = re.compile(r"\n[ \t]*\n")

NEXT_STEP: Mapping[Language, str] = {
    "en": (
        "Write only the next step of the solution: one idea with its calculation, a few sentences at most. Do not "
        "repeat earlier steps. If this step reaches the final answer, put it in \\boxed{}; otherwise write no box."
    ),
    "zh": (
        "只写解答的下一步：一个想法及其计算，最多几句话，不要重复前面的步骤。如果这一步得到了最终答案，"
        "请把它放在 \\boxed{} 中；否则不要写 \\boxed{}。"
    ),
}
_CLOSING: Mapping[Language, str] = {"en": "The final answer is \\boxed{%s}.", "zh": "最终答案是 \\boxed{%s}。"}


def language(problem: Problem) -> Language:
    """In which language cotkit's own sentences are put: that of the problem's text; whatever is not Chinese is English.

    Chinese: no kana, and Chinese characters are 30 % or more of characters and Latin words together.
    """
    han, words = len(_HAN.findall(problem.problem)), len(_LATIN.findall(problem.problem))
    return "zh" if han and not _KANA.search(problem.problem) and han / (han + words) >= _CHINESE_SHARE else "en"


def asked_after(messages: Sequence[Message], steps: Sequence[str], instruction: str) -> list[Message]:
    """The chat that asks for what comes after `steps`; the teacher sees them as its own words."""
    if not steps:
        *before, last = messages
        return [*before, {**last, "content": f"{last['content']}\n\n{instruction}"}]
    told = {"role": "assistant", "content": "\n\n".join(steps)}
    return [*messages, told, {"role": "user", "content": instruction}]


def filled(template: str, **slots: str) -> str:
    """The template with its slots filled in one pass: what looks like a slot inside a text stays as it is."""
    return _SLOT.sub(lambda found: slots.get(found[1], found[0]), template)


def boxed(text: str | None) -> str | None:
    """What stands in the box of a text that has come to its end."""
    from cotkit.verify.boxed import boxed_answer

    found = boxed_answer(text or "")
    return None if found is None else (found.answer or "").strip() or None


def stated(text: str) -> str | None:
    """The final answer of a whole response, boxed or not."""
    from cotkit.verify import extract_answer

    return extract_answer(text).answer


def closing(answer: str, lang: Language) -> str:
    """A response for reasoning that cotkit put together."""
    return _CLOSING[lang] % answer


def steps_of(text: str) -> list[str]:
    """A solution cut at its blank lines; pieces without text are left out."""
    return [step for part in _BLANK.split(text) if (step := part.strip())]


def shared_prefix(a: str, b: str) -> int:
    """With how many equal characters two texts begin: in a pair, what need not be learned."""
    return next((k for k, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def same_answers(answers: Sequence[str | None], problem: Problem) -> list[int | None]:
    """Of each answer the index of the first that equals it; None where there is no answer.

    Equal by value with one of the first MOST_DIFFERENT, else by its letters: a thousand different answers must not be
    compared a million times.
    """
    from cotkit.verify import grade

    firsts: dict[str, int] = {}
    found: list[int | None] = []
    for index, answer in enumerate(answers):
        if answer is None:
            found.append(None)
            continue
        if answer not in firsts:
            box = f"\\boxed{{{answer}}}"
            same = (
                first
                for other, first in islice(firsts.items(), MOST_DIFFERENT)
                if grade(other, box, question=problem.problem, choices=problem.choices).value == "correct"
            )
            firsts[answer] = next(same, index)
        found.append(firsts[answer])
    return found
