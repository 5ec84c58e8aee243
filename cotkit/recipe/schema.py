"""JSON Schema of recipes, generated from the models, so that editors complete and check them."""

from __future__ import annotations

import json
from typing import Any

from cotkit.recipe.models import RecipeFile
from cotkit.registry import WithRegistered


def recipe_schema() -> str:
    """The schema of the built-in recipe keys as JSON text, ending in a newline."""
    schema = RecipeFile.model_json_schema(schema_generator=WithRegistered)
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "cotkit recipe"}
    # A file that includes another may leave out what the other one says.
    schema["required"] = []
    schema["anyOf"] = [{"required": ["include"]}, {"required": ["name", "steps"]}]
    _allow_blocks(schema)
    schema["$defs"]["Include"] = {
        "type": "object",
        "description": "Take in a block: a list's items, or a mapping's keys.",
        "properties": {"include": _BLOCK},
        "required": ["include"],
        "additionalProperties": False,
    }
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


_ENABLED = {
    "anyOf": [{"type": "boolean"}, {"type": "string", "pattern": r"^\$\{vars\."}],
    "default": True,
    "description": "false: the recipe runs as if this step were not written; a variable may say so.",
}
_BLOCK = {
    "type": "string",
    "description": "A block to take in: a path beside this file, or a shipped blocks/NAME.yaml.",
}


def _allow_blocks(schema: Any) -> None:
    """In every mapping an `include`, in every list of mappings an item that is only an include, in every step
    `enabled`, in place."""
    if isinstance(schema, list):
        for part in schema:
            _allow_blocks(part)
    if not isinstance(schema, dict):
        return
    for part in list(schema.values()):
        _allow_blocks(part)
    if "properties" in schema and schema.get("additionalProperties") is False:
        if "step" in schema["properties"]:
            schema["properties"]["enabled"] = _ENABLED
        schema["properties"].setdefault("include", _BLOCK)
        if "required" in schema:
            schema["anyOf"] = [{"required": schema.pop("required")}, {"required": ["include"]}]
    items = schema.get("items")
    if isinstance(items, dict) and items.keys() & {"$ref", "oneOf", "anyOf"}:
        schema["items"] = {"anyOf": [items, {"$ref": "#/$defs/Include"}]}
