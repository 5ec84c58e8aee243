"""Sets whose problem is the turn of a chat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cotkit.curate.sources.conversions.shape import Row


def chat_prompt(row: Row) -> Row:
    """STILL-3 RL and the like: the prompt is a chat, the answer lies in reward_model."""
    return {"problem": _user_turn(row["prompt"]), "answer": row["reward_model"]["ground_truth"]}


def conversation(row: Row) -> Row:
    """Trace sets with `conversations`: the problem is the first user turn; the trace is left to `curate import`."""
    return {"problem": row.get("question") or _user_turn(row["conversations"])}


def still_2(row: Row) -> Row:
    """STILL-2: physics, chemistry and biology are science; the trace is left to `curate import`."""
    field = str(row["domain"])
    return {"domain": field if field in ("math", "code", "puzzle") else "science", "field": field}


def _user_turn(turns: Sequence[Mapping[str, Any]]) -> str | None:
    """The first turn of a user, in either spelling of chats."""
    for turn in turns:
        if turn.get("role", turn.get("from")) in ("user", "human"):
            return str(turn.get("content", turn.get("value")))
    return None
