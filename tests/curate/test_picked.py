"""What a strategy picked is published, and nothing that it was asked to build is dropped without a word."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cotkit.curate.select import Attempt, Select, select
from cotkit.errors import RecipeError
from cotkit.recipe.load import load
from cotkit.records import Problem, Trace, Verdict, provenance_of

RECIPE = """\
name: r
steps:
  - step: pull
    sources: [{kind: file, name: sums, path: problems.jsonl}]
  - step: construct
    strategy: %s
    teacher: {base_url: "http://127.0.0.1:9/v1", model: m}
  - step: verify
  - step: select
    %s
  - step: publish
"""


def attempt(sample: int, length: int, **facts: Any) -> Attempt:
    text = json.dumps(facts)
    trace = Trace("p", sample, "m", "", "done", reasoning="x" * length, response="1", provenance=text)
    return Attempt(Problem("p", "How much?", answer="1"), trace, Verdict("p", sample, "correct", "1", "1", "", ""))


def chosen(config: Select, *attempts: Attempt) -> list[int]:
    return select(attempts, config).kept["sample"].to_list()  # type: ignore[no-any-return]


def test_what_was_picked_wins_over_what_is_shorter() -> None:
    rows = [attempt(0, 90, form="journey", picked=True), attempt(1, 9, form="shortcut", picked=False)]
    assert chosen(Select(), *rows) == [0]
    assert chosen(Select(per_problem=2), *rows) == [0, 1]
    assert chosen(Select.model_validate({"choose": {"by": "shortest"}}), *rows) == [1]
    assert chosen(Select(), attempt(0, 90), attempt(1, 9)) == [1]
    # What loses a vote stands in where the picked one is wrong; nothing is published that does not exist.
    assert chosen(Select(), rows[1]) == [1]


@pytest.mark.parametrize("text", ["", "[1]", "no", "1", '{"a"', "[" * 10**5, None])
def test_provenance_may_be_anything(text: str | None) -> None:
    assert provenance_of(text) == {}


def test_a_choice_that_drops_what_was_asked_for_is_refused(tmp_path: Path) -> None:
    def loaded(strategy: str, choice: str) -> Select:
        (tmp_path / "r.yaml").write_text(RECIPE % (strategy, choice), encoding="utf-8")
        step, *_ = [one for one in load(str(tmp_path / "r.yaml")).recipe.steps if isinstance(one, Select)]
        return step

    with pytest.raises(RecipeError, match=r"up to 3 traces .* set per_problem: 3, or strategy.paths: 1"):
        loaded("{by: truncate_recomplete}", "per_problem: 1")
    with pytest.raises(RecipeError, match=r"set per_problem: 5, or strategy.paths: 2"):
        loaded("{by: truncate_recomplete, paths: 5}", "per_problem: 2")
    assert loaded("{by: truncate_recomplete, paths: 1}", "per_problem: 1").choose.by == "picked"
    assert loaded("{by: truncate_recomplete}", "per_problem: 3").per_problem == 3
    once = "per_problem: 3\n  - {step: publish, name: p}\n"
    again = once + "  - step: trim\n  - {step: verify, name: v2}\n  - {step: select, name: s2, per_problem: 3}"
    assert loaded("{by: truncate_recomplete}", again).name == "select"  # a choice follows
    assert loaded("{by: best_of_n, keep_pruned: true}", "per_problem: 1").choose.by == "picked"
