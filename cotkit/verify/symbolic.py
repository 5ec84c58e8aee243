"""Equality by sympy, for what values at points leave open. Runs in a worker process only (pool.py).

sympy objects are built node by node from our own tree; no text reaches `sympify` or `parse_expr`, which
evaluate Python. sympy computes integer powers and factorials as soon as they are built (sympy issues
6835, 21579), so sizes are estimated before anything is built.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import islice
from typing import Any

from cotkit.verify.tree import Call, Node, Num, Sym, bits, exact, walk

MAX_NODES = 400
MAX_POWER_BITS = 20_000
MAX_EXPONENT = 200


def too_large(node: Node) -> str | None:
    """Why a tree must not be built, or None."""
    nodes = list(islice(walk(node), MAX_NODES + 1))
    if len(nodes) > MAX_NODES:
        return "too_many_nodes"
    for part in nodes:
        if isinstance(part, Num) and bits(part.value) > MAX_POWER_BITS:
            return "number_too_large"
        if isinstance(part, Call) and (why := _call_too_large(part)):
            return why
    return None


def _call_too_large(call: Call) -> str | None:
    if call.head == "fact":
        (size,) = (exact(arg) for arg in call.args)
        if size is not None and not 0 <= size <= 1_000:
            return "factorial_too_large"
        return None if size is not None or isinstance(call.args[0], Sym | Call) else "factorial_too_large"
    if call.head == "binom" and any((exact(arg) or Fraction(0)) > 2_000 for arg in call.args):
        return "binomial_too_large"
    if call.head == "pow":
        base, power = call.args
        value = exact(power)
        if value is None:
            if any(isinstance(part, Call) and part.head in ("pow", "fact") for part in walk(power)):
                return "power_tower"
        elif exact(base) is not None:
            if abs(value) * bits(exact(base) or Fraction(1)) > MAX_POWER_BITS:
                return "power_too_large"
        elif abs(value) > MAX_EXPONENT:
            return "power_too_large"
    return None


def build(node: Node) -> Any:
    """The sympy object of a tree. Raises ValueError for an operator without a counterpart."""
    import sympy

    if isinstance(node, Num):
        return sympy.Rational(node.value.numerator, node.value.denominator)
    if isinstance(node, Sym):
        constants = {"pi": sympy.pi, "e": sympy.E, "i": sympy.I, "oo": sympy.oo}
        return constants.get(node.name) or sympy.Symbol(node.name)
    args = [build(arg) for arg in node.args]
    if node.head in ("sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "exp"):
        return getattr(sympy, node.head)(*args)
    if node.head.startswith("arc"):
        return getattr(sympy, "a" + node.head[3:])(*args)
    simple: dict[str, Any] = {
        "add": sympy.Add, "mul": sympy.Mul, "pow": sympy.Pow, "sqrt": sympy.sqrt, "fact": sympy.factorial,
        "binom": sympy.binomial, "abs": sympy.Abs, "floor": sympy.floor, "ceil": sympy.ceiling, "ln": sympy.log,
        "neg": lambda a: -a, "div": lambda a, b: a / b, "degree": lambda a: a * sympy.pi / 180,
        "percent": lambda a: a / 100, "root": lambda a, n: sympy.real_root(a, n) if a.is_number else a ** (1 / n),
    }  # fmt: skip
    if node.head == "log":
        return sympy.log(*args)
    if node.head in ("sum", "prod", "int"):
        body, letter, low, high = args
        kind = {"sum": sympy.Sum, "prod": sympy.Product, "int": sympy.Integral}[node.head]
        return kind(body, (letter, low, high)).doit()
    if node.head in ("max", "min", "conj", "gcd", "lcm"):
        return getattr(sympy, {"max": "Max", "min": "Min", "conj": "conjugate"}.get(node.head, node.head))(*args)
    if node.head not in simple:
        raise ValueError(f"no counterpart of {node.head}")
    return simple[node.head](*args)


def equivalent(a: Node, b: Node) -> tuple[bool | None, str]:
    """(equal, reason): True where sympy reduces the difference to 0, False where to another number."""
    for side in (a, b):
        why = too_large(side)
        if why is not None:
            return None, why
    import sympy

    try:
        left, right = build(a), build(b)
    except (ValueError, TypeError) as error:
        return None, f"not_built: {type(error).__name__}"
    lost = [side.has(sympy.nan, sympy.zoo) for side in (left, right)]
    if any(lost):
        # 5/0 is no number, whatever the other side is; two undefined sides tell nothing
        other = right if lost[0] else left
        return (False, "undefined") if not all(lost) and other.is_finite else (None, "undefined")
    if any(
        isinstance(part, Call) and part.head == "pow" and Sym("oo") in part.args
        for side in (a, b)
        for part in walk(side)
    ):
        return None, "power_of_infinity"
    rest = sympy.simplify(left - right)
    if rest.is_infinite and (left.is_finite or right.is_finite):
        return False, "infinite"
    if rest == 0:
        return True, "difference is 0"
    if rest.is_Rational and rest.is_finite:
        return False, "difference is a number"
    return None, "not_proved"
