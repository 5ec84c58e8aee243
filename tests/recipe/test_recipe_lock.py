"""A lock says the same as the recipe that it was written from, whatever the recipe holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from cotkit.recipe.load import load, shipped
from cotkit.recipe.lock import lock_text, make_lock, resolved

HEAD = """\
name: odd
steps:
  - step: pull
    sources: [{kind: file, name: a, path: a.jsonl}, {kind: preset, name: gsm8k, limit: 3}]
"""
# Keys whose check asks what the recipe changes.
ODD = {
    "a faithful policy": "  - {step: decontaminate, policy: 'faithful:s1', benchmarks: [aime24]}\n",
    "a selector's variant": "  - {step: sample, rows: 3, by: {by: s1, variant: paper, length: chars}}\n",
    "a preset teacher": "  - {step: distill, teacher: {preset: deepseek, model: deepseek-v4-pro}}\n",
}


def unset(path: Path) -> list[str]:
    return [f"vars.{name}=./{name}" for name in ("data", "push_to")] if path.stem == "aime-math" else []


def same_again(path: Path, folder: Path, options: list[str]) -> None:
    recipe = load(str(path), options).recipe
    lock = folder / "recipe.lock.yaml"
    lock.write_text(lock_text(recipe, make_lock({"pull": {"a": "sha256:0"}}), lock))
    assert resolved(load(str(lock)).recipe) == resolved(recipe)


@pytest.mark.parametrize("what", ODD)
def test_a_lock_is_read_as_its_recipe(tmp_path: Path, what: str) -> None:
    (tmp_path / "r.yaml").write_text(HEAD + ODD[what])
    same_again(tmp_path / "r.yaml", tmp_path, [])


@pytest.mark.parametrize("path", shipped(), ids=lambda path: path.stem)
def test_the_lock_of_every_shipped_recipe_is_read_as_the_recipe(path: Path, tmp_path: Path) -> None:
    same_again(path, tmp_path, unset(path))
