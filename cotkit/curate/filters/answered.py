"""Problems that have a reference."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from cotkit.curate.filters import Filter
from cotkit.records import Problem


class Answered(Filter):
    """Keep problems with a reference answer or a reference solution, whatever can be done with it; tests are none.

    s1 drops rows whose grade is missing, and so every row of USACO and LiveCodeBench (data/filter.ipynb).
    """

    name: Literal["answered"] = "answered"

    reason: ClassVar[str] = "no_reference"

    def reject(self, problem: Problem) -> dict[str, Any] | None:
        there = (problem.answer or "").strip() or (problem.solution or "").strip()
        return None if there else {"has_tests": bool(problem.tests)}
