"""Boxes that are no final answer: taken back, denied, shown as an example, or one of several."""

from __future__ import annotations

import re
from collections.abc import Sequence

_DENIED = re.compile(
    r"(?:\bnot|n't|\bnever|\binstead of|\brather than|\be\.g\.|\bfor example|\bsuch as|\bwould (?:say|claim|give))"
    r"(?:\s+(?:be|is|equal to|simply|just))?[\s$:,(\\]{0,8}$",
    re.IGNORECASE,
)
_TAKEN_BACK = re.compile(
    r"\b(?:wait|actually|correction|oops|hold on|on second thought|let me (?:re-?check|reconsider|redo|re-?do)"
    r"|ignore (?:the|my) (?:above|previous)|disregard|scratch that|i take (?:that|it) back|misread|retract|edit:"
    r"|but the (?:right|correct|actual|true|real)|(?:is|was|seems) (?:wrong|incorrect|a mistake))\b"
    r"|有误|算错了|更正|重新计算|刚才.{0,6}错|不对，",
    re.IGNORECASE,
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
    if _TAKEN_BACK.search(text[end:]):
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


def _same(a: str, b: str) -> bool:
    x, y = (re.sub(r"[\s$*.{}\\]+", "", text).lower() for text in (a, b))
    return bool(x) and bool(y) and (x in y or y in x)
