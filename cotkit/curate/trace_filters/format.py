"""Traces with marks of a chat template in their text, or without the answer's box."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal

from pydantic import Field

from cotkit.curate.prose import without_code
from cotkit.curate.trace_filters import TraceFilter, parts
from cotkit.records import Problem, Trace
from cotkit.verify.boxed import boxes

_MARK = re.compile(
    r"</?(?:think|thinking|thought|reasoning|answer|output|solution)>|<\|[\w▁ ]{1,40}\|>|<｜[\w▁ ]{1,40}｜>"
    r"|\[/?INST\]|<</?SYS>>|^(?:Human|User|Assistant)\s?:\s",
    re.IGNORECASE | re.MULTILINE,
)


class Format(TraceFilter):
    r"""Drop a trace with chat marks left in it (`</think>`, `<|im_end|>`, a turn of the user); with `boxed`, also one
    whose response has no `\boxed{}`, or has several different ones.
    """

    name: Literal["format"] = "format"
    boxed: bool = Field(False, description="Whether a response must box exactly one answer.")

    reason: ClassVar[str] = "format"

    def reject(self, trace: Trace, problem: Problem) -> dict[str, Any] | None:
        for part, text in parts(trace):
            match = _MARK.search(without_code(text))
            if match is not None:
                return {"sign": "mark", "part": part, "span": match[0][:60]}
        if not self.boxed:
            return None
        found = {"".join(content.split()) for _, _, content in boxes((trace.response or "")[-20_000:])}
        return None if len(found) == 1 else {"sign": "boxes", "boxes": sorted(found)[:5]}
