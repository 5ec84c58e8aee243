"""Traces without reasoning, or whose reasoning never ended."""

from __future__ import annotations

import re
from itertools import islice
from typing import Any, ClassVar, Literal

from pydantic import Field

from cotkit.curate.trace_filters import TraceFilter
from cotkit.records import Problem, Trace
from cotkit.verify.extract import beside, visible

_TAGS = re.compile(r"</?(?:think|thinking|thought|reasoning)>|<\|(?:begin|end)_of_thought\|>", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]")


class EmptyReasoning(TraceFilter):
    """Drop a trace whose reasoning is missing, blank, dots, or shorter than `min_chars` letters and digits."""

    name: Literal["empty_reasoning"] = "empty_reasoning"
    min_chars: int = Field(20, ge=1, description="Fewest letters and digits of reasoning.")

    reason: ClassVar[str] = "empty_reasoning"

    def reject(self, trace: Trace, problem: Problem) -> dict[str, Any] | None:
        text = _TAGS.sub("", trace.reasoning or "")
        said = sum(1 for _ in islice(_WORD.finditer(text[: 100 * self.min_chars]), self.min_chars))
        return None if said >= self.min_chars else {"chars": said, "reasoning": text[:80]}


class UnclosedReasoning(TraceFilter):
    """Drop a trace whose reasoning was opened in the response and not closed, or which has no response after it."""

    name: Literal["unclosed_reasoning"] = "unclosed_reasoning"

    reason: ClassVar[str] = "unclosed_reasoning"

    def reject(self, trace: Trace, problem: Problem) -> dict[str, Any] | None:
        if trace.status == "unclosed":
            return {"sign": "status"}
        shown = visible(beside(trace.response or "", trace.reasoning))
        if shown is None:
            return {"sign": "open_tag", "start": (trace.response or "")[:80]}
        if not shown.strip() and (trace.reasoning or trace.response or "").strip():
            return {"sign": "no_response"}
        return None
