"""A tree's value at one point, with a bound on its rounding error.

One evaluator serves two arithmetics: Python's complex floats (fast, enough to tell two values apart) and
mpmath at a chosen number of digits (slow, to find them equal). Errors are carried along to first
order and doubled, which is ample at the sizes allowed here.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from importlib import import_module
from typing import Any

from cotkit.verify.tree import Call, Node, Num, Sym, walk

# Beyond these an evaluation is refused rather than waited for.
MAX_EXPONENT = 100_000
MAX_ANGLE = 10**8
MAX_TERMS = 1_000


class NoValue(ArithmeticError):
    """The tree has no value here: undefined at this point, too large, or an operator that has no rule."""


@dataclass(frozen=True)
class Arithmetic:
    """Functions over complex numbers: `lib` is cmath or an mpmath context, `unit` its rounding unit."""

    lib: Any
    unit: Any
    number: Any
    gamma: Any


def floats() -> Arithmetic:
    """Python's own complex floats."""

    def convert(value: Fraction) -> complex:
        if value and not 1e-250 < abs(value) < 1e250:
            raise NoValue
        return complex(value.numerator / value.denominator)

    def gamma(z: complex) -> complex:
        if z.imag or not 0 < z.real < 150:
            raise NoValue
        return complex(math.gamma(z.real))

    return Arithmetic(cmath, 2.3e-16, convert, gamma)


def digits(n: int) -> Arithmetic:
    """mpmath with `n` decimal digits, in a context of its own (so threads do not meet)."""
    context: Any = import_module("mpmath").MPContext()
    context.dps = n

    def convert(value: Fraction) -> Any:
        return context.mpc(value.numerator) / value.denominator

    def gamma(z: Any) -> Any:
        if z.imag or not 0 < z.real < 5_000:
            raise NoValue
        return context.mpc(context.gamma(z.real))

    return Arithmetic(context, context.eps, convert, gamma)


def evaluate(
    node: Node, point: Mapping[str, Fraction], arithmetic: Arithmetic, *, real: bool = False
) -> tuple[Any, Any]:
    """(value, bound on its error) of `node` where the variables have the values in `point`.

    With `real`, roots and logarithms of negative numbers are undefined. Raises NoValue.
    """
    try:
        value, error = _Evaluator(point, arithmetic, real).value(node)
        if not (abs(value) < math.inf and error < math.inf):  # also refuses NaN
            raise NoValue
    except (OverflowError, ZeroDivisionError, ValueError, RecursionError, TypeError) as problem:
        raise NoValue from problem
    return value, error


class _Evaluator:
    def __init__(self, point: Mapping[str, Fraction], arithmetic: Arithmetic, real: bool) -> None:
        self.real_only = real
        self.point = point
        self.a = arithmetic
        self.lib = arithmetic.lib
        self.numbers: dict[str, tuple[Any, Any]] = {}
        self.counted = [0]

    def rounded(self, value: Any, error: Any) -> tuple[Any, Any]:
        return value, 2 * error + 4 * self.a.unit * abs(value)

    def value(self, node: Node) -> tuple[Any, Any]:
        if isinstance(node, Num):
            return self.rounded(self.a.number(node.value), 0)
        if isinstance(node, Sym):
            return self.symbol(node.name)
        if node.head in ("sum", "prod", "int"):
            return self.ranged(node)
        args = [self.value(arg) for arg in node.args]
        if node.head in ("add", "mul"):
            total = args[0]
            for arg in args[1:]:
                total = self.add(total, arg) if node.head == "add" else self.mul(total, arg)
            return total
        rule = getattr(self, "on_" + node.head, None)
        if rule is not None:
            result: tuple[Any, Any] = rule(*args)
            return result
        return self.smooth(node.head, *args)

    def ranged(self, node: Call) -> tuple[Any, Any]:
        """A finite sum or product term by term; an integral by quadrature, with the error that mpmath estimates."""
        body, variable, below, above = node.args
        assert isinstance(variable, Sym)  # noqa: S101 - the parser builds them so
        if node.head == "int":
            return self.quadrature(body, variable.name, self.value(below), self.value(above))
        low, high = (self.real(self.value(end)) for end in (below, above))
        if low != round(low) or high != round(high) or high - low > MAX_TERMS:
            raise NoValue
        total = (self.a.number(Fraction(int(node.head == "prod"))), 0)
        for k in range(round(low), round(high) + 1):
            self.count()
            inner = _Evaluator({**self.point, variable.name: Fraction(k)}, self.a, self.real_only)
            inner.numbers, inner.counted = self.numbers, self.counted
            term = inner.value(body)
            total = self.add(total, term) if node.head == "sum" else self.mul(total, term)
        return total

    def count(self) -> None:
        """One more term; nested sums share the count."""
        self.counted[0] += 1
        if self.counted[0] > MAX_TERMS:
            raise NoValue

    def quadrature(self, body: Node, name: str, low: tuple[Any, Any], high: tuple[Any, Any]) -> tuple[Any, Any]:
        if self.a.unit > 1e-17:
            raise NoValue  # floats are only asked to tell two values apart
        if any(isinstance(part, Call) and part.head in ("sum", "prod", "int") for part in walk(body)):
            raise NoValue

        def f(x: Any) -> Any:
            self.count()
            inner = _Evaluator(self.point, self.a, self.real_only)
            inner.numbers = {**self.numbers, name: (self.a.lib.mpc(x), 0)}
            return inner.value(body)[0]

        value, error = self.a.lib.quad(f, [self.real(low), self.real(high)], error=True, maxdegree=5)
        if error > 1e-12 * (1 + abs(value)):
            raise NoValue
        return value + 0j, 10 * error + abs(value) * 1e-25

    def symbol(self, name: str) -> tuple[Any, Any]:
        if name == "pi":
            return self.rounded(self.lib.pi + 0j, 0)
        if name == "e":
            return self.rounded(self.lib.exp(self.a.number(Fraction(1))), 0)
        if name == "i":
            return 1j * self.a.number(Fraction(1)), 0
        if name in self.numbers:
            return self.numbers[name]
        if name not in self.point:
            raise NoValue
        return self.rounded(self.a.number(self.point[name]), 0)

    def add(self, x: tuple[Any, Any], y: tuple[Any, Any]) -> tuple[Any, Any]:
        value = x[0] + y[0]
        error = x[1] + y[1] + 2 * self.a.unit * (abs(x[0]) + abs(y[0]))
        if self.a.unit < 1e-17:
            # 1 + 1/2004! is not 1, though it rounds to it: no equality can be read off such a sum
            small = min(abs(x[0]), abs(y[0]))
            if 0 < small <= 4 * error and max(x[1], y[1]) < small:
                raise NoValue
        return value, error

    def mul(self, x: tuple[Any, Any], y: tuple[Any, Any]) -> tuple[Any, Any]:
        error = abs(x[0]) * y[1] + abs(y[0]) * x[1] + x[1] * y[1]
        return x[0] * y[0], error + 4 * self.a.unit * abs(x[0] * y[0])

    def on_neg(self, x: tuple[Any, Any]) -> tuple[Any, Any]:
        return -x[0], x[1]

    def on_div(self, x: tuple[Any, Any], y: tuple[Any, Any]) -> tuple[Any, Any]:
        if abs(y[0]) <= 2 * y[1]:
            raise NoValue
        return self.mul(x, self.rounded(1 / y[0], y[1] / (abs(y[0]) * (abs(y[0]) - y[1]))))

    def on_percent(self, x: tuple[Any, Any]) -> tuple[Any, Any]:
        return x[0] / 100, x[1]

    def on_degree(self, x: tuple[Any, Any]) -> tuple[Any, Any]:
        return self.mul(x, self.rounded(self.lib.pi / 180 + 0j, 0))

    def on_abs(self, x: tuple[Any, Any]) -> tuple[Any, Any]:
        return self.rounded(abs(x[0]) + 0j, x[1])

    def real(self, x: tuple[Any, Any]) -> Any:
        if abs(x[0].imag) > x[1]:
            raise NoValue
        return x[0].real

    def on_conj(self, x: tuple[Any, Any]) -> tuple[Any, Any]:
        return x[0].real - 1j * x[0].imag, x[1]

    def on_max(self, *args: tuple[Any, Any]) -> tuple[Any, Any]:
        return max(args, key=self.real)

    def on_min(self, *args: tuple[Any, Any]) -> tuple[Any, Any]:
        return min(args, key=self.real)

    def on_arccot(self, x: tuple[Any, Any]) -> tuple[Any, Any]:
        return self.add(
            self.mul(self.rounded(self.lib.pi + 0j, 0), (0.5 + 0j, 0)), self.on_neg(self.smooth("arctan", x))
        )

    def on_arcsec(self, x: tuple[Any, Any]) -> tuple[Any, Any]:
        return self.smooth("arccos", self.on_div((self.a.number(Fraction(1)), 0), x))

    def on_arccsc(self, x: tuple[Any, Any]) -> tuple[Any, Any]:
        return self.smooth("arcsin", self.on_div((self.a.number(Fraction(1)), 0), x))

    def on_arcsinh(self, x: tuple[Any, Any]) -> tuple[Any, Any]:
        root = self.on_sqrt(self.add(self.mul(x, x), (self.a.number(Fraction(1)), 0)))
        return self.on_ln(self.add(x, root))

    def on_arccosh(self, x: tuple[Any, Any]) -> tuple[Any, Any]:
        root = self.on_sqrt(self.add(self.mul(x, x), (self.a.number(Fraction(-1)), 0)))
        return self.on_ln(self.add(x, root))

    def on_arctanh(self, x: tuple[Any, Any]) -> tuple[Any, Any]:
        one = (self.a.number(Fraction(1)), 0)
        half = self.on_ln(self.on_div(self.add(one, x), self.add(one, self.on_neg(x))))
        return half[0] / 2, half[1]

    def on_floor(self, x: tuple[Any, Any]) -> tuple[Any, Any]:
        value = self.real(x)
        low, high = math.floor(value - x[1]), math.floor(value + x[1])
        if low != high:
            raise NoValue  # an integer or just below one: rounding cannot tell
        return self.a.number(Fraction(int(low))), 0

    def on_ceil(self, x: tuple[Any, Any]) -> tuple[Any, Any]:
        return self.on_neg(self.on_floor(self.on_neg(x)))

    def on_fact(self, x: tuple[Any, Any]) -> tuple[Any, Any]:
        value = self.real(x)
        if value < 0 or value > MAX_EXPONENT:
            raise NoValue
        result = self.a.gamma(x[0].real + 1 + 0j)
        slope = abs(result) * (2 + abs(self.lib.log(value + 2)))
        return self.rounded(result, slope * (x[1] + 16 * self.a.unit))

    def on_binom(self, n: tuple[Any, Any], k: tuple[Any, Any]) -> tuple[Any, Any]:
        bottom = self.mul(self.on_fact(k), self.on_fact(self.add(n, self.on_neg(k))))
        return self.on_div(self.on_fact(n), bottom)

    def snapped(self, x: tuple[Any, Any]) -> Any:
        """The value, taken onto the real axis where it is within its error of it (branch cuts)."""
        value, error = x
        if abs(value.imag) > error:
            return value
        if self.real_only and value.real < 0:
            raise NoValue
        return value.real + 0j

    def on_sqrt(self, x: tuple[Any, Any]) -> tuple[Any, Any]:
        if x[0] == 0 and x[1] == 0:
            return x
        if abs(x[0]) <= 2 * x[1]:
            return x[0] * 0, self.lib.sqrt(abs(x[0]) + x[1]).real
        root = self.lib.sqrt(self.snapped(x))
        return self.rounded(root, x[1] / abs(root))

    def on_root(self, x: tuple[Any, Any], n: tuple[Any, Any]) -> tuple[Any, Any]:
        index = self.real(n)
        whole = round(index)
        if abs(index - whole) > n[1] or not 1 <= whole <= 1_000:
            raise NoValue
        if abs(x[0]) <= 2 * x[1]:
            raise NoValue
        on_axis = whole % 2 == 1 and abs(x[0].imag) <= x[1]
        base = x[0].real + 0j if on_axis else self.snapped(x)
        negative = whole % 2 == 1 and base.imag == 0 and base.real < 0  # the real odd root
        size = self.lib.exp(self.lib.log(-base if negative else base) / whole)
        return self.rounded(-size if negative else size, (x[1] / abs(x[0]) + 8 * self.a.unit) * abs(size))

    def on_pow(self, x: tuple[Any, Any], y: tuple[Any, Any]) -> tuple[Any, Any]:
        power = y[0]
        if abs(power.imag) <= y[1] and abs(power.real) <= 1_000 and y[1] < 1e-9:
            whole = round(power.real)
            if abs(power.real - whole) <= y[1]:
                return self.whole_power(x, whole)
        if abs(x[0]) <= 2 * x[1]:
            raise NoValue
        base = self.snapped(x)
        if base.imag == 0 and base.real < 0 and abs(abs(power.real) % 1 - 0.5) > 1e-9:
            raise NoValue  # (-8)^(1/3): -2 to some, complex to others
        logarithm = self.lib.log(base)
        exponent = self.mul(y, self.rounded(logarithm, x[1] / (abs(x[0]) - x[1])))
        return self.smooth("exp", exponent)

    def whole_power(self, x: tuple[Any, Any], n: int) -> tuple[Any, Any]:
        if n == 0:
            if abs(x[0]) <= x[1]:
                raise NoValue
            return self.a.number(Fraction(1)), 0
        result: tuple[Any, Any] | None = None
        square = x
        rest = abs(n)
        while rest:
            if rest & 1:
                result = square if result is None else self.mul(result, square)
            rest >>= 1
            if rest:
                square = self.mul(square, square)
        assert result is not None  # noqa: S101 - n is not 0
        return result if n > 0 else self.on_div((self.a.number(Fraction(1)), 0), result)

    def on_ln(self, x: tuple[Any, Any]) -> tuple[Any, Any]:
        if abs(x[0]) <= 2 * x[1]:
            raise NoValue
        return self.rounded(self.lib.log(self.snapped(x)), x[1] / (abs(x[0]) - x[1]))

    def on_log(self, x: tuple[Any, Any], base: tuple[Any, Any] | None = None) -> tuple[Any, Any]:
        top = self.on_ln(x)
        return top if base is None else self.on_div(top, self.on_ln(base))

    def on_log10(self, x: tuple[Any, Any]) -> tuple[Any, Any]:
        return self.on_div(self.on_ln(x), self.on_ln((self.a.number(Fraction(10)), 0)))

    def on_cot(self, x: tuple[Any, Any]) -> tuple[Any, Any]:
        return self.on_div(self.smooth("cos", x), self.smooth("sin", x))

    def on_tan(self, x: tuple[Any, Any]) -> tuple[Any, Any]:
        return self.on_div(self.smooth("sin", x), self.smooth("cos", x))

    def on_sec(self, x: tuple[Any, Any]) -> tuple[Any, Any]:
        return self.on_div((self.a.number(Fraction(1)), 0), self.smooth("cos", x))

    def on_csc(self, x: tuple[Any, Any]) -> tuple[Any, Any]:
        return self.on_div((self.a.number(Fraction(1)), 0), self.smooth("sin", x))

    def smooth(self, head: str, *args: tuple[Any, Any]) -> tuple[Any, Any]:
        """sin, cos, exp and their like: the error grows by the size of the derivative."""
        if head not in _SLOPES or len(args) != 1:
            raise NoValue
        (value, error) = args[0]
        function, steep = _SLOPES[head]
        if error > 0.1 or (abs(value) > (500 if steep else MAX_ANGLE) and self.a.unit > 1e-17):
            raise NoValue
        if abs(value) > (MAX_EXPONENT if steep else MAX_ANGLE):
            raise NoValue
        result = getattr(self.lib, function)(value)
        if head in ("arcsin", "arccos"):
            room = abs(1 - value * value)
            if room <= 4 * error:
                raise NoValue
            slope = 1 / self.lib.sqrt(room).real
        elif head == "arctan":
            room = abs(1 + value * value)
            if room <= 4 * error:
                raise NoValue
            slope = 1 / room
        else:
            slope = max(abs(result), self.lib.exp(abs(value.imag)).real if not steep else 0) + 1
        return self.rounded(result, error * slope + 8 * self.a.unit * (1 + abs(value) * slope))


# name in the tree -> (name in cmath and mpmath, whether it grows like exp)
_SLOPES = {
    "sin": ("sin", False), "cos": ("cos", False), "exp": ("exp", True), "sinh": ("sinh", True),
    "cosh": ("cosh", True), "tanh": ("tanh", True), "arcsin": ("asin", False), "arccos": ("acos", False),
    "arctan": ("atan", False),
}  # fmt: skip
