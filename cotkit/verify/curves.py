"""Two equations compared by points of their curves: do the roots of one satisfy the other?"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from cotkit.verify.degree import degree
from cotkit.verify.numeric import NoValue, evaluate, floats
from cotkit.verify.points import Compared
from cotkit.verify.tree import Node, fold, symbols, walk

MAX_NODES = 120
# Values for all variables but one, and the places between which roots in the last one are looked for.
_OTHERS = (
    (0.37, 1.21, -0.83, 0.57, 1.93),
    (1.73, -0.59, 2.41, 0.83, -1.37),
    (-1.29, 0.43, 0.91, 1.51, 0.67),
    (0.11, -2.17, 1.61, -0.71, 1.13),
)
_GRID = tuple(-8.03 + 0.61 * step for step in range(27))
_WANTED = 6


def compare_curves(a: Node, b: Node) -> Compared:
    """Whether a = 0 and b = 0 hold at the same points.

    A root of one side, found by bisection to 1e-12, at which the other side is clearly not 0 shows that they differ.
    Where every root of each side is one of the other, at least six of each, they are taken as the same.
    """
    a, b = fold(a), fold(b)
    names = sorted(symbols(a) | symbols(b))
    if symbols(a) != symbols(b) or not 1 <= len(names) <= 6:
        return Compared(None, "equations_differ")
    if any(sum(1 for _ in walk(side)) > MAX_NODES for side in (a, b)):
        return Compared(None, "too_many_nodes")
    found = 0
    for first, second in ((a, b), (b, a)):
        roots = 0
        for point in _roots(first, names):
            zero = _is_zero(second, point)
            if zero is False:
                return Compared(False, "a root of one is none of the other")
            roots += bool(zero)
            if roots >= _WANTED:
                break
        found += roots
    degrees = degree(a), degree(b)
    if None not in degrees and degrees[0] != degrees[1]:
        return Compared(None, "degrees_differ")  # (x-y)(x-50) = 0 has a line more than x = y, perhaps out of sight
    if found >= 2 * _WANTED:
        return Compared(True, f"same curve at {found} points")
    return Compared(None, "equations_differ")


def _value(node: Node, point: dict[str, float]) -> float | None:
    try:
        value, error = evaluate(node, {name: Fraction(x) for name, x in point.items()}, floats(), real=True)
    except NoValue:
        return None
    return float(value.real) if abs(value.imag) <= error else None


def _roots(node: Node, names: list[str]) -> Iterator[dict[str, float]]:
    for variable in names:
        rest = [name for name in names if name != variable]
        for values in _OTHERS if rest else _OTHERS[:1]:
            point = dict(zip(rest, values, strict=False))
            before: tuple[float, float] | None = None
            for x in _GRID:
                value = _value(node, {**point, variable: x})
                if value is not None and before is not None and (value < 0) != (before[1] < 0):
                    root = _bisect(node, point, variable, before[0], x)
                    if root is not None:
                        yield {**point, variable: root}
                before = None if value is None else (x, value)


def _bisect(node: Node, point: dict[str, float], variable: str, low: float, high: float) -> float | None:
    at_low = _value(node, {**point, variable: low})
    start = max(abs(at_low or 0.0), abs(_value(node, {**point, variable: high}) or 0.0))
    for _ in range(60):
        middle = (low + high) / 2
        value = _value(node, {**point, variable: middle})
        if value is None or at_low is None:
            return None
        if (value < 0) == (at_low < 0):
            low, at_low = middle, value
        else:
            high = middle
    end = _value(node, {**point, variable: low})
    return low if end is not None and abs(end) <= 1e-6 * max(1e-9, start) else None  # else a pole, no root


def _is_zero(node: Node, point: dict[str, float]) -> bool | None:
    """Whether a value is 0 as far as the place of the root is known; None between yes and no."""
    value = _value(node, point)
    if value is None:
        return None
    spread = 0.0
    for name, place in point.items():
        for step in (1e-3, -1e-3):
            moved = _value(node, {**point, name: place + step})
            if moved is not None:
                spread = max(spread, abs(moved - value))
    if abs(value) <= 1e-6 * spread + 1e-12:
        return True
    return False if abs(value) > 1e-2 * spread + 1e-9 else None
