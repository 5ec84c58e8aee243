"""Rules for numbers that carry something: a unit, a per cent sign, a base; and times of day."""

from __future__ import annotations

from fractions import Fraction

from cotkit.verify.scalars import How, Outcome, no, node_of, unknown, yes
from cotkit.verify.tree import Call, Num, Sym
from cotkit.verify.typed import value_of
from cotkit.verify.unit_names import CURRENCIES
from cotkit.verify.units import registry, scales, size
from cotkit.verify.values import Based, Expr, Percent, Quantity, Rational, Value

_DEGREE = Call("div", (Sym("pi"), Num(Fraction(180))))


def quantity(a: Value, b: Value, how: How) -> Outcome | None:
    """A number with a unit against one with, or without."""
    if not isinstance(a, Quantity):
        return None
    if isinstance(b, Quantity):
        return _two_units(a, b, how)
    if not isinstance(b, Rational | Expr):
        return unknown("unit") if isinstance(b, Percent | Based) else None
    found = how.same(a.amount, b)
    if a.unit == "degree" and found.verdict == "incorrect":
        radians = how.same(value_of(Call("mul", (node_of(a.amount), _DEGREE))), b)
        return radians if radians.verdict == "correct" else found
    if found.verdict != "incorrect":
        missing = how.policy.units == "required" and found.verdict == "correct"
        return no("unit_missing") if missing else found
    if not (isinstance(a.amount, Rational) and isinstance(b, Rational)):
        return found
    how.budget.load(registry)
    unclear = any(a.amount.value * scale == b.value for scale in scales(a.unit))
    return unknown("unit_unclear") if unclear else found


def _two_units(a: Quantity, b: Quantity, how: How) -> Outcome:
    if a.unit == b.unit:
        return how.same(a.amount, b.amount)
    if {a.unit, b.unit} == {"degree", "radian"}:
        amounts = [
            value_of(Call("mul", (node_of(q.amount), _DEGREE))) if q.unit == "degree" else q.amount for q in (a, b)
        ]
        return how.same(amounts[0], amounts[1])
    if a.unit in _KELVIN and b.unit in _KELVIN:
        return how.same(_kelvin(a), _kelvin(b))
    how.budget.load(registry)
    x, y = size(a.unit), size(b.unit)
    if x is not None and y is not None:
        if x[0] != y[0]:
            return no("units_differ")
        return how.same(value_of(Call("mul", (node_of(a.amount), Num(x[1] / y[1])))), b.amount)
    if {a.unit, b.unit} in ({"yen", "yuan"}, {"pound", "sterling"}):  # ¥ is either, and so is a pound
        return how.same(a.amount, b.amount)
    if a.unit in CURRENCIES and b.unit in CURRENCIES:
        return no("units_differ")
    found = how.same(a.amount, b.amount)
    return found if found.verdict == "incorrect" else unknown("units_differ")


# unit -> (scale, offset) to kelvin
_KELVIN = {
    "kelvin": (Fraction(1), Fraction(0)),
    "degC": (Fraction(1), Fraction(27315, 100)),
    "degF": (Fraction(5, 9), Fraction(45967, 180)),
}


def _kelvin(a: Quantity) -> Value:
    scale, offset = _KELVIN[a.unit]
    return value_of(Call("add", (Call("mul", (node_of(a.amount), Num(scale))), Num(offset))))


def percent(a: Value, b: Value, how: How) -> Outcome | None:
    """`50%` is one half; where the policy allows, also the 50 that a question for per cent asks for."""
    if not isinstance(a, Percent):
        return None
    if isinstance(b, Percent):
        return how.same(a.of, b.of)
    if not isinstance(b, Rational | Expr):
        return None
    share = how.same(value_of(Call("div", (node_of(a.of), Num(Fraction(100))))), b)
    small = isinstance(a.of, Rational) and abs(a.of.value) < 1  # 0.001% is not the 0.001 that a question asks for
    if share.verdict == "correct" or how.policy.percent == "value" or small:
        return share
    plain = how.same(a.of, b)
    return max((share, plain), key=lambda o: ("incorrect", "undecided", "correct").index(o.verdict))


def based(a: Value, b: Value, how: How) -> Outcome | None:
    """Digits in a base: equal as written, or different in value."""
    if not isinstance(a, Based):
        return None
    value = int(a.digits, a.base)
    if isinstance(b, Based):
        if (a.digits, a.base) == (b.digits, b.base):
            return yes()
        return no("bases_differ") if value != int(b.digits, b.base) else unknown("bases_differ")
    if isinstance(b, Rational):
        written = Fraction(int(a.digits)) if a.digits.isdecimal() else None
        if a.base == 10:
            return yes() if b.value == value else no("numbers differ")
        return unknown("base_missing") if b.value in (value, written) else no("numbers differ")
    return None
