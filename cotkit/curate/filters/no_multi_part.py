"""Problems that ask several things: one final answer cannot be right for all of them."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal

from cotkit.curate.filters import Filter
from cotkit.records import Problem

_LABEL = re.compile(
    r"(?:^|[\n.;:?!$]\s{0,4}|\\item\s{0,4}|\bpart\s)\(?(?:(?P<letter>[a-d])|(?P<number>[1-4])|(?P<roman>iv|i{1,3}))\)"
    r"(?=\s*[\w\\$])",
    re.IGNORECASE,
)
_ORDER = re.compile(
    r"(?:find|determine|compute|calculate|prove|show|evaluate|solve|state|verify|draw|sketch|explain|estimate|derive)\b",
    re.IGNORECASE,
)
_FIRST = {"letter": ("a", "b"), "number": ("1", "2"), "roman": ("i", "ii")}
# How far behind a label its question may begin.
_NEAR = 80


class NoMultiPart(Filter):
    """Drop problems with parts (a) and (b), 1) and 2), (i) and (ii) that each ask something.

    Labels that list conditions or options ("(i) x > 0; (ii) y is even") stay, as do labels inside a sentence.
    """

    name: Literal["no_multi_part"] = "no_multi_part"

    reason: ClassVar[str] = "multi_part"

    def reject(self, problem: Problem) -> dict[str, Any] | None:
        text = problem.problem
        asked: dict[str, list[str]] = {kind: [] for kind in _FIRST}
        for match in _LABEL.finditer(text):
            kind = str(match.lastgroup)
            behind = text[match.end() : match.end() + _NEAR].lstrip()
            if _ORDER.match(behind) or "?" in behind:
                asked[kind].append(str(match[kind]).lower())
        for kind, (first, second) in _FIRST.items():
            if first in asked[kind] and second in asked[kind]:
                return {"labels": asked[kind][:8]}
        return None
