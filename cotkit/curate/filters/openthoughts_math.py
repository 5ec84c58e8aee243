"""The math filter of OpenThoughts-114k (open-thoughts/open-thoughts, open_thoughts/math/filter.py)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from cotkit.curate.filters import Filter
from cotkit.records import Problem

_WORDS = ("figure", "diagram", "jpeg", "png", "jpg", "svg", "answer:")


class OpenThoughtsMath(Filter):
    r"""Drop what OpenThoughts dropped of NuminaMath-CoT (192,302 to 151,522 rows).

    As published: one of figure, diagram, jpeg, png, jpg, svg, `answer:` anywhere, also inside a word ("configured"),
    in any case; a text that begins with `a)` and holds `b)`; a solution that is missing,
    holds `\boxed{}` (a proof's end mark), or holds no `\boxed{`.
    """

    name: Literal["openthoughts_math"] = "openthoughts_math"

    reason: ClassVar[str] = "openthoughts_math"

    def reject(self, problem: Problem) -> dict[str, Any] | None:
        text = problem.problem.lower()
        for word in _WORDS:
            if word in text:
                return {"rule": "word", "word": word, "at": text.index(word)}
        if text.startswith("a)") and "b)" in text:
            return {"rule": "multi_part", "at": text.index("b)")}
        solution = (problem.solution or "").lower()
        if not solution:
            return {"rule": "no_solution"}
        if "\\boxed{}" in solution:
            return {"rule": "empty_box"}
        return None if "\\boxed{" in solution else {"rule": "no_box", "end": (problem.solution or "")[-120:]}
