"""Traces that stop before their end."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal

from cotkit.curate.trace_filters import TraceFilter
from cotkit.records import Problem, Trace
from cotkit.verify.extract import extract_answer

_LIMIT = ("length", "max_tokens", "MAX_TOKENS", "max_output_tokens")
_FENCE = re.compile(r"^ {0,3}(?:`{3,}|~{3,})[ \t]{0,4}(\S{0,40})", re.MULTILINE)
_DISPLAY = re.compile(r"\\\\|\\(?P<open>\[|begin\s?\{)|\\(?P<close>\]|end\s?\{)")
# What cannot end a text: a word or a sign that asks for more.
_CUT = re.compile(
    r"(?:[,;:+=<&^_({\[\\]|\b(?:the|an?|of|and|or|that|which|is|are|was|be|to|in|by|with|for|from|as|at|on|if|then|so"
    r"|since|because|when|where|we|it|its|this|these|every|each|any|such|than|have|has|get|let|but|not|hence|thus))$",
    re.IGNORECASE,
)


class Truncated(TraceFilter):
    r"""Drop a response that was cut off: by its finish reason, or by its end.

    By its end: an open code fence, an open `\[` or `\begin`, an open `\boxed{`; or, where no final answer can be read
    from it, an end in the middle of a sentence.
    """

    name: Literal["truncated"] = "truncated"

    reason: ClassVar[str] = "truncated"

    def reject(self, trace: Trace, problem: Problem) -> dict[str, Any] | None:
        if trace.finish_reason in _LIMIT:
            return {"sign": "finish_reason", "finish_reason": trace.finish_reason}
        text = (trace.response or "").rstrip()
        sign = _sign(text)
        return None if sign is None else {"sign": sign, "end": text[-80:]}


def _sign(text: str) -> str | None:
    if not text:
        return None
    in_code = False
    for fence in _FENCE.finditer(text):
        # One that names a language opens, whatever went before: its sibling may stand inside a line.
        in_code = bool(fence[1]) or not in_code
    if in_code:
        return "open_fence"
    depth = 0
    for match in _DISPLAY.finditer(text):
        depth += 1 if match["open"] else -1 if match["close"] and depth else 0
    if depth:
        return "open_formula"
    found = extract_answer(text[-20_000:])
    if found.note == "unclosed_box":
        return "open_box"
    if found.answer is not None and found.method in ("boxed", "tag", "hashes", "phrase", "letter"):
        return None
    return "mid_sentence" if _CUT.search(text[-40:]) else None
