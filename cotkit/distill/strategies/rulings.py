"""What a judge of single steps is asked, and how its word is read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from cotkit.distill.prompt import Message
from cotkit.distill.strategies.stepping import Language

_MOST_REASON = 600

_QUESTION: Mapping[Language, str] = {
    "en": (
        "Check one step of a solution.\n\nProblem:\n{problem}\n\nSteps before it:\n{before}\n\nThe step:\n{step}\n\n"
        "Is this step right, given the problem and the steps before it? A step that states a final answer is right "
        "only if that answer is. First say why, to the one who wrote it, in one or two sentences. Then end with a "
        "line of its own: VERDICT: RIGHT or VERDICT: WRONG."
    ),
    "zh": (
        "请检查一个解答中的一步。\n\n题目：\n{problem}\n\n之前的步骤：\n{before}\n\n这一步：\n{step}\n\n"
        "结合题目和之前的步骤，这一步是否正确？如果这一步给出了最终答案，只有答案正确时这一步才算正确。"
        "请先用一两句话说明理由，然后单独写一行结束：VERDICT: RIGHT 或 VERDICT: WRONG。"
    ),
}
_NOTHING: Mapping[Language, str] = {"en": "(none)", "zh": "（无）"}
_SLOT = re.compile(r"\{(problem|before|step)\}")
_VERDICT = re.compile(r"VERDICT\s?[:：]\s?\**\s?(RIGHT|WRONG)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a judge said of a step; unclear where its word cannot be read, and then neither right nor wrong."""

    verdict: Literal["right", "wrong", "unclear"]
    why: str


def ask_about(problem: str, before: Sequence[str], step: str, lang: Language) -> list[Message]:
    """The chat that asks for a ruling on `step`."""
    slots = {"problem": problem, "before": "\n\n".join(before) or _NOTHING[lang], "step": step}
    # One pass: what looks like a slot in the texts stays as it is.
    return [{"role": "user", "content": _SLOT.sub(lambda found: slots[found[1]], _QUESTION[lang])}]


def read_ruling(text: str) -> Ruling:
    """The last verdict counts; its reason is what stands before it, on one line."""
    found = list(_VERDICT.finditer(text))
    if not found:
        return Ruling("unclear", "")
    why = " ".join(text[: found[-1].start()].split())
    if len(why) > _MOST_REASON:
        why = why[:_MOST_REASON].rsplit(" ", 1)[0] + " …"
    return Ruling("right" if found[-1][1].upper() == "RIGHT" else "wrong", why)
