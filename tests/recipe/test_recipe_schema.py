"""The committed JSON Schema is the one the models give, and knows what the models know."""

from __future__ import annotations

import json

from cotkit.config import PACKAGE
from cotkit.recipe.load import load, shipped
from cotkit.recipe.schema import recipe_schema
from cotkit.registry import BUILTIN


def test_committed_schema_is_up_to_date() -> None:
    committed = (PACKAGE / "recipe" / "recipe.schema.json").read_text(encoding="utf-8")
    assert committed == recipe_schema(), "run `make schema`"


def test_schema_names_everything_registered() -> None:
    text = recipe_schema()
    for group in BUILTIN.values():
        for name in group:
            assert json.dumps(name) in text


def test_every_shipped_recipe_loads() -> None:
    assert {path.stem for path in shipped()} >= {"quickstart", "aime-math"}
    for path in shipped():
        needed = {"aime-math": ["vars.data=./x", "vars.push_to=./y"]}.get(path.stem, [])
        assert load(str(path), needed).recipe.name == path.stem
