"""The code filter of OpenThoughts-114k (open-thoughts/open-thoughts, open_thoughts/code/filters.py)."""

from __future__ import annotations

import json
from typing import Any, ClassVar, Literal

from cotkit.curate.filters import Filter
from cotkit.records import Problem

_SHORTEST = 200


class OpenThoughtsCode(Filter):
    """Drop what OpenThoughts dropped of TACO, APPS, code_contests and Codeforces.

    As published: a statement of fewer than 200 characters, or with `http://` (not `https://`) or `[image]` in it; no
    test with input and output; no reference solution. Unconfirmed: whether `[image]` was looked for in any case; here
    it is. Codeforces rows were also grouped by problem and kept with verdict OK only: that is the source's affair.
    """

    name: Literal["openthoughts_code"] = "openthoughts_code"

    reason: ClassVar[str] = "openthoughts_code"

    def reject(self, problem: Problem) -> dict[str, Any] | None:
        text = problem.problem
        if len(text) < _SHORTEST:
            return {"rule": "short", "chars": len(text)}
        for mark in ("http://", "[image]"):
            at = text.lower().find(mark)
            if at >= 0:
                return {"rule": "markup", "span": text[at : at + 60], "at": at}
        if not _has_tests(problem.tests):
            return {"rule": "no_tests", "tests": (problem.tests or "")[:200]}
        return None if (problem.solution or "").strip() not in ("", "[]") else {"rule": "no_solution"}


def _has_tests(tests: str | None) -> bool:
    """At least one input and one output, in the columns of TACO and APPS or as a list of cases."""
    try:
        found = json.loads(tests or "null")
    except (ValueError, RecursionError):
        return False
    if isinstance(found, dict):
        return bool(found.get("inputs")) and bool(found.get("outputs"))
    return isinstance(found, list) and any(isinstance(c, dict) and "input" in c and "output" in c for c in found)
