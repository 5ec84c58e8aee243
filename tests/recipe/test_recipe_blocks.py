"""Blocks, and what a recipe changes in the steps of the one it includes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from pydantic import ValidationError

from cotkit.errors import InputError, RecipeError
from cotkit.recipe.load import load
from cotkit.recipe.schema import recipe_schema

Put = Callable[[str, str], Path]

BASE = """\
name: base
steps:
  - include: sources.yaml
  - step: filter
    filters:
      - {name: no_figure}
      - include: lengths.yaml
      - {name: no_proof}
  - step: distill
    teacher: {include: teacher.yaml, model: other}
  - step: verify
  - step: select
"""
BLOCKS = {
    "sources.yaml": "step: pull\nsources:\n  - {kind: file, name: a, path: a.jsonl}\n",
    "lengths.yaml": "- {name: length, min_chars: 5}\n- {name: length, max_chars: 90}\n",
    "teacher.yaml": "base_url: http://127.0.0.1:1/v1\nmodel: m\nextra_body: {include: deeper/extra.yaml}\n",
    "deeper/extra.yaml": "top: 1\nusage: {include: true}\n",
}


@pytest.fixture
def put(tmp_path: Path) -> Put:
    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    for name, text in {"base.yaml": BASE, **BLOCKS}.items():
        write(name, text)
    return write


def test_blocks_are_taken_into_lists_and_mappings(put: Put, tmp_path: Path) -> None:
    steps: Any = load(str(tmp_path / "base.yaml")).recipe.steps
    assert [s.name for s in steps] == ["pull", "filter", "distill", "verify", "select"]
    assert steps[0].sources[0].path == tmp_path / "a.jsonl"
    assert [f.name for f in steps[1].filters] == ["no_figure", "length", "length", "no_proof"]
    assert (steps[2].teacher.model, steps[2].teacher.base_url) == ("other", "http://127.0.0.1:1/v1")
    assert steps[2].teacher.extra_body == {"top": 1, "usage": {"include": True}}


def test_a_mistake_in_a_block_is_told_with_the_blocks_line(put: Put, tmp_path: Path) -> None:
    put("lengths.yaml", "- {name: length, min_chars: 5}\n- {name: length, max_char: 90}\n")
    with pytest.raises(RecipeError, match=r"lengths\.yaml:2:\d+: .*'max_char'.*did you mean 'max_chars'"):
        load(str(tmp_path / "base.yaml"))


def test_a_mistake_behind_a_spliced_block_keeps_its_own_line(put: Put, tmp_path: Path) -> None:
    put("base.yaml", BASE.replace("{name: no_proof}", "{name: no_prof}"))
    with pytest.raises(RecipeError, match=r"base\.yaml:8:\d+: unknown name 'no_prof'"):
        load(str(tmp_path / "base.yaml"))


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("base.yaml", BASE.replace("lengths", "length"), r"base\.yaml:7:.*no block 'length\.yaml'.*shipped blocks"),
        ("lengths.yaml", "- include: lengths.yaml\n", "includes itself"),
        ("teacher.yaml", "- 1\n", "keys are wanted here"),
        ("base.yaml", BASE.replace("include: lengths.yaml", "include: [a]"), "takes the path of one block"),
    ],
)
def test_wrong_blocks_are_told(put: Put, tmp_path: Path, name: str, text: str, expected: str) -> None:
    put(name, text)
    with pytest.raises(RecipeError, match=expected):
        load(str(tmp_path / "base.yaml"))


OVER = """\
include: base.yaml
name: over
remove: [verify, select]
insert:
  - after: pull
    steps: [{step: dedup}, {step: sample, rows: 3}]
  - before: distill
    steps:
      - include: blocks.yaml
set: {sample.rows: 7, filter.filters.no_proof.name: no_url}
"""
LATE = "- {step: filter, name: late, filters: [{name: gradable}]}\n"


def test_steps_are_removed_and_put_in_and_then_set(put: Put, tmp_path: Path) -> None:
    put("blocks.yaml", LATE)
    steps: Any = load(str(put("over.yaml", OVER))).recipe.steps
    assert [s.name for s in steps] == ["pull", "dedup", "sample", "filter", "late", "distill"]
    assert steps[2].rows == 7
    assert steps[3].filters[-1].name == "no_url"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[verify, select]", "[verifi]", "no step 'verifi'; did you mean 'verify'"),
        ("[verify, select]", "verify", "list of names"),
        ("after: pull", "after: pul", "no step 'pul'; did you mean 'pull'"),
        ("after: pull", "after: pull\n    before: verify", "one of `after` and `before`"),
        ("include: base.yaml\n", "", r"`remove:` changes an included recipe"),
    ],
)
def test_wrong_edits_are_told(put: Put, old: str, new: str, expected: str) -> None:
    put("blocks.yaml", LATE)
    with pytest.raises(RecipeError, match=expected):
        load(str(put("over.yaml", OVER.replace(old, new))))


def test_a_mistake_behind_put_in_steps_keeps_its_line(put: Put) -> None:
    put("blocks.yaml", LATE)
    put("base.yaml", BASE.replace("no_proof", "no_prof"))
    with pytest.raises(RecipeError, match=r"base\.yaml:8:"):
        load(str(put("over.yaml", OVER.replace(", filter.filters.no_proof.name: no_url", ""))))


def test_a_mistake_in_a_step_put_in_is_told_with_its_line(put: Put) -> None:
    put("blocks.yaml", LATE)
    with pytest.raises(RecipeError, match=r"over\.yaml:6:\d+: .*'row'"):
        load(str(put("over.yaml", OVER.replace("rows: 3", "row: 3").replace("sample.rows: 7, ", ""))))


def test_the_schema_knows_blocks_and_edits(put: Put, tmp_path: Path) -> None:
    import json

    check = jsonschema.Draft202012Validator(json.loads(recipe_schema()))
    for text in (BASE, OVER):
        assert not list(check.iter_errors(yaml.safe_load(text)))
    assert list(check.iter_errors(yaml.safe_load(BASE.replace("- step: verify", "- stop: verify"))))


def test_where_reads_only_the_rows_that_are_meant(tmp_path: Path, jsonl: Any) -> None:
    from cotkit.curate.sources.file import FileSource

    path = jsonl("a.jsonl", [{"problem": str(i), "kind": kind} for i, kind in enumerate(["x", "y", None, "x", 2])])
    source = FileSource(name="a", path=path, where={"kind": ("x", 2)})
    assert [raw.number for raw in source.read({})] == [0, 3, 4]
    assert [raw.number for raw in source.model_copy(update={"limit": 2}).read({})] == [0, 3]
    with pytest.raises(InputError, match="no column 'kid' for `where`; its columns are kind, problem"):
        list(source.model_copy(update={"where": {"kid": ("x",)}}).read({}))
    with pytest.raises(
        InputError, match="no row passes `where`: of 5 the first have kind 'x', kind 'y', kind None, kind 2"
    ):
        list(source.model_copy(update={"where": {"kind": ("z",)}}).read({}))
    with pytest.raises(InputError, match="the first have kind 'x', kid None"):
        list(source.model_copy(update={"where": {"kind": ("z",), "kid": ("z",)}}).read({}))
    with pytest.raises(ValidationError, match="at least 1 item"):
        FileSource(name="a", path=path, where={"kind": ()})
