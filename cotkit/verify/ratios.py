"""Rules for ratios."""

from __future__ import annotations

from fractions import Fraction

from cotkit.verify.itemwise import ordered
from cotkit.verify.points import compare_points
from cotkit.verify.scalars import How, Outcome, no, node_of, unknown, yes
from cotkit.verify.tree import Call, Node, Sym
from cotkit.verify.typed import value_of
from cotkit.verify.values import (
    Expr,
    Ratio,
    Rational,
    Value,
)


def compare_ratios(a: Ratio, b: Value, how: How) -> Outcome | None:
    if not isinstance(b, Ratio):
        return None
    found = ordered(a.items, b.items, how)
    zeros = any(item == Rational(Fraction(0)) for item in (*a.items, *b.items))
    plain = all(isinstance(item, Rational | Expr) for item in (*a.items, *b.items))
    if found.verdict == "incorrect" and len(a.items) == len(b.items) and plain and not zeros:
        scaled = [
            compare_points(Call("mul", (_plain(a.items[0]), _plain(q))), Call("mul", (_plain(b.items[0]), _plain(p))))
            for p, q in zip(a.items, b.items, strict=True)
        ]
        if all(s.equal for s in scaled):
            return no("not_simplified") if how.policy.simplified else yes("same ratio")
        if all(s.equal is not False for s in scaled):
            return unknown("ratio_unclear")
    return found


def quotient(a: Ratio, b: Value, how: How) -> Outcome:
    """5 : 2 against 5/2."""
    if len(a.items) != 2 or not all(isinstance(item, Rational | Expr) for item in a.items):
        return no("types_differ")
    return how.same(value_of(Call("div", (_plain(a.items[0]), _plain(a.items[1])))), b)


def _plain(value: Value) -> Node:
    return node_of(value) if isinstance(value, Rational | Expr) else Sym("?")
