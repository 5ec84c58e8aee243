"""Filters on traces; a trace filter is one small module registered by name in cotkit/registry.py."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from cotkit.config import Config
from cotkit.records import Problem, Trace
from cotkit.registry import Registered


class TraceFilter(Config):
    """Base of all trace filters. A subclass adds `name: Literal["its-name"]` and its own keys.

    Class attributes:
        reason: the short word under which the funnel counts what this filter drops.
    """

    name: str

    reason: ClassVar[str] = "filtered"

    def reject(self, trace: Trace, problem: Problem) -> dict[str, Any] | None:
        """None keeps the trace; a dict drops it and is stored as the evidence (JSON values only)."""
        raise NotImplementedError


AnyTraceFilter = Annotated[TraceFilter, Registered("trace_filters", "name")]


def parts(trace: Trace) -> list[tuple[str, str]]:
    """("reasoning", text) and ("response", text), those that are there."""
    texts = (("reasoning", trace.reasoning), ("response", trace.response))
    return [(name, text) for name, text in texts if text and text.strip()]
