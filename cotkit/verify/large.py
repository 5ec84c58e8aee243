"""Numbers too large to write down, compared all the same.

Towers, factorials and quotients of them are rewritten where a law holds exactly (log or root of a power, x - x), then
compared by structure, by size, and modulo six primes that depend on the numbers. Two integers that differ modulo a
prime are different: that is a proof. That they agree modulo six primes of 31 bits by chance has odds of 2^-180.
"""

from __future__ import annotations

import math
from fractions import Fraction

from cotkit.verify.modular import compare_modular, positive
from cotkit.verify.points import Compared
from cotkit.verify.tree import Call, Node, Num, Sym, exact, fold, walk

MAX_NODES = 300


def compare_large(a: Node, b: Node) -> Compared:
    """Whether two constants are equal; `equal` is None where nothing here can tell."""
    if any(isinstance(n, Sym) and n.name not in ("pi", "e") for side in (a, b) for n in walk(side)):
        return Compared(None, "variables")
    if sum(1 for side in (a, b) for _ in walk(side)) > MAX_NODES:
        return Compared(None, "too_many_nodes")
    x, y = rewritten(fold(a)), rewritten(fold(b))
    if x == y:
        return Compared(True, "same after rewriting")
    for p, q in ((x, y), (y, x)):
        if isinstance(p, Num) and p.value <= 0 and positive(q):
            return Compared(False, "one is positive")
        if isinstance(q, Call) and q.head == "add" and len(q.args) == 2 and p in q.args:
            rest = q.args[1] if q.args[0] == p else q.args[0]
            if isinstance(rest, Num) and rest.value:
                return Compared(False, "they differ by a number")
    told = _injective(x, y)
    if told is not None:
        return Compared(told, "same function of different numbers" if not told else "same after rewriting")
    if any(isinstance(p, Num) and abs(p.value) < 10**290 and _at_least(q) >= _CAP for p, q in ((x, y), (y, x))):
        return Compared(False, "one is far larger")
    sizes = _log10(x), _log10(y)
    if (
        sizes[0] is not None
        and sizes[1] is not None
        and abs(sizes[0] - sizes[1]) > 1 + 1e-6 * max(map(abs, filter(None, sizes)), default=0)
    ):
        return Compared(False, "sizes differ")
    return compare_modular(x, y)


def rewritten(node: Node) -> Node:
    """The tree with exact laws applied from the leaves up."""
    if not isinstance(node, Call):
        return node
    node = Call(node.head, tuple(map(rewritten, node.args)))
    value = exact(node)
    if value is not None:
        return Num(value)
    if node.head == "add":
        return _cancelled(node)
    if node.head == "mul" and any(arg == Num(Fraction(0)) for arg in node.args):
        return Num(Fraction(0))
    if node.head == "pow":
        base, power = node.args
        if base in (Num(Fraction(0)), Num(Fraction(1))) and positive(power):
            return base
    if node.head in ("sqrt", "root"):
        return _root(node)
    if node.head in ("ln", "log"):
        return _logarithm(node)
    if node.head == "div":
        return _quotient(node)
    return node


def _cancelled(node: Call) -> Node:
    left = list(node.args)
    for term in node.args:
        if isinstance(term, Call) and term.head == "neg" and term.args[0] in left and term in left:
            left.remove(term)
            left.remove(term.args[0])
    if len(left) == len(node.args):
        return node
    if len(left) < 2:
        return left[0] if left else Num(Fraction(0))
    return rewritten(Call("add", tuple(left)))


def _root(node: Call) -> Node:
    index = exact(node.args[1]) if node.head == "root" else Fraction(2)
    inner = node.args[0]
    if index is None or index.denominator != 1 or index < 2 or not (isinstance(inner, Call) and inner.head == "pow"):
        return node
    base, power = inner.args
    if not positive(base):
        return node
    whole = exact(power)
    if whole is not None and whole % index == 0:
        return rewritten(Call("pow", (base, Num(whole / index))))
    if isinstance(base, Num) and base.value.denominator == 1 and index == 2:
        root = math.isqrt(int(base.value))
        if root * root == base.value:
            return Call("pow", (Num(Fraction(root)), power))
    return node


def _logarithm(node: Call) -> Node:
    inner = node.args[0]
    base: Node = node.args[1] if len(node.args) == 2 else Sym("e")
    if node.head == "log" and len(node.args) == 1:
        return node
    if inner == base:
        return Num(Fraction(1))
    if isinstance(inner, Call) and inner.head == "pow" and positive(inner.args[0]):
        if inner.args[0] == base:
            return inner.args[1]
        return rewritten(Call("mul", (inner.args[1], Call(node.head, (inner.args[0], *node.args[1:])))))
    return node


def _quotient(node: Call) -> Node:
    top, bottom = node.args
    if top == bottom and positive(top):
        return Num(Fraction(1))
    if isinstance(top, Call) and top.head == "mul" and bottom in top.args and positive(bottom):
        rest = list(top.args)
        rest.remove(bottom)
        return rest[0] if len(rest) == 1 else Call("mul", tuple(rest))
    if isinstance(top, Call) and isinstance(bottom, Call) and top.head == bottom.head == "fact":
        m, n = (exact(side.args[0]) for side in (top, bottom))
        if m is not None and n is not None and m.denominator == n.denominator == 1 and 0 <= m - n <= 500:
            return Num(Fraction(math.prod(range(int(n) + 1, int(m) + 1))))
    return node


def _injective(x: Node, y: Node) -> bool | None:
    """For f(u) against f(v) with f one-to-one: whether u and v are equal; None where this is no such pair."""
    if not (isinstance(x, Call) and isinstance(y, Call)) or x.head != y.head:
        return None
    if x.head == "neg":
        return _same(x.args[0], y.args[0])
    if x.head == "binom" and x.args[0] == y.args[0]:
        n, k, other = (exact(arg) for arg in (x.args[0], x.args[1], y.args[1]))
        if n is None or k is None or other is None or not (0 <= k <= n and 0 <= other <= n):
            return None
        return other in (k, n - k)
    if x.head == "fact":
        values = [exact(side.args[0]) for side in (x, y)]
        return values[0] == values[1] if None not in values and min(v for v in values if v is not None) > 1 else None
    if x.head == "pow" and x.args[0] == y.args[0] and isinstance(x.args[0], Num) and x.args[0].value >= 2:
        return _same(x.args[1], y.args[1])
    return None


def _same(x: Node, y: Node) -> bool | None:
    if x == y:
        return True
    if isinstance(x, Num) and isinstance(y, Num):
        return x.value == y.value
    found = _injective(x, y)
    if found is not None:
        return found
    # a number that can be written down is not one that cannot
    return False if isinstance(x, Num) != isinstance(y, Num) and _huge(y if isinstance(x, Num) else x) else None


def _huge(node: Node) -> bool:
    size = _log10(node)
    return size is not None and size > 10_000


def _log10(node: Node) -> float | None:
    """Decimal logarithm of a positive number, to about six digits; None where it is unknown or beyond floats."""
    try:
        if isinstance(node, Num):
            if node.value <= 0:
                return None
            return (math.log2(node.value.numerator) - math.log2(node.value.denominator)) * math.log10(2)
        if isinstance(node, Sym):
            return {"pi": math.log10(math.pi), "e": math.log10(math.e)}.get(node.name)
        parts = [_log10(arg) for arg in node.args]
        if node.head == "pow":
            power = exact(node.args[1])
            if power is None and parts[1] is not None and parts[0] is not None and parts[1] < 300:
                return parts[0] * 10 ** parts[1] if node.args[0] != Num(Fraction(1)) else 0.0
            return None if power is None or parts[0] is None else parts[0] * float(power)
        if node.head == "fact":
            n = exact(node.args[0])
            return None if n is None or n < 2 else math.lgamma(float(n) + 1) / math.log(10)
        if node.head == "binom":
            n, k = (exact(arg) for arg in node.args)
            if n is None or k is None or not 0 <= k <= n:
                return None
            return sum(s * math.lgamma(float(v) + 1) for s, v in ((1, n), (-1, k), (-1, n - k))) / math.log(10)
        known = [part for part in parts if part is not None]
        if len(known) != len(parts) or not known:
            return None
        if node.head == "mul":
            return sum(known)
        if node.head == "div":
            return known[0] - known[1]
        return max(known) if node.head == "add" and max(known) - min(known) > 20 else None
    except (OverflowError, ValueError):
        return None


_CAP = 1e300


def _at_least(node: Node) -> float:
    """A lower bound of a number made of positive parts, at most _CAP; 0 where none is known."""
    if isinstance(node, Num):
        return min(_CAP, float(min(node.value, Fraction(10**300)))) if node.value > 0 else 0.0
    if isinstance(node, Sym):
        return {"pi": 3.14, "e": 2.71}.get(node.name, 0.0)
    parts = [_at_least(arg) for arg in node.args]
    if node.head in ("fact", "fact2"):
        if parts[0] < 3:
            return 0.0
        return _CAP if parts[0] > 400 else min(_CAP, math.gamma(min(parts[0], 170) / (1 if node.head == "fact" else 2)))
    if node.head == "pow" and parts[0] > 1 and parts[1] > 0:
        return _CAP if parts[1] * math.log10(parts[0]) >= 300 else parts[0] ** parts[1]
    if node.head in ("add", "mul") and all(parts):
        return min(_CAP, sum(parts) if node.head == "add" else math.prod(min(part, 1e100) for part in parts))
    if node.head in ("sqrt", "ln") and parts[0] >= _CAP:
        return 0.0
    return 0.0
