"""Problems that weaker models cannot solve: the difficulty rule of s1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from cotkit.curate.filters import Filter
from cotkit.records import Problem
from cotkit.steps import Step


class Unsolved(Filter):
    """Keep problems that all of `models` tried and none solved, as a features step has found out.

    s1 kept a problem only if both Qwen2.5-7B-Instruct and Qwen2.5-32B-Instruct failed, one attempt each (51,607 to
    24,517). Dropped: "too_easy", and "not_tried" where none solved it but a model has no attempt that counts.
    """

    name: Literal["unsolved"] = "unsolved"
    models: tuple[str, ...] = Field(min_length=1, description="Names of the models, as the features step gives them.")

    reason: ClassVar[str] = "too_easy"

    def reason_of(self, evidence: Mapping[str, Any]) -> str:
        return "not_tried" if "not_tried_by" in evidence else self.reason

    def check_after(self, before: Sequence[Step]) -> list[str]:
        return not_asked(self.name, self.models, before)

    def reject(self, problem: Problem) -> dict[str, Any] | None:
        solved, failed = problem.solved_by or [], problem.unsolved_by or []
        solvers = [model for model in self.models if model in solved]
        if solvers:
            return {"solved_by": solvers}
        untried = [model for model in self.models if model not in failed]
        return {"not_tried_by": untried} if untried else None


def not_asked(name: str, models: Sequence[str], before: Sequence[Step]) -> list[str]:
    """A sentence where a filter asks about a model that no features step before it tells of."""
    from cotkit.curate.features import Features

    if any(not type(step).__module__.startswith("cotkit.") for step in before):
        return []  # a plug-in's step may have filled the columns
    tried = {weak.model for step in before if isinstance(step, Features) for weak in step.weak}
    unknown = [model for model in models if model not in tried]
    if not unknown:
        return []
    known = f"the features step before it has {', '.join(sorted(tried))}" if tried else "no step before it tells"
    return [
        f"the filter '{name}' asks whether '{unknown[0]}' solved a problem, and {known}; give a features step "
        f"before it `weak: [{{model: {unknown[0]}, path: …}}]`"
    ]
