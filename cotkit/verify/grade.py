"""One response against one reference: the whole ladder, three-valued."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cotkit.verify.clean import clean
from cotkit.verify.compare import compare
from cotkit.verify.extract import extract_answer
from cotkit.verify.pool import Pool
from cotkit.verify.read import read
from cotkit.verify.scalars import Outcome, Prove
from cotkit.verify.tokens import Unreadable, tokenise
from cotkit.verify.tree import Node
from cotkit.verify.values import Choice, Listing, Rational, Text, Value, leaves

MAX_LENGTH = 20_000
MAX_PAIRS = 10_000


# 12^{th}, 12\\text{th}: the suffix of an ordinal number says nothing that the number does not.
_ORDINAL = re.compile(
    r"(?<=\d)(?:\^\{(?:st|nd|rd|th)\}|\^\{\\(?:text|mathrm|textrm)\{(?:st|nd|rd|th)\}\}|\\text\{(?:st|nd|rd|th)\})"
)
_LETTER_AND_TEXT = re.compile(r"\(?([A-J])\s{0,2}[).:]\s{0,4}(.{1,200})")


@dataclass(frozen=True)
class Grade:
    """`verdict`: correct, incorrect or undecided. `method`: the ladder step that decided (exact, typed,
    numeric, points, symbolic), or none. `reason`: a few words on why."""

    verdict: str
    extracted: str | None
    method: str
    reason: str


_INTEGER = re.compile(r"-?\d+")
_PROOF = re.compile(
    r"proof\.?|\(?proof\)?|see (?:the )?(?:proof|solution).{0,40}|q\.?\s?e\.?\s?d\.?|\\(?:black)?square|\\blacksquare|"
    r"\\qed(?:symbol)?|[■□∎◼◻]|证明.{0,40}|见解析|略|the statement is proved",
    re.IGNORECASE | re.DOTALL,
)
_NOTHING = frozenset({"none", "null", "nan", "n/a", "na", "-", "?", "...", "[]", "\\text{none}"})
_FIRST = r"(?:\((?:a|i|1)\)|part\s(?:a|1)\b|a\)|1\))"
_SECOND = r"(?:\((?:b|ii|2)\)|part\s(?:b|2)\b|b\)|2\))"
_PARTS = re.compile(rf"(?:^|[\s;]){_FIRST}\s.{{1,600}}?[\s;]{_SECOND}\s", re.IGNORECASE | re.DOTALL)
_MANY = re.compile(r"\[\s*(['\"]).{1,900}?\1\s*,\s*['\"]", re.DOTALL)


def gradable(reference: str | None) -> str | None:
    """None where answers can be graded against this reference, else why not.

    Reasons: empty, proof, multi_part, prose, unparsable.
    """
    if reference is None or not reference.strip() or reference.strip().casefold() in _NOTHING:
        return "empty"
    text = reference.strip()
    if _PROOF.fullmatch(text.strip("$ ").strip()):
        return "proof"
    if _PARTS.search(text[:2_000]) or _MANY.match(text):
        return "multi_part"
    value = read(text[:MAX_LENGTH])
    if not isinstance(value, Text):
        return None
    if value.why in ("", "words"):
        words = value.text.split()
        if not any(c.isalnum() for c in value.text):
            return "empty"
        return None if len(words) <= 4 and not value.why else "prose"
    return "empty" if value.why == "empty" else "unparsable"


def grade(
    response: str,
    reference: str | None,
    *,
    choices: Sequence[str] | None = None,
    pool: Pool | None = None,
) -> Grade:
    """Grade a response (reasoning and all) or a bare answer.

    `choices` are the texts of options A, B, C … of a multiple-choice problem. Without `pool` the symbolic
    step is skipped. Never raises on any text.
    """
    found = extract_answer(response)
    if found.answer is None:
        return Grade("undecided", None, "none", found.note or "no_answer_found")
    outcome = grade_answer(found.answer, reference, choices=choices, pool=pool)
    return Grade(outcome.verdict, found.answer, outcome.method, outcome.reason)


def grade_answer(
    answer: str, reference: str | None, *, choices: Sequence[str] | None = None, pool: Pool | None = None
) -> Outcome:
    """Grade an answer that is already extracted, as `grade` does."""
    if reference is None or not reference.strip():
        return Outcome("undecided", "none", "no_reference")
    answer, reference = _ORDINAL.sub("", answer), _ORDINAL.sub("", reference)
    if _same_integer(answer, reference) is not None:
        equal = _same_integer(answer, reference)
        return Outcome("correct" if equal else "incorrect", "exact" if equal else "typed", "whole numbers")
    why = gradable(reference)
    if why in ("empty", "proof", "multi_part"):
        return Outcome("undecided", "none", f"reference_{why}")
    if max(len(answer), len(reference)) > MAX_LENGTH:
        same = clean(answer) == clean(reference)
        return Outcome("correct", "exact") if same else Outcome("undecided", "none", "too_long")
    if _identical(answer, reference):
        return Outcome("correct", "exact", "same normal form")
    try:
        return _typed(answer, reference, choices or (), _prover(pool))
    except RecursionError:
        return Outcome("undecided", "none", "too_deep")


def _same_integer(a: str, b: str) -> bool | None:
    """Whole numbers of any length, compared as digits; None where a side is not one."""
    x, y = a.strip(), b.strip()
    if not (_INTEGER.fullmatch(x) and _INTEGER.fullmatch(y) and x.isascii() and y.isascii()):
        return None
    plain = [text.lstrip("-").lstrip("0") or "0" for text in (x, y)]
    signs = [text.startswith("-") and digits != "0" for text, digits in zip((x, y), plain, strict=True)]
    return plain[0] == plain[1] and signs[0] == signs[1]


def _identical(a: str, b: str) -> bool:
    x, y = clean(a), clean(b)
    if not any(c.isalnum() for c in y):
        return False
    if x == y:
        return True
    try:
        return tokenise(x) == tokenise(y)
    except Unreadable:
        return False


def _prover(pool: Pool | None) -> Prove | None:
    if pool is None:
        return None

    def prove(a: Node, b: Node) -> tuple[bool | None, str]:
        proof = pool.equivalent(a, b)
        return proof.equal, proof.reason

    return prove


def _typed(answer: str, reference: str, choices: Sequence[str], prove: Prove | None) -> Outcome:
    if choices:
        answer = _lettered(answer, choices)
        if _contradicts_itself(answer, choices):
            return Outcome("undecided", "typed", "letter_and_option_differ")
    mine, theirs = read(answer), read(reference)
    if choices and isinstance(theirs, Choice) and ord(theirs.letter) - ord("A") >= len(choices):
        return Outcome("undecided", "none", "reference_no_option")
    if choices:
        mine, theirs = _option(mine, theirs, choices), _option(theirs, mine, choices)
    if leaves(mine) * leaves(theirs) > MAX_PAIRS:  # sets of sets compare every leaf with every leaf
        return Outcome("undecided", "typed", "too_long")
    outcome = compare(mine, theirs, prove)
    if outcome.verdict != "correct" and _comma_doubt(answer, mine, theirs, reference):
        # 2,100 is one number to some, two to others
        again = compare(read(answer, grouping=False), read(reference, grouping=False), prove)
        return again if again.verdict == "correct" else Outcome("undecided", "typed", "comma_unclear")
    return outcome


def _lettered(answer: str, choices: Sequence[str]) -> str:
    """`b` as B where options are asked for and none of them is the letter itself."""
    letter = answer.strip(" ()$.")
    small = len(letter) == 1 and "a" <= letter < chr(ord("a") + len(choices))
    return letter.upper() if small and letter not in [choice.strip(" $") for choice in choices] else answer


def _contradicts_itself(answer: str, choices: Sequence[str]) -> bool:
    """`B) 12` where 12 is not option B but another one."""
    match = _LETTER_AND_TEXT.fullmatch(answer.strip())
    if match is None:
        return False
    options = [clean(choice) for choice in choices]
    index, text = ord(match[1]) - ord("A"), clean(match[2])
    return text in options and (index >= len(options) or options[index] != text)


def _option(value: Value, other: Value, choices: Sequence[str]) -> Value:
    """A letter as the text of its option where the other side is no letter."""
    if isinstance(value, Choice) and not isinstance(other, Choice):
        index = ord(value.letter) - ord("A")
        if index < len(choices):
            return read(choices[index])
    return value


def _comma_doubt(answer: str, mine: Value, theirs: Value, reference: str) -> bool:
    for text, value, other in ((answer, mine, theirs), (reference, theirs, mine)):
        if isinstance(value, Rational) and isinstance(other, Listing) and "," in text:
            return True
    return False
