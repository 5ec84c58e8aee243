"""Traces that stop before their end."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal

from cotkit.curate.trace_filters import TraceFilter
from cotkit.records import Problem, Trace
from cotkit.verify.extract import extract_answer

_LIMIT = ("length", "max_tokens", "MAX_TOKENS", "max_output_tokens")
_FENCE = re.compile(r"^ {0,3}(?:`{3,}|~{3,})", re.MULTILINE)
_DISPLAY = re.compile(r"\\\\|\\(?P<open>\[|begin\s?\{)|\\(?P<close>\]|end\s?\{)")
# A sentence, a formula, a list, a table, a closed bracket, an emoji: anything but a word or what asks for more.
_CUT = re.compile(r"(?:[^\W\d_]|[,;:+\-=<&^_({\[\\/])$")
_CJK_END = re.compile(r"[。！？」』）】…]$")
_SHORT = 12


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
    if len(_FENCE.findall(text)) % 2:
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
    if len(text) > _SHORT and _CUT.search(text) and not _CJK_END.search(text) and " " in text[-40:]:
        return "mid_sentence"
    return None
