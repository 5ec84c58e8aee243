"""The decision ladder over typed values: what is equal, what is not, and what we do not know.

Every rule is symmetric. What is a choice and not a fact stands in policy.py; what was chosen besides:

- Two units of one dimension are converted; of two dimensions they are different answers.
- Lists without brackets have no order; tuples have; sets have none.
- `(1,2)` is an open interval where the other side is an interval, a tuple elsewhere.
- `x = 5` is `5`; `5 or 6` against a single value is a hedge, hence undecided.
- A text with two readings (`1/2x`) is right where one of them is.
- Words that are equal but for case, articles and punctuation are equal; different words are undecided, but for
  a few closed vocabularies (yes/no, even/odd, days, months) and names.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from cotkit.verify.clocks import clock
from cotkit.verify.curves import compare_curves
from cotkit.verify.itemwise import weakest
from cotkit.verify.measures import based, percent, quantity
from cotkit.verify.piecewise import compare_piecewise
from cotkit.verify.points import same_ratio
from cotkit.verify.policy import DEFAULT, Policy
from cotkit.verify.ranges import ranges
from cotkit.verify.read import read
from cotkit.verify.scalars import How, Outcome, Prove, no, scalars, unknown, yes
from cotkit.verify.sequences import alternatives, matrices, one_of_many, sequences
from cotkit.verify.tree import Call, Node, Num, Sym, symbols
from cotkit.verify.typed import value_of
from cotkit.verify.values import (
    Choice,
    Date,
    Equation,
    Expr,
    FiniteSet,
    Interval,
    Percent,
    Piecewise,
    Quantity,
    Rational,
    Readings,
    Text,
    Tuple,
    Value,
)
from cotkit.verify.words import NO_NUMBERS, compare_words, several_letters


def ladder(policy: Policy = DEFAULT, prove: Prove | None = None, places: int | None = None) -> How:
    """What `compare` needs to know, with itself for the parts of a value."""
    return How(compare, policy, prove, places)


def compare(a: Value, b: Value, how: How) -> Outcome:
    """Whether two values are the same answer."""
    if how.budget.spent():
        return Outcome("undecided", "typed", "out_of_time")
    for rule in _RULES:
        found = rule(a, b, how) or rule(b, a, how)
        if found is not None:
            return found
    return Outcome("undecided", "typed", "types_differ")


def _readings(a: Value, b: Value, how: How) -> Outcome | None:
    if not isinstance(a, Readings):
        return None
    alike = tuple(value for value in a.values if type(value) is type(b)) or a.values
    found = [how.same(value, b) for value in alike]
    if isinstance(b, Rational | Expr) and any(isinstance(value, Expr) for value in a.values):
        # 5m is 5 metres or 5 times m: against a plain 5 nobody can tell
        found = [
            unknown("unit_or_variable") if isinstance(value, Quantity) and o.verdict == "correct" else o
            for value, o in zip(alike, found, strict=True)
        ]
    for verdict in ("correct", "undecided", "incorrect"):
        for outcome in found:
            if outcome.verdict == verdict:
                return outcome
    return None


# A call of some program's function: `eval('2+2')`, `Integer(6)`, `(lambda: 6)()`.
_CALL = re.compile(r"\(?[A-Za-z_][\w.]{1,40}(?::[^()]{0,40}\))?\(.{0,200}\)", re.DOTALL)


def _text(a: Value, b: Value, how: How) -> Outcome | None:
    if not isinstance(a, Text):
        return None
    if (
        not isinstance(b, Text)
        and not a.why
        and a.text.lower() in ("no solution", "none", "does not exist")
        and b == FiniteSet(())
    ):
        return yes("empty set")
    if isinstance(b, Choice) and several_letters(a.text):
        return no("number_of_answers_differs")
    if isinstance(b, Rational) and (a.why == "ellipsis" or _CALL.fullmatch(a.text)):
        return no("code" if a.why != "ellipsis" else "number_of_answers_differs")  # it is never run
    if isinstance(b, Rational) and not a.why and a.text.casefold() in NO_NUMBERS:
        return no("word_for_number")
    if (
        isinstance(b, Rational | Interval | FiniteSet)
        and not a.why
        and a.text.casefold() in ("undefined", "none", "indeterminate")
    ):
        return no("word_for_number")
    if not isinstance(b, Text) or a.why or b.why:
        return unknown(a.why or "prose")
    if a.formula and b.formula:
        return yes() if a.text == b.text else no("formulas_differ")
    return compare_words(a.text, b.text)


def _choice(a: Value, b: Value, how: How) -> Outcome | None:
    if not isinstance(a, Choice):
        return None
    if isinstance(b, Choice):
        return yes() if a.letter == b.letter else no("letters_differ")
    if a.text and not isinstance(b, Text):
        found = how.same(read(a.text), b)
        return found if found.verdict == "correct" else unknown("option_text_unknown")
    if isinstance(b, Expr) and not a.text:
        if isinstance(b.node, Sym) and len(b.node.name) == 1 and b.node.name.islower() and b.node.name < "k":
            return yes("letter case") if b.node.name.upper() == a.letter else unknown("letter_or_variable")
        return how.same(Expr(Sym(a.letter)), b)  # `A` may be a variable after all
    return unknown("option_text_unknown")


def _equation(a: Value, b: Value, how: How) -> Outcome | None:
    if not isinstance(a, Equation):
        return None
    if a.name is not None and a.name.startswith("="):
        assert isinstance(a.right, Tuple)  # noqa: S101 - read() builds chains so
        first, *_, end = a.right.items
        members = [how.same(x, end) for x in a.right.items[:-1]]
        if any(o.verdict != "correct" and o.reason != "rounded" for o in members):
            return unknown("chain_unclear")
        # x = 22/7 = 3.14: the exact member or its rounded form, whichever the other side has
        found = [how.same(Equation(a.left, x, a.right_node, a.name[1:]), b) for x in (end, first)]
        return next((o for o in found if o.verdict == "correct"), found[0])
    if isinstance(a.right, Piecewise) and not (isinstance(b, Equation) and not isinstance(b.right, Piecewise)):
        return how.same(a.right, b.right if isinstance(b, Equation) else b)
    if isinstance(b, Equation):
        return None if b.name and b.name.startswith("=") else _equations(a, b, how)
    if a.name is not None:
        return how.same(a.right, b)
    if not symbols(a.left) and isinstance(b, Rational | Expr | Percent | Quantity):
        sides = [how.same(value_of(a.left), b), how.same(a.right, b)]
        if len({side.verdict for side in sides}) == 1:
            return weakest(sides)
        if sides[1].verdict == "correct" and sides[0].verdict == "undecided":  # 40/80 * 100% = 50%
            return sides[1]
    if isinstance(b, Expr) and symbols(a.left):  # x^2 - y^2 = (x-y)(x+y): an identity
        sides = [how.same(value_of(a.left), b), how.same(a.right, b)]
        if all(side.verdict == "correct" for side in sides):
            return weakest(sides)
    if len(symbols(a.left)) > 1 and not symbols(a.right_node) and isinstance(b, Rational):
        return how.same(a.right, b)  # m + n = 17: the question asked for m + n
    return unknown("equation")


def _equations(a: Equation, b: Equation, how: How) -> Outcome:
    if a.name is not None and a.name == b.name:
        return how.same(a.right, b.right)
    if a.name is not None and b.name is not None and not symbols(a.right_node) and not symbols(b.right_node):
        found = how.same(a.right, b.right)
        return unknown("names_differ") if found.verdict == "correct" else found
    zero = [_difference(side.left, side.right_node) for side in (a, b)]
    if same_ratio(zero[0], zero[1]).equal:
        return Outcome("correct", "points", "same equation")
    found_curves = compare_curves(zero[0], zero[1])
    if found_curves.equal is None:
        return unknown("equations_differ")
    return Outcome("correct" if found_curves.equal else "incorrect", "points", found_curves.reason)


def _difference(a: Node, b: Node) -> Node:
    return Call("add", (a, Call("neg", (b,))))


def _dates(a: Value, b: Value, how: How) -> Outcome | None:
    if not isinstance(a, Date):
        return None
    if not isinstance(b, Date):
        return unknown("types_differ")
    if (a.month, a.day) != (b.month, b.day) or (None not in (a.year, b.year) and a.year != b.year):
        return no("dates_differ")
    return yes() if a.year == b.year else unknown("year_missing")


def _piecewise(a: Value, b: Value, how: How) -> Outcome | None:
    if not isinstance(a, Piecewise):
        return None
    if isinstance(b, Equation) and b.name is not None:
        return how.same(a, b.right)
    rows = a.node.args if isinstance(a.node, Call) and a.node.head == "cases" else ()
    if len(rows) == 1 and isinstance(b, Expr | Rational):  # the other side does not say where it holds
        (row,) = rows
        return how.same(value_of(row.args[0]), b) if isinstance(row, Call) else None
    other = b.node if isinstance(b, Piecewise | Expr) else Num(b.value) if isinstance(b, Rational) else None
    if other is None:
        return unknown("piecewise")
    found = compare_piecewise(a.node, other)
    if found.equal is None:
        return unknown(found.reason)
    return Outcome("correct" if found.equal else "incorrect", "points", found.reason)


_LESS = {"rel <": -1, "rel <=": -1, "rel >": 1, "rel >=": 1}


def _inequality(a: Value, b: Value, how: How) -> Outcome | None:
    """`x + y < 5` against `5 > x + y` or `2x + 2y < 10`: the same up to a positive factor."""
    sides = []
    for value in (a, b):
        node = value.node if isinstance(value, Expr) else None
        if not isinstance(node, Call) or node.head not in _LESS:
            return None
        left, right = node.args if _LESS[node.head] < 0 else reversed(node.args)
        sides.append((_difference(left, right), node.head.endswith("=")))
    if not same_ratio(sides[0][0], sides[1][0], positive=True).equal:
        if same_ratio(sides[0][0], sides[1][0]).equal:
            return no("direction_differs")
        edges = compare_curves(sides[0][0], sides[1][0])
        return no("boundary_differs") if edges.equal is False else unknown("inequalities_differ")
    return Outcome("correct", "points", "same inequality") if sides[0][1] == sides[1][1] else no("closedness_differs")


def _numbers(a: Value, b: Value, how: How) -> Outcome | None:
    if isinstance(a, Rational | Expr) and isinstance(b, Rational | Expr):
        return scalars(a, b, how)
    return None


_RULES: tuple[Callable[[Value, Value, How], Outcome | None], ...] = (
    _readings,
    _text,
    alternatives,
    _equation,
    _choice,
    ranges,
    matrices,
    clock,
    _dates,
    _piecewise,
    quantity,
    percent,
    based,
    sequences,
    one_of_many,
    _inequality,
    _numbers,
)
