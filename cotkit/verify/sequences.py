"""Rules for answers of several parts: lists, sets, tuples, ratios, matrices."""

from __future__ import annotations

from collections.abc import Sequence

from cotkit.verify.itemwise import ordered, unordered, weakest
from cotkit.verify.ratios import compare_ratios, quotient
from cotkit.verify.scalars import How, Outcome, no, unknown
from cotkit.verify.tree import Sym
from cotkit.verify.values import (
    Alternatives,
    Equation,
    Expr,
    FiniteSet,
    Interval,
    Listing,
    Matrix,
    Percent,
    Quantity,
    Ratio,
    Rational,
    Tuple,
    Union,
    Value,
)


def alternatives(a: Value, b: Value, how: How) -> Outcome | None:
    """`5 or 6`: all solutions where the other side lists several, else a hedge."""
    if not isinstance(a, Alternatives):
        return None
    if not isinstance(b, Alternatives | Listing | FiniteSet):
        same = weakest([how.same(item, b) for item in a.items])
        return same if same.verdict == "correct" else unknown("hedge")
    return unordered(a.items, b.items, how, multiset=False)


def sequences(a: Value, b: Value, how: How) -> Outcome | None:
    """Lists, sets and tuples."""
    if isinstance(a, Ratio) and isinstance(b, Rational | Expr):
        return quotient(a, b, how)
    x, y = (getattr(v, "items", None) for v in (a, b))
    if x is None or y is None:
        return None
    if isinstance(a, Ratio):
        return compare_ratios(a, b, how)
    if isinstance(a, Tuple) and isinstance(b, Tuple):
        return ordered(x, y, how)
    if isinstance(a, Tuple) and isinstance(b, Listing | FiniteSet):
        if isinstance(b, Listing) and ordered(x, y, how).verdict == "correct":
            return _bare_against_tuple(x, y, how)
        found = unordered(x, y, how, multiset=isinstance(b, Listing))
        return unknown("order_unclear") if found.verdict == "correct" else found
    if isinstance(a, Listing) and isinstance(b, Listing):
        found = unordered(x, y, how, multiset=True)
        named = [sorted(str(v.name) for v in side if isinstance(v, Equation) and v.name) for side in (x, y)]
        if (
            found.verdict == "correct"
            and sorted(map(len, named)) == [0, len(x)]
            and len(set(named[0] + named[1])) == len(x) > 1
        ):
            # x = 3, y = 5 against 5, 3: which is which is not said
            return found if ordered(x, y, how).verdict == "correct" else unknown("order_unclear")
        if how.policy.order == "kept" and found.verdict == "correct":
            return ordered(x, y, how)
        return found
    if isinstance(a, FiniteSet) and isinstance(b, Listing | FiniteSet):
        return unordered(x, y, how, multiset=False)
    return None


def _bare_against_tuple(x: Sequence[Value], y: Sequence[Value], how: How) -> Outcome:
    names = [v.name for v in (*x, *y) if isinstance(v, Equation)]
    if names and names != sorted(names, key=str):
        return unknown("order_unclear")  # y=6, x=5 is not the point (6,5)
    return ordered(x, y, how)


def one_of_many(a: Value, b: Value, how: How) -> Outcome | None:
    """Several values against a single one."""
    single = Rational | Expr | Percent | Quantity
    if isinstance(a, FiniteSet | Listing) and isinstance(b, single):
        if len(a.items) == 1:
            return how.same(a.items[0], b)
        return no("number_of_answers_differs")
    if isinstance(a, Tuple | Interval | Union | Matrix) and isinstance(b, single):
        letter = isinstance(b, Expr) and isinstance(b.node, Sym)  # may stand for anything
        return None if letter or (isinstance(a, Matrix) and len(a.rows) == len(a.rows[0]) == 1) else no("types_differ")
    return None


def matrices(a: Value, b: Value, how: How) -> Outcome | None:
    """Entry by entry; a row or column against a tuple of its entries is the same vector."""
    if not isinstance(a, Matrix):
        return None
    if isinstance(b, Matrix):
        if len(a.rows) != len(b.rows) or len(a.rows[0]) != len(b.rows[0]):
            return no("shapes_differ")
        return ordered([x for row in a.rows for x in row], [x for row in b.rows for x in row], how)
    if isinstance(b, Tuple) and 1 in (len(a.rows), len(a.rows[0])):
        return ordered([entry for row in a.rows for entry in row], b.items, how)
    return None
