"""Traces by a score that a score step gave them."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from cotkit.curate.trace_filters import TraceFilter
from cotkit.records import Problem, Trace, score_of


class ScoreBand(TraceFilter):
    """Keep traces with a score from `least` to `most`."""

    name: Literal["score"] = "score"
    of: str = Field(min_length=1, description="The score's name, such as prm_min.")
    least: float | None = Field(None, description="Lowest value that stays; no bound when unset.")
    most: float | None = Field(None, description="Highest value that stays; no bound when unset.")
    missing: Literal["drop", "keep"] = Field("drop", description="What becomes of a trace without that score.")

    reason: ClassVar[str] = "score"

    @model_validator(mode="after")
    def _bounds(self) -> ScoreBand:
        if self.least is None and self.most is None:
            raise PydanticCustomError("score", "the filter 'score' has no bound; give least, most or both")
        if self.least is not None and self.most is not None and self.least > self.most:
            raise PydanticCustomError("score", "least is above most: no trace could stay")
        return self

    def reject(self, trace: Trace, problem: Problem) -> dict[str, Any] | None:
        value = score_of(trace.scores, self.of)
        low, high = self.least, self.most
        if value is None:
            return None if self.missing == "keep" else {self.of: None, "why": "no such score"}
        outside = (low is not None and value < low) or (high is not None and value > high)
        return {self.of: value, "least": low, "most": high} if outside else None
