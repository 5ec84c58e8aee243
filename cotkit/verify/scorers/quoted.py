"""Whether the numbers that a trace quotes from the problem stand in the problem."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

from cotkit.verify.scorers import Attempt, Scored, Scorer

# What announces a quotation, and what ends it: from there on the text may calculate.
_QUOTE = re.compile(
    r"\b(?:the (?:problem|question) (?:says|states|tells us|gives|asks)|(?:we are|we're|i am|i'm) (?:given|told)"
    r"|(?:is|are|it is) given (?:that|as)|given that|according to the (?:problem|question))\b"
    r"|题目(?:中)?(?:说|给出|告诉|给定|要求)|题中(?:说|给出)|题设|已知",
    re.IGNORECASE,
)
_END = re.compile(
    r"[\n。;；!?！？]|\.(?=\s|$)|\b(?:so|then|therefore|thus|hence|which (?:means|gives)|that means|this means|but)\b"
    r"|所以|因此|那么|则|从而|于是|但",
    re.IGNORECASE,
)
_LONGEST = 400
_NUMBER = re.compile(r"(?<![\w.])\d{1,3}(?:[,，]\d{3})+(?:\.\d{1,30})?(?!\d)|\d{1,40}(?:\.\d{1,30})?")
_UNITS = "zero one two three four five six seven eight nine ten"
_TEENS = "eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty"
_SAID = {word: Fraction(n) for n, word in enumerate(f"{_UNITS} {_TEENS}".split())} | {
    **{"once": Fraction(1), "twice": Fraction(2), "half": Fraction(1, 2), "dozen": Fraction(12)},
    **{"thirty": Fraction(30), "forty": Fraction(40), "fifty": Fraction(50), "hundred": Fraction(100)},
    **{c: Fraction(n) for n, c in enumerate("零一二三四五六七八九十")},
    **{"两": Fraction(2), "百": Fraction(100), "千": Fraction(1000), "半": Fraction(1, 2)},
}
_SPOKEN = re.compile(
    r"\b(?:" + "|".join(w for w in _SAID if w.isascii()) + r")\b|[" + "".join(w for w in _SAID if len(w) == 1) + "]",
    re.IGNORECASE,
)


class QuotedNumbers(Scorer):
    """`quoted_numbers`, how many numbers the trace quotes from the problem ("we are given 12", "题目说有12个"), and
    `misquoted_numbers`, how many of them are not in it; a cheap sign of a made-up condition.

    Only digits after such words count, up to a word that begins a conclusion; the problem's own numbers also count
    where it spells them.
    """

    by: Literal["quoted_numbers"] = "quoted_numbers"

    def names(self) -> tuple[str, ...]:
        return "quoted_numbers", "misquoted_numbers"

    def score(self, group: Sequence[Attempt]) -> list[Scored]:
        return [self._one(attempt) for attempt in group]

    def _one(self, attempt: Attempt) -> Scored:
        if not attempt.problem.strip():
            return Scored(why="no_problem")
        known = numbers(attempt.problem) | {_SAID[m[0].lower()] for m in _SPOKEN.finditer(attempt.problem)}
        said = quoted(attempt.text)
        wrong = sorted(str(n) for n in said - known)
        values = {"quoted_numbers": float(len(said)), "misquoted_numbers": float(len(wrong))}
        return Scored(values, evidence={"misquoted": wrong[:20]} if wrong else {})


def numbers(text: str) -> set[Fraction]:
    """The numbers written in digits, whatever their thousands are parted by."""
    return {Fraction(match[0].replace(",", "").replace("，", "")) for match in _NUMBER.finditer(text)}


def quoted(text: str) -> set[Fraction]:
    """The different numbers in what the text says it quotes."""
    found: set[Fraction] = set()
    for match in _QUOTE.finditer(text):
        rest = text[match.end() : match.end() + _LONGEST]
        stop = _END.search(rest)
        found |= numbers(rest[: stop.start()] if stop else rest)
    return found
