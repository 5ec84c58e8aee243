"""Traces in which the teacher declines instead of answering."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal

from cotkit.curate.trace_filters import TraceFilter
from cotkit.records import Problem, Trace
from cotkit.verify.boxed import boxes

_CANNOT = r"(?:can't|can ?not|won't|will not|am unable|am not (?:able|going|allowed)) "
_HELP = (
    r"(?:to )?(?:help|assist|comply|provide (?:an?|the|that|this|any)|answer (?:that|this|the)|fulfil?l|discuss"
    r"|continue|engage|do that|access|view|see|open|process) "
)
_WHAT = r"\b(?:with (?:this|that|your)|request|question|problem|image|figure|diagram|link|file)"
_REFUSAL = re.compile(
    rf"\bi am sorry,? (?:but )?i {_CANNOT}|\bsorry,? but i {_CANNOT}|\bi {_CANNOT}{_HELP}.{{0,60}}{_WHAT}"
    r"|\bas an? (?:ai|large|language|artificial)[\w ]{0,24}(?:model|assistant|ai|intelligence)?,? i\b"
    r"|\bi must (?:decline|refuse)\b|\bi(?:'d| would) rather not (?:answer|help)"
    r"|\bagainst (?:my|the) (?:guidelines|policy|policies)"
    r"|抱歉[，,]?\s?(?:我|但我)?.{0,6}(?:无法|不能|不可以)|对不起[，,]?\s?(?:我|但我)?.{0,6}(?:无法|不能)"
    r"|(?:作为|身为)一?(?:个|名)?(?:AI|人工智能|语言模型|大模型)|我(?:无法|不能)(?:回答|提供|协助|帮助|处理)"
    r"|je suis désolée?,? mais je ne peux|lo siento,? (?:pero )?no puedo|es tut mir leid,? aber ich kann"
    r"|извините,? (?:но )?я не могу",
    re.IGNORECASE,
)
_CONTRACTED = re.compile(r"\bi'm\b", re.IGNORECASE)
# A refusal comes first or last; in the middle of a proof the same words are about mathematics.
_ENDS = 400


class Refusal(TraceFilter):
    """Drop a response that begins or ends with a refusal and boxes no answer (English, Chinese, some others)."""

    name: Literal["refusal"] = "refusal"

    reason: ClassVar[str] = "refusal"

    def reject(self, trace: Trace, problem: Problem) -> dict[str, Any] | None:
        text = (trace.response or "").strip()
        for piece in (text[:_ENDS], text[-_ENDS:]):
            match = _REFUSAL.search(_CONTRACTED.sub("I am", piece.replace("’", "'")))
            if match is not None and not boxes(text[-20_000:]):
                return {"span": match[0][:120], "start": piece[:80]}
        return None
