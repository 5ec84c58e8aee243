"""Answers that are written in words: numbers, times, dates, sets, formulas of chemistry."""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import pairwise

from cotkit.verify.chemistry import chemistry
from cotkit.verify.number_words import number_words
from cotkit.verify.times import time_of
from cotkit.verify.tree import Call, Sym
from cotkit.verify.values import (
    Expr,
    FiniteSet,
    Interval,
    Ratio,
    Rational,
    Union,
    Value,
)

_RATIO_WORDS = re.compile(r"(\d+(?:\.\d+)?)\s+to\s+(\d+(?:\.\d+)?)(?:\s+to\s+(\d+(?:\.\d+)?))?")
_OUT_OF = re.compile(r"(\d{1,9})\s+(?:out of|in)\s+(\d{1,9})")
_EMPTY = frozenset(
    [
        "no solution",
        "no solutions",
        "no real solution",
        "no real solutions",
        "empty set",
        "the empty set",
        "no such numbers",
        "no real roots",
        "none exist",
        "无解",
        "空集",
        "无实数解",
        "无实数根",
        "方程无解",
        "没有解",
        "no integer solutions",
        "no real numbers",
        "no value",
        "no values",
    ]
)
_REALS = frozenset(
    [
        "all real numbers",
        "all reals",
        "all real number",
        "any real number",
        "every real number",
        "the set of all real numbers",
        "all real values",
        "全体实数",
        "所有实数",
        "任意实数",
        "一切实数",
        "实数集",
        "real numbers",
        "the real numbers",
        "r",
    ]
)
_SIGNED_REALS = {
    "all positive real numbers": (False, True), "positive real numbers": (False, True), "positive reals": (False, True),
    "all positive reals": (False, True), "全体正实数": (False, True), "正实数": (False, True),
    "all negative real numbers": (True, False), "negative real numbers": (True, False),
}  # fmt: skip
_INFINITY = {"infinity": 1, "positive infinity": 1, "negative infinity": -1, "minus infinity": -1, "无穷大": 1, "正无穷": 1, "负无穷": -1}  # fmt: skip


def spoken(plain: str) -> Value | None:
    """The value of an answer in words; None where it is none that we know. Linear; only short texts are looked at."""
    if len(plain) > 400:
        return None
    lower = plain.casefold().strip(" .!。")
    if lower in _EMPTY:
        return FiniteSet(())
    if lower in _REALS:
        return _between(None, None)
    if lower in _SIGNED_REALS:
        negative, _ = _SIGNED_REALS[lower]
        zero = Rational(Fraction(0))
        return _between(None, zero) if negative else _between(zero, None)
    if lower in _INFINITY:
        return Expr(Sym("oo") if _INFINITY[lower] > 0 else Call("neg", (Sym("oo"),)))
    if lower.startswith(("all real numbers except", "all reals except", "all real numbers but", "所有实数除了")):
        return _all_but(lower.replace("所有实数除了", "but ").split("except")[-1].split("but")[-1])
    number = number_words(lower.partition(" (")[0])
    if number is not None and lower.partition(" (")[2].rstrip(")") in ("", str(number)):
        return Rational(number)
    return time_of(plain) or _ratio(lower) or chemistry(plain)


def _all_but(rest: str) -> Value | None:
    """All real numbers but a few whole ones, as the union of what is between them."""
    points = [part.strip(" $x≠=") for part in re.split(r",|\band\b|和", rest)]
    if not all(re.fullmatch(r"-?\d{1,9}", point) for point in points):
        return None
    numbers = [Rational(Fraction(n)) for n in sorted(map(int, points))]
    ends: list[Value | None] = [None, *numbers, None]
    return Union(tuple(_between(low, high) for low, high in pairwise(ends)))


def _between(low: Value | None, high: Value | None) -> Interval:
    infinity = Sym("oo")
    return Interval(low or Expr(Call("neg", (infinity,))), high or Expr(infinity), False, False)


def _ratio(lower: str) -> Value | None:
    match = _RATIO_WORDS.fullmatch(lower)
    if match:
        return Ratio(tuple(Rational(Fraction(part)) for part in match.groups() if part))
    share = _OUT_OF.fullmatch(lower)
    return Rational(Fraction(int(share[1]), int(share[2]))) if share and int(share[2]) else None
