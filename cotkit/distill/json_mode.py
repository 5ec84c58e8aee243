"""JSON answers: how each kind of server is asked for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cotkit.distill.teacher import Teacher


def as_json(teacher: Teacher, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The keys of a request whose answer is to be a JSON object of a schema.

    Most servers take the bare mode and nothing beside it. llama.cpp takes that, too, and then lets the model write what
    it likes; only a schema binds it.
    """
    wanted: dict[str, Any] = {"type": "json_object"}
    if teacher.known is not None and teacher.known.json_by_schema:
        wanted["schema"] = schema
    return {"response_format": wanted}


def an_object(**properties: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema of an object with these keys, all of them required and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
