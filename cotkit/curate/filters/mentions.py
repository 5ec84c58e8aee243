"""Problems that name something in their text, such as the contest they come from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from cotkit.curate.filters import Filter
from cotkit.records import Problem
from cotkit.source import not_pulled
from cotkit.steps import Step


class Mentions(Filter):
    """Drop problems whose text or solution holds one of `words`, letter for letter.

    DeepScaleR dropped rows of its AMC source that say AIME (rllm/data/preprocess/math/amc.ipynb).
    """

    name: Literal["mentions"] = "mentions"
    words: tuple[Annotated[str, Field(min_length=1)], ...] = Field(min_length=1, description="What must not be named.")
    of: tuple[str, ...] = Field((), description="Look at problems of these sources alone; at all when left out.")

    reason: ClassVar[str] = "mentions"

    def check_after(self, before: Sequence[Step]) -> list[str]:
        return not_pulled("of", self.of, before)

    def reject(self, problem: Problem) -> dict[str, Any] | None:
        if self.of and problem.source not in self.of:
            return None
        text = f"{problem.problem}\n{problem.solution or ''}"
        found = next((word for word in self.words if word in text), None)
        return None if found is None else {"word": found}
