"""Problems that weaker models cannot solve: the difficulty rule of s1."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from cotkit.curate.filters import Filter
from cotkit.records import Problem


class Unsolved(Filter):
    """Keep problems that all of `models` tried and none solved, as a features step has found out.

    s1 kept a problem only if both Qwen2.5-7B-Instruct and Qwen2.5-32B-Instruct failed, one attempt each (51,607 to
    24,517). A problem that a model has not tried goes, too.
    """

    name: Literal["unsolved"] = "unsolved"
    models: tuple[str, ...] = Field(min_length=1, description="Names of the models, as the features step gives them.")

    reason: ClassVar[str] = "too_easy"

    def reject(self, problem: Problem) -> dict[str, Any] | None:
        solved, failed = problem.solved_by or [], problem.unsolved_by or []
        solvers = [model for model in self.models if model in solved]
        if solvers:
            return {"solved_by": solvers}
        untried = [model for model in self.models if model not in failed]
        return {"not_tried_by": untried} if untried else None
