"""LIMO's score of a trace: its parts and weights, the best trace of each problem, then the top of the whole set."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_select import attempt

from cotkit.curate.choose import Choose
from cotkit.curate.limo import FULL_LENGTH, limo_score
from cotkit.curate.select import Select, select
from cotkit.records import Example
from cotkit.steps import StepContext

PLAIN = "so " * 99


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("", 0.0),
        (PLAIN + "so", 0.3 * 100 / FULL_LENGTH),
        (PLAIN + "Verified", 0.3 * 100 / FULL_LENGTH + 0.20),
        (PLAIN + "perhaps", 0.3 * 100 / FULL_LENGTH + 0.25),
        (PLAIN + "Since", 0.3 * 100 / FULL_LENGTH + 0.25),
        (PLAIN * 2 + "might it", 0.3 * 200 / FULL_LENGTH + 0.125),
        ("so " * (FULL_LENGTH * 2), 0.3),
        ("checker almighty sincere " + PLAIN, 0.3 * 102 / FULL_LENGTH),
    ],
)
def test_each_part_has_its_weight(text: str, score: float) -> None:
    assert limo_score(text) == pytest.approx(score, abs=1e-6)


@given(st.lists(st.sampled_from(["check", "might", "therefore", "so", "\n", "x."])).map(" ".join))
def test_a_score_is_a_share(text: str) -> None:
    assert 0 <= limo_score(text) <= 1


def test_the_best_trace_of_each_problem_then_the_best_problems(tmp_path: Path) -> None:
    attempts = [
        attempt("a", 0, "correct", text=PLAIN),
        attempt("a", 1, "correct", text=PLAIN + " perhaps I check"),
        attempt("a", 2, "incorrect", text="perhaps I check since I might " * 9),
        attempt("b", 0, "correct", text=PLAIN + " perhaps"),
        attempt("c", 0, "correct", text=PLAIN + PLAIN),
    ]
    best = select(attempts, Select.model_validate({"step": "select", "choose": {"by": "limo"}}))
    assert best.kept.select("problem_id", "sample").rows() == [("a", 1), ("b", 0), ("c", 0)]
    step = Choose.model_validate({"step": "choose", "rows": 2, "by": {"by": "top", "of": "limo"}})
    out = step.run({Example: best.kept}, StepContext(seed=1, work=tmp_path, run=tmp_path))
    assert out.kept["problem_id"].to_list() == ["a", "b"]
    assert out.dropped["reason"].to_list() == ["not_chosen"]
