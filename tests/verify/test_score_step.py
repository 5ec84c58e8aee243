"""The score step and `cotkit score`: scores go with their trace, a missing one is told, groups are kept."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cotkit.records import Problem, Trace, Verdict, frame, rows, score_of
from cotkit.run.conserve import rows_in
from cotkit.steps import StepContext, StepOutput
from cotkit.verify.score import ScoreStep

PROBLEMS = [Problem("p", "1 + 1?", "2"), Problem("q", "2 + 2?", solution="It is \\boxed{4}.")]
TRACES = [
    Trace("p", 0, "t", "h", "done", response="\\boxed{2}", completion_tokens=100),
    Trace("q", 0, "t", "h", "done", response="\\boxed{4}", completion_tokens=100),
    Trace("p", 1, "t", "h", "done", response="\\boxed{2}", completion_tokens=300),
    Trace("p", 2, "t", "h", "done", response="hm", completion_tokens=200, scores=[{"name": "old", "value": 7.0}]),
    Trace("p", 3, "t", "h", "length", reasoning="on and on", completion_tokens=200),
]
VERDICTS = [
    Verdict("p", 0, "correct", "2", "2", "exact", ""),
    Verdict("p", 1, "correct", "2", "2", "exact", ""),
    Verdict("p", 2, "undecided", None, "2", "none", "no_answer_found"),
    Verdict("p", 3, "undecided", None, "2", "none", "trace_length"),
    Verdict("q", 0, "incorrect", "3", "4", "exact", ""),
]


def run(tmp_path: Path, *scorers: dict[str, Any]) -> StepOutput:
    step = ScoreStep.model_validate({"step": "score", "name": "score", "scorers": scorers})
    tables = {Trace: frame(Trace, TRACES), Verdict: frame(Verdict, VERDICTS), Problem: frame(Problem, PROBLEMS)}
    out = step.run(tables, StepContext(seed=0, work=tmp_path, run=tmp_path))
    rows_in(step, tables, out)
    return out


def test_every_trace_keeps_its_place_and_gets_its_scores(tmp_path: Path) -> None:
    out = run(tmp_path, {"by": "k15_length"}, {"by": "advantage", "of": "k15_length"})
    kept = rows(Trace, out.kept)
    assert [(t.problem_id, t.sample, t.response) for t in kept] == [
        (t.problem_id, t.sample, t.response) for t in TRACES
    ]
    assert [score_of(t.scores, "k15_length") for t in kept] == [0.5, 0.0, -0.5, None, 0.0]
    assert [score_of(t.scores, "reward_mean") for t in kept] == [0.0, 0.0, 0.0, None, 0.0]
    assert score_of(kept[3].scores, "old") == 7.0
    missing = out.secondary["unscored"].rows()
    assert missing == [
        ("p", 2, "k15_length", "undecided", "{}"),
        ("p", 2, "advantage", "no_score", '{"of": "k15_length"}'),
    ]
    assert out.counters["k15_length scored"] == 4


def test_a_score_of_the_same_name_is_overwritten(tmp_path: Path) -> None:
    table = run(tmp_path, {"by": "cosine"}).kept
    step = ScoreStep.model_validate({"step": "score", "scorers": [{"by": "cosine", "max_length": 200, "margin": None}]})
    tables = {Trace: table, Verdict: frame(Verdict, VERDICTS), Problem: frame(Problem, PROBLEMS)}
    kept = rows(Trace, step.run(tables, StepContext(seed=0, work=tmp_path, run=tmp_path)).kept)
    assert [s["name"] for s in kept[0].scores or ()] == ["cosine"]
    assert score_of(kept[0].scores, "cosine") == 1.5


def test_a_score_that_cannot_be_had_anymore_goes(tmp_path: Path) -> None:
    old = [replace(trace, scores=[{"name": "cosine", "value": 9.0}, {"name": "x", "value": 1.0}]) for trace in TRACES]
    step = ScoreStep.model_validate({"step": "score", "scorers": [{"by": "cosine"}]})
    tables = {Trace: frame(Trace, old), Verdict: frame(Verdict, VERDICTS), Problem: frame(Problem, PROBLEMS)}
    kept = rows(Trace, step.run(tables, StepContext(seed=0, work=tmp_path, run=tmp_path)).kept)
    assert kept[3].scores == [{"name": "x", "value": 1.0}]
    assert score_of(kept[0].scores, "cosine") == pytest.approx(2, abs=0.01)


def test_two_scorers_of_one_name_are_refused() -> None:
    step = ScoreStep.model_validate({"step": "score", "scorers": [{"by": "cosine"}, {"by": "cosine"}]})
    assert step.check() == [
        "two scorers of this step give 'cosine', and the second would overwrite the first; leave one out"
    ]


ATTEMPTS = [
    {"problem": "2 + 3 * 4?", "answer": "14", "response": "<think>5 * 4</think> <answer>20</answer>"},
    {"problem": "2 + 3 * 4?", "answer": "14", "response": "<think>2 + 12</think> <answer>14</answer>"},
    {"problem": "2 + 3 * 4?", "answer": "14", "response": "<answer>14</answer>"},
    {"problem": "2 + 3 * 4?", "answer": "14", "response": "<think>.</think> <answer>7</answer> ok"},
    {"problem": "other", "answer": "1", "response": "cannot say"},
]


def test_the_command_grades_and_scores_a_file(cli: Any, jsonl: Any, tmp_path: Path) -> None:
    source = jsonl("attempts.jsonl", ATTEMPTS)
    done = cli("score", source, "--reward", "r1-zero", "--reward", "advantage", "--flat", "--out", "scored.jsonl")
    assert done.returncode == 0, done.stderr
    assert "graded first" in done.stderr
    found = [json.loads(line) for line in (tmp_path / "scored.jsonl").read_text().splitlines()]
    assert [row["reward_total"] for row in found] == [0.1, 1.1, 1.0, 0.0, None]
    assert [round(row["advantage"], 4) for row in found[:4]] == [-0.8955, 1.0945, 0.8955, -1.0945]
    assert found[4]["scores"] == [{"name": "reward_format", "value": 0.0}]
    assert json.loads(found[4]["unscored"])["r1_zero"] == {"reason": "undecided"}
    assert [row["verdict"] for row in found] == ["incorrect", "correct", "correct", "incorrect", "undecided"]
    again = cli(
        "score", "scored.jsonl", "--by", "cosine", "--key", "unit=chars", "--key", "max-length=50", "--out", "b.csv"
    )
    assert again.returncode == 0, again.stderr
    assert "graded first" not in again.stderr
    names = [s["name"] for s in json.loads(pl.read_csv(tmp_path / "b.csv")["scores"][0])]
    assert names == [
        "reward_accuracy",
        "reward_format",
        "reward_total",
        "reward_mean",
        "reward_std",
        "advantage",
        "cosine",
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "name a scorer with --by"),
        (["--by", "cosin"], "did you mean cosine?"),
        (["--by", "cosine", "--key", "max_lenght=3"], "did you mean 'max_length'?"),
        (["--by", "cosine", "--by", "patterns", "--key", "max_length=3"], "write SCORER.KEY=VALUE"),
        (["--by", "cosine", "--by", "cosine"], "named twice"),
    ],
)
def test_wrong_options_are_one_sentence(cli: Any, jsonl: Any, options: list[str], said: str) -> None:
    done = cli("score", jsonl("attempts.jsonl", ATTEMPTS), *options)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
