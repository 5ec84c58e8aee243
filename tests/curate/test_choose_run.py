"""Choosing rows as a user does it: a recipe with features, filters and selectors, and the story of a row."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from published_rows import example

from cotkit import records
from cotkit.cli.story import story
from cotkit.curate.choose import Choose
from cotkit.dedup.weights import find_weights
from cotkit.errors import InputError
from cotkit.records import Example, Trace
from cotkit.run.directory import RunDirectory
from cotkit.steps import StepContext

RECIPE = """
name: chosen
version: 1
seed: 3
steps:
  - step: pull
    sources:
      - {kind: file, name: pool, path: pool.jsonl}
  - step: features
    weak:
      - {model: small, path: graded.jsonl}
  - step: filter
    filters:
      - {name: unsolved, models: [small]}
      - {name: no_url}
  - step: sample
    rows: 2
    by: {by: quota, over: domain, shares: {math: 1, code: 1}}
"""
POOL = [
    {"problem": "Add 1 and 2.", "answer": "3", "domain": "math"},
    {"problem": "Add 2 and 3.", "answer": "5", "domain": "math"},
    {"problem": "Print 7.\x1b[31m\u202e", "answer": "7", "domain": "code"},
    {"problem": "See http://x.y and add.", "answer": "7", "domain": "math"},
    {"problem": "Add 3 and 4.", "answer": "7", "domain": "math"},
    {"problem": "A riddle.", "answer": "7", "domain": "puzzle"},
]
GRADED = [{"problem": row["problem"], "verdict": "correct" if i == 0 else "incorrect"} for i, row in enumerate(POOL)]


def test_a_recipe_chooses_and_tells_each_rows_story(
    tmp_path: Path, cli: Callable[..., Any], jsonl: Callable[..., Path]
) -> None:
    jsonl("pool.jsonl", POOL)
    jsonl("graded.jsonl", GRADED)
    (tmp_path / "mine.yaml").write_text(RECIPE)
    done = cli("run", "mine.yaml", "--out", "out")
    assert done.returncode == 0, done.stderr
    kept = pl.read_parquet(tmp_path / "out" / "04-sample" / "kept.parquet")
    assert sorted(kept["domain"]) == ["code", "math"]
    dropped = pl.read_parquet(tmp_path / "out" / "04-sample" / "dropped.parquet")
    assert sorted(dropped["reason"]) == ["not_chosen", "refused"]

    def read(row: str) -> list[dict[str, Any]]:
        return json.loads(cli("report", "out", "--row", row, "--json").stdout)  # type: ignore[no-any-return]

    first = read("pool:0")
    assert [(e["step"], e["fate"]) for e in first][-1] == ("filter", "dropped")
    assert first[-1]["evidence"] == {"filter": "unsolved", "solved_by": ["small"]}
    assert next(e for e in first if e["step"] == "features" and e["fate"] == "kept")["solved_by"] == ["small"]
    taken = read("pool:2")
    assert taken[-1]["why"] == {"domain": "code", "quota": 1}
    human = cli("report", "out", "--row", "pool:2")
    assert "\x1b" not in human.stdout
    assert "\u202e" not in human.stdout
    assert "(pool:2)\n  Print 7." in human.stdout
    assert 'sample    kept  why={"domain": "code", "quota": 1}' in human.stdout
    assert cli("report", "out", "--row", "nobody").returncode == 3
    assert cli("select", "out", "--explain", "pool:2").stdout == human.stdout


def test_unsolved_without_its_features_step_is_refused_and_untried_rows_are_not_easy(
    tmp_path: Path, cli: Callable[..., Any], jsonl: Callable[..., Path]
) -> None:
    jsonl("pool.jsonl", POOL)
    jsonl("graded.jsonl", GRADED[:1])
    head, _, _ = RECIPE.partition("  - step: sample")
    before, _, rest = head.partition("  - step: features")
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(before + rest[rest.index("  - step: filter") :])
    for verb in ("validate", "run"):
        refused = cli(verb, recipe)
        assert refused.returncode == 2
        assert "asks whether 'small' solved a problem, and no step before it tells; give a features" in refused.stderr
    recipe.write_text(head.replace("models: [small]", "models: [large]"))
    assert (
        "asks whether 'large' solved a problem, and the features step before it has small"
        in cli("validate", recipe).stderr
    )
    recipe.write_text(head)
    done = cli("run", recipe, "--out", "out", "--quiet")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "warning: step 'filter' kept none of 6 rows (not_tried 5)\n"
    dropped = pl.read_parquet(tmp_path / "out" / "03-filter" / "dropped.parquet")
    assert sorted(dropped["reason"]) == ["not_tried"] * 5 + ["too_easy"]


def test_a_licence_is_one_line(tmp_path: Path, cli: Callable[..., Any], jsonl: Callable[..., Path]) -> None:
    jsonl("pool.jsonl", POOL)
    jsonl("graded.jsonl", GRADED)
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(RECIPE.replace("path: pool.jsonl", 'path: pool.jsonl, license: "mit\\ntags: [x]"'))
    refused = cli("validate", recipe)
    assert refused.returncode == 2
    assert "license': it goes into a line of the card, so it must be one line" in refused.stderr


def test_a_graded_file_is_selected_with_trace_filters(cli: Callable[..., Any], jsonl: Callable[..., Path]) -> None:
    loop = "Wait, let me check that again. " * 40
    rows = [
        {"problem": "2+2?", "answer": "4", "reasoning": loop, "response": "\\boxed{4}", "verdict": "correct"},
        {"problem": "2+3?", "answer": "5", "reasoning": "2+3=5", "response": "\\boxed{5}", "verdict": "correct"},
    ]
    graded = jsonl("graded.jsonl", rows)
    done = cli("select", graded, "--filter", "loop", "--out", "train.jsonl")
    assert done.returncode == 0, done.stderr
    assert "1 kept, 1 dropped (loop 1)" in done.stderr
    wrong = cli("select", graded, "--filter", "lop")
    assert wrong.returncode == 2
    assert "--filter lop: there is no such; did you mean loop? there are truncated" in wrong.stderr
    for verb, option, name, near in (
        ("select", "--choose", "shorter", "shortest"),
        ("curate", "--filter", "gradble", "gradable"),
    ):
        refused = cli(verb, graded, option, name)
        assert f"{option} {name}: there is no such; did you mean {near}? there are" in refused.stderr


def test_a_graded_file_keeps_what_is_known_of_its_rows(cli: Callable[..., Any], jsonl: Callable[..., Path]) -> None:
    known = {
        "language": "de",
        "metadata": '{"year": 1999}',
        "source": "sums",
        "source_row": 7,
        "license": "mit",
        "difficulty": 2.5,
        "solved_by": ["small"],
        "reasoning_tokens": 12,
        "response_tokens": 3,
        "completion_tokens": 15,
    }
    row = {"problem": "2+3?", "answer": "5", "reasoning": "so", "response": "\\boxed{5}", "verdict": "correct"}
    done = cli("select", jsonl("graded.jsonl", [{**row, **known}, {**row, "verdict": "incorrect"}]), "--quiet")
    assert done.returncode == 0, done.stderr
    (kept,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert {name: kept[name] for name in known} == known


def test_what_is_no_problem_is_dropped_and_files_are_told_in_options(
    tmp_path: Path, cli: Callable[..., Any], jsonl: Callable[..., Path]
) -> None:
    rows = [{"problem": text, "answer": "1"} for text in ("One?", ["a"], True, 5, 2.5, {"a": 1}, None)]
    done = cli("curate", jsonl("odd.jsonl", rows), "--dropped", "bad.jsonl")
    assert [json.loads(line)["problem"] for line in done.stdout.splitlines()] == ["One?"]
    bad = [json.loads(line) for line in (tmp_path / "bad.jsonl").read_text().splitlines()]
    assert [row["reason"] for row in bad] == ["no_problem_text"] * 6
    assert json.loads(bad[0]["evidence"])["error"] == 'the problem is no text but ["a"]'
    none = cli("curate", jsonl("none.jsonl", rows[1:]))
    assert "warning: this kept none of 6 rows (no_problem_text 6)" in none.stderr
    broken = jsonl("broken.jsonl", rows[:1])
    broken.write_text(broken.read_text() + "{\n")
    assert cli("curate", broken).stderr.rstrip().endswith("; mend or remove the row")
    unnamed = cli("curate", jsonl("unnamed.jsonl", [{"question": "One?"}]))
    assert unnamed.stderr.rstrip().endswith("name the right one with --column problem=NAME")


TWINS = """
name: twins
version: 1
steps:
  - step: pull
    sources:
      - {kind: file, name: a, path: a.jsonl}
      - {kind: file, name: b, path: b.jsonl}
  - step: dedup
    embedding: null
  - step: features
    weak:
      - {model: small, path: graded.jsonl}
"""


def test_a_story_ends_where_its_row_was_dropped(
    tmp_path: Path, cli: Callable[..., Any], jsonl: Callable[..., Path]
) -> None:
    for name in ("a", "b"):
        jsonl(f"{name}.jsonl", POOL[:1])
    directory = RunDirectory(tmp_path / "out")
    (tmp_path / "twins.yaml").write_text(TWINS)
    jsonl("graded.jsonl", GRADED[:1])
    done = cli("run", "twins.yaml", "--out", "out")
    assert done.returncode == 0, done.stderr
    # The attempts of a run know their problem, not its row.
    twin = records.problem_id(POOL[0]["problem"])
    attempts = records.frame(Trace, [Trace(twin, 0, "m", "", "done", response="3")])
    folder = tmp_path / "out" / "04-distill"
    folder.mkdir()
    attempts.write_parquet(folder / "kept.parquet")
    records.dropped_frame(attempts, [], [], []).write_parquet(folder / "dropped.parquet")
    (folder / "report.json").write_text((tmp_path / "out" / "03-features" / "report.json").read_text())
    assert [(e["step"], e["fate"]) for e in story(directory, "b:0")] == [("pull", "kept"), ("dedup", "dropped")]
    told = dict.fromkeys(e["step"] for e in story(directory, "a:0"))
    assert list(told) == ["pull", "dedup", "features", "distill"]
    assert {e["step"] for e in story(directory, twin)} == {"pull", "dedup", "features", "distill"}


@pytest.mark.parametrize("by", [{"by": "k_center"}, {"by": "clusters", "clusters": 2}])
def test_selectors_by_meaning_spread_over_topics(tmp_path: Path, by: dict[str, Any]) -> None:
    try:
        find_weights()
    except InputError as error:
        pytest.skip(str(error))
    topics = ["How many primes are below {}?", "A circle has radius {}. What is its area?"]
    texts = [topics[0].format(n) for n in range(20, 36)] + [topics[1].format(n) for n in range(4)]
    table = records.frame(Example, [example(i, problem=text) for i, text in enumerate(texts)])
    step = Choose.model_validate({"step": "choose", "rows": 4, "by": by})
    assert list(step.materials({})) == ["MiniLM weights"]
    out = step.run({Example: table}, StepContext(seed=1, work=tmp_path, run=tmp_path))
    circles = sum("circle" in text for text in out.kept["problem"])
    assert out.kept.height == 4
    assert circles == 2 if by["by"] == "clusters" else circles >= 1
    assert out.secondary["chosen"].height == 4


def test_a_selector_without_its_feature_says_what_to_do(tmp_path: Path) -> None:
    table = records.frame(Example, [example(0)])
    step = Choose.model_validate({"step": "choose", "rows": 1, "by": {"by": "s1"}})
    with pytest.raises(InputError, match=r"'s1' needs subject, reasoning_tokens, and no row has it; fill it in"):
        step.run({Example: table}, StepContext(seed=1, work=tmp_path, run=tmp_path))
