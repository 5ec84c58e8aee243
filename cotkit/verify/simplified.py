"""For the policy `simplified`: whether an answer can still be worked out."""

from __future__ import annotations

from math import gcd

from cotkit.verify.tree import Call, Node, Num, exact, walk
from cotkit.verify.values import Expr, Rational, Value


def unfinished(value: Value) -> bool:
    """Whether a number in the answer is left as a sum, product, power or fraction that has a simpler form.

    Fractions in lowest terms and roots without a square factor are done; letters are not looked at.
    """
    if isinstance(value, Rational):
        return value.node is not None and _rational_left(value.node)
    if isinstance(value, Expr):
        return any(_rational_left(node) or _root_left(node) for node in walk(value.node) if isinstance(node, Call))
    parts: list[Value] = []
    for name in ("items", "parts", "values"):
        parts.extend(getattr(value, name, ()))
    for name in ("amount", "of", "right", "low", "high"):
        part = getattr(value, name, None)
        parts.extend([part] if part is not None else [])
    parts.extend(entry for row in getattr(value, "rows", ()) for entry in row)
    return any(unfinished(part) for part in parts)


def _rational_left(node: Node) -> bool:
    if not isinstance(node, Call) or exact(node) is None:
        return False
    if node.head == "neg":
        return _rational_left(node.args[0])
    if node.head != "div":
        return True
    top, bottom = (arg.args[0] if isinstance(arg, Call) and arg.head == "neg" else arg for arg in node.args)
    if not (isinstance(top, Num) and isinstance(bottom, Num)):
        return True
    if top.value.denominator != 1 or bottom.value.denominator != 1:
        return True
    return bottom.value == 1 or gcd(int(top.value), int(bottom.value)) > 1


def _root_left(node: Call) -> bool:
    if node.head != "sqrt" or not isinstance(node.args[0], Num):
        return False
    number = node.args[0].value
    if number.denominator != 1 or number < 0:
        return True
    return any(int(number) % (k * k) == 0 for k in range(2, min(int(number), 1_000) + 1) if k * k <= number)
