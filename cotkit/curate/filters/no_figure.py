"""Problems that cannot be solved without a picture which the text does not carry."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal

from cotkit.curate.filters import Filter
from cotkit.records import Problem

_FIGURE = re.compile(
    r"\[asy\]|!\[[^\]]{0,200}\]\(|\\includegraphics|<img\b"
    r"|\b(?:figure|diagram|picture|graph|image|grid)s? (?:below|above|shown|at (?:the )?right|on the (?:right|left))"
    r"|\b(?:in|see|from) the (?:figure|diagram|picture|image)\b|\bas (?:shown|pictured)\b",
    re.IGNORECASE,
)


class NoFigure(Filter):
    """Drop problems that point to a figure or carry drawing code."""

    name: Literal["no_figure"] = "no_figure"

    reason: ClassVar[str] = "needs_figure"

    def reject(self, problem: Problem) -> dict[str, Any] | None:
        match = _FIGURE.search(problem.problem)
        return None if match is None else {"span": match.group(0), "at": match.start()}
