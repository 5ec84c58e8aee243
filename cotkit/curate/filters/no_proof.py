"""Problems that ask for a proof: there is no final answer to compare."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from cotkit.curate.filters import Filter
from cotkit.records import Problem
from cotkit.verify.question import PROOF


class NoProof(Filter):
    """Drop problems whose text asks to prove or to show something."""

    name: Literal["no_proof"] = "no_proof"

    reason: ClassVar[str] = "proof"

    def reject(self, problem: Problem) -> dict[str, Any] | None:
        match = PROOF.search(problem.problem)
        return None if match is None else {"span": match.group(0).strip(), "at": match.start()}
