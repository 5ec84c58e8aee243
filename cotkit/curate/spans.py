"""Offsets that strategies note of a reasoning, where its text is cut or written anew afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# [start, end) pairs in characters, in the order of the text.
_LISTS = ("wrong_spans", "correction_spans", "step_spans", "part_spans", "inserted")
_SINGLE = ("first_span", "phrase_span")
# As many entries as the list of spans beside it.
_BESIDE = {"wrong_nodes": "wrong_spans"}
_FINAL, _SHARED = "final", "shared_prefix"


def cut_spans(facts: Mapping[str, Any], end: int) -> dict[str, Any]:
    """What was noted of a text of which only the first `end` characters are left; 0 where none of it is.

    A stretch that was cut through ends at the cut; one behind it is gone, and so is `final` unless it is there whole.
    """
    found = dict(facts)
    for name in _LISTS:
        if _are_spans(facts.get(name)):
            found[name] = [[span[0], min(span[1], end)] for span in facts[name] if span[0] < end]
    for name, spans in _BESIDE.items():
        if isinstance(facts.get(name), list) and _are_spans(found.get(spans)):
            found[name] = facts[name][: len(found[spans])]
    for name in _SINGLE:
        if _are_spans([facts.get(name)]):
            start, last = found.pop(name)
            found |= {name: [start, min(last, end)]} if start < end else {}
    if _are_spans([facts.get(_FINAL)]) and facts[_FINAL][1] > end:
        del found[_FINAL]
    if isinstance(facts.get(_SHARED), int):
        found[_SHARED] = min(facts[_SHARED], end)
    return found


def _are_spans(value: Any) -> bool:
    """A file of a user may hold anything under these names."""
    return isinstance(value, list) and all(
        isinstance(span, list) and len(span) == 2 and all(isinstance(at, int) for at in span) for span in value
    )
