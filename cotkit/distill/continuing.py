"""Begun answers: how each kind of server is asked to go on with a text instead of starting afresh."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from cotkit.distill.presets import Continues
from cotkit.distill.prompt import Message
from cotkit.distill.teacher import Teacher
from cotkit.records import readable
from cotkit.tags import split_tags

# vLLM and SGLang take these beside the messages; without them a trailing assistant message is closed and a new turn
# begins.
_FINAL = {"continue_final_message": True, "add_generation_prompt": False}


def continued(
    teacher: Teacher, messages: Sequence[Message], begun: str
) -> tuple[list[dict[str, Any]], Mapping[str, Any]]:
    """The messages with the begun answer, and further keys of the request."""
    turn: dict[str, Any] = {"role": "assistant", "content": begun}
    how: Continues = "last_message" if teacher.known is None else teacher.known.continues
    if how == "prefix_key":  # DeepSeek's beta API, which takes begun thinking apart from a begun answer
        turn["prefix"] = True
        parts = split_tags(begun)
        if parts.tag is not None:
            turn |= {"reasoning_content": parts.reasoning.strip(), "content": parts.response}
    return [*messages, turn], _FINAL if how == "final_message" else {}


def read_new(body: bytes, begun: str) -> tuple[str | None, str | None]:
    """(reasoning, response) that a continued answer adds, with the white space at its beginning.

    Whoever joins it to what was begun would otherwise run two words together. A server that gives the begun text back
    has it cut off. Never raises; (None, None) where there is nothing.
    """
    try:
        message = json.loads(body)["choices"][0]["message"]
        content = message.get("content") or ""
        given = message.get("reasoning_content") or message.get("reasoning")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        return None, None
    if not isinstance(content, str) or not (given is None or isinstance(given, str)):
        return None, None
    content = content.removeprefix(begun)
    if given is not None:
        return readable(given.removeprefix(split_tags(begun).reasoning)) or None, readable(content) or None
    parts = split_tags(content)
    return readable(parts.reasoning) or None, readable(parts.response) or None
