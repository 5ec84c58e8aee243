"""Numbers too large to write down, compared all the same.

Towers, factorials and quotients of them are rewritten where a law holds exactly (log or root of a power, x - x), then
compared by structure, by size, and modulo six primes that depend on the numbers. Two integers that differ modulo a
prime are different: that is a proof. That they agree modulo six primes of 31 bits by chance has odds of 2^-180.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from fractions import Fraction

from cotkit.verify.points import Compared
from cotkit.verify.tree import Call, Node, Num, Sym, encode, exact, fold, walk

PRIMES = 6
MAX_NODES = 300
MAX_FACTORIAL = 20_000
_ARITHMETIC = frozenset({"add", "mul", "div", "neg", "pow", "fact", "binom"})


class _Unknown(Exception):
    """No residue here."""


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
        if isinstance(p, Num) and p.value <= 0 and _positive(q):
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
    return _modular(x, y)


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
        if base in (Num(Fraction(0)), Num(Fraction(1))) and _positive(power):
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
    if not _positive(base):
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
    if isinstance(inner, Call) and inner.head == "pow" and _positive(inner.args[0]):
        if inner.args[0] == base:
            return inner.args[1]
        return rewritten(Call("mul", (inner.args[1], Call(node.head, (inner.args[0], *node.args[1:])))))
    return node


def _quotient(node: Call) -> Node:
    top, bottom = node.args
    if top == bottom and _positive(top):
        return Num(Fraction(1))
    if isinstance(top, Call) and top.head == "mul" and bottom in top.args and _positive(bottom):
        rest = list(top.args)
        rest.remove(bottom)
        return rest[0] if len(rest) == 1 else Call("mul", tuple(rest))
    if isinstance(top, Call) and isinstance(bottom, Call) and top.head == bottom.head == "fact":
        m, n = (exact(side.args[0]) for side in (top, bottom))
        if m is not None and n is not None and m.denominator == n.denominator == 1 and 0 <= m - n <= 500:
            return Num(Fraction(math.prod(range(int(n) + 1, int(m) + 1))))
    return node


def _positive(node: Node) -> bool:
    """Whether a number is above 0 by its form."""
    if isinstance(node, Num):
        return node.value > 0
    if isinstance(node, Sym):
        return node.name in ("pi", "e")
    if node.head in ("fact", "exp"):
        return True
    if node.head == "binom":
        n, k = (exact(arg) for arg in node.args)
        return n is not None and k is not None and 0 <= k <= n
    if node.head == "ln":
        value = exact(node.args[0])
        return value is not None and value > 1
    if node.head in ("add", "mul", "div"):
        return all(map(_positive, node.args))
    return node.head in ("pow", "sqrt", "root") and _positive(node.args[0])


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


def _modular(x: Node, y: Node) -> Compared:
    if not all(_arithmetic(side) for side in (x, y)):
        return Compared(None, "not_arithmetic")
    agreed = 0
    for prime in _primes(json.dumps([encode(x), encode(y)])):
        try:
            if _residue(x, prime) != _residue(y, prime):
                return Compared(False, f"differ modulo {prime}")
        except (_Unknown, RecursionError):
            continue
        agreed += 1
    return Compared(True, f"equal modulo {agreed} primes") if agreed == PRIMES else Compared(None, "too_large")


def _primes(seed: str) -> Iterator[int]:
    """Primes of 31 bits that depend on the numbers compared, so that no number can be made to fool fixed ones."""
    digest = hashlib.sha256(seed.encode()).digest()
    for i in range(PRIMES):
        candidate = 2**30 + int.from_bytes(digest[4 * i : 4 * i + 4], "big") % 2**30 | 1
        while not _is_prime(candidate):
            candidate += 2
        yield candidate


def _is_prime(n: int) -> bool:
    """Miller-Rabin with the bases 2, 3, 5, 7, which is exact below 3.2e9 (Jaeschke 1993)."""
    if any(n % p == 0 for p in (3, 5, 7, 11, 13)):
        return False
    odd = n - 1
    twos = (odd & -odd).bit_length() - 1
    odd >>= twos
    for base in (2, 3, 5, 7):
        x = pow(base, odd, n)
        if x in (1, n - 1):
            continue
        for _ in range(twos - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True


def _arithmetic(node: Node) -> bool:
    return all(isinstance(n, Num) or (isinstance(n, Call) and n.head in _ARITHMETIC) for n in walk(node))


def _residue(node: Node, m: int, *, prime: bool = True) -> int:
    """The value modulo m; of a fraction only where m is a prime that does not divide its denominator."""
    if isinstance(node, Num):
        return _divided(node.value.numerator, node.value.denominator, m, prime)
    assert isinstance(node, Call)  # noqa: S101 - checked by _arithmetic
    if node.head == "pow":
        return _power(node, m, prime)
    if node.head == "fact":
        return _factorial(node, m)
    if node.head == "binom":
        raise _Unknown
    args = [_residue(arg, m, prime=prime) for arg in node.args]
    if node.head == "add":
        return sum(args) % m
    if node.head == "neg":
        return -args[0] % m
    if node.head == "mul":
        total = 1
        for arg in args:
            total = total * arg % m
        return total
    return _divided(args[0], args[1], m, prime)


def _divided(top: int, bottom: int, m: int, prime: bool) -> int:
    if bottom == 1:
        return top % m
    if not prime or bottom % m == 0:
        raise _Unknown
    return top * pow(bottom, -1, m) % m


def _power(node: Call, m: int, prime: bool) -> int:
    base, power = node.args
    low = _residue(base, m, prime=prime)
    n = exact(power)
    if n is not None:
        if n.denominator != 1 or (n < 0 and (not prime or low == 0)):
            raise _Unknown
        return pow(low, int(n), m)
    if not _positive(power) or not _integer(power):
        raise _Unknown
    # Euler's theorem in its general form: an exponent past log2(m) may be reduced modulo phi(m), plus phi(m)
    phi = _phi(m)
    return (
        pow(low, _residue(power, phi, prime=False) + phi * (1 + 64 // max(1, phi.bit_length())), m)
        if phi > 1
        else low % m
    )


def _integer(node: Node) -> bool:
    if isinstance(node, Num):
        return node.value.denominator == 1
    return (
        isinstance(node, Call) and node.head in ("add", "mul", "pow", "fact", "neg") and all(map(_integer, node.args))
    )


def _factorial(node: Call, m: int) -> int:
    n = exact(node.args[0])
    if n is None or n.denominator != 1 or not 0 <= n <= MAX_FACTORIAL:
        raise _Unknown  # 0 modulo every number that is smaller: that would tell nothing
    total = 1
    for k in range(2, int(n) + 1):
        total = total * k % m
    return total


def _phi(m: int) -> int:
    """Euler's function by trial division; m is below 2^31."""
    result, rest, p = m, m, 2
    while p * p <= rest:
        if rest % p == 0:
            while rest % p == 0:
                rest //= p
            result -= result // p
        p += 1 if p == 2 else 2
    return result - result // rest if rest > 1 else result
