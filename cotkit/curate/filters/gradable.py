"""Problems whose reference answer a grader can compare with."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from cotkit.curate.filters import Filter
from cotkit.records import Problem


class Gradable(Filter):
    """Keep problems with a reference answer that `verify` understands.

    A reference that does not parse must never count as right (huggingface/open-r1#86, #293), so it is
    met here, before a teacher is paid.
    """

    name: Literal["gradable"] = "gradable"

    reason: ClassVar[str] = "ungradable"

    def reject(self, problem: Problem) -> dict[str, Any] | None:
        from cotkit.verify.gradable import gradable

        why = gradable(problem.answer)
        return None if why is None else {"why": why, "answer": problem.answer}
