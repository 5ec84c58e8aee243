"""One candidate against one reference: the whole ladder, three-valued."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cotkit.verify.boxed import Extraction
from cotkit.verify.clean import clean
from cotkit.verify.compare import compare, ladder
from cotkit.verify.extract import UNSURE, extract_answer, mentions_option
from cotkit.verify.gradable import MAX_LENGTH, gradable
from cotkit.verify.options import contradicts_itself, lettered, option_value, which_option
from cotkit.verify.policy import DEFAULT, Policy
from cotkit.verify.pool import Pool, shared
from cotkit.verify.question import Facts, facts
from cotkit.verify.read import read
from cotkit.verify.scalars import How, Outcome, Prove
from cotkit.verify.simplified import unfinished
from cotkit.verify.tokens import Unreadable, tokenise
from cotkit.verify.tree import Node
from cotkit.verify.values import Based, Choice, Listing, Matrix, Rational, Text, Tuple, Value, leaves

MAX_PAIRS = 10_000
MAX_REFERENCES = 100
# 12^{th}, 12\text{th}: the suffix of an ordinal number says nothing that the number does not.
_ORDINAL = re.compile(
    r"(?<=\d)(?:\^\{?(?:st|nd|rd|th)\}?|\^\{\\(?:text|mathrm|textrm)\{(?:st|nd|rd|th)\}\}|\\text\{(?:st|nd|rd|th)\}"
    r"|(?:st|nd|rd|th)(?![A-Za-z]))"
)
_INTEGER = re.compile(r"-?\d+")

Reference = str | Sequence[str] | None


@dataclass(frozen=True)
class Verdict:
    """What grading says of one candidate.

    Attributes:
        value: correct, incorrect or undecided.
        extracted: the final answer that was found in the candidate; None where there is none.
        reference: the accepted answer it was held against (of several: the one that decided).
        method: the ladder step that decided: exact, typed, numeric, points, symbolic; judge; or none.
        reason: a few words on why.
    """

    value: str
    extracted: str | None
    reference: str | None
    method: str
    reason: str


def grade(
    reference: Reference,
    candidate: str | None,
    *,
    question: str | None = None,
    policy: Policy | None = None,
    choices: Sequence[str] | None = None,
    pool: Pool | None = None,
) -> Verdict:
    """Grade a whole response (reasoning and all) or a bare answer. Never raises on any text, never hangs.

    Args:
        reference: the right answer, or several of which any one is enough.
        candidate: what the model wrote.
        question: the problem; its options (A) … (B) … and "to two decimal places" are taken from it.
        policy: what counts as the same; None for the defaults.
        choices: the texts of options A, B, C …, where they are known apart from the question.
        pool: worker processes for the symbolic step; None for one that this process keeps for all callers.
    """
    known = facts(question if isinstance(question, str) else None)
    if choices:
        known = replace(known, choices=tuple(text for text in map(plain_text, choices) if text is not None))

    def prove(a: Node, b: Node) -> tuple[bool | None, str]:
        proof = (pool or shared()).equivalent(a, b)
        return proof.equal, proof.reason

    return verdict_of(reference, candidate, known, policy or DEFAULT, prove)


def verdict_of(reference: Reference, candidate: str | None, known: Facts, policy: Policy, prove: Prove) -> Verdict:
    """`grade` with everything at hand."""
    try:
        return judged(reference, final_answer(candidate, known), known, policy, prove)
    except (MemoryError, RecursionError, ArithmeticError, ValueError, TypeError, LookupError) as error:
        return Verdict("undecided", None, None, "none", f"error: {type(error).__name__}")


def judged(reference: Reference, found: Extraction, known: Facts, policy: Policy, prove: Prove) -> Verdict:
    """The verdict on an answer that is already extracted, against one or several accepted ones."""
    accepted = references(reference)
    if found.answer is None:
        return Verdict("undecided", None, accepted[0] if accepted else None, "none", found.note or "no_answer_found")
    if not accepted:
        return Verdict("undecided", found.answer, None, "none", "no_reference")
    how = ladder(policy, prove, known.places)
    best: tuple[int, str, Outcome] | None = None
    wrong: tuple[int, str, Outcome] | None = None
    words_only = True
    for text in accepted:
        outcome = grade_answer(found.answer, text, known.choices, how)
        rank = ("incorrect", "undecided", "correct").index(outcome.verdict)
        if outcome.verdict == "incorrect":
            wrong = wrong or (rank, text, outcome)
        words_only &= outcome.verdict != "undecided" or outcome.reason == "prose"
        if best is None or rank > best[0]:
            best = rank, text, outcome
        if outcome.verdict == "correct":
            break
    assert best is not None  # noqa: S101 - at least one reference
    if best[0] == 1 and wrong is not None and words_only:
        best = wrong  # KCl against NaCl or "sodium chloride": the formulas tell
    if best[0] == 0 and known.proof:  # what a proof comes to is no answer to be missed
        return Verdict("undecided", found.answer, best[1], "none", "question_asks_a_proof")
    if best[0] == 0 and found.note == UNSURE:
        return Verdict("undecided", found.answer, best[1], "none", "answer_unclear")
    return Verdict(best[2].verdict, found.answer, best[1], best[2].method, best[2].reason)


def references(reference: Reference) -> list[str]:
    """The accepted answers as texts; [] where there is none."""
    items = reference[:MAX_REFERENCES] if isinstance(reference, list | tuple) else [reference]
    texts = [plain_text(item) for item in items]
    return [text for text in texts if text is not None and text.strip()]


def plain_text(value: object) -> str | None:
    """A text, or a number as one; None for anything else, whatever it is."""
    if isinstance(value, str):
        return value
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        return None
    return str(value)


def final_answer(candidate: str | None, known: Facts) -> Extraction:
    """The candidate's final answer; of a multiple-choice problem also a letter that stands in a sentence."""
    if not isinstance(candidate, str):
        return Extraction(None, "none", "no_candidate")
    found = extract_answer(candidate)
    if found.answer is None and known.choices and found.note == "no_answer_found":
        return mentions_option(candidate) or found
    return found


def grade_answer(answer: str, reference: str | None, choices: Sequence[str], how: How) -> Outcome:
    """Grade an answer that is already extracted."""
    if reference is None or not reference.strip():
        return Outcome("undecided", "none", "no_reference")
    answer, reference = _ORDINAL.sub("", answer), _ORDINAL.sub("", reference)
    equal = _same_integer(answer, reference)
    if equal is not None:
        return Outcome("correct" if equal else "incorrect", "exact" if equal else "typed", "whole numbers")
    why = gradable(reference)
    if why in ("empty", "proof", "multi_part"):
        return Outcome("undecided", "none", f"reference_{why}")
    if max(len(answer), len(reference)) > MAX_LENGTH:
        same = clean(answer) == clean(reference)
        return Outcome("correct", "exact") if same else Outcome("undecided", "none", "too_long")
    try:
        if _identical(answer, reference):
            outcome = Outcome("correct", "exact", "same normal form")
        else:
            outcome = _typed(answer, reference, choices, how)
        if outcome.verdict == "correct" and how.policy.simplified and unfinished(read(answer)):
            return Outcome("incorrect", "typed", "not_simplified")
    except RecursionError:
        return Outcome("undecided", "none", "too_deep")
    return outcome


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


def _typed(answer: str, reference: str, choices: Sequence[str], how: How) -> Outcome:
    if choices:
        answer = lettered(answer, choices)
        if contradicts_itself(answer, choices):
            return Outcome("undecided", "typed", "letter_and_option_differ")
        ticked = [which_option(text, choices) for text in (answer, reference)]
        if None not in ticked:
            same = ticked[0] == ticked[1]
            return Outcome("correct" if same else "incorrect", "typed", "same option" if same else "options_differ")
    mine, theirs = read(answer), read(reference)
    if choices and isinstance(theirs, Choice) and ord(theirs.letter) - ord("A") >= len(choices):
        return Outcome("undecided", "none", "reference_no_option")
    if choices:
        mine, theirs = option_value(mine, theirs, choices), option_value(theirs, mine, choices)
    if isinstance(mine, Text) and mine.why in ("unbalanced", "unparsable") and (mended := _mended(answer)):
        # cut off or garbled: not right as it stands, and wrong where its mended form is
        closed = compare(read(mended), theirs, how)
        return closed if closed.verdict == "incorrect" else Outcome("undecided", "typed", mine.why)
    if isinstance(theirs, Based) and isinstance(mine, Rational) and clean(answer).strip() == theirs.digits:
        return Outcome("correct", "typed", "digits in the base that is asked for")
    ordered = type(mine) is type(theirs) and isinstance(mine, Tuple | Matrix)  # compared item by item
    if not ordered and leaves(mine) * leaves(theirs) > MAX_PAIRS:  # sets of sets compare every leaf with every leaf
        return Outcome("undecided", "typed", "too_long")
    outcome = compare(mine, theirs, how)
    if outcome.verdict != "correct" and _comma_doubt(answer, mine, theirs, reference):
        # 2,100 is one number to some, two to others
        again = compare(read(answer, grouping=False), read(reference, grouping=False), how)
        return again if again.verdict == "correct" else Outcome("undecided", "typed", "comma_unclear")
    if outcome.verdict != "correct" and how.policy.answers == "any" and isinstance(theirs, Listing):
        found = [compare(mine, item, how) for item in theirs.items]
        return next((o for o in found if o.verdict == "correct"), outcome)
    return outcome


def _mended(text: str) -> str | None:
    """A short text with the brackets closed, opened or taken off that make it whole; None where it is whole."""
    if len(text) > 2_000:
        return None
    for opening, closing in (("{", "}"), ("(", ")")):
        missing = text.count(opening) - text.count(closing)
        if missing > 0:
            return text.strip("$ ") + closing * missing
        if missing < 0:
            body = text.strip("$ ")
            return body[:missing] if closing == "}" and body.endswith("}") else opening * -missing + body
    return None


def _comma_doubt(answer: str, mine: Value, theirs: Value, reference: str) -> bool:
    for text, value, other in ((answer, mine, theirs), (reference, theirs, mine)):
        if isinstance(value, Rational) and isinstance(other, Listing) and "," in text:
            return True
    return False
