"""Is this output the expected one? Decided in this process, on texts and plain values only."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from cotkit.verify.code.cases import Bag, CallCase, Linked, Opaque, Pairs, Tree
from cotkit.verify.code.policy import CodePolicy, Comparison
from cotkit.verify.code.wire import key_text

_TOKEN = re.compile(r"\S+")
_INTEGER = re.compile(r"[+-]?\d+")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,6})?|[+-]?(?:inf|infinity)|nan", re.IGNORECASE)


@dataclass(frozen=True)
class Rules:
    """How to compare; see CodePolicy."""

    compare: Comparison
    abs_tol: float
    rel_tol: float
    ignore_case: bool


def rules(policy: CodePolicy, compare: Comparison | None) -> Rules:
    """The policy's rules, under the comparison that the tests name."""
    return Rules(compare or policy.compare, policy.abs_tol, policy.rel_tol, policy.ignore_case)


def near(expected: float, got: float, abs_tol: float, rel_tol: float) -> bool:
    """Within either tolerance; NaN is NaN, an infinity only itself."""
    if math.isnan(expected) or math.isnan(got):
        return math.isnan(expected) and math.isnan(got)
    return math.isclose(expected, got, rel_tol=rel_tol, abs_tol=abs_tol)


def same_output(expected: str, got: str, by: Rules) -> bool:
    """Printed text against expected text. White space at line ends and at the end of the text never counts."""
    if by.ignore_case:
        expected, got = expected.casefold(), got.casefold()
    if expected == got:
        return True
    if by.compare == "lines":
        return _lines(expected) == _lines(got)
    if by.compare in ("set", "sorted"):
        a, b = ([" ".join(line.split()) for line in _lines(text) if line] for text in (expected, got))
        return set(a) == set(b) if by.compare == "set" else sorted(a) == sorted(b)
    pairs = zip_longest(_tokens(expected), _tokens(got))
    return all(a is not None and b is not None and _same_token(a, b, by) for a, b in pairs)


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().split("\n")]


def _tokens(text: str) -> Iterator[str]:
    return (match[0] for match in _TOKEN.finditer(text))


def _same_token(expected: str, got: str, by: Rules) -> bool:
    if expected == got:
        return True
    if len(expected) > 400 or len(got) > 400 or not _NUMBER.fullmatch(expected) or not _NUMBER.fullmatch(got):
        return False
    if by.compare != "floats" and _INTEGER.fullmatch(expected):  # whole numbers are exact
        return False
    return near(float(expected), float(got), by.abs_tol, by.rel_tol)


def same_value(expected: Any, got: Any, by: Rules) -> bool:
    """Plain values: numbers by value, floats within tolerance, a tuple is its list. `set` and `sorted`: the
    items of the outermost list or tuple in any order, without or with their multiplicity."""
    if by.compare in ("set", "sorted") and isinstance(expected, list | tuple) and isinstance(got, list | tuple):
        a, b = sorted(expected, key=_order), sorted(got, key=_order)
        if by.compare == "set":
            a, b = _distinct(a, by), _distinct(b, by)
        return _same(a, b, by)
    return _same(expected, got, by)


def _order(value: Any) -> tuple[str, Any]:
    """Numbers by value, texts by text, the rest by its digits and words."""
    if isinstance(value, int | float) and value == value:  # noqa: PLR0124 - NaN has no order
        return ("", value)
    return (type(value).__name__, repr(list(value) if isinstance(value, tuple) else value)[:10_000])


def _distinct(ordered: list[Any], by: Rules) -> list[Any]:
    return [item for k, item in enumerate(ordered) if k == 0 or not _same(ordered[k - 1], item, by)]


def _same(expected: Any, got: Any, by: Rules) -> bool:
    if isinstance(expected, list | tuple):
        return (
            isinstance(got, list | tuple)
            and len(expected) == len(got)
            and all(_same(a, b, by) for a, b in zip(expected, got, strict=True))
        )
    if isinstance(expected, dict | Pairs):
        return isinstance(got, dict | Pairs) and _same_pairs(_by_text(expected), _by_text(got), by)
    if isinstance(expected, set | frozenset | Bag):
        return isinstance(got, set | frozenset | Bag) and key_text(_bag(expected)) == key_text(_bag(got))
    if isinstance(expected, Linked | Tree):
        return type(got) is type(expected) and _same(expected.values, got.values, by)
    if isinstance(expected, Opaque) or isinstance(got, Opaque):
        return False
    if isinstance(expected, float) or (isinstance(got, float) and isinstance(expected, int)):
        return _same_number(expected, got, by)
    if isinstance(expected, str) and isinstance(got, str) and by.ignore_case:
        return expected.casefold() == got.casefold()
    return bool(expected == got)


def _by_text(value: dict[Any, Any] | Pairs) -> dict[str, Any]:
    return {key_text(key): item for key, item in (value.items if isinstance(value, Pairs) else value.items())}


def _same_pairs(expected: dict[str, Any], got: dict[str, Any], by: Rules) -> bool:
    return expected.keys() == got.keys() and all(_same(value, got[key], by) for key, value in expected.items())


def _bag(values: Any) -> Bag:
    """Distinct items."""
    items = values.items if isinstance(values, Bag) else values
    return Bag(tuple({key_text(item): item for item in items}.values()))


def _same_number(expected: float, got: Any, by: Rules) -> bool:
    if not isinstance(got, int | float):
        return False
    if isinstance(expected, int) and by.compare != "floats":
        return expected == got
    try:
        return near(float(expected), float(got), by.abs_tol, by.rel_tol)
    except OverflowError:  # an integer beyond every float
        return False


def holds(case: CallCase, got: Any, by: Rules) -> bool:
    """Whether the result of a call is what its test asks for."""
    if case.relation in ("true", "false"):
        return bool(got.items if isinstance(got, Pairs | Bag) else got) is (case.relation == "true")
    if case.relation == "close":
        return isinstance(got, int | float) and _within(case.expected, got, case.tolerance or 0.0)
    try:
        seen = _wrapped(case.wrap, got)
    except TypeError:
        return False
    if case.relation == "member":
        accepted = case.expected
        if isinstance(accepted, str):
            return isinstance(seen, str) and seen in accepted
        return any(same_value(one, seen, by) for one in accepted)
    return same_value(case.expected, seen, by)


def _within(expected: float, got: float, tolerance: float) -> bool:
    try:
        return abs(got - expected) <= tolerance
    except OverflowError:
        return False


def _wrapped(wrap: str, got: Any) -> Any:
    """What the test does to the result first. Raises TypeError where Python would."""
    if not wrap:
        return got
    if isinstance(got, Pairs):
        got = [key for key, _ in got.items]
    elif isinstance(got, Bag):
        got = list(got.items)
    if wrap == "len":
        return len(got)
    if wrap == "set":
        return _bag(list(got))
    return sorted(got) if wrap == "sorted" else list(got)
