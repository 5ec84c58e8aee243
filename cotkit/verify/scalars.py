"""Numbers and formulas compared, and what every comparison is told and says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

from cotkit.verify.budget import Budget
from cotkit.verify.large import compare_large
from cotkit.verify.points import compare_points, constant_value
from cotkit.verify.policy import DEFAULT, Policy
from cotkit.verify.tree import Call, Node, Num, Sym, rename, symbols
from cotkit.verify.unit_names import AMBIGUOUS
from cotkit.verify.values import INTEGER, Expr, Rational, Value


@dataclass(frozen=True)
class Outcome:
    """`verdict` is correct, incorrect or undecided; `method` the ladder step; `reason` a few words."""

    verdict: str
    method: str
    reason: str = ""


# Asked where the rungs in this process cannot tell; (a, b) -> (equal or None, reason).
Prove = Callable[[Node, Node], tuple[bool | None, str]]


@dataclass(frozen=True)
class How:
    """What a comparison goes by.

    Attributes:
        compare: the whole ladder, for the parts of a value.
        policy: what counts as the same.
        prove: the symbolic step; None where there is none.
        places: decimals to which the question wants its answer rounded; None where it does not say.
        budget: what the comparison may cost.
    """

    compare: Callable[[Value, Value, How], Outcome]
    policy: Policy = DEFAULT
    prove: Prove | None = None
    places: int | None = None
    budget: Budget = field(default_factory=Budget)

    def same(self, a: Value, b: Value) -> Outcome:
        """Whether two parts are the same answer."""
        return self.compare(a, b, self)


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


def scalars(a: Rational | Expr, b: Rational | Expr, how: How) -> Outcome:
    """Numbers and formulas: exact rationals, then values at points, then `prove`."""
    if isinstance(a, Rational) and isinstance(b, Rational):
        if a.value == b.value:
            return yes("equal numbers")
        return _near(a, b, how) or _near(b, a, how) or no("numbers differ")
    x, y = node_of(a), node_of(b)
    if infinite(x) or infinite(y):
        return _infinities(x, y)
    return _formulas(a, b, how)


def _infinities(x: Node, y: Node) -> Outcome:
    if x == y:
        return yes()
    finite = [side for side in (x, y) if not infinite(side)]
    return unknown("infinite") if finite and symbols(finite[0]) else no("infinite")


def _formulas(a: Rational | Expr, b: Rational | Expr, how: How) -> Outcome:
    x, y = node_of(a), node_of(b)
    if isinstance(x, Sym) and isinstance(y, Sym) and x != y:
        return no("names differ")
    x, y = _one_integer(x, y), _one_integer(y, x)
    found = compare_points(x, y)
    if found.equal is False and INTEGER in symbols(x) & symbols(y) and same_family(x, y):
        return Outcome("correct", "points", "same values for all integers")
    if found.equal is False:
        near = _near(a, b, how) or _near(b, a, how)
        if near is not None:
            return near
        if (_only_letters(x) and isinstance(y, Num)) or (_only_letters(y) and isinstance(x, Num)):
            return unknown("word_or_product")  # `up`, `hmm`
        if _unit_letter(x, y) or _unit_letter(y, x):
            return unknown("unit_or_variable")
    method = "points" if symbols(x) or symbols(y) else "numeric"
    if found.equal is not None:
        return Outcome("correct" if found.equal else "incorrect", method, found.reason)
    if found.reason in ("names_differ", "degrees_or_radians", "base_of_logarithm"):
        return Outcome("undecided", method, found.reason)
    large = compare_large(x, y)
    if large.equal is not None:
        return Outcome("correct" if large.equal else "incorrect", method, large.reason)
    if how.prove is None:
        return Outcome("undecided", method, f"{found.reason}; no worker for the symbolic step")
    how.budget.proofs -= 1
    if how.budget.proofs < 0:
        return Outcome("undecided", method, "too_many_proofs")
    equal, reason = how.prove(x, y)
    verdict = {True: "correct", False: "incorrect", None: "undecided"}[equal]
    return Outcome(verdict, "symbolic", reason)


def _one_integer(x: Node, y: Node) -> Node:
    """`pi/4 + k pi` against the same with `k in Z`: its letter is that integer too."""
    loose = symbols(x) & {"k", "n", "m"}
    if INTEGER in symbols(y) and INTEGER not in symbols(x) and len(loose) == 1:
        return rename(x, {next(iter(loose)): INTEGER})
    return x


def same_family(x: Node, y: Node) -> bool:
    """Whether two formulas in an integer k run through the same values, shifted or backwards: 2k+1 and 2k-1."""
    for sign in (1, -1):
        for shift in range(-3, 4):
            moved = Call("add", (Call("mul", (Num(Fraction(sign)), Sym(INTEGER))), Num(Fraction(shift))))
            if compare_points(_with(x, moved), y).equal:
                return True
    return False


def _with(node: Node, value: Node) -> Node:
    if node == Sym(INTEGER):
        return value
    return Call(node.head, tuple(_with(arg, value) for arg in node.args)) if isinstance(node, Call) else node


def infinite(node: Node) -> bool:
    """Whether a tree is plus or minus infinity."""
    return node in (Sym("oo"), Call("neg", (Sym("oo"),)))


def _near(decimal: Value, other: Value, how: How) -> Outcome | None:
    """What the policy says where two different numbers are near to each other; None where they are not."""
    value = exactly(other)
    if value is None or not isinstance(decimal, Rational):
        return None
    gap = abs(value - decimal.value)
    if how.policy.tolerance and gap <= Fraction(how.policy.tolerance) * max(abs(value), abs(decimal.value)):
        return yes("within tolerance")
    written = decimal.decimals or 0
    rounds = isinstance(other, Rational) and other.decimals is not None  # 9/2 is not rounded to a whole number
    if how.places is not None and written <= how.places and rounds and gap < Fraction(1, 2 * 10**how.places):
        return yes("rounded as the question asks")
    if decimal.decimals is None or decimal.decimals < 2 or _coarser(other, decimal):
        return None
    step = Fraction(1, 10 ** min(decimal.decimals, 300))
    slack = Fraction(0) if isinstance(other, Rational) else abs(value) / 10**12  # a float stands for the other side
    rounded = gap <= step / 2 + slack
    cut = abs(decimal.value) <= abs(value) + slack and gap < step + slack
    digits = len(str(abs(int(decimal.value / step))))
    if not (rounded or cut) or decimal.value == 0:
        return None
    enough = how.policy.rounded_digits is not None and digits >= how.policy.rounded_digits
    return yes("rounded") if enough and rounded else no("rounded")


def exactly(value: Value) -> Fraction | None:
    """A real number's value, to about 12 digits where it is no rational; None where it has none."""
    if isinstance(value, Rational):
        return value.value
    number = constant_value(node_of(value)) if isinstance(value, Expr) else None
    return None if number is None else Fraction(number)


def _coarser(other: Value, decimal: Rational) -> bool:
    """A decimal is no rounded form of one that was written with fewer digits."""
    assert decimal.decimals is not None  # noqa: S101 - asked for decimals only
    return isinstance(other, Rational) and other.decimals is not None and other.decimals <= decimal.decimals


def _only_letters(node: Node) -> bool:
    return isinstance(node, Call) and node.head == "mul" and all(isinstance(arg, Sym) for arg in node.args)


def _unit_letter(a: Node, b: Node) -> bool:
    """`5m` against `5`: the letter may be a unit."""
    if not isinstance(a, Call) or a.head != "mul" or len(a.args) != 2 or symbols(b):
        return False
    number, letter = a.args
    return isinstance(letter, Sym) and letter.name in AMBIGUOUS and compare_points(number, b).equal is not False
