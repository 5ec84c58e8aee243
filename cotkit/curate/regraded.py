"""Pairs held against their reference answers: the verdicts in a file are a claim, not a proof."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cotkit.curate.wrappings import take_apart
from cotkit.verify import Pair, grade_many
from cotkit.verify.extract import beside

# A judge overruled or went beyond the rules; that the rules see it otherwise is no fault of the pair.
_BY_A_JUDGE = "judge"


def regraded(rows: Sequence[Mapping[str, Any]]) -> tuple[list[str | None], int]:
    """Of each pair (columns of the format `preference`) which side its reference contradicts, or None; and how many
    sides nothing could be said of: no reference, the rules are in doubt, or a judge's word decided.

    Graded with the default policy.
    """
    sides = list(_sides(rows))
    verdicts = grade_many([pair for _, _, pair in sides])
    found: list[str | None] = [None] * len(rows)
    open_sides = 2 * len(rows) - len(sides)
    for (number, side, _), verdict in zip(sides, verdicts, strict=True):
        kind = rows[number].get("rejected_kind")
        wanted = "incorrect" if side == "rejected" and kind == "wrong" else "correct"
        if verdict.value == "undecided":
            open_sides += 1
        elif verdict.value != wanted and found[number] is None:
            called = f" is called {kind} and" if side == "rejected" else ""
            held = f" (its answer is {_short(verdict.extracted)}, the reference {_short(verdict.reference)})"
            told = held if verdict.value == "incorrect" else ""
            found[number] = f"the {side} attempt{called} is graded {verdict.value}{told}"
    return found, open_sides


def _sides(rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, str, Pair]]:
    for number, row in enumerate(rows):
        if not isinstance(row.get("answer"), str):
            continue
        for side in ("chosen", "rejected"):
            turns = row.get(side)
            last = turns[-1] if isinstance(turns, list) and turns else None
            text = last.get("content") if isinstance(last, Mapping) else None
            if isinstance(text, str) and row.get(f"{side}_verdict_method") != _BY_A_JUDGE:
                apart = take_apart(text)
                question = row.get("problem")
                asked = question if isinstance(question, str) else None
                yield number, side, Pair(row["answer"], beside(apart.response, apart.reasoning), asked)


def _short(text: str | None) -> str:
    return (text or "")[:60]
