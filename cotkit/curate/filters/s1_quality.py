"""The quality rule of s1 on problem texts (Muennighoff et al. 2025, arXiv 2501.19393; data/filter.ipynb)."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal

from pydantic import Field

from cotkit.curate.filters import Filter
from cotkit.records import Problem

_PAGE = re.compile(r"p[1-9][0-9]{0,2}\.")
_RUN = re.compile(r"[^\s\]]+")
_DIGIT = re.compile(r"\d")


class S1Quality(Filter):
    """Drop problems with drawing code, image marks, page numbers or bold leftovers, as s1 did (54,116 to 51,607).

    As published: `[asy]`; `![Image]`; `p7.` for 1 to 999, also inside a word; a bold span without white space or
    `]` in it, where a digit follows on the line. An AIME problem with `[asy]` stays, whatever else is in it.
    """

    name: Literal["s1_quality"] = "s1_quality"
    asy_allowed: tuple[str, ...] = Field(
        ("aime",), description="Problems with [asy] stay if their source's name contains one of these, in any case."
    )

    reason: ClassVar[str] = "s1_quality"

    def reject(self, problem: Problem) -> dict[str, Any] | None:
        text = problem.problem
        if "[asy]" in text:
            source = problem.source.lower()
            allowed = any(part.lower() in source for part in self.asy_allowed)
            return None if allowed else {"rule": "asy", "at": text.index("[asy]")}
        if "![Image]" in text:
            return {"rule": "image", "at": text.index("![Image]")}
        page = _PAGE.search(text)
        if page is not None:
            return {"rule": "page_number", "span": page.group(), "at": page.start()}
        bold = bold_with_digit(text)
        return None if bold is None else {"rule": "bold", "span": text[bold : bold + 80], "at": bold}


def bold_with_digit(text: str) -> int | None:
    r"""Where `\*\*(?=.*\d)[^\s\]]*\*\*` first matches, found in linear time."""
    line_end = -1
    last_digit = -1
    for run in _RUN.finditer(text):
        opened = text.find("**", run.start(), run.end())
        if opened < 0 or text.rfind("**", opened + 2, run.end()) < 0:
            continue
        if opened >= line_end:
            line_end = text.find("\n", opened)
            line_end = len(text) if line_end < 0 else line_end
            last_digit = max((m.start() for m in _DIGIT.finditer(text, opened, line_end)), default=-1)
        if last_digit >= opened + 2:
            return opened
    return None
