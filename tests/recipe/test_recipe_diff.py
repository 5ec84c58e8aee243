"""`cotkit recipes diff`: what a person would say differs, and nothing that comes to the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

BASE = """\
name: base
seed: 3
vars: {data: null}
steps:
  - step: pull
    sources: [{kind: file, name: a, path: "${vars.data}/a.jsonl"}, {kind: preset, name: gsm8k}]
  - step: filter
    filters: [{name: length, min_chars: 5}, {name: gradable}]
  - step: decontaminate
    benchmarks: [aime24, aime25]
  - step: distill
    teacher: {base_url: "http://127.0.0.1:1/v1", model: m}
    prompt: {system: "SYSTEM"}
  - step: verify
  - step: select
  - step: publish
"""
SYSTEM = "Think step by step and say why each step follows from those before it. " * 2 + "Box the answer."


@pytest.fixture
def recipe(tmp_path: Path) -> Any:
    def write(name: str, *changes: tuple[str, str]) -> str:
        text = BASE.replace("SYSTEM", SYSTEM)
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
        return name

    return write


def diff(cli: Any, *sides: str | Path) -> tuple[int, str, Any]:
    human = cli("recipes", "diff", *sides)
    machine = cli("recipes", "diff", *sides, "--json")
    assert machine.returncode == human.returncode, machine.stderr
    return human.returncode, human.stdout, json.loads(machine.stdout)


def test_what_comes_to_the_same_is_no_difference(cli: Any, recipe: Any) -> None:
    """A default that is written, another name, another folder, a list in block style."""
    other = recipe(
        "deep/b.yaml",
        ("name: base", "name: other"),
        ("- step: verify", "- step: verify\n    name: verify"),
        ("{name: gradable}]", "{name: gradable}]\n    name: filter"),
        ("model: m}", "model: m, reasoning: auto}\n    samples: 1"),
    )
    code, human, machine = diff(cli, recipe("a.yaml"), other)
    assert (code, human) == (0, "")
    assert machine["equal"] is True


def test_steps_lists_and_keys_by_their_names(cli: Any, recipe: Any) -> None:
    other = recipe(
        "b.yaml",
        ("seed: 3", "seed: 4"),
        ("benchmarks: [aime24, aime25]", "benchmarks: [aime25, math500]\n    exact: false"),
        ("{name: gradable}]", "{name: length, min_chars: 9}, {name: no_url}]"),
        ("{name: length, min_chars: 5}", "{name: gradable}"),
        ("  - step: verify\n", "  - step: verify\n    name: grade\n"),
        ("  - step: select\n", "  - step: select\n    choose: {by: picked}\n"),
        ("model: m}", "model: m}\n    samples: 4"),
        ("Box the answer.", "Box it."),
        ("  - step: distill", "  - {step: sample, rows: 40}\n  - step: distill"),
    )  # fmt: skip
    code, human, machine = diff(cli, recipe("a.yaml"), other)
    assert code == 8
    assert "seed: 3 → 4" in human
    assert machine["steps"]["only_b"] == {"sample": {"step": "sample", "name": "sample", "rows": 40}}
    assert "  benchmarks\n    - aime24\n    + math500\n  exact: (default) true → false\n" in human
    assert "    + no_url (after length)\n    order: length, gradable → gradable, length\n  filters.length" in human
    assert "  filters.length.min_chars: 5 → 9\n" in human
    assert "steps\n  + sample (after decontaminate)\n      rows: 40\n" in human
    assert machine["steps"]["after_b"] == {"sample": "decontaminate"}
    assert "verify → grade" in human
    assert "samples: (default) 1 → 4" in human
    prompt = next(line for line in human.splitlines() if "prompt.system" in line)
    assert "Box the answer. → …" in prompt
    assert prompt.endswith("Box it.")
    assert [step["a"] for step in machine["changed"]] == ["filter", "decontaminate", "distill", "verify"]


def test_models_are_named_by_their_model(cli: Any, recipe: Any) -> None:
    def features(weak: str) -> tuple[str, str]:
        return "  - step: distill", f"  - {{step: features, weak: [{weak}]}}\n  - step: distill"

    url = "base_url: 'http://127.0.0.1:1/v1'"
    asked = f"model: qwen2.5-7b, teacher: {{{url}, model: q}}, judge: {{{url}, model: j}}"
    old = recipe("a.yaml", features(f"{{{asked}}}"))
    new = recipe("b.yaml", features(f"{{model: other, path: runs/other}}, {{{asked}, judge_when: rescue}}"))
    _, human, _ = diff(cli, old, new)
    assert "  weak\n    + other (first)\n        path: " in human
    assert "  weak.qwen2.5-7b.judge_when: (default) undecided-only → rescue\n" in human


def test_long_values_are_shown_where_they_differ(cli: Any, recipe: Any) -> None:
    words = [f"word-number-{n}" for n in range(12)]
    lists = (", ".join(words), ", ".join([*words[:-1], "other"]))
    texts = (f"filters: [{{name: mentions, words: [{one}]}}, " for one in lists)
    _, human, _ = diff(cli, *(recipe(f"{n}.yaml", ("filters: [", text)) for n, text in enumerate(texts)))
    line = next(line for line in human.splitlines() if "mentions.words" in line)
    assert line.endswith('"other"]')
    assert 'word-number-11"] → …' in line


def test_a_mapping_in_place_of_none_is_told_with_its_defaults(cli: Any, recipe: Any) -> None:
    other = recipe("b.yaml", ("model: m}", "model: m}\n    until: {max: 4, correct: 1}"))
    _, human, machine = diff(cli, recipe("a.yaml"), other)
    assert 'until: (default) null → {"max": 4, "correct": 1}' in human
    assert machine["changed"][0]["changes"][0]["b"] == {"value": {"max": 4, "correct": 1}, "default": False}


def test_a_variable_without_a_value_stops_nothing(cli: Any, recipe: Any) -> None:
    url = recipe(
        "b.yaml", ("vars: {data: null}", "vars: {data: null, url: null}"), ("http://127.0.0.1:1/v1", "${vars.url}")
    )
    code, human, _ = diff(cli, recipe("a.yaml"), url)
    assert code == 8
    assert "teacher.base_url: http://127.0.0.1:1/v1 → ${vars.url}" in human
    number = recipe("c.yaml", ("vars: {data: null}", "vars: {data: null, n: null}"), ("seed: 3", 'seed: "${vars.n}"'))
    done = cli("recipes", "diff", "a.yaml", number)
    assert done.returncode == 8
    assert "compared as they are written" in done.stderr
    assert done.stdout.splitlines()[2:] == ["seed: 3 → ${vars.n}"]


def test_runs_locks_and_published_folders(cli: Any, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"problem": "What is 1 + 1?", "answer": "2"}\n')
    text = "name: few\nsteps:\n  - step: pull\n    sources: [{kind: file, name: a, path: a.jsonl}]\n"
    (tmp_path / "few.yaml").write_text(text)
    assert cli("run", "few.yaml").returncode == 0
    assert diff(cli, "few.yaml", "runs/few")[0] == 0
    lock = tmp_path / "runs" / "few" / "recipe.lock.yaml"
    published = tmp_path / "published"
    (published / "data").mkdir(parents=True)
    cut = lock.read_text().replace(f"{tmp_path}/a.jsonl", "a.jsonl")
    (published / "recipe.lock.yaml").write_text(cut)
    assert diff(cli, "runs/few/recipe.lock.yaml", "published")[0] == 0
    (published / "recipe.lock.yaml").write_text(cut.replace("a: sha256:", "a: sha256:0"))
    code, human, machine = diff(cli, "runs/few", "published")
    assert code == 8
    assert [change["key"] for change in machine["lock"]] == ["pins.pull.a"]
    assert "locked\n  pins.pull.a: sha256:" in human


@pytest.mark.parametrize(
    ("side", "expected"), [("nothing", "no recipe 'nothing'"), (".", "neither a run nor a published")]
)
def test_what_is_no_recipe(cli: Any, recipe: Any, side: str, expected: str) -> None:
    done = cli("recipes", "diff", recipe("a.yaml"), side)
    assert done.returncode == 2
    assert expected in done.stderr
    assert done.stdout == ""
