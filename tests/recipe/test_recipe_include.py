"""Where an included recipe is looked for, and what a recipe that includes one is called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cotkit.errors import RecipeError
from cotkit.recipe.load import SHIPPED, load, shipped

BASE = """\
name: base
steps:
  - {step: pull, sources: [{kind: file, name: mine, path: p.jsonl}]}
"""


def put(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text)
    return str(folder / name)


@pytest.mark.parametrize("written", ["quickstart", "quickstart.yaml"])
def test_a_shipped_recipe_is_included_by_its_name_and_by_its_files(tmp_path: Path, written: str) -> None:
    found = load(put(tmp_path, "mine.yaml", f"include: {written}\n")).recipe
    assert found.steps == load("quickstart").recipe.steps


def test_a_file_beside_comes_before_a_shipped_one(tmp_path: Path) -> None:
    put(tmp_path, "quickstart.yaml", BASE)
    assert [s.name for s in load(put(tmp_path, "mine.yaml", "include: quickstart.yaml\n")).recipe.steps] == ["pull"]
    assert len(load(put(tmp_path, "mine.yaml", "include: quickstart\n")).recipe.steps) > 1


@pytest.mark.parametrize("path", [p for p in shipped() if p.stem.endswith("-strict")], ids=lambda p: p.stem)
def test_a_copy_of_a_recipe_that_includes_another_loads(tmp_path: Path, path: Path) -> None:
    """Even beside an edited copy of the other one, which has the name of its file."""
    put(tmp_path, f"{path.stem.removesuffix('-strict')}.yaml", BASE)
    copy = put(tmp_path, "copy.yaml", path.read_text())
    assert load(copy).recipe.steps == load(str(SHIPPED / path.name)).recipe.steps


def test_recipes_copy_writes_one_that_is_valid(cli: Any) -> None:
    assert cli("recipes", "copy", "s1k-strict", "mine.yaml").returncode == 0
    shown = cli("recipes", "diff", "mine.yaml", "s1k-strict")
    assert (shown.returncode, shown.stdout) == (0, ""), shown.stderr


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name: x\ninclude: nofile.yaml\n", r"mine\.yaml:2:1: no recipe 'nofile\.yaml' beside mine\.yaml or among"),
        ("name: x\ninclude: s1kk\n", r"mine\.yaml:2:1: no recipe 's1kk' .*did you mean 's1k'"),
        ("name: x\ninclude:\n", r"mine\.yaml:2:1: `include:` takes one path"),
        ("include: empty.yaml\n", r"empty\.yaml:1:1: a recipe is a YAML mapping"),
    ],
)
def test_an_include_that_is_none_is_told_with_its_line(tmp_path: Path, text: str, expected: str) -> None:
    put(tmp_path, "empty.yaml", "")
    with pytest.raises(RecipeError, match=expected):
        load(put(tmp_path, "mine.yaml", text))


def test_a_recipe_that_includes_another_has_its_own_name(tmp_path: Path) -> None:
    """Its runs would lie in the other one's directory."""
    put(tmp_path, "base.yaml", BASE)
    assert load(put(tmp_path, "My own.yaml", "include: base.yaml\n")).recipe.name == "My-own"
    assert load(put(tmp_path, "x.yaml", "include: base.yaml\nset: {name: said}\n")).recipe.name == "said"
