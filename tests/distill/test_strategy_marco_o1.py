"""Marco-o1: the confidence value, actions of exact length that continue a prefix, the surest way, shared prefixes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from construct_parts import construct, perform, play, problem_table, run_construct, within
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cotkit.distill.scripted.scenario import Reply, Scenario
from cotkit.distill.scripted.server import ScriptedTeacher
from cotkit.distill.strategies import Attempt, Call, Case, Play, Played, Strategy
from cotkit.distill.strategies import Reply as Heard
from cotkit.distill.strategies.marco_o1 import MarcoO1
from cotkit.distill.strategies.shared.confidence import confidence, token_confidence

URL = "http://127.0.0.1:9/v1"
PROBLEM = play([("Find x.", "7")])[0]
TOP = [-0.1, -3, -4, -5, -6]


def test_the_golden_values_of_confidence() -> None:
    assert token_confidence(-0.1, TOP) == pytest.approx(0.921276, abs=5e-7)
    # Outside the five: with itself in the sum (ours) and without (the authors') both round to this.
    assert token_confidence(-7, TOP) == pytest.approx(0.000928, abs=5e-7)
    assert token_confidence(-7, TOP) < math.exp(-7) / sum(map(math.exp, TOP))
    assert token_confidence(-0.01, [-5, -6]) < 1  # a token that the server leaves out of its own top
    assert confidence([(-0.1, TOP), (-7, TOP)]) == pytest.approx((0.921276 + 0.000928) / 2, abs=1e-6)
    assert confidence([]) is None
    assert confidence(None) is None


@settings(max_examples=100, deadline=None)
@given(st.floats(-1e6, 0), st.lists(st.floats(-1e6, 0), max_size=8))
@example(0.0, [-2.007250925923186e-14])
def test_confidence_is_a_part_of_one(own: float, top: list[float]) -> None:
    assert 0 <= token_confidence(own, top) <= 1


def test_only_a_teacher_with_logprobs_and_prefixes_is_asked() -> None:
    for preset, lacking in (("deepseek", "gives no logprobs"), ("together", "cannot continue a begun answer")):
        step = construct("", {"by": "marco_o1"}, teacher={"preset": preset, "base_url": URL})
        assert any(lacking in sentence for sentence in step.check())
    assert construct("", {"by": "marco_o1"}, teacher={"preset": "vllm", "base_url": URL}).check() == []


def test_actions_of_32_tokens_continue_each_other_exactly(tmp_path: Path) -> None:
    def speak(body: Mapping[str, Any]) -> Reply:
        last = body["messages"][-1]
        begun = last["content"] if last["role"] == "assistant" else ""
        word = "ab"[body["seed"] % 2]
        if "max_tokens" not in body:  # the rest: surer after b
            sure = -0.05 if "b" in begun else -2.0
            return Reply(match="", content=f" so \\boxed{{{len(begun)}}}", logprobs=((sure, sure, -3.0),) * 3)
        lead = " " if begun else ""
        return Reply(match="", content=lead + f"{word} " * 40, logprobs=((-0.5, -0.5, -1.5),) * 40)

    with ScriptedTeacher(Scenario(thinks=False), speak=speak) as server:
        keys = {"by": "marco_o1", "action": 32, "width": 2, "rollouts": 4}
        step = construct(server.url, keys, sampling={"seed": 0})
        output = run_construct(step, problem_table([("Find x.", "7")]), tmp_path)
        within(step.strategy.counts(), server, {"teacher": "m"})
        bodies = [entry["body"] for entry in server.log.requests]
    assert {body.get("max_tokens") for body in bodies} == {32, None}
    assert all(body["logprobs"] is True and body["top_logprobs"] == 5 for body in bodies)
    tree = json.loads(output.secondary["trees"]["tree"][0])["nodes"]
    pieces = {node["number"]: node["text"] for node in tree}
    assert {len(text.split()) for number, text in pieces.items() if number} == {32}
    begun = {body["messages"][-1]["content"] for body in bodies if len(body["messages"]) > 1}
    (row,) = output.kept.to_dicts()
    facts = json.loads(row["provenance"])
    start = "".join(pieces[number] for number in facts["nodes"])
    assert start in begun
    assert row["reasoning"] == f"{start} so \\boxed{{{len(start)}}}"
    assert "b" in start
    assert facts["confidence"] == pytest.approx(math.exp(-0.05) / (math.exp(-0.05) + math.exp(-3)))
    lost = [json.loads(text) for text in output.dropped["evidence"]]
    assert all(one["confidence"] <= facts["confidence"] for one in lost)
    for one, text in zip(lost, output.dropped["reasoning"], strict=True):
        both = (text[: one["shared_prefix"] + 1], row["reasoning"][: one["shared_prefix"] + 1])
        assert both[0] != both[1]
        assert both[0][:-1] == both[1][:-1]


def test_without_logprobs_in_the_answers_nothing_further_is_asked() -> None:
    played, calls = perform(MarcoO1(by="marco_o1"), PROBLEM, lambda _: "One.")
    assert [attempt.reason for attempt in played.attempts] == ["no_logprobs"]
    assert len(calls) == 3


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.text(max_size=10), st.sampled_from(["step", 64, 32]))
def test_the_surest_way_wins_within_its_bounds_and_the_gold_decides_nothing(seed: int, gold: str, action: Any) -> None:
    strategy = MarcoO1(by="marco_o1", action=action, width=2, rollouts=6, depth=3)

    def answer(call: Call) -> Heard:
        rng = Random(f"{seed} {call.purpose} {call.begun} {call.sample}")
        piece = call.purpose == "action"
        box = f" \\boxed{{{rng.randrange(3)}}}" if rng.random() < (0.2 if piece else 0.8) else ""
        status = "length" if piece and action != "step" and rng.random() < 0.9 else "done"
        logprobs = [(own, [own, -9.0]) for own in (-rng.random(), -3 * rng.random())]
        return Heard(f"{call}", status, None, f"w{rng.randrange(3)}{box}", logprobs=logprobs)

    played, calls = perform(strategy, PROBLEM, answer)
    assert (played, calls) == perform(strategy, replace(PROBLEM, answer=gold, solution=gold), answer)
    (count,) = strategy.counts()
    assert count.least <= len(calls) <= count.most
    assert all(
        c.sampling.get("max_tokens") == (None if action == "step" else action) for c in calls if c.purpose == "action"
    )
    done = [attempt for attempt in played.attempts if attempt.reason != "no_answer"]
    kept = [attempt for attempt in done if attempt.reason is None]
    assert len(kept) == bool(done)
    assert all(attempt.facts["confidence"] <= kept[0].facts["confidence"] for attempt in done)


class TwoPieces(Strategy):
    """A piece, and what comes after it."""

    by: str = "two_pieces"

    def play(self, case: Case) -> Play:
        (first,) = yield [Call(case.messages(), exact=True)]
        (second,) = yield [Call(case.messages(), begun=first.text)]
        return Played([Attempt(None, f"{first.text}|{second.text}")])


@pytest.mark.parametrize("echo", [False, True])
def test_pieces_keep_their_white_space_and_no_echo(tmp_path: Path, echo: bool) -> None:
    def speak(body: Mapping[str, Any]) -> Reply:
        begun = body["messages"][-1]["content"] if len(body["messages"]) > 1 else None
        if begun is None:
            return Reply(match="", content=" one\n")
        return Reply(match="", content=(begun if echo else "") + " two ")

    with ScriptedTeacher(Scenario(shape="vllm", thinks=False), speak=speak) as server:
        step = construct(server.url, {"by": "marco_o1"}).model_copy(update={"strategy": TwoPieces()})
        output = run_construct(step, problem_table([("Find x.", "7")]), tmp_path)
    assert output.kept["response"].to_list() == [" one\n| two "]
