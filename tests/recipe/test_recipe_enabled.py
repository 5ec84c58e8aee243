"""Steps that a variable switches on and off."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from cotkit.errors import RecipeError
from cotkit.recipe.load import load
from cotkit.recipe.lock import resolved
from cotkit.recipe.schema import recipe_schema

TEXT = """\
name: switch
vars: {hard: false, rows: 5}
steps:
  - {step: pull, sources: [{kind: file, name: mine, path: p.jsonl}]}
  - step: filter
    enabled: ${vars.hard}
    filters: [{name: gradable}]
  - {step: sample, enabled: true, rows: "${vars.rows}"}
"""


def steps(tmp_path: Path, text: str, *options: str) -> list[str]:
    path = tmp_path / "r.yaml"
    path.write_text(text)
    recipe = load(str(path), options).recipe
    assert "enabled" not in json.dumps(resolved(recipe))
    return [step.name for step in recipe.steps]


def test_a_step_that_is_off_is_as_if_not_written(tmp_path: Path) -> None:
    assert steps(tmp_path, TEXT) == ["pull", "sample"]
    assert steps(tmp_path, TEXT, "vars.hard=true") == ["pull", "filter", "sample"]
    assert steps(tmp_path, TEXT, "sample.enabled=false") == ["pull"]


def test_only_true_and_false_switch(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"r\.yaml:6:5: `enabled` is true or false, not 'maybe'"):
        steps(tmp_path, TEXT, "vars.hard=maybe")


def test_a_mistake_behind_a_step_that_is_off_keeps_its_line(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"r\.yaml:8:"):
        steps(tmp_path, TEXT.replace('rows: "${vars.rows}"', 'row: "${vars.rows}"'))


def test_the_schema_knows_it() -> None:
    check = jsonschema.Draft202012Validator(json.loads(recipe_schema()))
    data = yaml.safe_load(TEXT.replace('"${vars.rows}"', "5"))
    assert not list(check.iter_errors(data))
    data["steps"][1]["enabled"] = 3
    assert list(check.iter_errors(data))
