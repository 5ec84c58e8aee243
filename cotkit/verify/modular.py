"""Integers too large to write down, compared modulo a few primes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from cotkit.verify.points import Compared
from cotkit.verify.tree import Call, Node, Num, Sym, encode, exact, walk

PRIMES = 6


MAX_FACTORIAL = 20_000


_ARITHMETIC = frozenset({"add", "mul", "div", "neg", "pow", "fact", "binom"})


class _Unknown(Exception):
    """No residue here."""


def compare_modular(x: Node, y: Node) -> Compared:
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
    if not positive(power) or not _integer(power):
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


def positive(node: Node) -> bool:
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
        return all(map(positive, node.args))
    return node.head in ("pow", "sqrt", "root") and positive(node.args[0])
