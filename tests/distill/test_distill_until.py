"""Resampling until correct: money goes to the problems that still need it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

import polars as pl
import pytest
from distill_parts import problems, run_step, step, texts
from teacher import FakeTeacher

from cotkit.distill.scripted.scenario import Scenario
from cotkit.distill.scripted.server import ScriptedTeacher
from cotkit.steps import NoProgress, Task


def sums(n: int) -> pl.DataFrame:
    table = problems([f"What is {i} + {i + 1}?" for i in range(n)])
    return table.with_columns(answer=pl.Series([str(2 * i + 1) for i in range(n)]))


class Totals(NoProgress):
    """How much work each bar announces."""

    def __init__(self) -> None:
        self.totals: list[int] = []

    def task(self, label: str, total: int) -> AbstractContextManager[Task]:
        self.totals.append(total)
        return super().task(label, total)


def test_only_wrong_answers_are_asked_again(tmp_path: Path) -> None:
    table = sums(40)
    with ScriptedTeacher(Scenario(accuracy=0.5, seed=3)) as server:
        asking = step(server.url, until={"correct": 1, "max": 8}, sampling={"seed": 1})
        output = run_step(asking, table, tmp_path)
        rates = output.secondary["pass_rates"]
        per_problem = output.kept.group_by("problem_id").len()
        assert rates["attempts"].sum() == output.kept.height == len(server.log.requests)
        assert dict(per_problem.iter_rows()) == dict(rates.select("problem_id", "attempts").iter_rows())
        # Nobody is asked again once one answer is right, and all are asked until then.
        assert set(rates.filter(pl.col("correct") > 0)["correct"]) == {1}
        solved = rates.filter(pl.col("correct") == 1)
        assert (solved["incorrect"] == solved["attempts"] - 1).all()
        assert (rates.filter(pl.col("correct") == 0)["attempts"] == 8).all()
        assert rates["pass_rate"].is_between(0, 1).all()
        # Half are right at once: 40 problems take about 80 attempts, far from 40 x 8.
        assert 40 < output.kept.height < 160
        # A rerun asks nothing and gives the same rows.
        asked = len(server.log.requests)
        again = run_step(asking, table, tmp_path)
        assert len(server.log.requests) == asked
        assert again.kept.equals(output.kept)
        assert again.secondary["pass_rates"].equals(rates)


def test_more_correct_ones_than_samples(tmp_path: Path) -> None:
    bar = Totals()
    with ScriptedTeacher() as server:
        output = run_step(step(server.url, samples=1, until={"correct": 3, "max": 5}), sums(4), tmp_path, bar)
    assert bar.totals == [0]  # nobody knows how many there will be: 4 of them would be passed by
    assert set(output.secondary["pass_rates"]["attempts"]) == {3}
    assert output.kept["sample"].to_list() == [0, 1, 2] * 4


def test_an_unfinished_answer_counts_as_not_solved_and_a_failure_ends_it(tmp_path: Path) -> None:
    with FakeTeacher() as server:
        server.fault("length", "What is 0 + 1?", times=2)
        server.fault("400", "What is 1 + 2?")
        output = run_step(step(server.url, until={"correct": 1, "max": 4}), sums(3), tmp_path)
        assert texts(server).count("What is 0 + 1?") == 3
        assert texts(server).count("What is 1 + 2?") == 1
    assert output.kept.height + output.dropped.height == 3 + 2
    assert output.dropped["reason"].to_list() == ["bad_request"]


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"samples": 4, "until": {"max": 2}}, "until.max is smaller"),
        ({"until": {"correct": 5, "max": 2}}, "until.max is smaller"),
        ({"until": {}, "batch": {}}, "a batch takes hours"),
    ],
)
def test_what_cannot_work_together_is_refused(keys: dict[str, object], words: str) -> None:
    assert words in " ".join(step("http://h", **keys).check())
