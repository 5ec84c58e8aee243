"""Which case of a function by cases holds at a place."""

from __future__ import annotations

from fractions import Fraction

from cotkit.verify.numeric import NoValue, digits, evaluate
from cotkit.verify.tree import Call, Node, Sym


def chosen_case(node: Node, name: str, x: Fraction) -> Node | None:
    """The tree with the case that holds at x in place of the cases."""
    if not isinstance(node, Call):
        return node
    if node.head != "cases":
        args = [chosen_case(arg, name, x) for arg in node.args]
        return None if None in args else Call(node.head, tuple(arg for arg in args if arg is not None))
    for row in node.args:
        assert isinstance(row, Call)  # noqa: S101 - built by environments.py
        value, condition = row.args
        if _holds(condition, name, x):
            return value
    return None


def _holds(condition: Node, name: str, x: Fraction) -> bool:
    if isinstance(condition, Sym):
        return condition.name == "otherwise"
    if not isinstance(condition, Call):
        raise NoValue
    if condition.head in ("even", "odd"):
        return x.denominator == 1 and x % 2 == (condition.head == "odd")
    if condition.head in ("list", "or"):
        held = [_holds(part, name, x) for part in condition.args]
        return any(held) if condition.head == "or" else all(held)
    if not condition.head.startswith("rel "):
        raise NoValue
    ops = condition.head.split()[1:]
    sides = [
        evaluate(side, {name: x}, digits(40), real=True) if side not in _ENDS else (_ENDS[side], 0)
        for side in condition.args
    ]
    return all(_related(op, p, q) for op, p, q in zip(ops, sides, sides[1:], strict=False))


_ENDS: dict[Node, float] = {Sym("oo"): float("inf"), Call("neg", (Sym("oo"),)): float("-inf")}


def _related(op: str, p: tuple[complex, float], q: tuple[complex, float]) -> bool:
    gap = (p[0] - q[0]).real
    equal = abs(gap) <= p[1] + q[1]
    if op in ("=", "!="):
        return equal == (op == "=")
    if op not in ("<", "<=", ">", ">="):
        raise NoValue
    if equal:
        return op.endswith("=")
    return gap < 0 if op[0] == "<" else gap > 0
