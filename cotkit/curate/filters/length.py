"""Problem texts that are too short to be a problem, or too long to train on."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from cotkit.curate.filters import Filter
from cotkit.records import Problem


class Length(Filter):
    """Keep problems of `min_chars` to `max_chars` characters."""

    name: Literal["length"] = "length"
    min_chars: int = Field(1, ge=0, description="Fewest characters of the problem text.")
    max_chars: int = Field(20_000, ge=1, description="Most characters of the problem text.")

    reason: ClassVar[str] = "length"

    @model_validator(mode="after")
    def _in_order(self) -> Length:
        if self.min_chars > self.max_chars:
            raise PydanticCustomError("lengths", "min_chars is above max_chars: no problem could stay")
        return self

    def reject(self, problem: Problem) -> dict[str, Any] | None:
        chars = len(problem.problem)
        return None if self.min_chars <= chars <= self.max_chars else {"chars": chars}
