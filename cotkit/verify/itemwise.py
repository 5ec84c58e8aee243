"""Answers of several parts compared part by part."""

from __future__ import annotations

from collections.abc import Sequence

from cotkit.verify.scalars import How, Outcome, no, unknown, yes
from cotkit.verify.values import (
    Value,
)

MAX_ITEMS = 64


MAX_ENTRIES = 4_000


_LADDER = ("exact", "typed", "numeric", "points", "symbolic", "none")


def weakest(outcomes: Sequence[Outcome]) -> Outcome:
    """One wrong part makes the whole wrong; else one unknown part makes it unknown."""
    for verdict in ("incorrect", "undecided"):
        for outcome in outcomes:
            if outcome.verdict == verdict:
                return outcome
    return max(outcomes, key=lambda o: _LADDER.index(o.method), default=yes())


def ordered(a: Sequence[Value], b: Sequence[Value], how: How) -> Outcome:
    """Part by part."""
    if len(a) != len(b):
        return no("lengths_differ")
    if len(a) > MAX_ENTRIES:
        return unknown("too_long")
    return weakest([how.same(x, y) for x, y in zip(a, b, strict=True)])


def unordered(a: Sequence[Value], b: Sequence[Value], how: How, *, multiset: bool) -> Outcome:
    """Every item of one side has a partner on the other; a set counts equal items once."""
    if multiset and len(a) != len(b):
        return no("lengths_differ")
    if max(len(a), len(b)) > MAX_ITEMS:
        return unknown("too_long")
    table = [[how.same(x, y) for y in b] for x in a]
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
    return weakest(used)
