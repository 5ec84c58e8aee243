"""The decision ladder over typed values: what is equal, what is not, and what we do not know.

Every rule is symmetric. Rules that are a choice, not a fact, and what was chosen:

- A unit, a currency or a degree mark on one side only does not count (`5 cm` is `5`); two different units
  of one dimension are "incorrect", or "undecided" where the amounts would be the same after conversion.
- `50%` is `50` (the question asked for per cent), but against `0.5` it is undecided.
- A decimal is exact. Where it is the other side rounded, it is undecided, not equal.
- Lists without brackets have no order; tuples have; sets have none.
- `(1,2)` is an open interval where the other side is an interval, a tuple elsewhere.
- `x = 5` is `5`; `5 or 6` against a single value is a hedge, hence undecided.
- Words that are equal but for case are equal; different words are undecided, but for a few closed
  vocabularies (yes/no, even/odd, days, months).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from cotkit.verify.points import compare_points, same_ratio
from cotkit.verify.read import as_interval, value_of
from cotkit.verify.scalars import Outcome, Prove, no, node_of, scalars, unknown, yes
from cotkit.verify.tree import Call, Node, Num, Sym, symbols
from cotkit.verify.units import scales, size
from cotkit.verify.values import (
    Alternatives,
    Based,
    Choice,
    Clock,
    Equation,
    Expr,
    FiniteSet,
    Interval,
    Listing,
    Matrix,
    Percent,
    Quantity,
    Ratio,
    Rational,
    Text,
    Tuple,
    Union,
    Value,
)

MAX_ITEMS = 64
_DAYS = "monday tuesday wednesday thursday friday saturday sunday"
_MONTHS = "january february march april may june july august september october november december"
_VOCABULARIES = tuple(
    frozenset(words.split()) for words in ("yes no", "true false", "even odd neither", _DAYS, _MONTHS)
)


def compare(a: Value, b: Value, prove: Prove | None = None) -> Outcome:
    """Whether two values are the same answer."""
    for rule in _RULES:
        found = rule(a, b, prove) or rule(b, a, prove)
        if found is not None:
            return found
    return Outcome("undecided", "typed", "types_differ")


def _weakest(outcomes: Sequence[Outcome]) -> Outcome:
    """One wrong part makes the whole wrong; else one unknown part makes it unknown."""
    for verdict in ("incorrect", "undecided"):
        for outcome in outcomes:
            if outcome.verdict == verdict:
                return outcome
    ladder = ("typed", "numeric", "points", "symbolic")
    return max(outcomes, key=lambda o: ladder.index(o.method), default=yes())


def _ordered(a: Sequence[Value], b: Sequence[Value], prove: Prove | None) -> Outcome:
    if len(a) != len(b):
        return no("lengths_differ")
    if len(a) > MAX_ITEMS:
        return unknown("too_long")
    return _weakest([compare(x, y, prove) for x, y in zip(a, b, strict=True)])


def _unordered(a: Sequence[Value], b: Sequence[Value], prove: Prove | None, *, multiset: bool) -> Outcome:
    """Every item of one side has a partner on the other; a set counts equal items once."""
    if multiset and len(a) != len(b):
        return no("lengths_differ")
    if max(len(a), len(b)) > MAX_ITEMS:
        return unknown("too_long")
    table = [[compare(x, y, prove) for y in b] for x in a]
    columns = [list(column) for column in zip(*table, strict=True)] if a else [[] for _ in b]
    if any(all(o.verdict == "incorrect" for o in line) for line in (*table, *columns)):
        return no("elements_differ")
    free = set(range(len(b)))
    used = []
    for row in table:
        partner = next((j for j in sorted(free) if row[j].verdict == "correct"), None)
        if partner is None and not multiset:
            partner = next((j for j, o in enumerate(row) if o.verdict == "correct"), None)
        if partner is None:
            return unknown("elements_unclear")
        free.discard(partner)
        used.append(row[partner])
    if any(not any(o.verdict == "correct" for o in columns[j]) for j in free):
        return unknown("elements_unclear")
    return _weakest(used)


def _text(a: Value, b: Value, _: Prove | None) -> Outcome | None:
    if not isinstance(a, Text):
        return None
    if not isinstance(b, Text) or a.why or b.why:
        return unknown(a.why or "prose")
    x, y = (" ".join(t.text.casefold().replace("-", " ").split()).strip(" .!") for t in (a, b))
    if x == y:
        return yes()
    if any(x in words and y in words for words in _VOCABULARIES):
        return no("words_differ")
    return unknown("prose")


def _choice(a: Value, b: Value, prove: Prove | None) -> Outcome | None:
    if not isinstance(a, Choice):
        return None
    if isinstance(b, Choice):
        return yes() if a.letter == b.letter else no("letters_differ")
    if isinstance(b, Expr) and not a.text:
        return compare(Expr(Sym(a.letter)), b, prove)  # `A` may be a variable after all
    return unknown("option_text_unknown")


def _alternatives(a: Value, b: Value, prove: Prove | None) -> Outcome | None:
    if not isinstance(a, Alternatives):
        return None
    if not isinstance(b, Alternatives | Listing | FiniteSet):
        return unknown("hedge")
    found = _unordered(a.items, b.items, prove, multiset=False)
    return found if found.verdict == "correct" else unknown("hedge")


def _equation(a: Value, b: Value, prove: Prove | None) -> Outcome | None:
    if not isinstance(a, Equation):
        return None
    if a.name is not None and a.name.startswith("="):
        assert isinstance(a.right, Tuple)  # noqa: S101 - read() builds chains so
        members = [compare(x, a.right.items[-1], prove) for x in a.right.items[:-1]]
        if _weakest(members).verdict != "correct":
            return unknown("chain_unclear")
        last = Equation(a.left, a.right.items[-1], a.right_node, a.name[1:])
        return compare(last, b, prove)
    if isinstance(b, Equation):
        return None if b.name and b.name.startswith("=") else _equations(a, b, prove)
    if a.name is not None:
        return compare(a.right, b, prove)
    if not symbols(a.left) and isinstance(b, Rational | Expr):
        sides = [compare(value_of(a.left), b, prove), compare(a.right, b, prove)]
        if all(side.verdict == "correct" for side in sides):
            return _weakest(sides)
    return unknown("equation")


def _equations(a: Equation, b: Equation, prove: Prove | None) -> Outcome:
    if a.name is not None and a.name == b.name:
        return compare(a.right, b.right, prove)
    zero = [Call("add", (side.left, Call("neg", (side.right_node,)))) for side in (a, b)]
    if same_ratio(zero[0], zero[1]).equal:
        return Outcome("correct", "points", "same equation")
    return unknown("equations_differ")


def _quantity(a: Value, b: Value, prove: Prove | None) -> Outcome | None:
    if not isinstance(a, Quantity):
        return None
    if isinstance(b, Quantity):
        return _two_units(a, b, prove)
    if not isinstance(b, Rational | Expr):
        return unknown("unit") if isinstance(b, Percent | Based) else None
    found = compare(a.amount, b, prove)
    if found.verdict != "incorrect":
        return found
    converted = [Fraction(1, 100)] if a.unit == "cent" else scales(a.unit)
    if a.unit == "degree" and isinstance(b, Expr):
        radians = compare(value_of(Call("mul", (node_of(a.amount), _DEGREE))), b, prove)
        return unknown("degrees_or_radians") if radians.verdict != "incorrect" else found
    if not (isinstance(a.amount, Rational) and isinstance(b, Rational)):
        return found
    unclear = any(a.amount.value * scale == b.value for scale in converted)
    return unknown("unit_unclear") if unclear else found


_DEGREE = Call("div", (Sym("pi"), Num(Fraction(180))))


def _two_units(a: Quantity, b: Quantity, prove: Prove | None) -> Outcome:
    if a.unit == b.unit:
        return compare(a.amount, b.amount, prove)
    x, y = size(a.unit), size(b.unit)
    if x is None or y is None:
        return unknown("units_differ")
    if x[0] != y[0]:
        return unknown("units_differ")
    scaled = Call("mul", (node_of(a.amount), Num(x[1] / y[1])))
    same = compare(value_of(scaled), b.amount, prove)
    return no("units_differ") if same.verdict == "incorrect" else unknown("units_differ")


def _percent(a: Value, b: Value, prove: Prove | None) -> Outcome | None:
    if not isinstance(a, Percent):
        return None
    if isinstance(b, Percent):
        return compare(a.of, b.of, prove)
    if not isinstance(b, Rational | Expr):
        return None
    found = compare(a.of, b, prove)
    if found.verdict == "incorrect":
        share = compare(value_of(Call("div", (node_of(a.of), Num(Fraction(100))))), b, prove)
        return found if share.verdict == "incorrect" else unknown("percent_or_fraction")
    return found


def _based(a: Value, b: Value, _: Prove | None) -> Outcome | None:
    if not isinstance(a, Based):
        return None
    value = int(str(a.digits), a.base)
    if isinstance(b, Based):
        if (a.digits, a.base) == (b.digits, b.base):
            return yes()
        return no("bases_differ") if value != int(str(b.digits), b.base) else unknown("bases_differ")
    if isinstance(b, Rational):
        return no() if b.value not in (value, a.digits) else unknown("base_missing")
    return None


def _range(a: Value, b: Value, prove: Prove | None) -> Outcome | None:
    if isinstance(a, Union):
        if not isinstance(b, Union | Interval | FiniteSet | Tuple):
            return None
        others = b.parts if isinstance(b, Union) else (as_interval(b) or b,)
        found = _unordered(a.parts, others, prove, multiset=False)
        # One set can be cut in several ways: (0,2) is (0,1] with (1,2).
        cut_alike = len(a.parts) == len(others)
        return found if cut_alike or found.verdict != "incorrect" else unknown("cut_differently")
    other = as_interval(b)
    if not isinstance(a, Interval) or other is None:
        return None
    ends = [compare(a.low, other.low, prove), compare(a.high, other.high, prove)]
    closed = (_closed(a.low, a.low_closed), _closed(a.high, a.high_closed))
    if closed != (_closed(other.low, other.low_closed), _closed(other.high, other.high_closed)):
        ends.append(no("closedness_differs"))
    return _weakest(ends)


def _closed(end: Value, closed: bool) -> bool:
    infinite = isinstance(end, Expr) and end.node in (Sym("oo"), Call("neg", (Sym("oo"),)))
    return closed and not infinite


def _sequences(a: Value, b: Value, prove: Prove | None) -> Outcome | None:
    x, y = (getattr(v, "items", None) for v in (a, b))
    if x is None or y is None:
        return None
    if isinstance(a, Ratio):
        return _ratio(a, b, prove)
    if isinstance(a, Tuple) and isinstance(b, Tuple):
        return _ordered(x, y, prove)
    if isinstance(a, Tuple) and isinstance(b, Listing | FiniteSet):
        if isinstance(b, Listing) and _ordered(x, y, prove).verdict == "correct":
            return _bare_against_tuple(x, y, prove)
        found = _unordered(x, y, prove, multiset=isinstance(b, Listing))
        return unknown("order_unclear") if found.verdict == "correct" else found
    if isinstance(a, Listing) and isinstance(b, Listing):
        return _unordered(x, y, prove, multiset=True)
    if isinstance(a, FiniteSet) and isinstance(b, Listing | FiniteSet):
        return _unordered(x, y, prove, multiset=False)
    return None


def _bare_against_tuple(x: Sequence[Value], y: Sequence[Value], prove: Prove | None) -> Outcome:
    names = [v.name for v in (*x, *y) if isinstance(v, Equation)]
    if names and names != sorted(names, key=str):
        return unknown("order_unclear")  # y=6, x=5 is not the point (6,5)
    return _ordered(x, y, prove)


def _ratio(a: Ratio, b: Value, prove: Prove | None) -> Outcome | None:
    if not isinstance(b, Ratio):
        return None
    found = _ordered(a.items, b.items, prove)
    if found.verdict == "incorrect" and len(a.items) == len(b.items):
        scaled = [
            compare_points(Call("mul", (_plain(a.items[0]), _plain(q))), Call("mul", (_plain(b.items[0]), _plain(p))))
            for p, q in zip(a.items, b.items, strict=True)
        ]
        if all(s.equal is not False for s in scaled):
            return unknown("ratio_not_reduced")
    return found


def _plain(value: Value) -> Node:
    return node_of(value) if isinstance(value, Rational | Expr) else Sym("?")


def _one_of_many(a: Value, b: Value, prove: Prove | None) -> Outcome | None:
    """A list or a set against a single value."""
    single = Rational | Expr | Percent | Quantity
    if isinstance(a, FiniteSet | Listing) and isinstance(b, single):
        if len(a.items) == 1:
            return compare(a.items[0], b, prove)
        return no("number_of_answers_differs")
    if isinstance(a, Tuple | Interval | Union | Matrix) and isinstance(b, single):
        letter = isinstance(b, Expr) and isinstance(b.node, Sym)  # may stand for anything
        return None if letter or (isinstance(a, Matrix) and len(a.rows) == len(a.rows[0]) == 1) else no("types_differ")
    return None


def _matrix(a: Value, b: Value, prove: Prove | None) -> Outcome | None:
    if not isinstance(a, Matrix):
        return None
    if isinstance(b, Matrix):
        if len(a.rows) != len(b.rows) or len(a.rows[0]) != len(b.rows[0]):
            return no("shapes_differ")
        return _ordered([x for row in a.rows for x in row], [x for row in b.rows for x in row], prove)
    if isinstance(b, Tuple) and 1 in (len(a.rows), len(a.rows[0])):
        found = _ordered([entry for row in a.rows for entry in row], b.items, prove)
        return found if found.verdict != "correct" else unknown("vector_or_tuple")
    return None


def _clock(a: Value, b: Value, _: Prove | None) -> Outcome | None:
    if not isinstance(a, Clock):
        return None
    if isinstance(b, Clock):
        if (a.hour, a.minute, a.half) == (b.hour, b.minute, b.half):
            return yes()
        if a.half and b.half:
            return no("times_differ")
        same = (a.hour % 12, a.minute) == (b.hour % 12, b.minute)
        return unknown("am_or_pm") if same else no("times_differ")
    if isinstance(b, Ratio) and b.items == (Rational(Fraction(a.hour)), Rational(Fraction(a.minute))):
        return unknown("am_or_pm")
    return None


def _numbers(a: Value, b: Value, prove: Prove | None) -> Outcome | None:
    if isinstance(a, Rational | Expr) and isinstance(b, Rational | Expr):
        return scalars(a, b, prove)
    return None


_RULES: tuple[Callable[[Value, Value, Prove | None], Outcome | None], ...] = (
    _text,
    _alternatives,
    _equation,
    _choice,
    _range,
    _matrix,
    _clock,
    _quantity,
    _percent,
    _based,
    _sequences,
    _one_of_many,
    _numbers,
)
