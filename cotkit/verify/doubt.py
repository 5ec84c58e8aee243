"""Boxes that are no final answer: taken back, denied, shown as an example, or one of several."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cotkit.verify.compare import compare, ladder
from cotkit.verify.read import read
from cotkit.verify.tree import symbols
from cotkit.verify.values import Equation, Expr, Percent, Quantity, Rational, Text

_DENIED = re.compile(
    r"(?:\bnot|n't|\bnever|\binstead of|\brather than|\be\.g\.|\bfor example|\bsuch as|\bwould (?:say|claim|give))"
    r"(?:\s+(?:be|is|equal to|simply|just))?[\s$:,(\\]{0,8}$",
    re.IGNORECASE,
)
_TAKEN_BACK = re.compile(
    r"\b(?:correction|corrected|oops|hold on|on second thought|let me (?:re-?check|reconsider|redo|re-?do)"
    r"|ignore (?:the|my) (?:above|previous)|disregard|scratch that|i take (?:that|it) back|misread|retract|edit:"
    r"|not correct|re-?count|made an? (?:error|mistake)|it should (?:actually )?be|(?:should|must) (?:actually )?be \S{0,3}[-\d$]"
    r"|but the (?:right|correct|actual|true|real)"
    r"|(?:this|that|it|the answer|the above|my answer) (?:is|was|seems) (?:wrong|incorrect|off|a mistake|not right))\b"
    r"|有误|算错了|更正|重新计算|刚才.{0,6}错|不对，",
    re.IGNORECASE,
)
_WAIT = re.compile(
    r"\b(?:wait|actually)\b(?:(?!\b(?:correct|consistent|indeed|confirm|check|classic|yes)).){0,200}$",
    re.IGNORECASE | re.DOTALL,
)
# What may stand right before or behind a box inside one formula: then the box is only a part of it.
_GOES_ON = re.compile(r"\s*(?:[-+*/^<>]|\\(?:cdot|times|div|sqrt|frac|pm|mp|le|ge|neq|pi)(?![A-Za-z])|[A-Za-z0-9(])")
_COMES_FROM = re.compile(
    r"(?:[-+*/^<>_]|\\(?:cdot|times|div|pm|mp|le|ge|leq|geq|neq|pi)|(?<![A-Za-z\\])[0-9A-Za-z)]"
    r"|(?:\\frac\s{0,2}(?:\{[^{}]{0,60}\})?|\\sqrt\s{0,2}(?:\[[^\]]{0,9}\])?|[_^])\s{0,2}\{)\s*$"
)
_LISTED = re.compile(
    r"[\s$.,;:)(\\*-]{0,12}(?:(?:case|part|option|possibility)\s{0,3}\w{1,4}[\s$.:)(\\*]{0,8})?", re.IGNORECASE
)


def doubt(text: str, boxes: Sequence[tuple[int, int, str]], later: str | None) -> str | None:
    """Why the last box of a response is not its final answer; None where it is.

    Args:
        text: the response without its reasoning.
        boxes: (start, end, content) of its boxes, in order.
        later: another final answer that is stated after the last box, if there is one.
    """
    start, end, content = boxes[-1]
    if _DENIED.search(text[max(0, start - 60) : start]):
        return "denied_box"
    if _in_formula(text, start, end):
        return "box_in_formula"
    if _TAKEN_BACK.search(text[end:]) or _WAIT.search(text[end:]):
        return "taken_back"
    if later is not None and not _same(content, later):
        return "two_answers"
    return "several_boxes" if _one_of_several(text, boxes) else None


def _one_of_several(text: str, boxes: Sequence[tuple[int, int, str]]) -> bool:
    """Different boxes side by side, with nothing between them that says how they belong together."""
    if len(boxes) < 2:
        return False
    (_, end, before), (start, _, last) = boxes[-2], boxes[-1]
    between = text[end:start]
    # A line of its own is a new attempt; "and", "or" and commas join parts (see extract).
    return "\n" not in between and len(between) <= 40 and bool(_LISTED.fullmatch(between)) and not _same(before, last)


def _in_formula(text: str, start: int, end: int) -> bool:
    """Whether a box stands inside a longer formula: `-\\boxed{5}`, `\\frac{1}{\\boxed{5}}`, `x < \\boxed{5}`."""
    before, after = text[max(0, start - 400) : start], text[end : end + 40]
    line = before.rpartition("\n\n")[2]
    opened = max(line.rfind("\\("), line.rfind("\\["))
    inside = line.count("$") % 2 == 1 or opened > max(line.rfind("\\)"), line.rfind("\\]"))
    if not inside:
        signed = before.endswith(("-", "−")) and not before[:-1].endswith("-")
        return signed or after[:1] == "^" or after[:2] == "$^"
    if _GOES_ON.match(after.split("$")[0].split("\\)")[0].split("\\]")[0]):
        return True
    return after.startswith("$^") or bool(
        _COMES_FROM.search(line.rpartition("$")[2] if line.count("$") % 2 else line[opened + 2 :])
    )


def _same(a: str, b: str) -> bool:
    """Whether two statements of an answer say the same: as texts, or as values; words say nothing against a value."""
    x, y = (re.sub(r"[\s$*.{}\\]+", "", text).lower() for text in (a, b))
    if x == y:
        return True
    mine, theirs = read(a), read(b)
    if isinstance(mine, Text) != isinstance(theirs, Text):
        return True
    if isinstance(mine, Rational) and not isinstance(theirs, Rational | Percent | Quantity | Equation):
        return not isinstance(theirs, Expr) or bool(symbols(theirs.node))  # `independent of $k$`
    if isinstance(mine, Text):
        return x in y or y in x or len(y.split()) > 3
    return compare(mine, theirs, ladder()).verdict != "incorrect"
