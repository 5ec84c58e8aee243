"""Two formulas compared by their values at fixed points.

Values that differ by more than their error bounds at positive integers prove "not equal". Values that
agree everywhere to many more digits than the formulas' own numbers have are taken as equal: for radicals
that passes the root separation bound of formulas this small; for transcendental functions no such bound
is known, and the margin of 30 digits stands in for it. Zippel 1979, Schwartz 1980 for the random points.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from typing import Any

from cotkit.verify.numeric import Arithmetic, NoValue, digits, evaluate, floats
from cotkit.verify.tree import Call, Node, Num, Sym, bits, fold, heads, rename, symbols, walk

MAX_DIGITS = 800
MAX_NODES = 500
_MARGIN = 30
# Whole positive numbers suit every variable (counts, sides, angles); reals and negatives follow.
_WHOLE = ((7, 4, 11, 3, 13), (5, 9, 2, 8, 17), (3, 10, 6, 19, 4))
_REAL = (
    (Fraction(37, 27), Fraction(71, 100), Fraction(283, 90), Fraction(16, 37), Fraction(89, 30)),
    (Fraction(431, 9), Fraction(617, 13), Fraction(353, 7), Fraction(509, 11), Fraction(389, 8)),
)
_NEGATIVE = (
    (Fraction(-23, 19), Fraction(41, 31), Fraction(-7, 12), Fraction(58, 23), Fraction(-67, 40)),
    (Fraction(29, 17), Fraction(-15, 23), Fraction(-53, 30), Fraction(-11, 9), Fraction(3, 38)),
    (Fraction(-317, 9), Fraction(523, 11), Fraction(-211, 13), Fraction(401, 7), Fraction(-283, 17)),
)
# |x-3| has a value at every x, so one where it is not x-3 tells them apart; roots may be meant for some x only.
_STEPS = frozenset({"abs", "floor", "ceil", "max", "min"})
_EVERYWHERE = _STEPS | {"add", "mul", "neg"}
_TRIG = frozenset({"sin", "cos", "tan", "cot", "sec", "csc"})


@dataclass(frozen=True)
class Compared:
    """`equal` is None where the points cannot tell; `reason` says why."""

    equal: bool | None
    reason: str


def compare_points(a: Node, b: Node) -> Compared:
    """Whether two formulas have the same value for all values of their variables."""
    a, b = fold(a), fold(b)
    for side, other in ((a, b), (b, a)):
        if symbols(side) == {"j"} and not symbols(other) and Sym("i") in walk(other):  # engineers write j
            return _all_logs(_filled(side, {"j": Sym("i")}), other)
    found = _all_logs(a, b)
    if found.equal is False and _plain_angles(a, b):
        return Compared(None, "degrees_or_radians")
    names_a, names_b = symbols(a), symbols(b)
    extra = names_a - names_b, names_b - names_a
    if found.equal is False and all(len(names) == 1 for names in extra):
        (mine,), (theirs,) = extra
        if mine.lower() == theirs.lower() == "c" and _all_logs(rename(a, {mine: theirs}), b).equal:
            return Compared(True, "equal up to the name of the constant")
    if found.equal is False and names_a != names_b and len(names_a) == len(names_b) == 1:
        renamed = rename(a, dict(zip(names_a, names_b, strict=True)))
        if _all_logs(renamed, b).equal is not False:
            return Compared(None, "names_differ")
    return found


def _all_logs(a: Node, b: Node) -> Compared:
    """`log` without a base is natural to some and decimal to others: both readings must agree."""
    if not any(isinstance(n, Call) and n.head == "log" and len(n.args) == 1 for x in (a, b) for n in walk(x)):
        return _compare(a, b)
    natural = _compare(a, b)
    decimal = _compare(_decimal_logs(a), _decimal_logs(b))
    return natural if natural.equal == decimal.equal else Compared(None, "base_of_logarithm")


def _decimal_logs(node: Node) -> Node:
    if not isinstance(node, Call):
        return node
    head = "log10" if node.head == "log" and len(node.args) == 1 else node.head
    return Call(head, tuple(map(_decimal_logs, node.args)))


def _plain_angles(a: Node, b: Node) -> bool:
    """A trigonometric function of a plain whole number above 6: degrees were most likely meant."""
    for tree in (a, b):
        for node in walk(tree):
            if isinstance(node, Call) and node.head in _TRIG and isinstance(node.args[0], Num):
                value = node.args[0].value
                if value.denominator == 1 and abs(value) > 6:
                    return True
    return False


def _points(names: list[str]) -> list[tuple[str, dict[str, Fraction]]]:
    groups: list[tuple[str, Sequence[Sequence[Fraction | int]]]] = [
        ("whole", _WHOLE),
        ("real", _REAL),
        ("negative", _NEGATIVE),
    ]
    found = [
        (kind, {name: Fraction(value) for name, value in zip(names, row, strict=False)})
        for kind, rows in groups
        for row in rows
    ]
    return found if names else found[:1]


def _whole_points(names: list[str]) -> list[tuple[str, dict[str, Fraction]]]:
    return [("whole", {name: Fraction(k + 2 * i) for i, name in enumerate(names)}) for k in (3, 4, 5, 7, 9, 12)]


def _compare(a: Node, b: Node) -> Compared:
    names = sorted(symbols(a) | symbols(b))
    if len(names) > 5:
        return Compared(None, "too_many_variables")
    # With variables and no `i`, formulas live on the real numbers.
    real = bool(names) and not any(Sym("i") in walk(x) for x in (a, b))
    points = _points(names)
    if names and any(isinstance(n, Call) and n.head in ("sum", "prod") for x in (a, b) for n in walk(x)):
        points = _whole_points(names)  # `n` terms: only whole numbers have a value
    stepped = (heads(a) | heads(b)) & _STEPS
    if stepped and set(names) <= {"n", "k", "m"}:
        points = _whole_points(names)
    fast = floats()
    for kind, point in points:
        if kind == "whole" and _differ(a, b, point, fast, real):
            at = ", ".join(f"{name}={value}" for name, value in point.items())
            return Compared(False, f"values differ at {at}" if at else "values differ")
    return _agree(a, b, points, real)


def _pair(a: Node, b: Node, point: dict[str, Fraction], arithmetic: Arithmetic, real: bool) -> list[Any]:
    found: list[Any] = []
    for side in (a, b):
        try:
            found.append(evaluate(side, point, arithmetic, real=real))
        except NoValue:
            found.append(None)
    return found


def _differ(a: Node, b: Node, point: dict[str, Fraction], arithmetic: Arithmetic, real: bool) -> bool:
    """Whether the two are proved different here."""
    x, y = _pair(a, b, point, arithmetic, real)
    return x is not None and y is not None and bool(abs(x[0] - y[0]) > 4 * (x[1] + y[1]))


def _agree(a: Node, b: Node, points: list[tuple[str, dict[str, Fraction]]], real: bool) -> Compared:
    if any(len(list(islice(walk(side), MAX_NODES + 1))) > MAX_NODES for side in (a, b)):
        return Compared(None, "too_many_nodes")
    need = precision(a) + precision(b)
    if need > MAX_DIGITS:
        return Compared(None, "numbers_too_large")
    exact = digits(need + 2 * _MARGIN)
    limit = exact.lib.mpf(10) ** -(need + _MARGIN // 2)
    equal = 0
    partial = False
    for kind, point in points:
        x, y = _pair(a, b, point, exact, real)
        if x is None or y is None:
            partial |= (x is None) != (y is None)
            continue
        gap, bound = abs(x[0] - y[0]), 4 * (x[1] + y[1])
        if gap > bound:
            if kind == "whole" or ((heads(a) | heads(b)) <= _EVERYWHERE and (heads(a) | heads(b)) & _STEPS):
                return Compared(False, "values differ")
            partial = True
        elif bound <= limit * max(1, abs(x[0]), abs(y[0])):
            equal += 1
    if equal < (1 if len(points) == 1 else 4):
        return Compared(None, "no_value_at_points")
    if partial:
        return Compared(None, "equal_only_for_some_values")
    return Compared(True, "equal values" if len(points) == 1 else f"equal at {equal} points")


def precision(node: Node) -> int:
    """Digits that the formula's own numbers need, times the degree of its radicals."""
    count, degree = 10, 1
    for part in islice(walk(node), 2_000):
        if isinstance(part, Num):
            count += bits(part.value) // 3 + 1
        elif isinstance(part, Call) and part.head in ("sqrt", "root"):
            degree = min(degree * 2, 8)
    if "pow" in heads(node):
        degree = min(degree * 2, 8)
    return count * degree


def constant_value(node: Node) -> float | None:
    """The real value of a formula without variables, to about 12 digits; None where it has none."""
    if symbols(node):
        return None
    try:
        value, error = evaluate(fold(node), {}, floats())
    except NoValue:
        return None
    if abs(value.imag) > error or error > 1e-9 * max(1.0, abs(value)):
        return None
    return float(value.real)


def same_ratio(a: Node, b: Node, *, positive: bool = False) -> Compared:
    """Whether a = c * b for one constant c other than 0: two equations a = 0, b = 0 are then the same.

    With `positive`, c must be above 0, as two inequalities want it.

    The converse holds only for linear equations, so equal is never False here.
    """
    names = sorted(symbols(a) | symbols(b))
    if not names or symbols(a) != symbols(b) or len(names) > 5:
        return Compared(None, "equations_differ")
    first = {name: Fraction(value) for name, value in zip(names, _REAL[0], strict=False)}
    at_first = {name: Num(value) for name, value in first.items()}
    left = Call("mul", (a, _filled(b, at_first)))
    right = Call("mul", (b, _filled(a, at_first)))
    try:
        values = [evaluate(fold(side), first, floats())[0] for side in (a, b)]
        scale = min(map(abs, values))
        if positive and (values[0] / values[1]).real <= 0:
            return Compared(None, "equations_differ")
    except (NoValue, ZeroDivisionError):
        return Compared(None, "equations_differ")
    if scale < 1e-9:
        return Compared(None, "equations_differ")
    found = _compare(left, right)
    return found if found.equal else Compared(None, "equations_differ")


def _filled(node: Node, values: Mapping[str, Node]) -> Node:
    if isinstance(node, Call):
        return Call(node.head, tuple(_filled(arg, values) for arg in node.args))
    return values.get(node.name, node) if not isinstance(node, Num) else node
