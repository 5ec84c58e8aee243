"""An answer's text to a typed value. Never raises: what cannot be read is `Text` with the reason."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction

from cotkit.verify.clean import clean
from cotkit.verify.parse import parse
from cotkit.verify.tokens import Unreadable
from cotkit.verify.tree import Call, Node, Num, Sym, exact, heads, symbols
from cotkit.verify.units import unit_name
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

_WRAPPED = re.compile(r"\\(?:text|mbox|textbf|textit|textrm|textnormal|mathrm|mathbf|mathit)\s*\{([^{}]*)\}")
_LETTER = re.compile(r"(?:option|choice|选项)?\s*(?:\(([A-Ja-j])\)|([A-J])(?:[.)])?)", re.IGNORECASE)
_LETTER_TEXT = re.compile(r"(?:\(([A-J])\)|([A-J])[.):])\s*(\S.{0,500})")
_CLOCK = re.compile(r"(\d{1,2})\s*:\s*([0-5]\d)\s*(?:([ap])\s*\.?\s*m\.?)?", re.IGNORECASE)
_CAPITALS = re.compile(r"[A-Z]{2,10}")
_CURRENCY = re.compile(r"(-?)\s*\\(dollar|euro|pound|yen)\s*(-?)\s*(?=[\d.\\(])")
_TEXT_TAIL = re.compile(
    r"(.*?)\s*\\(?:text|mbox|textrm|textnormal|mathrm)\s*\{([^{}]*)\}\s*((?:\^\s*\{?\s*[23]\s*\}?)?)"
)
_WORD_TAIL = re.compile(r"(.*[\d)}\]])\s*\{?\s*([A-Za-z]{2,}\.?(?: [A-Za-z]{2,})?(?:\^\{?[23]\}?)?)\s*\}?")
_WORDS = re.compile(r"[^\W\d_][^\d\\^_={}<>|+*/]*")
_COUNTING = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty"
)
_NUMBER_WORDS = {word: number for number, word in enumerate(_COUNTING.split())}
_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}


def read(text: str, *, grouping: bool = True) -> Value:
    """The typed value of an answer; `Text` where it is words or cannot be read."""
    body = clean(text)
    plain = " ".join(_WRAPPED.sub(r"\1", body).split())
    if not plain:
        return Text("", "empty")
    simple = _simple(plain)
    if simple is not None:
        return simple
    try:
        return _with_unit(body, grouping=grouping)
    except (Unreadable, RecursionError) as error:
        why = str(error) if isinstance(error, Unreadable) else "too_deep"
        if plain != body and "\\" not in plain and "{" not in plain:  # \text{A, D}
            with suppress(Unreadable, RecursionError):
                return value_of(parse(plain, grouping=grouping))
        words = _WORDS.fullmatch(plain) and (why == "words" or "\\" in body or " " in plain)
        return Text(plain, "" if words else why)


def _simple(plain: str) -> Value | None:
    """Choice letters, times of day and number words."""
    if len(plain) > 600:
        return None
    letter = _LETTER.fullmatch(plain)
    if letter and (letter[1] or letter[2].isupper()):
        return Choice((letter[1] or letter[2]).upper())
    labelled = _LETTER_TEXT.fullmatch(plain)
    if labelled and not plain[1:2].isspace():
        return Choice((labelled[1] or labelled[2]).upper(), labelled[3])
    if _CAPITALS.fullmatch(plain) or plain.lower() in ("yes", "no"):
        return Text(plain)  # AB may be a segment, a matrix product or an order; it is itself at least
    clock = _CLOCK.fullmatch(plain)
    if clock and int(clock[1]) <= 23 and (clock[3] or len(clock[1]) == 2):
        return Clock(int(clock[1]), int(clock[2]), f"{clock[3].lower()}m" if clock[3] else "")
    if plain.lower() in _NUMBER_WORDS:
        return Rational(Fraction(_NUMBER_WORDS[plain.lower()]))
    return None


def _with_unit(body: str, *, grouping: bool) -> Value:
    currency = _CURRENCY.match(body)
    if currency:
        rest = body[currency.end() :].replace(r"\dollar", "")
        return _measured(value_of(parse(currency[1] + currency[3] + rest, grouping=grouping)), currency[2])
    for pattern, known_only in ((_TEXT_TAIL, False), (_WORD_TAIL, True)):
        tail = pattern.fullmatch(body) if len(body) <= 2_000 else None
        if tail and tail[1].strip():
            unit = unit_name(tail[2] + (tail[3] if pattern is _TEXT_TAIL else ""), known_only=known_only)
            if unit is not None and not tail[1].rstrip().endswith(("=", "_", "^", "^{", "_{")):
                return _measured(value_of(parse(tail[1], grouping=grouping)), unit)
    return value_of(parse(body, grouping=grouping))


def _measured(value: Value, unit: str) -> Value:
    if isinstance(value, Equation):
        return Equation(value.left, _measured(value.right, unit), value.right_node, value.name)
    if not isinstance(value, Rational | Expr):
        raise Unreadable("unit")
    return Percent(value) if unit == "percent" else Quantity(value, unit)


def value_of(node: Node) -> Value:
    """The typed value of a tree."""
    if isinstance(node, Num):
        return Rational(node.value, node.decimals)
    if isinstance(node, Sym):
        return Expr(node)
    head, args = node.head, node.args
    if head.startswith("rel "):
        return _relation(head.split()[1:], args, node)
    if head.startswith("interval "):
        return Interval(value_of(args[0]), value_of(args[1]), head[-2] == "[", head[-1] == "]")
    if head in _STRUCTURES:
        return _structure(head, args)
    if "pm" in heads(node) or "mp" in heads(node):
        return Listing(tuple(value_of(_signed(node, plus=plus)) for plus in (True, False)))
    return _number(node)


def _number(node: Call) -> Value:
    head, args = node.head, node.args
    value = exact(node)
    if value is not None:
        negated = args[0] if head == "neg" else None
        return Rational(value, negated.decimals if isinstance(negated, Num) else None)
    if head in ("percent", "degree"):
        return _measured(value_of(args[0]), head)
    if head == "neg" and isinstance(args[0], Call) and args[0].head in ("degree", "percent"):
        return value_of(Call(args[0].head, (Call("neg", args[0].args),)))
    if head == "based":
        return _based(args)
    return Expr(node)


_STRUCTURES = frozenset({"list", "or", "tuple", "set", "union", "ratio", "matrix"})


def _structure(head: str, args: tuple[Node, ...]) -> Value:
    if head == "matrix":
        return Matrix(tuple(tuple(map(value_of, row.args)) for row in args if isinstance(row, Call)))
    items = tuple(map(value_of, args))
    if head == "or" and all(isinstance(item, Interval | Union) for item in items):
        return Union(items)
    if head == "union":  # (1,2) inside a union is an interval, not a point
        return Union(tuple(as_interval(item) or item for item in items))
    kinds: dict[str, Callable[[tuple[Value, ...]], Value]] = {
        "list": Listing,
        "or": Alternatives,
        "tuple": Tuple,
        "set": FiniteSet,
        "ratio": Ratio,
    }
    return kinds[head](items)


def as_interval(value: Value) -> Interval | None:
    """(a, b) as an open interval, for when the other side says that intervals are meant."""
    if isinstance(value, Interval):
        return value
    if isinstance(value, Tuple) and len(value.items) == 2:
        return Interval(value.items[0], value.items[1], False, False)
    return None


def _based(args: tuple[Node, ...]) -> Value:
    digits, base = (exact(arg) for arg in args)
    if digits is None or base is None or digits.denominator != 1 or not 2 <= base <= 36:
        raise Unreadable("unparsable")
    if any(int(digit) >= base for digit in str(int(digits))):
        raise Unreadable("unparsable")
    return Based(int(digits), int(base))


def _signed(node: Node, *, plus: bool) -> Node:
    def pick(here: Node) -> Node:
        if not isinstance(here, Call):
            return here
        args = tuple(map(pick, here.args))
        if here.head in ("pm", "mp"):
            up = plus == (here.head == "pm")
            return Call("add", (args[0], args[1] if up else Call("neg", (args[1],))))
        return Call(here.head, args)

    return pick(node)


def _is_name(node: Node) -> bool:
    if isinstance(node, Sym):
        return node.name not in ("pi", "e", "i", "oo")
    if isinstance(node, Call) and node.head == "mul":
        return all(isinstance(arg, Sym) and len(arg.name) == 1 and arg.name.isupper() for arg in node.args)
    if isinstance(node, Call) and node.head == "abs":
        return _is_name(node.args[0])
    return isinstance(node, Call) and node.head == "apply"


def _spelled(node: Node) -> str:
    if isinstance(node, Sym):
        return node.name
    return "".join(_spelled(arg) for arg in node.args) if isinstance(node, Call) else ""


def _relation(ops: list[str], sides: tuple[Node, ...], node: Node) -> Value:
    if ops == ["in"]:
        value = value_of(sides[1])
        if isinstance(sides[0], Sym):
            return as_interval(value) or value
    if ops == ["="]:
        left, right = sides
        if _is_name(right) and not _is_name(left) and not symbols(left):
            left, right = right, left
        name = _spelled(left) if _is_name(left) else None
        return Equation(left, value_of(right), right, name)
    if len(ops) > 1 and set(ops) == {"="} and _is_name(sides[0]) and not symbols(Call("list", sides[1:])):
        # x = 2/4 = 1/2: the last member is the answer only if the others agree, which compare checks
        return Equation(sides[0], Tuple(tuple(map(value_of, sides[1:]))), sides[-1], "=" + _spelled(sides[0]))
    bounds = _bounds(ops, sides)
    if bounds is not None:
        return bounds
    if "=" in ops or "approx" in ops or "in" in ops:
        raise Unreadable("unparsable")
    return Expr(node)


def _bounds(ops: list[str], sides: tuple[Node, ...]) -> Interval | None:
    """`a <= x < b`, `x < b`, `a < x` as an interval of x; None for anything else."""
    infinity = Expr(Sym("oo"))
    if any(op not in _FLIPPED for op in ops):
        return None
    if len(ops) == 1:
        (op,), (left, right) = ops, sides
        if not isinstance(left, Sym):
            left, right, op = right, left, _FLIPPED[op]
        if not isinstance(left, Sym) or symbols(right) or not symbols(left):
            return None
        bound = value_of(right)
        if op in ("<", "<="):
            return Interval(value_of(Call("neg", (Sym("oo"),))), bound, False, op == "<=")
        return Interval(bound, infinity, op == ">=", False)
    if len(ops) == 2 and isinstance(sides[1], Sym) and symbols(sides[1]):
        low, _, high = sides
        if ops[0][0] != ops[1][0] or symbols(low) or symbols(high):
            return None
        if ops[0][0] == ">":
            low, high, ops = high, low, [_FLIPPED[ops[1]], _FLIPPED[ops[0]]]
        return Interval(value_of(low), value_of(high), ops[0] == "<=", ops[1] == "<=")
    return None
