"""A wrong recipe gets a sentence with file:line:column, the key and the nearest valid one."""

from __future__ import annotations

import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from cotkit.errors import RecipeError
from cotkit.recipe.load import load

GOOD = """\
name: small
steps:
  - step: pull
    sources:
      - kind: file
        name: mine
        path: problems.jsonl
  - step: filter
    filters:
      - name: length
        min_chars: 10
"""


def refused(tmp_path: Path, text: str, *options: str) -> str:
    path = tmp_path / "r.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError) as caught:
        load(str(path), options)
    return str(caught.value).replace(str(path), "r.yaml")


def test_the_good_recipe_loads(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(GOOD, encoding="utf-8")
    recipe = load(str(tmp_path / "r.yaml")).recipe
    assert [step.name for step in recipe.steps] == ["pull", "filter"]
    assert recipe.steps[0].sources[0].path == tmp_path / "problems.jsonl"  # type: ignore[attr-defined]


def test_a_recipe_imports_only_what_it_names(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(GOOD, encoding="utf-8")
    code = (
        "import sys; from cotkit.recipe.load import load; load('r.yaml');"
        "names = ('pull', 'filters.length', 'filters.language', 'select');"
        "print([name for name in names if f'cotkit.curate.{name}' in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip() == "['pull', 'filters.length']"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("min_chars: 10", "min_char: 10", "r.yaml:11:9: unknown key 'min_char'; did you mean 'min_chars'?"),
        ("min_chars: 10", "min_chars: ten", "r.yaml:11:9: 'filters.min_chars' must be a whole number"),
        ("path: problems.jsonl", "pth: problems.jsonl", "r.yaml:7:9: unknown key 'pth'; did you mean 'path'?"),
        ("step: filter", "step: fliter", "r.yaml:8:5: unknown step 'fliter'; did you mean 'filter'?"),
        ("kind: file", "kind: flie", "r.yaml:5:9: unknown kind 'flie'; did you mean 'file'?"),
        ("        path: problems.jsonl\n", "", "r.yaml:5:9: the key 'path' is missing here; add it"),
        ("name: length", "name: lenght", "r.yaml:10:9: unknown name 'lenght'; did you mean 'length'?"),
        ("name: small\n", "", "r.yaml:1:1: the key 'name' is missing here; add it"),
        ("name: small", "name: small\nseeed: 3", "r.yaml:2:1: unknown key 'seeed'; did you mean 'seed'?"),
        ("name: small", "name: small\nname: other", "r.yaml:2:1: the key 'name' stands twice"),
        ("name: small", "name: [", "not valid YAML"),
        ("name: mine", "name: mine\n        name2: x", "r.yaml:7:9: unknown key 'name2'; did you mean 'name'?"),
        ("- step: pull", "- stp: pull", "r.yaml:3:5: the key 'step' is missing here"),
        ("    filters:\n      - name: length\n        min_chars: 10\n", "    filters: []\n", "r.yaml:9:5: 'filters'"),
        ("  - step: filter", "  - step: verify\n  - step: filter", "step 'verify' needs traces"),
        (
            "  - step: filter",
            "  - step: pull\n    sources: [{kind: file, name: a, path: b}]\n  - step: filter",
            "two steps are named 'pull'",
        ),
    ],
)
def test_each_mistake_has_its_sentence(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in GOOD
    said = refused(tmp_path, GOOD.replace(old, new, 1))
    assert expected in said
    assert "\n" not in said or said.count("\n") < 5


def test_several_mistakes_are_told_in_the_order_of_the_file(tmp_path: Path) -> None:
    said = refused(tmp_path, GOOD.replace("kind: file", "kind: file\n        pat: x").replace("min_chars", "min_char"))
    lines = said.splitlines()
    assert len(lines) >= 2
    assert lines[0].startswith("r.yaml:6:9")


def test_a_list_and_a_scalar_are_no_recipe(tmp_path: Path) -> None:
    assert "mapping" in refused(tmp_path, "- a\n- b\n")
    assert "mapping" in refused(tmp_path, "just text\n")
    assert "mapping" in refused(tmp_path, "")


def test_an_anchor_that_contains_itself_ends(tmp_path: Path) -> None:
    assert "contains itself" in refused(tmp_path, "a: &x\n  b: *x\n")


def test_missing_file_and_unknown_name(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no such recipe file"):
        load(str(tmp_path / "none.yaml"))
    with pytest.raises(RecipeError, match="did you mean 'quickstart'"):
        load("quickstar")


def test_two_sources_of_one_name(tmp_path: Path) -> None:
    twice = GOOD.replace(
        "        path: problems.jsonl\n",
        "        path: problems.jsonl\n      - {kind: file, name: mine, path: other.jsonl}\n",
    )
    assert "two sources are named 'mine'" in refused(tmp_path, twice)


def test_a_teacher_without_reasoning_cannot_publish_reasoning(tmp_path: Path) -> None:
    text = GOOD + (
        "  - step: distill\n    teacher: {base_url: http://127.0.0.1:1/v1, model: m, reasoning: none}\n"
        "  - step: verify\n  - step: select\n  - step: publish\n"
    )
    assert "publishes reasoning, but the teacher of 'distill' gives none" in refused(tmp_path, text)


@pytest.mark.parametrize(("by", "refuses"), [("star", True), ("rewrite", True), ("steps_json", False)])
def test_strategies_that_hand_on_answers_as_they_are_need_a_teacher_that_shows_reasoning(
    tmp_path: Path, by: str, refuses: bool
) -> None:
    (tmp_path / "r.yaml").write_text(
        GOOD + f"  - step: construct\n    strategy: {{by: {by}}}\n"
        "    teacher: {base_url: http://127.0.0.1:1/v1, model: m, reasoning: none}\n"
        "  - step: verify\n  - step: select\n  - step: publish\n",
        encoding="utf-8",
    )
    with nullcontext() if not refuses else pytest.raises(RecipeError, match="the teacher of 'construct' gives none"):
        load(str(tmp_path / "r.yaml"))


def test_a_judge_may_hide_its_reasoning(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(
        GOOD + "  - step: distill\n    teacher: {base_url: http://127.0.0.1:1/v1, model: m}\n  - step: verify\n"
        "  - step: judge\n    teacher: {preset: openai-chat, model: gpt-4o}\n  - step: select\n  - step: publish\n",
        encoding="utf-8",
    )
    assert load(str(path)).recipe.steps[-1].step == "publish"


def test_a_key_pasted_for_its_variable_is_not_echoed(tmp_path: Path) -> None:
    secret = "sk-not-a-real-key-0123456789"
    text = GOOD + (
        f"  - step: distill\n    teacher: {{base_url: http://127.0.0.1:1/v1, model: m, api_key_env: {secret}}}\n"
    )
    assert secret not in refused(tmp_path, text)
