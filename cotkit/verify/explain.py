"""One pair, told step by step: what was read, what each rung of the ladder said, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from fractions import Fraction
from typing import Any

from cotkit.verify.boxed import Extraction
from cotkit.verify.clean import clean
from cotkit.verify.compare import compare, ladder
from cotkit.verify.gradable import gradable
from cotkit.verify.grade import Reference, Verdict, final_answer, grade_answer, judged, references
from cotkit.verify.policy import DEFAULT, Policy
from cotkit.verify.pool import Pool, shared
from cotkit.verify.question import Facts, facts
from cotkit.verify.read import read
from cotkit.verify.scalars import How, Outcome
from cotkit.verify.tree import Call, Node, Num, Sym
from cotkit.verify.values import Value

# Rungs in the order in which they are tried, by the name that a verdict gives them.
RUNGS = ("exact", "typed", "numeric", "points", "symbolic")
# numeric and points are one rung: values of formulas without and with variables.
VALUES = "numeric"
MAX_SHOWN = 300
MAX_PARTS = 40


@dataclass(frozen=True)
class Part:
    """A comparison of two parts of the values (members of a set, both sides of an equation)."""

    reference: str
    candidate: str
    outcome: Outcome


@dataclass(frozen=True)
class Attempt:
    """The candidate against one accepted answer.

    Attributes:
        reference: the accepted answer as given.
        ungradable: why it cannot be graded against; None where it can.
        forms: both texts in normal form, reference first.
        values: both typed values as text, reference first.
        parts: comparisons below the top one, in the order they were made, at most MAX_PARTS.
        rungs: (rung, what it said), in order, up to the one that decided.
        outcome: what grading against this answer gave.
    """

    reference: str
    ungradable: str | None
    forms: tuple[str, str]
    values: tuple[str, str]
    parts: tuple[Part, ...]
    rungs: tuple[tuple[str, str], ...]
    outcome: Outcome


@dataclass(frozen=True)
class Explanation:
    """What `grade` says of a pair, and how it came to say so."""

    extraction: Extraction
    facts: Facts
    attempts: tuple[Attempt, ...]
    verdict: Verdict


def explain(
    reference: Reference,
    candidate: str | None,
    *,
    question: str | None = None,
    policy: Policy | None = None,
    pool: Pool | None = None,
) -> Explanation:
    """Grade one pair as `grade` does, and tell every step. Never raises on any text."""
    known, rules = facts(question), policy or DEFAULT

    def prove(a: Node, b: Node) -> tuple[bool | None, str]:
        proof = (pool or shared()).equivalent(a, b)
        return proof.equal, proof.reason

    found = final_answer(candidate, known)
    attempts = []
    for text in references(reference) if found.answer is not None else ():
        attempts.append(_attempt(text, found.answer or "", known, ladder(rules, prove, known.places)))
        if attempts[-1].outcome.verdict == "correct":
            break
    return Explanation(found, known, tuple(attempts), judged(reference, found, known, rules, prove))


def _attempt(reference: str, answer: str, known: Facts, how: How) -> Attempt:
    parts: list[Part] = []

    def traced(a: Value, b: Value, inner: How) -> Outcome:
        outcome = compare(a, b, inner)
        if len(parts) < MAX_PARTS:
            parts.append(Part(show(b), show(a), outcome))
        return outcome

    outcome = grade_answer(answer, reference, known.choices, replace(how, compare=traced))
    return Attempt(
        reference,
        gradable(reference),
        (short(clean(reference)), short(clean(answer))),
        (_value(reference), _value(answer)),
        tuple(parts),
        tuple(_rungs(outcome)),
        outcome,
    )


def _rungs(outcome: Outcome) -> list[tuple[str, str]]:
    """What each rung said, as far as it can be told from the one that decided."""
    decided = f"{outcome.verdict}: {outcome.reason}" if outcome.reason else outcome.verdict
    if outcome.method not in RUNGS:
        return [("none", decided)]
    before = RUNGS[: min(RUNGS.index(outcome.method), RUNGS.index(VALUES))]
    said = [(rung, "the forms differ" if rung == "exact" else "does not tell") for rung in before]
    if outcome.method == "symbolic":
        said.append((VALUES, "do not tell"))
    return [*said, (outcome.method, decided)]


def _value(text: str) -> str:
    try:
        return show(read(text))
    except RecursionError:
        return "nested too deeply to be shown"


def show(value: Any) -> str:
    """A typed value in a few words, at most MAX_SHOWN characters."""
    try:
        return short(_show(value))
    except RecursionError:
        return "nested too deeply to be shown"


def _show(value: Any) -> str:
    if isinstance(value, Num | Sym | Call):
        return _node(value)
    if isinstance(value, Fraction):
        return _number(value)
    if isinstance(value, tuple):
        return f"({', '.join(map(_show, value))})"
    if hasattr(value, "__dataclass_fields__"):
        parts = [(f.name, getattr(value, f.name)) for f in fields(value) if f.compare]
        told = [
            _show(v) if i == 0 else f"{name} {_show(v)}" for i, (name, v) in enumerate(parts) if v not in (None, "")
        ]
        return f"{type(value).__name__.lower()} {', '.join(told)}"
    return str(value)


def _node(node: Node) -> str:
    if isinstance(node, Num):
        return _number(node.value)
    if isinstance(node, Sym):
        return node.name
    return f"{node.head}({', '.join(map(_node, node.args))})"


def _number(value: Fraction) -> str:
    try:
        return str(value)
    except ValueError:  # Python writes no integers of more than 4,300 digits
        return f"a number of {value.numerator.bit_length()} bits"


def short(text: str) -> str:
    """At most MAX_SHOWN characters on one line; the middle is left out."""
    line = " ".join(text.split())
    half = MAX_SHOWN // 2
    return line if len(line) <= MAX_SHOWN else f"{line[:half]} … {line[-half:]}"


def lines(told: Explanation) -> list[str]:
    """The explanation as lines for a terminal."""
    found = told.extraction
    note = f" ({found.note})" if found.note else ""
    out = [
        f"extracted  {short(found.answer)}   [{found.method}]{note}" if found.answer else f"extracted  nothing{note}"
    ]
    if told.facts.choices:
        out.append(f"options    {short(' · '.join(told.facts.choices))}")
    if told.facts.places is not None:
        out.append(f"rounding   the question asks for {told.facts.places} decimals")
    for attempt in told.attempts:
        out += [
            f"reference  {short(attempt.reference)}" + (f"   [{attempt.ungradable}]" if attempt.ungradable else ""),
            f"  form     {attempt.forms[0]}   |   {attempt.forms[1]}",
            f"  value    {attempt.values[0]}   |   {attempt.values[1]}",
        ]
        out += [
            f"  part     {p.reference}   |   {p.candidate}   {p.outcome.verdict} {p.outcome.reason}".rstrip()
            for p in attempt.parts
        ]
        out += [f"  {rung:<9}{said}" for rung, said in attempt.rungs]
    verdict = told.verdict
    return [*out, f"verdict    {verdict.value}   [{verdict.method}] {verdict.reason}".rstrip()]
