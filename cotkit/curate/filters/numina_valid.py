"""Problems that NuminaMath-1.5 itself calls whole and answerable: the pool of OpenR1-Math-220k."""

from __future__ import annotations

import json
from typing import Any, ClassVar, Literal

from pydantic import Field

from cotkit.curate.filters import Filter
from cotkit.records import Problem


class NuminaValid(Filter):
    """Keep rows of AI-MO/NuminaMath-1.5 with good flags; pull them with `keep: [question_type, …]`.

    Read from the row's metadata: problem_is_valid and solution_is_valid are the text Yes, question_type is one of
    `question_types`; and the answer is not `proof` or `notfound`. A flag that the row does not have is not held
    against it. How OpenR1 took its 400,000 of 896,215 rows is not published: the choice of flags is ours.
    """

    name: Literal["numina_valid"] = "numina_valid"
    question_types: tuple[str, ...] = Field(
        ("math-word-problem",), min_length=1, description="Types to keep: math-word-problem, MCQ, proof."
    )

    reason: ClassVar[str] = "numina_invalid"

    def reject(self, problem: Problem) -> dict[str, Any] | None:
        flags = json.loads(problem.metadata)
        for key in ("problem_is_valid", "solution_is_valid"):
            if flags.get(key, "Yes") not in ("Yes", True):  # the preset numina-1.5 makes true of Yes
                return {"flag": key, "value": flags[key]}
        kind = flags.get("question_type")
        if kind is not None and kind not in self.question_types:
            return {"flag": "question_type", "value": kind}
        answer = (problem.answer or "").strip().lower()
        return {"flag": "answer", "value": answer} if answer in ("proof", "notfound") else None
