"""Multiple-choice problems: a guess is right one time in four or five."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal

from cotkit.curate.filters import Filter
from cotkit.records import Problem

_OPTION = re.compile(
    r"(?:^|[\s${}\]]|quad)(?:\\(?:textbf|text|mathrm|mathbf|bf|rm)\s{0,2}\{?\s{0,2}){0,2}"
    r"\(?\s{0,2}([A-E])\s{0,2}[).:](?=[\s\\}~$\w-])"
)


class NoOptions(Filter):
    """Drop problems that list options A, B, C … or carry them in their own column."""

    name: Literal["no_options"] = "no_options"

    reason: ClassVar[str] = "multiple_choice"

    def reject(self, problem: Problem) -> dict[str, Any] | None:
        if problem.choices:
            return {"choices": len(problem.choices)}
        listed = ""
        for match in _OPTION.finditer(problem.problem):
            if len(listed) < 5 and match[1] == "ABCDE"[len(listed)]:
                listed += match[1]
            elif match[1] == "A":
                listed = "A"
        return {"options": listed} if len(listed) >= 3 else None
