"""Pairs out of search trees: at one place, the step that leads to the right end against one that was judged wrong.

O1 Journey (arXiv 2410.18982, sections 6.5 and 6.6) grows such trees and trains on preferences, too. Its own pairs are
of whole answers, which the rule `first` makes; these keep what both have in common and differ in one step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

JOINT = "\n\n"


@dataclass(frozen=True, slots=True)
class Branch:
    """Two steps at one place of a tree: `before` are the steps down to it, `why` is the judge's word on the wrong."""

    before: tuple[str, ...]
    chosen: str
    rejected: str
    chosen_node: int
    rejected_node: int
    why: str


def branches(tree: Mapping[str, Any]) -> list[Branch]:
    """All pairs along the way to the end that was taken, first steps first.

    A step on the way is the chosen one, each step beside it that the judge called wrong a rejected one. The end is the
    node marked `chosen`, else the last one that was judged right and states an answer. A tree without such an end, or
    of steps that nobody judged, has none.
    """
    nodes: Sequence[Mapping[str, Any]] = tree["nodes"]
    ends = [node for node in nodes if node.get("judged") == "right" and node.get("answer") is not None]
    end = next((node for node in ends if node.get("chosen")), ends[-1] if ends else None)
    path: list[Mapping[str, Any]] = []
    while end is not None and end["parent"] is not None:
        path.insert(0, end)
        end = nodes[end["parent"]]
    return [
        Branch(
            tuple(str(step["text"]) for step in path[:depth]),
            str(right["text"]),
            str(wrong["text"]),
            right["number"],
            wrong["number"],
            str(wrong.get("why") or ""),
        )
        for depth, right in enumerate(path)
        if right.get("judged") == "right"
        for wrong in nodes
        if wrong["parent"] == right["parent"] and wrong.get("judged") == "wrong"
    ]


def branch_row(branch: Branch, asked: str) -> dict[str, Any]:
    """The pair as a row: chat turns as TRL's DPOTrainer takes them, lengths in characters."""
    before = "".join(step + JOINT for step in branch.before)
    chosen, rejected = before + branch.chosen, before + branch.rejected
    return {
        "prompt": [{"role": "user", "content": asked}],
        "chosen": [{"role": "assistant", "content": chosen}],
        "rejected": [{"role": "assistant", "content": rejected}],
        "chosen_length": len(chosen),
        "rejected_length": len(rejected),
        "length_unit": "characters",
        "rejected_kind": "wrong_step",
        "chosen_verdict": "correct",
        "shared_prefix": len(before),
        "why": branch.why,
        "chosen_node": branch.chosen_node,
        "rejected_node": branch.rejected_node,
    }


def broken_branch(row: Mapping[str, Any]) -> str | None:
    """Which rule a pair of steps breaks, or None."""
    chosen, rejected, shared = _text(row.get("chosen")), _text(row.get("rejected")), row.get("shared_prefix")
    if chosen is None or rejected is None:
        return "a side is no chat turn"
    rules = (
        (row.get("chosen_verdict") == "correct", "the way of the chosen step is not correct"),
        (row.get("rejected_kind") == "wrong_step", f"the rejected step is called {row.get('rejected_kind')}"),
        (chosen != rejected, "both are the same"),
        (
            isinstance(shared, int) and chosen[:shared] == rejected[:shared] and _ends(chosen, shared),
            "the two do not begin alike as far as they say",
        ),
        (
            (row.get("chosen_length"), row.get("rejected_length")) == (len(chosen), len(rejected)),
            "a length is not that of its text",
        ),
    )
    return next((said for obeyed, said in rules if not obeyed), None)


def _ends(text: str, shared: int) -> bool:
    """Does a step end there?"""
    return shared == 0 or (0 < shared <= len(text) and text[:shared].endswith(JOINT))


def _text(turns: Any) -> str | None:
    if isinstance(turns, list) and len(turns) == 1 and isinstance(turns[0], Mapping):
        return str(turns[0].get("content") or "")
    return None
