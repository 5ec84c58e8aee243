"""How much of a trace was needed: outcome and process efficiency, and which attempts say the same again.

Both efficiencies are those of "Do NOT Think That Much for 2+3=?" (arXiv 2412.21187). There a model clusters attempts by
their way of solving; here they are alike where they share half of their numbers and words (the threshold is ours).
Averages are over traces, each counted once; the published code counts a trace once for each of its attempts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cotkit.mean import Mean

# Share of their terms, Jaccard's, from which two attempts are the same way.
ALIKE = 0.5
_TERM = re.compile(r"\d+(?:\.\d+)?|[A-Za-z]{4,}|[\u4e00-\u9fff]+")


@dataclass(frozen=True, slots=True)
class Solution:
    """One attempt: its length in any unit, whether its answer is correct, and the number of its way."""

    length: int
    correct: bool
    cluster: int


@dataclass(frozen=True, slots=True)
class Thinking:
    """A row of overthinking.parquet: one trace.

    Attributes:
        solutions: attempts in it; 0 where it was not segmented.
        first_correct: number of the first correct one, from 1; None where none is.
        length: of the whole trace, in `unit` (tokens or characters).
        trimmed_length: after trimming; `length` where it stayed as it was.
        fate: trimmed, or why the trace stayed as it was.
    """

    problem_id: str
    sample: int
    solutions: int
    first_correct: int | None
    outcome_efficiency: float | None
    process_efficiency: float | None
    length: int
    trimmed_length: int
    unit: str
    fate: str


def outcome_efficiency(solutions: Sequence[Solution]) -> float | None:
    """Share of the trace up to the end of the first correct attempt; 0 without one, None for an empty trace."""
    total = sum(s.length for s in solutions)
    if not total:
        return None
    first = next((n for n, s in enumerate(solutions) if s.correct), None)
    return 0.0 if first is None else sum(s.length for s in solutions[: first + 1]) / total


def process_efficiency(solutions: Sequence[Solution]) -> float | None:
    """Share of the trace in attempts that go a way for the first time; None for an empty trace."""
    total = sum(s.length for s in solutions)
    if not total:
        return None
    new: dict[int, int] = {}
    for solution in solutions:
        new.setdefault(solution.cluster, solution.length)
    return sum(new.values()) / total


def clusters(texts: Sequence[str]) -> list[int]:
    """For each attempt the number of its way: that of the first attempt that it is like, else a new one."""
    firsts: list[frozenset[str]] = []
    found: list[int] = []
    for text in texts:
        terms = _terms(text)
        match = next((n for n, first in enumerate(firsts) if _alike(terms, first)), len(firsts))
        if match == len(firsts):
            firsts.append(terms)
        found.append(match)
    return found


def means(rows: Sequence[Thinking]) -> dict[str, Mean]:
    """Averages over the segmented traces, each counted once; {} where there is none."""
    known = [row for row in rows if row.solutions]
    if not known:
        return {}
    sums = {
        "solutions a trace": float(sum(row.solutions for row in known)),
        "outcome efficiency": sum(row.outcome_efficiency or 0.0 for row in known),
        "process efficiency": sum(row.process_efficiency or 0.0 for row in known),
    }
    return {name: Mean(total, len(known)) for name, total in sums.items()}


def _terms(text: str) -> frozenset[str]:
    found: set[str] = set()
    for term in _TERM.findall(text):
        chinese = term[0] >= "\u4e00"
        found.update((term[i : i + 2] for i in range(len(term) - 1)) if chinese else (term.casefold(),))
    return frozenset(found)


def _alike(a: frozenset[str], b: frozenset[str]) -> bool:
    both = len(a | b)
    return both > 0 and len(a & b) / both >= ALIKE
