"""Earlier and new attempts at the same problems, side by side."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cotkit.records import Problem, Trace, Verdict, rows

if TYPE_CHECKING:
    import polars as pl

_OF_PROBLEM = ("problem_id", "problem", "answer", "domain", "source", "source_row", "license", "language", "metadata")
_OF_TRACE = ("teacher", "sample", "status", "reasoning", "response", "completion_tokens", "error")
# A side that has fewer attempts than the other.
_NONE = {"status": "none"}


def side_by_side(
    problems: pl.DataFrame, earlier: tuple[pl.DataFrame, pl.DataFrame], later: tuple[pl.DataFrame, pl.DataFrame]
) -> list[dict[str, Any]]:
    """Rows with the problem, `earlier_…` and `later_…` columns: the first earlier attempt with the first new one, …

    `earlier` and `later` are tables of traces and of their verdicts. Every problem has a row and every attempt is in
    one; a side that has no more attempts has the status "none" and is null otherwise.
    """
    before, after = _by_problem(*earlier), _by_problem(*later)
    found: list[dict[str, Any]] = []
    for problem in rows(Problem, problems):
        known = {name: getattr(problem, name) for name in _OF_PROBLEM}
        sides = before[problem.problem_id], after[problem.problem_id]
        for number in range(max(1, *map(len, sides))):
            old, new = (side[number] if number < len(side) else {} for side in sides)
            found.append({**known, **_side("earlier", old or _NONE), **_side("later", new or _NONE)})
    return found


def _by_problem(traces: pl.DataFrame, verdicts: pl.DataFrame) -> defaultdict[str, list[dict[str, Any]]]:
    graded = {(v.problem_id, v.sample): v for v in rows(Verdict, verdicts)}
    found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for trace in rows(Trace, traces):
        verdict = graded.get((trace.problem_id, trace.sample))
        own: dict[str, Any] = {name: getattr(trace, name) for name in _OF_TRACE}
        found[trace.problem_id].append({**own, "verdict": verdict.verdict if verdict is not None else None})
    return found


def _side(side: str, attempt: dict[str, Any]) -> dict[str, Any]:
    return {f"{side}_{name}": attempt.get(name) for name in (*_OF_TRACE, "verdict")}


def counts(found: Sequence[dict[str, Any]]) -> dict[str, int]:
    """How many rows have which verdicts, as `earlier then later`; an attempt that is not there is none."""
    seen: dict[str, int] = {}
    for row in found:
        name = f"{row['earlier_verdict'] or 'none'} then {row['later_verdict'] or 'none'}"
        seen[name] = seen.get(name, 0) + 1
    return dict(sorted(seen.items()))
