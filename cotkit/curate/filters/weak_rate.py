"""Problems that a model solves neither too often nor too seldom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from cotkit.curate.filters import Filter
from cotkit.curate.filters.unsolved import not_asked
from cotkit.records import Problem
from cotkit.steps import Step


class WeakRateBand(Filter):
    """Keep problems that `model` solved in `least` to `most` of its attempts, as a features step has found out.

    LIMO kept what R1-Distill-Qwen-32B solved in 1 to 3 of 32 attempts, Light-R1 what DeepScaleR-1.5B solved in less
    than a share that it does not tell. Dropped: "too_easy", "too_hard", and "not_tried" without an attempt that counts.
    """

    name: Literal["weak_rate"] = "weak_rate"
    model: str = Field(min_length=1, description="Name of the model, as the features step gives it.")
    least: float = Field(0.0, ge=0, le=1, description="Lowest share of correct attempts.")
    most: float = Field(1.0, ge=0, le=1, description="Highest share of correct attempts.")

    reason: ClassVar[str] = "too_easy"

    @model_validator(mode="after")
    def _in_order(self) -> WeakRateBand:
        if self.least > self.most:
            raise PydanticCustomError("rates", "least is above most: no problem could stay")
        if self.least == 0 and self.most == 1:
            raise PydanticCustomError("rates", "from 0 to 1 is every rate; set 'least' or 'most'")
        return self

    def reason_of(self, evidence: Mapping[str, Any]) -> str:
        if "rate" not in evidence:
            return "not_tried"
        return "too_hard" if evidence["rate"] < self.least else "too_easy"

    def check_after(self, before: Sequence[Step]) -> list[str]:
        return not_asked(self.name, [self.model], before)

    def reject(self, problem: Problem) -> dict[str, Any] | None:
        found = next((r for r in problem.weak_rates or () if r["model"] == self.model), None)
        if found is None:
            return {"not_tried_by": [self.model]}
        return None if self.least <= found["rate"] <= self.most else dict(found)
