"""The sentence about a mistake in a recipe that changes another one points at the mistake and says what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cotkit.errors import RecipeError
from cotkit.recipe.load import load

BASE = """\
name: base
vars: {n: 2}
steps:
  - step: pull
    sources: [{kind: file, name: mine, path: p.jsonl}]
  - step: filter
    filters: [{name: length, min_chars: 5}]
  - {step: dedup, embedding: null}
  - step: distill
    teacher: {preset: deepseek, model: deepseek-v4-pro}
    samples: ${vars.n}
  - step: verify
  - step: select
"""


def refused(tmp_path: Path, text: str, *options: str) -> str:
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "r.yaml").write_text(text)
    with pytest.raises(RecipeError) as caught:
        load(str(tmp_path / "r.yaml"), options)
    return str(caught.value).replace(f"{tmp_path}/", "")


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        # What two keys say together: the one that this file sets.
        ("set: {dedup.policy: faithful:s1}", "r.yaml:3:7: step 'dedup': the policy faithful:s1 does not read `embed"),
        ("set: {distill.sampling.top_p: 0.6}", "r.yaml:3:7: step 'distill': sampling.top_p is set, but the teacher"),
        ("set: {distill.until: {correct: 1, max: 1}}", "r.yaml:3:7: step 'distill': until.max is smaller"),
        (
            "set: {seed: 3, select.min_pass_rate: 0.9, select.max_pass_rate: 0.1}",
            "r.yaml:3:16: step 'select': min_pass",
        ),
        ("set: {filter.filters.length.max_chars: 3}", "r.yaml:3:7: item 1 of 'filters': "),
        # A whole step, and an item of a list.
        ("set: {dedup: {policy: strict}}", "r.yaml:3:7: 'dedup' is a whole step; name the key in it that changes"),
        ("set: {dedup: null}", "r.yaml:3:7: 'dedup' is a whole step"),
        ("set: {filter.filters.length: null}", "r.yaml:3:7: item 1 of 'filters' must be a mapping"),
        # What would change nothing, or more than it says.
        ("set: {name: other}", "r.yaml:3:7: `name` is said at r.yaml:2:1, too; keep one of the two"),
        ("vars: {n: 3}\nset: {vars.n: 4}", "r.yaml:4:7: `vars.n` is said at r.yaml:3:8, too"),
        ("insert: [{after: pull, steps: []}]", "r.yaml:3:10: this insertion has no steps"),
        ("steps: [{step: verify}]", "r.yaml:3:1: `steps:` would replace every step of the included base.yaml"),
        # Attempts that change once their rows are chosen.
        (
            "insert: [{after: select, steps: [{step: trim}]}]",
            "r.yaml:3:34: step 'trim' changes traces after 'select' has chosen its rows, so nothing of it would be",
        ),
        (
            "insert: [{after: select, steps: [{step: score, scorers: [{by: deepscaler}]}]}]",
            "r.yaml:3:34: step 'score' changes traces after 'select'",
        ),
        # Variables.
        ("vars: {n: [1, 2]}", "r.yaml:3:8: the variable 'n' must be a text, a number, true or false"),
        ("vars: {n: {a: 1}}", "r.yaml:3:8: the variable 'n' must be a text, a number, true or false"),
        ("set: {distill.samples: '${vars.n'}", "r.yaml:3:7: '${vars.n' is no variable; write ${vars.NAME}"),
    ],
)
def test_the_sentence_and_its_place(tmp_path: Path, edit: str, expected: str) -> None:
    said = refused(tmp_path, f"include: base.yaml\nname: mine\n{edit}\n")
    assert said.startswith(expected)
    assert "\n" not in said


def test_an_option_is_the_place_of_what_it_sets(tmp_path: Path) -> None:
    said = refused(tmp_path, "include: base.yaml\n", "select.min_pass_rate=1", "select.max_pass_rate=0")
    assert said.startswith("--set select.m")


def test_a_block_of_another_kind_is_told_where_it_is_taken_in(tmp_path: Path) -> None:
    text = BASE.replace("  - step: verify\n", "  - step: verify\n  - include: blocks/teacher-r1.yaml\n")
    assert refused(tmp_path, text).startswith("r.yaml:13:5: the key 'step' is missing here")
    text = BASE.replace("{name: length, min_chars: 5}", "include: blocks/teacher-r1.yaml")
    assert refused(tmp_path, text).startswith("r.yaml:7:15: the key 'name' is missing here")


def test_a_value_of_several_types_gets_one_sentence(tmp_path: Path) -> None:
    text = BASE.replace("path: p.jsonl", "path: p.jsonl, where: {topic: [[a]]}")
    said = refused(tmp_path, text)
    assert re.fullmatch(r"r\.yaml:5:\d+: item 1 of 'where.topic' must be a text or a whole number or .*", said)


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (
            "filter, filters: [{name: mentions, words: [x], of: [zz]}]",
            "`of`: no source is named 'zz'; the recipe pulls",
        ),
        ("filter, filters: [{name: band, key: levell, least: 1}]", "`key`: no source keeps a column 'levell'; the sou"),
        ("sample, rows: 1, of: [zz]", "`of`: no source is named 'zz'"),
        ("sample, rows: 1, each: levell", "`each`: no source keeps a column 'levell'; the sources keep level; name it"),
        ("sample, rows: 1, by: {by: quota, over: source, shares: {zz: 1}}", "`shares`: no source is named 'zz'"),
        ("sample, rows: 1, by: {by: openthoughts3, sources: {math: [zz]}, longest: chars}", "`sources`: no source is"),
        ("dedup, embedding: null, source_order: [zz]", "`source_order`: no source is named 'zz'"),
        ("dedup, policy: 'faithful:s1', compared: [zz]", "`compared`: no source is named 'zz'"),
        ("publish, problems: true, format: {kind: verl}, splits: {more: [zz]}", "`splits`: no source is named 'zz'"),
    ],
)
def test_a_name_with_a_slip_does_not_quietly_do_nothing(tmp_path: Path, step: str, expected: str) -> None:
    head = "name: r\nsteps:\n  - {step: pull, sources: [{kind: file, name: mine, path: p.jsonl, keep: [level]}]}\n"
    said = refused(tmp_path, f"{head}  - {{step: {step}}}\n")
    assert re.match(r"r\.yaml:4:\d+: step '\w+': ", said)
    assert expected in said
    right = step.replace("zz", "mine").replace("levell", "level")
    (tmp_path / "r.yaml").write_text(f"{head}  - {{step: {right}}}\n")
    load(str(tmp_path / "r.yaml"))


def test_forced_picks_name_sources(tmp_path: Path) -> None:
    text = BASE + "  - {step: choose, rows: 1, by: {by: s1, forced: [{source: zz}]}}\n"
    assert "step 'choose': `forced`: no source is named 'zz'" in refused(tmp_path, text)
