"""Rules for intervals and unions of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cmp_to_key

from cotkit.verify.itemwise import unordered, weakest
from cotkit.verify.points import constant_value
from cotkit.verify.scalars import How, Outcome, infinite, no, node_of, unknown
from cotkit.verify.tree import Sym
from cotkit.verify.typed import as_interval
from cotkit.verify.values import Expr, FiniteSet, Interval, Rational, Tuple, Union, Value


def ranges(a: Value, b: Value, how: How) -> Outcome | None:
    """Two sets of real numbers made of intervals and points."""
    if isinstance(a, Union):
        if not isinstance(b, Union | Interval | FiniteSet | Tuple):
            return None
        others = b.parts if isinstance(b, Union) else (as_interval(b) or b,)
        found = unordered(a.parts, others, how, multiset=False)
        if found.verdict == "correct":
            return found
        # One set can be cut in several ways: (0,2) is (0,1] with (1,2).
        mine, theirs = merged(a.parts, how), merged(others, how)
        if mine is None or theirs is None:
            return unknown("cut_differently") if found.verdict == "incorrect" else found
        return unordered(mine, theirs, how, multiset=False) if mine and theirs else no("elements_differ")
    other = as_interval(b)
    if isinstance(a, Interval) and isinstance(b, FiniteSet):
        point = _plain(a, how)
        return (
            unordered(point.items, b.items, how, multiset=False) if isinstance(point, FiniteSet) else no("types_differ")
        )
    if not isinstance(a, Interval) or other is None:
        return None
    ends = [how.same(a.low, other.low), how.same(a.high, other.high)]
    closed = (_closed(a.low, a.low_closed), _closed(a.high, a.high_closed))
    if closed != (_closed(other.low, other.low_closed), _closed(other.high, other.high_closed)):
        ends.append(no("closedness_differs"))
    return weakest(ends)


def _closed(end: Value, closed: bool) -> bool:
    return closed and not (isinstance(end, Expr) and infinite(end.node))


@dataclass(frozen=True)
class _Part:
    low: float
    high: float
    interval: Interval


def merged(parts: Sequence[Value], how: How) -> list[Value] | None:
    """The same set as intervals that do not touch; None where an end has no known value."""
    found = []
    for part in parts:
        for interval in _intervals(part):
            low, high = _place(interval.low), _place(interval.high)
            if low is None or high is None:
                return None
            if low <= high:
                found.append(_Part(low, high, interval))
    if any(not isinstance(part, Interval | FiniteSet) for part in parts):
        return None
    out: list[_Part] = []
    for piece in sorted(found, key=cmp_to_key(_before)):
        if out and _touch(out[-1].interval, piece, out[-1].high, how):
            out[-1] = _joined(out[-1], piece)
        else:
            out.append(piece)
    return [_plain(piece.interval, how) for piece in out]


def _before(a: _Part, b: _Part) -> int:
    return (a.low > b.low) - (a.low < b.low) or b.interval.low_closed - a.interval.low_closed


def _intervals(part: Value) -> list[Interval]:
    if isinstance(part, FiniteSet):
        return [Interval(item, item, True, True) for item in part.items]
    return [part] if isinstance(part, Interval) else []


def _place(end: Value) -> float | None:
    if not isinstance(end, Rational | Expr):
        return None
    node = node_of(end)
    if infinite(node):
        return float("inf") if node == Sym("oo") else float("-inf")
    return constant_value(node)


def _touch(before: Interval, part: _Part, high: float, how: How) -> bool:
    if part.low < high and high - part.low > 1e-9 * max(1.0, abs(high)):
        return True
    return how.same(before.high, part.interval.low).verdict == "correct" and (
        before.high_closed or part.interval.low_closed
    )


def _joined(a: _Part, b: _Part) -> _Part:
    last = b if (b.high, b.interval.high_closed) > (a.high, a.interval.high_closed) else a
    low_closed = a.interval.low_closed or (a.low == b.low and b.interval.low_closed)
    both = Interval(a.interval.low, last.interval.high, low_closed, last.interval.high_closed)
    return _Part(a.low, last.high, both)


def _plain(interval: Interval, how: How) -> Value:
    point = interval.low_closed and interval.high_closed and how.same(interval.low, interval.high).verdict == "correct"
    return FiniteSet((interval.low,)) if point else interval
