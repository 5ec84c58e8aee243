"""Begun answers: how each kind of server is asked to go on with a text instead of starting afresh."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cotkit.distill.presets import Continues
from cotkit.distill.prompt import Message
from cotkit.distill.teacher import Teacher

# vLLM and SGLang take these beside the messages; without them a trailing assistant message is closed and a new turn
# begins.
_FINAL = {"continue_final_message": True, "add_generation_prompt": False}


def continued(
    teacher: Teacher, messages: Sequence[Message], begun: str
) -> tuple[list[dict[str, Any]], Mapping[str, Any]]:
    """The messages with the begun answer, and further keys of the request."""
    turn: dict[str, Any] = {"role": "assistant", "content": begun}
    how: Continues = "last_message" if teacher.known is None else teacher.known.continues
    if how == "prefix_key":  # DeepSeek's beta API
        turn["prefix"] = True
    return [*messages, turn], _FINAL if how == "final_message" else {}
