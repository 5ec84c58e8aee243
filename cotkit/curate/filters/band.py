"""A number that the source gives for each problem, such as a solve rate, between two bounds."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from cotkit.curate.filters import Filter
from cotkit.records import Problem
from cotkit.source import not_kept
from cotkit.steps import Step


class Band(Filter):
    """Keep problems whose number in `metadata` is from `least` to `most`, both included.

    Big-Math comes with such a number: the solve rate of Llama-3.1-8B over 64 attempts.
    """

    name: Literal["band"] = "band"
    key: str = Field(min_length=1, description="Column of the source, pulled with `keep`, such as llama8b_solve_rate.")
    least: float | None = Field(None, description="Smallest number to keep; no bound when unset.")
    most: float | None = Field(None, description="Largest number to keep; no bound when unset.")
    missing: Literal["keep", "drop"] = Field("drop", description="What to do with a problem that has no such number.")

    reason: ClassVar[str] = "out_of_band"

    @model_validator(mode="after")
    def _in_order(self) -> Band:
        if self.least is None and self.most is None:
            raise PydanticCustomError("band", "give least, most or both: without bounds nothing is out of them")
        if self.least is not None and self.most is not None and self.least > self.most:
            raise PydanticCustomError("band", "least is above most: no problem could stay")
        return self

    def check_after(self, before: Sequence[Step]) -> list[str]:
        return not_kept("key", self.key, before)

    def reject(self, problem: Problem) -> dict[str, Any] | None:
        value = _number(json.loads(problem.metadata).get(self.key))
        if value is None:
            return None if self.missing == "keep" else {self.key: None}
        inside = (self.least is None or value >= self.least) and (self.most is None or value <= self.most)
        return None if inside else {self.key: value}


def _number(value: Any) -> float | None:
    """Numbers, and texts that are one: OpenMathReasoning has its pass rates as text, with n/a for none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
