"""What a strategy found out about a trace stands in its scores, so that select and choose can go by it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from construct_parts import construct, perform, play, problem_table, run_construct
from test_strategy_rstar import SMALL, noise

from cotkit.distill.scripted.scenario import Reply, Scenario
from cotkit.distill.scripted.server import ScriptedTeacher
from cotkit.distill.strategies import Call
from cotkit.distill.strategies import Reply as Heard
from cotkit.distill.strategies.best_of_n import BestOfN
from cotkit.distill.strategies.marco_o1 import MarcoO1
from cotkit.distill.strategies.rstar import RStar
from cotkit.distill.strategies.shared.voting import step_scores

PROBLEM = play([("Find x.", "7")])[0]


def test_four_numbers_of_the_steps_and_none_without_scores() -> None:
    assert step_scores([0.5, 0.2, 0.8]) == pytest.approx(
        {"step_last": 0.8, "step_min": 0.2, "step_mean": 0.5, "step_prod": 0.08}
    )
    assert step_scores([]) == {}


def test_a_vote_leaves_its_share_and_a_judge_the_scores_of_steps() -> None:
    def answer(call: Call) -> str:
        if call.role == "judge":
            return "SCORES: 9, 5" if "STEP 2 TO SCORE" in str(call.messages) else "SCORES: 12"
        return ("Add.\n\nSo \\boxed{1}.", "So \\boxed{1}.", "So \\boxed{2}.", "I do not know.")[call.sample]

    strategy = {"by": "best_of_n", "n": 4, "vote": "last_max"}
    judge = {"teacher": {"base_url": "http://127.0.0.1:9/v1", "model": "judge"}}
    played, _ = perform(BestOfN.model_validate({**strategy, "judge": judge}), PROBLEM, answer)
    steps = {"step_last": 0.5, "step_min": 0.5, "step_mean": 0.7, "step_prod": 0.45}
    assert [dict(attempt.scores) for attempt in played.attempts] == [
        pytest.approx({"vote_share": 0.5, **steps}),
        {"vote_share": 0.5},
        {"vote_share": 0.25},
        {},
    ]


def test_rstar_leaves_its_score_and_what_the_second_model_says() -> None:
    other = {"discriminator": {"teacher": {"base_url": "http://127.0.0.1:9/v1", "model": "d"}}}
    for keys, names in (
        ({}, {"rstar_score", "vote_share"}),
        (other, {"rstar_score", "vote_share", "mutual_consistency"}),
    ):
        played, _ = perform(RStar.model_validate({**SMALL, **keys}), PROBLEM, noise)
        for attempt in played.attempts:
            assert set(attempt.scores) == names
            assert attempt.scores["rstar_score"] == attempt.facts["score"]
            assert attempt.scores["vote_share"] == attempt.facts["share"]


def test_a_searched_way_leaves_how_sure_its_teacher_was() -> None:
    def answer(call: Call) -> Heard:
        text = "Step." if call.purpose == "action" else " So \\boxed{7}."
        return Heard("h", "done", None, text, logprobs=[(-0.1, [-0.1, -3.0])])

    strategy = MarcoO1.model_validate({"by": "marco_o1", "rollouts": 2, "width": 2})
    played, _ = perform(strategy, PROBLEM, answer)
    assert played.attempts
    assert [dict(one.scores) for one in played.attempts] == [
        {"confidence": a.facts["confidence"]} for a in played.attempts
    ]


def test_scores_reach_the_table_and_select_goes_by_them(tmp_path: Path) -> None:
    def speak(body: Mapping[str, Any]) -> Reply:
        if body["model"] == "second":
            return Reply(match="", content="So it is \\boxed{7}." if body["seed"] % 2 else "So it is \\boxed{8}.")
        return Reply(match="", reasoning="We think.\n\nAnd think.", content="So it is \\boxed{7}.")

    with ScriptedTeacher(Scenario(), speak=speak) as server:
        second = {"teacher": {"base_url": server.url, "model": "second"}, "sampling": {"seed": 0}}
        step = construct(server.url, {"by": "mutual_consistency", "discriminator": second})
        output = run_construct(step, problem_table([("Find x.", "7")]), tmp_path)
    rows = [*output.kept.to_dicts(), *output.dropped.to_dicts()]
    (row,) = rows
    share = json.loads(row["provenance"])["mutual_consistency"]
    assert row["scores"] == [{"name": "mutual_consistency", "value": share}]
    assert 0 <= share <= 1
