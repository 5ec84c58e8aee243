"""The expression tree: numbers, symbols and calls. Nothing here ever evaluates text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import comb, factorial, gcd, lcm, prod
from typing import Any

# Exact arithmetic stops where a number would pass this many bits (about 19,000 digits).
MAX_BITS = 64_000


@dataclass(frozen=True, slots=True)
class Num:
    """A literal. `decimals` counts the digits after the point as written; None for integers and fractions."""

    value: Fraction
    decimals: int | None = None


@dataclass(frozen=True, slots=True)
class Sym:
    """A variable or a constant (`pi`, `e`, `i`, `oo`)."""

    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """An operator, a function, or a structure (tuple, set, interval, matrix, relation) over its arguments."""

    head: str
    args: tuple[Node, ...]


Node = Num | Sym | Call

CONSTANTS = frozenset({"pi", "e", "i", "oo"})
# The letter that a sum or an integral runs over, whatever it was called: no free variable.
BOUND = "bound"


def walk(node: Node) -> Iterator[Node]:
    """Every node below and including `node`."""
    todo = [node]
    while todo:
        here = todo.pop()
        yield here
        if isinstance(here, Call):
            todo.extend(here.args)


def symbols(node: Node) -> frozenset[str]:
    """Names of the free variables."""
    found = frozenset(n.name for n in walk(node) if isinstance(n, Sym)) - CONSTANTS
    return frozenset(name for name in found if not name.startswith(BOUND)) if found else found


def heads(node: Node) -> frozenset[str]:
    """Names of all operators and functions."""
    return frozenset(n.head for n in walk(node) if isinstance(n, Call))


def rename(node: Node, names: dict[str, str]) -> Node:
    """The same tree with variables renamed."""
    if isinstance(node, Sym):
        return Sym(names.get(node.name, node.name))
    if isinstance(node, Call):
        return Call(node.head, tuple(rename(arg, names) for arg in node.args))
    return node


def bits(value: Fraction) -> int:
    """Size of a rational: bits of its numerator and denominator."""
    return value.numerator.bit_length() + value.denominator.bit_length()


def exact(node: Node) -> Fraction | None:
    """The rational value of a tree of rational arithmetic; None where it is not one, or is too large."""
    if isinstance(node, Num):
        return node.value
    if isinstance(node, Sym):
        return None
    args = [exact(arg) for arg in node.args]
    known = [arg for arg in args if arg is not None]
    if len(known) != len(args) or sum(map(bits, known)) > MAX_BITS:
        return None
    return _apply(node.head, known)


def _apply(head: str, args: list[Fraction]) -> Fraction | None:
    match head, args:
        case "add", _:
            return sum(args, Fraction(0))
        case "mul", _:
            return prod(args, start=Fraction(1))
        case "div", [a, b]:
            return a / b if b else None
        case "neg", [a]:
            return -a
        case "abs", [a]:
            return abs(a)
        case "floor", [a]:
            return Fraction(a.__floor__())
        case "ceil", [a]:
            return Fraction(a.__ceil__())
        case "pow", [a, n]:
            return _power(a, n)
        case "fact", [n] if n.denominator == 1 and 0 <= n <= 5_000:
            return Fraction(factorial(int(n)))
        case "fact2", [n] if n.denominator == 1 and 0 <= n <= 5_000:
            return Fraction(prod(range(int(n), 0, -2)))
        case "binom", [n, k] if n.denominator == 1 and k.denominator == 1 and 0 <= n < k:
            return Fraction(0)
        case "binom", [n, k] if n.denominator == 1 and k.denominator == 1 and 0 <= k <= n:
            return Fraction(comb(int(n), int(k))) if min(k, n - k) * bits(n) <= MAX_BITS else None
        case (("max" | "min"), _) if args:
            return max(args) if head == "max" else min(args)
        case (("gcd" | "lcm"), _) if args and all(a.denominator == 1 for a in args):
            return Fraction((gcd if head == "gcd" else lcm)(*map(int, args)))
    return None


def _power(base: Fraction, exponent: Fraction) -> Fraction | None:
    if exponent.denominator != 1 or (base == 0 and exponent <= 0):
        return None
    if base in (0, 1):
        return base
    if base == -1:
        return Fraction(1 if exponent.numerator % 2 == 0 else -1)
    if abs(exponent) * bits(base) > MAX_BITS:
        return None
    return base ** int(exponent)


def fold(node: Node) -> Node:
    """The tree with every rational subtree replaced by its value."""
    value = exact(node)
    if value is not None:
        return Num(value, node.decimals if isinstance(node, Num) else None)
    if isinstance(node, Call):
        return Call(node.head, tuple(fold(arg) for arg in node.args))
    return node


def encode(node: Node) -> list[Any]:
    """The tree as nested JSON lists; integers as hexadecimal text, whatever their length."""
    if isinstance(node, Num):
        return ["n", hex(node.value.numerator), hex(node.value.denominator)]
    if isinstance(node, Sym):
        return ["s", node.name]
    return ["c", node.head, *(encode(arg) for arg in node.args)]


def decode(data: list[Any]) -> Node:
    """Inverse of `encode`, but for the written decimals."""
    if data[0] == "n":
        return Num(Fraction(int(data[1], 16), int(data[2], 16)))
    if data[0] == "s":
        return Sym(data[1])
    return Call(data[1], tuple(decode(arg) for arg in data[2:]))
