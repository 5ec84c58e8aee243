"""Problems that ask for a proof: there is no final answer to compare."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal

from cotkit.curate.filters import Filter
from cotkit.records import Problem

_PROOF = re.compile(
    r"(?:^|[.!?;:,]\s+|\b(?:and|then)\s+)(?:prove|show|disprove)\s+(?:that|the|by|whether|if)\b",
    re.IGNORECASE,
)


class NoProof(Filter):
    """Drop problems whose text asks to prove or to show something."""

    name: Literal["no_proof"] = "no_proof"

    reason: ClassVar[str] = "proof"

    def reject(self, problem: Problem) -> dict[str, Any] | None:
        match = _PROOF.search(problem.problem)
        return None if match is None else {"span": match.group(0).strip(), "at": match.start()}
