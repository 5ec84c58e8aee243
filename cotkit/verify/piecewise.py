"""Two functions by cases compared: at every boundary of a case, on both sides of it, and between."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

from cotkit.verify.cases import chosen_case
from cotkit.verify.numeric import NoValue, digits, evaluate
from cotkit.verify.points import Compared, constant_value
from cotkit.verify.tree import Call, Node, Num, Sym, symbols, walk

MAX_POINTS = 60
_FAR = (Fraction(-211, 7), Fraction(-13, 3), Fraction(17, 5), Fraction(389, 11))
_TINY = Fraction(1, 1_000_003)


def compare_piecewise(a: Node, b: Node) -> Compared:
    """Whether two functions of one variable, at least one of them with cases, are the same where either is defined."""
    names = sorted(symbols(a) | symbols(b) - {"otherwise"})
    names = [name for name in names if name != "otherwise"]
    if len(names) != 1:
        return Compared(None, "cases_of_several_variables" if names else "cases_without_variable")
    parity = any(isinstance(n, Call) and n.head in ("even", "odd") for side in (a, b) for n in walk(side))
    whole = parity or names[0] in ("n", "k", "m")
    found = 0
    for x in _points(a, b, whole=whole):
        values = [_value(side, names[0], x) for side in (a, b)]
        if values[0] is None or values[1] is None:
            if values[0] is not values[1] and not (whole and x < 1):
                return Compared(False, f"only one is defined at {names[0]}={x}")
            continue
        (x0, e0), (x1, e1) = values[0], values[1]
        if abs(x0 - x1) > 4 * (e0 + e1) + 1e-30 * max(1, abs(x0)):
            return Compared(False, f"values differ at {names[0]}={x}")
        found += 1
    return Compared(True, f"equal at {found} points") if found >= 3 else Compared(None, "no_value_at_points")


def _points(a: Node, b: Node, *, whole: bool) -> Iterator[Fraction]:
    if whole:
        near = {int(edge) + step for side in (a, b) for edge in _edges(side) for step in (-1, 0, 1, 2, 50)}
        yield from map(Fraction, sorted({-3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 10, 11, *list(near)[:MAX_POINTS]}))
        return
    edges = sorted({edge for side in (a, b) for edge in _edges(side)})
    for edge in edges[: MAX_POINTS // 4]:
        yield from (edge - _TINY, edge, edge + _TINY)
    for low, high in pairwise(edges):
        yield (low + high) / 2
        yield (2 * low + high) / 3
    base_low, base_high = (edges[0], edges[-1]) if edges else (Fraction(0), Fraction(0))
    yield from (base_low + x for x in _FAR[:2])
    yield from (base_high + x for x in _FAR[2:])


def _edges(node: Node) -> Iterator[Fraction]:
    """Constants that a condition or an absolute value compares with, as far as they are rational."""
    for part in walk(node):
        if isinstance(part, Call) and part.head.startswith("rel "):
            for side in part.args:
                if not symbols(side):
                    if isinstance(side, Num):
                        yield side.value
                    elif (place := constant_value(side)) is not None:
                        yield Fraction(place).limit_denominator(10**9)
        elif isinstance(part, Call) and part.head == "abs":
            inner = part.args[0]
            if isinstance(inner, Sym):
                yield Fraction(0)
            elif isinstance(inner, Call) and inner.head == "add":
                for arg in inner.args:
                    if isinstance(arg, Num):
                        yield -arg.value
                    elif isinstance(arg, Call) and arg.head == "neg" and isinstance(arg.args[0], Num):
                        yield arg.args[0].value


def _value(node: Node, name: str, x: Fraction) -> tuple[complex, float] | None:
    """(value, error bound) at x; None where no case holds or the function has no value."""
    try:
        chosen = chosen_case(node, name, x)
        if chosen is None:
            return None
        value, error = evaluate(chosen, {name: x}, digits(60), real=True)
    except NoValue:
        return None
    return value, error
