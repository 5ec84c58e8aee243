"""A first answer and a second: how strategies of two turns begin, and how they call what came of it."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from cotkit.distill.strategies import Call, Case, Played, Reply, unpaid
from cotkit.distill.strategies.shared.thinking import lost

_WORDS = {"correct": "right", "incorrect": "wrong"}


def first_turn(case: Case) -> Generator[Sequence[Call], Sequence[Reply], Reply | Played]:
    """The first answer; or what becomes of a problem that has no reference, or whose answer does not end."""
    if (dropped := unpaid(case.problem)) is not None:
        return dropped
    (first,) = yield [Call(case.messages(), purpose="first")]
    if not first.done or first.response is None:
        return Played([lost(first, [first], "first_unfinished")])
    return first


def transition(before: str, after: str) -> str:
    """Two verdicts as one word: wrong_to_right."""
    return f"{_WORDS.get(before, before)}_to_{_WORDS.get(after, after)}"
