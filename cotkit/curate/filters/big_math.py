"""The rule filters of Big-Math (Albalak et al. 2025, arXiv 2502.17387; SynthLabsAI/big-math, signals/add_*.py)."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Literal

from pydantic import Field

from cotkit.curate.filters import Filter
from cotkit.records import Problem

Rule = Literal["hyperlink", "multiple_choice", "multi_part", "true_false", "yes_no", "proof", "empty_box"]

_LINK = re.compile(r"\\url|\\href|https?://")
_TRUE_FALSE = re.compile(r"true|false", re.IGNORECASE)
_YES_NO = re.compile(r"(?:\s|\{|\b)(yes|no)(?:\s|\}|\b)", re.IGNORECASE)
_ASKS = ("is ", "are ", "do ", "does ", "can ")
_EMPTY_BOX = re.compile(r"boxed\{\s{0,1000}\}")
_SHOW = re.compile(r"(?:^|[.!?]\s+|\n\s*\n\s*)show", re.IGNORECASE)
# First and second mark of a list of parts; both on one line. They are looked for in lower-cased text, as published,
# so that the patterns for (I) and (II) match no numeral, and two decimals on a line count as two parts.
_PARTS = (
    (re.compile(r"\([\s,.]\)"), re.compile(r"\([\s,.]\)")),
    (re.compile(r"\d\."), re.compile(r"\d\.")),
    (re.compile(r"(?:^|\s)(?:1[.)]|i[.)]|①)"), re.compile(r"(?:\s|$)(?:2[.)]|ii[.)]|②)")),
)
_NUMBERED = re.compile(r"\([1-9]")


class BigMath(Filter):
    """Drop what the rules of Big-Math flag: `rules` names which ones.

    As published, with all false alarms. Left out: the fastText language model (use the filter `language`). The rule
    for proofs split sentences with NLTK; here a sentence begins after `.`, `!`, `?` and white space or an empty line.
    """

    name: Literal["big_math"] = "big_math"
    rules: tuple[Rule, ...] = Field(
        ("hyperlink", "multiple_choice", "multi_part", "true_false", "yes_no", "proof", "empty_box"),
        min_length=1,
        description="Which rules are applied, in this order.",
    )
    show_sources: tuple[str, ...] = Field(
        ("olympiads",), description="In these sources a sentence that begins with Show marks a proof."
    )

    reason: ClassVar[str] = "big_math"

    def reject(self, problem: Problem) -> dict[str, Any] | None:
        for rule in self.rules:
            show = problem.source in self.show_sources
            found = proof(problem, show) if rule == "proof" else _RULES[rule](problem)
            if found is not None:
                return {"rule": rule, "span": found[:120]}
        return None


def hyperlink(problem: Problem) -> str | None:
    for text in (problem.problem, problem.solution or ""):
        match = _LINK.search(text)
        if match is not None:
            return text[match.start() : match.start() + 80]
    return None


def multiple_choice(problem: Problem) -> str | None:
    """The last A, B, C, D (or 1, 2, 3, 4) of the text stand in this order."""
    for options in ("ABCD", "1234"):
        text = problem.problem.replace(options, "")
        at = [text.rfind(option) for option in options]
        if -1 not in at and at == sorted(at):
            return text[at[0] : at[-1] + 1]
    return None


def multi_part(problem: Problem) -> str | None:
    text = problem.problem.lower()
    closing = [m.start() for m in re.finditer(r"\)", text)]
    if closing:
        marks = [m.start() for m in _NUMBERED.finditer(text) if m.start() < closing[-1]]
        ends = (closing[bisect_left(closing, mark)] + 1 for mark in marks)
        found = _on_one_line(text, ends, marks)
        if found is not None:
            return found
    for first, second in _PARTS:
        starts = [m.start() for m in second.finditer(text)]
        found = _on_one_line(text, (m.end() for m in first.finditer(text)), starts)
        if found is not None:
            return found
    return None


def _on_one_line(text: str, ends: Iterator[int], starts: list[int]) -> str | None:
    """The text between an end and the next start, if no line break is between them."""
    for end in ends:
        after = bisect_left(starts, end)
        if after < len(starts) and "\n" not in text[end : starts[after]]:
            return text[end : starts[after] + 4]
    return None


def true_false(problem: Problem) -> str | None:
    text = problem.answer or _last_line(problem.solution)
    return text if _TRUE_FALSE.search(text) else None


def yes_no(problem: Problem) -> str | None:
    text = problem.answer or _last_line(problem.solution)
    if _YES_NO.search(text):
        return text
    *before, last = problem.problem.split("\n")
    if before and not (before[-1] and (before[-1][-1] in ".,:;!?" or before[-1][-1].isspace())):
        return None
    return last if last.lower().startswith(_ASKS) else None


def proof(problem: Problem, show: bool) -> str | None:
    text = problem.problem.lower()
    found = next((words for words in ("prove that", "a proof") if words in text), None)
    match = _SHOW.search(problem.problem.lstrip()) if show and found is None else None
    return match.group() if match is not None else found


def empty_box(problem: Problem) -> str | None:
    match = _EMPTY_BOX.search(problem.solution or "")
    return None if match is None else match.group()


def _last_line(text: str | None) -> str:
    return (text or "").split("\n")[-1]


_RULES: dict[str, Callable[[Problem], str | None]] = {
    "hyperlink": hyperlink,
    "multiple_choice": multiple_choice,
    "multi_part": multi_part,
    "true_false": true_false,
    "yes_no": yes_no,
    "empty_box": empty_box,
}
