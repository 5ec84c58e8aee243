"""What an answer can be: a small closed set of typed values."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from cotkit.verify.tree import Node

# The variable of `k \in \mathbb{Z}`, whatever its letter.
INTEGER = "any integer"


@dataclass(frozen=True, slots=True)
class Rational:
    """An exact number. `decimals` counts the digits after the point where it was written as a decimal.

    `node` is the arithmetic it was written as (2/4), where there was any; it does not count for equality.
    """

    value: Fraction
    decimals: int | None = None
    node: Node | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Expr:
    """Any other formula, with or without variables."""

    node: Node


@dataclass(frozen=True, slots=True)
class Percent:
    """`of` is the number before the sign: 50 for 50 %."""

    of: Value


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with a unit, in the unit's canonical spelling (units.py)."""

    amount: Value
    unit: str


@dataclass(frozen=True, slots=True)
class Based:
    """Digits written in a base, as 204_5."""

    digits: str
    base: int


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval; an infinite end is open."""

    low: Value
    high: Value
    low_closed: bool
    high_closed: bool


@dataclass(frozen=True, slots=True)
class Union:
    """Intervals and finite sets, joined."""

    parts: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Tuple:
    """An ordered list in brackets."""

    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """A list without brackets, as `4, 6`: several answers, in any order."""

    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class FiniteSet:
    """A set in braces."""

    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Alternatives:
    """`5 or 6`: all solutions, or a hedge; the other side tells which."""

    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Ratio:
    """a : b : c."""

    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """Rows of one length, at least one."""

    rows: tuple[tuple[Value, ...], ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """An option letter, with the option's text where it stands beside it."""

    letter: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Equation:
    """`left = right`. `name` is the left side where that only names the value: x, f(x), AB."""

    left: Node
    right: Value
    right_node: Node
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day; `half` is "am", "pm" or "" where it is not said."""

    hour: int
    minute: int
    half: str


@dataclass(frozen=True, slots=True)
class Date:
    """A day; `year` is None where it is not said."""

    year: int | None
    month: int
    day: int


@dataclass(frozen=True, slots=True)
class Piecewise:
    """A function by cases: a tree of head "cases"."""

    node: Node


@dataclass(frozen=True, slots=True)
class Readings:
    """A text with several meanings, such as `1/2x`: at least two values."""

    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """Words, or (with a reason in `why`) a formula that could not be read.

    `formula` marks a chemical formula in one spelling: two different ones are different answers.
    """

    text: str
    why: str = ""
    formula: bool = False


Value = (
    Rational
    | Expr
    | Percent
    | Quantity
    | Based
    | Interval
    | Union
    | Tuple
    | Listing
    | FiniteSet
    | Alternatives
    | Ratio
    | Matrix
    | Choice
    | Equation
    | Clock
    | Date
    | Piecewise
    | Readings
    | Text
)


def leaves(value: Value) -> int:
    """How many single values a value holds."""
    rows = value.rows if isinstance(value, Matrix) else ()
    items = (
        getattr(value, "items", None)
        or getattr(value, "parts", None)
        or getattr(value, "values", None)
        or [x for row in rows for x in row]
    )
    return sum(map(leaves, items)) or 1
