"""Problems whose answer is a whole number, as at the AIME."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from cotkit.curate.filters import Filter
from cotkit.records import Problem

_WHOLE = re.compile(r"\$?\s?([+-]?[0-9]{1,40}|[+-]?[0-9]{1,3}(?:,[0-9]{3}){1,12})\s?\$?\.?")


class IntegerAnswer(Filter):
    """Keep problems whose reference answer is written as an integer between `least` and `most`."""

    name: Literal["integer_answer"] = "integer_answer"
    least: int | None = Field(None, description="Smallest answer to keep; no bound when unset.")
    most: int | None = Field(None, description="Largest answer to keep; no bound when unset.")

    reason: ClassVar[str] = "not_an_integer"

    @model_validator(mode="after")
    def _in_order(self) -> IntegerAnswer:
        if self.least is not None and self.most is not None and self.least > self.most:
            raise PydanticCustomError("bounds", "least is above most: no answer could stay")
        return self

    def reject(self, problem: Problem) -> dict[str, Any] | None:
        answer = (problem.answer or "").strip()
        match = _WHOLE.fullmatch(answer)
        if match is None:
            return {"answer": answer[:200]}
        value = int(match[1].replace(",", ""))
        below = self.least is not None and value < self.least
        above = self.most is not None and value > self.most
        return {"answer": answer[:200], "out_of_bounds": True} if below or above else None
