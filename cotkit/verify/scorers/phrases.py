"""Phrases of careful reasoning in English and Chinese, by what they do. Our own lists; descriptive, not exhaustive.

Demystifying Long CoT (arXiv 2502.03373, section 6) searches for such phrases, oat-zero (sail-sg/oat-zero) counts a list
of them. A phrase is found as whole words; a Chinese one anywhere, since Chinese has no spaces.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

Kind = str
Language = str

PHRASES: Mapping[Kind, Mapping[Language, Sequence[str]]] = {
    "verify": {
        "en": (
            *("let me check", "let's check", "let us check", "double check", "double-check", "check again", "recheck"),
            *("re-check", "verify", "let me confirm", "to confirm", "sanity check", "plug it back", "plugging back"),
            *("substitute back", "substituting back", "does this make sense", "to be sure", "make sure"),
        ),
        "zh": (
            *("检查一下", "再检查", "检验", "验证", "核对", "核实", "验算", "代回", "代入原", "再算一遍", "重新计算"),
            *("确认一下", "再确认", "看看对不对"),
        ),
    },
    "backtrack": {
        "en": (
            *("wait", "hold on", "that's wrong", "that is wrong", "that's not right", "that is not right", "a mistake"),
            *("i made an error", "go back", "going back", "start over", "from scratch", "try again", "rethink"),
            *("re-think", "reconsider", "reevaluate", "re-evaluate", "reevaluation", "re-examine", "reexamine"),
            *("think again", "go over the steps", "scratch that", "does not work", "doesn't work", "dead end"),
        ),
        "zh": (
            *("等等", "等一下", "不对", "有误", "错了", "弄错", "算错", "搞错", "重新考虑", "重新思考", "重新审视"),
            *("回过头", "回到前面", "从头再来", "重来", "行不通", "走不通", "再想想", "再想一想", "反思"),
        ),
    },
    "alternative": {
        "en": (
            *("alternatively", "another way", "another approach", "another method", "a different way"),
            *("different approach", "other way", "instead of that", "what if", "or maybe", "perhaps i could"),
            *("perhaps we could", "maybe i should", "maybe we should"),
        ),
        "zh": (
            *("另一种", "另外一种", "换一种", "换个", "换种", "别的方法", "其他方法", "或者可以", "也可以这样"),
            *("如果换成", "不妨试试", "还有一种"),
        ),
    },
    "subgoal": {
        "en": (
            *("first, i", "first, we", "first, let", "next, i", "next, we", "next, let", "step by step", "next step"),
            *("let me start", "let's start", "break this down", "break it down", "the goal is", "we need to find"),
            *("i need to find", "to do this", "my plan", "the plan is"),
        ),
        "zh": (
            *("首先", "接下来", "下一步", "第一步", "第二步", "第三步", "分几步", "分步", "目标是", "需要先", "我们先"),
            *("先来", "要求的是", "思路是", "计划是"),
        ),
    },
}  # fmt: skip
KINDS = tuple(PHRASES)
LANGUAGES = ("en", "zh")
# Those kinds whose phrases look back at what has been said.
REFLECTION = ("verify", "backtrack")


def pattern(kinds: Sequence[str], language: str, more: Sequence[str] = ()) -> re.Pattern[str]:
    """One pattern of all phrases of these kinds, longest first, so that no place counts twice."""
    phrases = sorted({*more, *(p for kind in kinds for p in PHRASES[kind][language])}, key=lambda p: (-len(p), p))
    either = "|".join(map(re.escape, phrases)).replace("'", "['’]")
    bare = language == "zh"
    return re.compile(either if bare else rf"(?<![\w-])(?:{either})(?![\w-])", re.IGNORECASE)


def count_phrases(text: str) -> dict[tuple[Kind, Language], int]:
    """(kind, language) -> places where one of its phrases stands."""
    return {
        (kind, language): sum(1 for _ in pattern((kind,), language).finditer(text))
        for kind in KINDS
        for language in LANGUAGES
    }
