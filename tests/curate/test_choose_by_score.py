"""What is chosen and dropped by a score that a score step gave."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from published_rows import example
from pydantic import ValidationError

from cotkit.curate.choose import Choose
from cotkit.curate.sample import Sample
from cotkit.curate.select import Attempt, Select, select
from cotkit.distill.step import Distill
from cotkit.records import Example, Problem, Trace, Verdict, frame
from cotkit.steps import StepContext
from cotkit.verify.score import ScoreStep


def test_traces_are_chosen_and_dropped_by_a_score() -> None:
    def attempt(sample: int, value: float | None) -> Attempt:
        scores = None if value is None else [{"name": "cosine", "value": value}]
        trace = Trace("p", sample, "t", "h", "done", response="\\boxed{2}", scores=scores)  # type: ignore[arg-type]
        return Attempt(Problem("p", "1 + 1?", "2"), trace, Verdict("p", sample, "correct", "2", "2", "exact", ""))

    def chosen(**keys: Any) -> Any:
        config = Select.model_validate({"step": "select", **keys})
        return select([attempt(0, 1.0), attempt(1, None), attempt(2, 2.0), attempt(3, -1.0)], config)

    assert chosen(choose={"by": "score", "of": "cosine"}).kept["sample"].to_list() == [2]
    assert chosen(choose={"by": "score", "of": "cosine", "lowest": True}).kept["sample"].to_list() == [3]
    assert chosen(choose={"by": "score", "of": "cosine"}, per_problem=9).kept.height == 4
    out = chosen(filters=[{"name": "score", "of": "cosine", "least": 0, "most": 1.5}])
    assert out.kept["sample"].to_list() == [0]
    assert out.kept["scores"].to_list() == [[{"name": "cosine", "value": 1.0}]]
    assert out.dropped["reason"].to_list() == ["score"] * 3
    assert json.loads(out.dropped["evidence"][0]) == {"filter": "score", "cosine": None, "why": "no such score"}
    assert json.loads(out.dropped["evidence"][1]) == {"filter": "score", "cosine": 2.0, "least": 0.0, "most": 1.5}
    out = chosen(filters=[{"name": "score", "of": "cosine", "least": 3, "missing": "keep"}])
    assert out.kept["sample"].to_list() == [1]


@pytest.mark.parametrize("bounds", [{}, {"least": 2, "most": 1}])
def test_a_band_needs_bounds(bounds: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=r"no bound|least is above most"):
        Select.model_validate({"step": "select", "filters": [{"name": "score", "of": "x", **bounds}]})


def test_rows_of_a_set_are_chosen_by_a_score(tmp_path: Path) -> None:
    table = frame(Example, [example(n, scores=[{"name": "prm_min", "value": n % 3}]) for n in range(6)])
    step = Choose.model_validate({"step": "choose", "rows": 2, "by": {"by": "score", "of": "prm_min"}})
    out = step.run({Example: table}, StepContext(seed=0, work=tmp_path, run=tmp_path))
    assert out.kept["source_row"].to_list() == [2, 5]


def test_a_problem_has_no_score_yet() -> None:
    step = Sample.model_validate({"step": "sample", "rows": 2, "by": {"by": "score", "of": "cosine"}})
    assert "which a problem does not have" in step.check()[0]


STEPS = [
    {"step": "distill", "teacher": {"base_url": "http://127.0.0.1:9/v1", "model": "m"}},
    {"step": "score", "scorers": [{"by": "cosine"}]},
]


@pytest.mark.parametrize(
    ("model", "step"),
    [
        (Select, {"step": "select", "choose": {"by": "score", "of": "cosin"}}),
        (Select, {"step": "select", "filters": [{"name": "score", "of": "cosin", "least": 0}]}),
        (Choose, {"step": "choose", "rows": 1, "by": {"by": "score", "of": "cosin"}}),
        (ScoreStep, {"step": "score", "scorers": [{"by": "advantage", "of": "cosin"}]}),
    ],
)
def test_a_score_that_nothing_gives_is_told_before_the_run(model: Any, step: dict[str, Any]) -> None:
    before = [Distill.model_validate(STEPS[0]), ScoreStep.model_validate(STEPS[1])]
    one = model.model_validate(step)
    assert one.check_after(before) == ["nothing before it gives the score 'cosin'; there are cosine"]
    assert one.check_after(before[:1]) == ["nothing before it gives the score 'cosin'; add a score step before it"]
    right = json.loads(json.dumps(step).replace("cosin", "cosine"))
    assert model.model_validate(right).check_after(before) == []
