"""Which two attempts at a problem make a pair for preference training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from cotkit.curate.wrappings import take_apart

By = Literal["first", "long2short", "extremes"]
Unit = Literal["characters", "tokens"]
# Kimi k1.5 (arXiv 2501.12599, section 2.4) rejects a correct response from 1.5 times the length of the chosen one.
RATIO = 1.5


@dataclass(frozen=True, slots=True)
class Candidate:
    """An attempt that was decided: its row, its length, and whether it is correct."""

    number: int
    length: int
    correct: bool


@dataclass(frozen=True, slots=True)
class Pair:
    """Two attempts at one problem; `kind` says what is wrong with the rejected one: wrong or longer."""

    chosen: Candidate
    rejected: Candidate
    kind: Literal["wrong", "longer"]


def pairs(candidates: Sequence[Candidate], by: By, ratio: float = RATIO) -> list[Pair]:
    """The pairs that a rule makes of one problem's attempts, in their order.

    first: the first correct with the first incorrect one, the second with the second, and so on.
    long2short: the shortest correct one with each that is incorrect and longer, or correct and `ratio` times as long.
    extremes: the shortest correct one with the longest correct one, where that is longer.
    Of equally long ones the first counts.
    """
    good = [c for c in candidates if c.correct]
    if by == "first":
        bad = [c for c in candidates if not c.correct]
        return [Pair(a, b, "wrong") for a, b in zip(good, bad, strict=False)]
    if not good:
        return []
    short = min(good, key=lambda c: c.length)
    if by == "extremes":
        long = max(good, key=lambda c: c.length)
        return [Pair(short, long, "longer")] if long.length > short.length else []
    found = (Pair(short, c, "longer" if c.correct else "wrong") for c in candidates if c is not short)
    return [pair for pair in found if _long2short(pair, ratio)]


def _long2short(pair: Pair, ratio: float) -> bool:
    chosen, rejected = pair.chosen.length, pair.rejected.length
    return rejected > chosen and (pair.kind == "wrong" or rejected >= ratio * chosen)


def _fits(turns: Any, length: int) -> bool:
    """Whether a side of a published pair is as long as it says."""
    if not (isinstance(turns, list) and len(turns) == 1 and isinstance(turns[0], Mapping)):
        return False
    apart = take_apart(str(turns[0].get("content") or ""))
    return len(apart.reasoning or "") + len(apart.response) == length


def broken_rule(row: Mapping[str, Any], by: By, ratio: float = RATIO) -> str | None:
    """Which rule a published pair breaks, or None. `row` has the columns of the format `preference`."""
    kind, verdict = row.get("rejected_kind"), row.get("rejected_verdict")
    chosen, rejected = row.get("chosen_length"), row.get("rejected_length")
    if row.get("chosen_verdict") != "correct":
        return "the chosen attempt is not correct"
    if (kind, verdict) not in (("wrong", "incorrect"), ("longer", "correct")):
        return f"the rejected attempt is called {kind} and its verdict is {verdict}"
    if not isinstance(chosen, int) or not isinstance(rejected, int) or not row.get("length_unit"):
        return "a length or its unit is missing"
    measured = row["length_unit"] == "characters"
    fits = _fits(row.get("chosen"), chosen) and _fits(row.get("rejected"), rejected)
    only = {"first": "wrong", "extremes": "longer"}.get(by, kind)
    rules = (
        (not measured or fits, "a length is not that of its text"),
        (kind == only, f"the rejected attempt is not {only}"),
        (by == "first" or rejected > chosen, "the rejected attempt is not longer than the chosen one"),
        (
            by != "long2short" or kind == "wrong" or rejected >= ratio * chosen,
            f"the rejected attempt is correct and less than {ratio:g} times as long as the chosen one",
        ),
    )
    return next((said for obeyed, said in rules if not obeyed), None)
