"""Numbers and formulas compared, and what a comparison says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from cotkit.verify.points import compare_points, constant_value
from cotkit.verify.tree import Call, Node, Num, Sym, symbols
from cotkit.verify.units import AMBIGUOUS
from cotkit.verify.values import Expr, Rational, Value


@dataclass(frozen=True)
class Outcome:
    """`verdict` is correct, incorrect or undecided; `method` the ladder step; `reason` a few words."""

    verdict: str
    method: str
    reason: str = ""


# Asked where the rungs in this process cannot tell; (a, b) -> (equal or None, reason).
Prove = Callable[[Node, Node], tuple[bool | None, str]]


def yes(reason: str = "") -> Outcome:
    """Equal, on the typed rung."""
    return Outcome("correct", "typed", reason)


def no(reason: str = "") -> Outcome:
    """Different, on the typed rung."""
    return Outcome("incorrect", "typed", reason)


def unknown(reason: str) -> Outcome:
    """Not known, on the typed rung."""
    return Outcome("undecided", "typed", reason)


def node_of(value: Value) -> Node:
    """The tree of a number or a formula."""
    if isinstance(value, Rational):
        return Num(value.value)
    assert isinstance(value, Expr)  # noqa: S101 - quantities hold numbers and formulas
    return value.node


def scalars(a: Rational | Expr, b: Rational | Expr, prove: Prove | None) -> Outcome:
    """Numbers and formulas: exact rationals, then values at points, then `prove`."""
    if isinstance(a, Rational) and isinstance(b, Rational):
        if a.value == b.value:
            return yes("equal numbers")
        return unknown("rounded") if _rounded(a, b) or _rounded(b, a) else no("numbers differ")
    x, y = node_of(a), node_of(b)
    if _infinite(x) or _infinite(y):
        return _infinities(x, y)
    return _formulas(a, b, prove)


def _infinities(x: Node, y: Node) -> Outcome:
    if x == y:
        return yes()
    finite = [side for side in (x, y) if not _infinite(side)]
    return unknown("infinite") if finite and not isinstance(finite[0], Num) else no("infinite")


def _formulas(a: Rational | Expr, b: Rational | Expr, prove: Prove | None) -> Outcome:
    x, y = node_of(a), node_of(b)
    found = compare_points(x, y)
    if found.equal is False:
        if _rounded(a, b) or _rounded(b, a):
            return unknown("rounded")
        if _unit_letter(x, y) or _unit_letter(y, x):
            return unknown("unit_or_variable")
    method = "points" if symbols(x) or symbols(y) else "numeric"
    if found.equal is not None:
        return Outcome("correct" if found.equal else "incorrect", method, found.reason)
    if found.reason in ("names_differ", "degrees_or_radians", "base_of_logarithm"):
        return Outcome("undecided", method, found.reason)
    if prove is None:
        return Outcome("undecided", method, f"{found.reason}; no worker for the symbolic step")
    equal, reason = prove(x, y)
    verdict = {True: "correct", False: "incorrect", None: "undecided"}[equal]
    return Outcome(verdict, "symbolic", reason)


def _infinite(node: Node) -> bool:
    return node in (Sym("oo"), Call("neg", (Sym("oo"),)))


def _rounded(decimal: Value, other: Value) -> bool:
    """Whether `decimal` is `other` rounded or cut at its own last digit (two or more of them)."""
    if not isinstance(decimal, Rational) or decimal.decimals is None or decimal.decimals < 2:
        return False
    step = Fraction(1, 10 ** min(decimal.decimals, 300))
    if isinstance(other, Rational):
        finer = other.decimals is None or other.decimals > decimal.decimals
        return finer and abs(other.value - decimal.value) < step
    value = constant_value(node_of(other))
    if value is None:
        return False
    gap = abs(Fraction(value) - decimal.value)  # exact: a long decimal may be no float at all
    return gap < step or gap <= abs(Fraction(value)) / 10**12


def _unit_letter(a: Node, b: Node) -> bool:
    """`5m` against `5`: the letter may be a unit."""
    if not isinstance(a, Call) or a.head != "mul" or len(a.args) != 2 or symbols(b):
        return False
    number, letter = a.args
    return isinstance(letter, Sym) and letter.name in AMBIGUOUS and compare_points(number, b).equal is not False
