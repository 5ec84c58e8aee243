"""Traces that carry programs."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal

from cotkit.curate.trace_filters import TraceFilter, parts
from cotkit.records import Problem, Trace

_FENCE = re.compile(r"^[ \t]{0,8}(?:`{3,}|~{3,})[ \t]{0,4}([\w+#.-]{0,20})[^`\n]{0,200}$", re.MULTILINE)
# Fences that hold no program.
_TEXT = frozenset({"text", "txt", "plaintext", "markdown", "md", "latex", "tex", "math"})


class CodeBlock(TraceFilter):
    """Drop a trace with a fenced code block: a filter of DeepSeek-R1. Code problems keep theirs, as do back-ticks."""

    name: Literal["code_block"] = "code_block"

    reason: ClassVar[str] = "code_block"

    def reject(self, trace: Trace, problem: Problem) -> dict[str, Any] | None:
        if problem.domain == "code" or problem.tests:
            return None
        for part, text in parts(trace):
            fences = _FENCE.finditer(text)
            for opening in fences:
                closing = next(fences, None)
                inside = text[opening.end() : closing.start() if closing else opening.end() + 200].strip()
                if opening[1].lower() not in _TEXT and inside:
                    return {"part": part, "language": opening[1], "code": inside[:120]}
        return None
