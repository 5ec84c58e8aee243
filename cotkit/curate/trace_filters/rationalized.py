"""Traces that were written with the reference answer in view (strategy star)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from cotkit.curate.trace_filters import TraceFilter
from cotkit.records import Problem, Trace, provenance_of


class Rationalized(TraceFilter):
    """Drop a trace that the teacher wrote with a hint; its own solutions stay."""

    name: Literal["rationalized"] = "rationalized"

    reason: ClassVar[str] = "rationalized"

    def reject(self, trace: Trace, problem: Problem) -> dict[str, Any] | None:
        told = provenance_of(trace.provenance)
        return {"hint_style": told.get("hint_style")} if told.get("rationalized") is True else None
