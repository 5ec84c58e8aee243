"""JSON Schema of recipes, generated from the models, so that editors complete and check them."""

from __future__ import annotations

import json

from cotkit.recipe.models import RecipeFile


def recipe_schema() -> str:
    """The schema of the built-in recipe keys as JSON text, ending in a newline."""
    schema = RecipeFile.model_json_schema()
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "cotkit recipe"}
    # A file that includes another may leave out what the other one says.
    schema["required"] = []
    schema["anyOf"] = [{"required": ["include"]}, {"required": ["name", "steps"]}]
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"
