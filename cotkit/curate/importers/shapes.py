"""Readers of the shapes that training sets come in; cotkit's exporters write the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from cotkit.curate.importers import Published, PublishedTrace, Unreadable
from cotkit.curate.importers.cells import optional, text, turns
from cotkit.curate.wrappings import take_apart
from cotkit.records import Example

Row = Mapping[str, Any]
_OF_EXAMPLE = tuple(f.name for f in fields(Example))
_ASKING, _ANSWERING, _INSTRUCTING = ("user", "human"), ("assistant", "gpt"), ("system", "developer")


def trace(answer: str, said: Mapping[str, Any] | None = None, own: Mapping[str, Any] | None = None) -> PublishedTrace:
    """An attempt whose reasoning, if any, stands in the text."""
    apart = take_apart(answer)
    return PublishedTrace(apart.reasoning, apart.response, closed=apart.closed, said=said or {}, own=own or {})


def _one_of_each(found: list[dict[str, Any]]) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """The question, the answer's turn, and what else was said. Raises Unreadable for any other talk: nothing that was
    said before the answer may be lost.
    """
    talk = [t for t in found if t["role"] not in _INSTRUCTING]
    asking = [t for t in talk if t["role"] in _ASKING]
    answering = [t for t in talk if t["role"] in _ANSWERING]
    other = next((t["role"] for t in talk if t["role"] not in (*_ASKING, *_ANSWERING)), None)
    if other is not None:
        raise Unreadable(f"a turn is from '{other[:40]}'; one question and one answer are wanted")
    if len(asking) != 1 or len(answering) != 1:
        raise Unreadable(f"one question and one answer are wanted, not {len(asking)} and {len(answering)}")
    if talk[0] is not asking[0]:
        raise Unreadable("the answer stands before the question")
    system = "\n\n".join(t["content"] for t in found if t["role"] in _INSTRUCTING)
    return asking[0]["content"], answering[0], {"system": system} if system else {}


def messages(row: Row) -> Published:
    """A `messages` column; reasoning in its own column, in `reasoning_content`, or in tags."""
    asked, answer, said = _one_of_each(turns(row, "messages"))
    used = frozenset({"messages", "reasoning", "response"})
    if optional(row, "response") is not None:
        return Published(asked, (PublishedTrace(optional(row, "reasoning"), text(row, "response"), said=said),), used)
    if "reasoning_content" in answer:
        own = PublishedTrace(optional(answer, "reasoning_content"), answer["content"], said=said)
        return Published(asked, (own,), used)
    return Published(asked, (trace(answer["content"], said),), used)


def sharegpt(row: Row) -> Published:
    """`conversations` of from and value, with or without a `system` column."""
    asked, answer, said = _one_of_each(turns(row, "conversations", "from", "value"))
    system = optional(row, "system")
    said = {**said, **({"system": system} if system else {})}
    return Published(asked, (trace(answer["content"], said),), frozenset({"conversations", "system"}))


def alpaca(row: Row) -> Published:
    """`instruction`, perhaps `input`, and `output` or `response`: Alpaca, Open-O1, Marco-o1.

    LLaMA-Factory's `history` holds the turns before: a talk of several turns.
    """
    if row.get("history") not in (None, [], "", "[]"):
        raise Unreadable("the column 'history' holds earlier turns; one question and one answer are wanted")
    column = "output" if "output" in row else "response"
    more, system = optional(row, "input"), optional(row, "system")
    asked = text(row, "instruction") + (f"\n\n{more}" if more else "")
    used = frozenset({"instruction", "input", "system", "history", column})
    return Published(asked, (trace(text(row, column), {"system": system} if system else {}),), used)


def _side(row: Row, column: str, *roles: str) -> str:
    """A text, or the one chat turn of these roles in a list. Raises Unreadable."""
    if isinstance(row.get(column), str) and not row[column].startswith("[{"):
        return text(row, column)
    found = [t["content"] for t in turns(row, column) if t["role"] in roles]
    if len(found) != 1:
        raise Unreadable(f"the column '{column}' holds {len(found)} turns of {roles[0]}, not one")
    return found[0]


def prompt_completion(row: Row) -> Published:
    """`prompt` and `completion`, as texts or as lists of one turn; a text prompt ends in an empty line."""
    answer, asked = _side(row, "completion", *_ANSWERING), _side(row, "prompt", *_ASKING)
    plain = isinstance(row["prompt"], str)
    asked = asked.removesuffix("\n\n") if plain else asked
    return Published(asked, (trace(answer),), frozenset({"prompt", "completion"}))


def r1(row: Row) -> Published:
    """`prompt` and `text`."""
    return Published(text(row, "prompt"), (trace(text(row, "text")),), frozenset({"prompt", "text"}))


def r1_zero(row: Row) -> Published:
    """`question`, its templated `prompt`, and `completion`."""
    used = frozenset({"question", "prompt", "completion"})
    return Published(text(row, "question"), (trace(text(row, "completion")),), used)


def plain(row: Row) -> Published:
    """`text`, taken apart by the two counts of characters."""
    whole, prompt, reasoning = text(row, "text"), row.get("prompt_chars"), row.get("reasoning_chars")
    if not isinstance(prompt, int) or not isinstance(reasoning, int) or prompt < 0 or reasoning < 0:
        raise Unreadable("prompt_chars and reasoning_chars are no counts")
    start = prompt + 2
    end = start + reasoning + 2 if reasoning else start
    if len(whole) < end:
        raise Unreadable("prompt_chars and reasoning_chars reach past the end of the text")
    one = PublishedTrace(whole[start : start + reasoning] or None, whole[end:])
    return Published(whole[:prompt], (one,), frozenset({"text", "prompt_chars", "reasoning_chars"}))


def preference(row: Row) -> Published:
    """`prompt`, `chosen`, `rejected`: two attempts, of which the set says which is better."""
    traces = []
    used = {"prompt", "chosen", "rejected", "chosen_length", "rejected_length", "length_unit", "rejected_kind"}
    for side in ("chosen", "rejected"):
        own = {name: row[f"{side}_{name}"] for name in _OF_EXAMPLE if f"{side}_{name}" in row}
        used |= {f"{side}_{name}" for name in own}
        traces.append(trace(_side(row, side, *_ANSWERING), {"side": side}, own))
    return Published(_side(row, "prompt", *_ASKING), tuple(traces), frozenset(used))


def verl(row: Row) -> Published:
    """Problems for reinforcement learning: no attempts."""
    model, info = row.get("reward_model"), row.get("extra_info")
    answer = model.get("ground_truth") if isinstance(model, dict) else None
    columns = dict(info) if isinstance(info, dict) else {}
    columns |= {"answer": answer, "domain": row.get("ability"), "source": columns.get("source") or row["data_source"]}
    used = frozenset({"data_source", "prompt", "ability", "reward_model", "extra_info"})
    return Published(_side(row, "prompt", *_ASKING), (), used, columns=columns)
