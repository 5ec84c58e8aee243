"""--set, include, set: and vars."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cotkit.errors import RecipeError
from cotkit.recipe.load import load

BASE = """\
name: base
seed: 1
vars: {size: 5}
steps:
  - step: pull
    sources:
      - {kind: file, name: a, path: a.jsonl}
      - {kind: file, name: b, path: sub/b.jsonl}
  - step: filter
    filters: [{name: length, min_chars: 10}]
  - step: filter
    name: second
    filters: [{name: no_figure}]
  - step: sample
    rows: ${vars.size}
"""


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "base.yaml").write_text(BASE, encoding="utf-8")
    return tmp_path / "base.yaml"


def steps(path: Path, *options: str, limit: int | None = None) -> Any:
    return load(str(path), options, limit).recipe.steps


def test_set_reaches_every_kind_of_place(base: Path) -> None:
    found = load(
        str(base),
        ["seed=9", "filter.filters.length.min_chars=3", "filter.filters.0.max_chars=99", "pull.sources.b.limit=2"],
    ).recipe
    assert found.seed == 9
    assert found.steps[1].filters[0].min_chars == 3  # type: ignore[attr-defined]
    assert found.steps[1].filters[0].max_chars == 99  # type: ignore[attr-defined]
    assert found.steps[0].sources[1].limit == 2  # type: ignore[attr-defined]


def test_set_vars(base: Path) -> None:
    assert steps(base)[3].rows == 5
    assert steps(base, "vars.size=8")[3].rows == 8


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("filtre.filters.0.min_chars=3", "did you mean 'filter'"),
        ("nonsense", "write it as key=value"),
        ("pull.sources.c.limit=2", "names no item 'c'; the list has a, b"),
        ("filter.filters.length.min_char=2", "did you mean 'min_chars'"),
        ("vars.sise=2", "has no variable 'sise'"),
        ("seed.x=2", "goes below a plain value"),
        ("seed=[", "not valid YAML"),
    ],
)
def test_wrong_overrides_are_told(base: Path, option: str, expected: str) -> None:
    with pytest.raises(RecipeError, match=expected.replace("[", r"\[")):
        load(str(base), [option])


def test_limit_sets_every_source_and_never_raises_one(base: Path) -> None:
    sources = steps(base, "pull.sources.a.limit=2", limit=4)[0].sources
    assert [s.limit for s in sources] == [2, 4]
    with pytest.raises(RecipeError, match="--limit 0"):
        load(str(base), (), 0)


def test_include_merges_and_sets(base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "below"
    folder.mkdir()
    child = folder / "child.yaml"
    child.write_text("include: ../base.yaml\nname: child\nset:\n  second.filters.0: {name: no_proof}\n  seed: 4\n")
    recipe = load(str(child)).recipe
    assert (recipe.name, recipe.seed) == ("child", 4)
    assert recipe.steps[2].filters[0].name == "no_proof"  # type: ignore[attr-defined]
    # Paths of the included recipe go on starting at its own folder.
    assert recipe.steps[0].sources[1].path.resolve() == (tmp_path / "sub" / "b.jsonl").resolve()  # type: ignore[attr-defined]


def test_an_error_in_an_include_names_its_own_file(base: Path, tmp_path: Path) -> None:
    base.write_text(BASE.replace("min_chars", "min_chrs"), encoding="utf-8")
    child = tmp_path / "child.yaml"
    child.write_text("include: base.yaml\nname: child\n")
    with pytest.raises(RecipeError, match=r"base\.yaml:10:\d+: unknown key 'min_chrs'"):
        load(str(child))


def test_circular_include(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("include: b.yaml\nname: a\n")
    (tmp_path / "b.yaml").write_text("include: a.yaml\nname: b\n")
    with pytest.raises(RecipeError, match="includes itself"):
        load(str(tmp_path / "a.yaml"))


def test_variables_must_have_a_value_be_declared_and_be_used(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(BASE.replace("{size: 5}", "{size: null}"))
    with pytest.raises(
        RecipeError, match=r"r\.yaml:3:\d+: the variable 'size' has no value; give it with --set vars.size"
    ):
        load(str(path))
    path.write_text(BASE.replace("{size: 5}", "{size: 5, more: 1}"))
    with pytest.raises(RecipeError, match="'more' is used nowhere"):
        load(str(path))
    path.write_text(BASE.replace("vars: {size: 5}\n", ""))
    with pytest.raises(RecipeError, match="'size' is not declared"):
        load(str(path))


def test_a_path_on_the_command_line_starts_where_the_user_stands(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    assert steps(base, "pull.sources.a.path=x.jsonl")[0].sources[0].path == here / "x.jsonl"


def test_an_override_may_take_the_place_of_a_variable(base: Path) -> None:
    assert steps(base, "sample.rows=2")[3].rows == 2


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        ("remove: [sample]", None),
        ("set: {sample.rows: 50}", None),
        ("set: {sample.rows: many}", r"mine\.yaml:3:7: 'rows' must be a whole number"),
        ("set: {vars.size: 50}", None),
        # Its own variable that its own edits leave without a use is a mistake that it can mend.
        ("vars: {size: 3}\nremove: [sample]", r"mine\.yaml:3:8: the variable 'size' is used nowhere"),
        ("vars: {sise: 3}", r"mine\.yaml:3:8: the variable 'sise' is used nowhere"),
    ],
)
def test_an_edit_may_take_out_what_named_a_variable(base: Path, edit: str, expected: str | None) -> None:
    mine = base.parent / "mine.yaml"
    mine.write_text(f"include: base.yaml\nname: mine\n{edit}\n")
    if expected is None:
        load(str(mine))
        return
    with pytest.raises(RecipeError, match=expected):
        load(str(mine))


@pytest.mark.parametrize(
    "text",
    [
        "include: s1k\nname: mine\nremove: [weak, hard]\n",
        "include: strict-math\nname: mine\nset: {choose.rows: 50}\n",
        "include: big-math-rl\nname: mine\nset: {band.filters.band.least: 0.3}\n",
    ],
)
def test_a_shipped_recipe_with_variables_can_be_edited(tmp_path: Path, text: str) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    assert load(str(tmp_path / "mine.yaml")).recipe.name == "mine"
