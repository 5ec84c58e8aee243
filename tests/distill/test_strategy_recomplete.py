"""Truncate and recomplete: a graph without circles, ways that backtrack to a right end, wrong ones labelled wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest
from construct_parts import construct, perform, play, problem_table, run_construct, within
from hypothesis import given, settings
from hypothesis import strategies as st

from cotkit.distill.scripted.scenario import Reply, Scenario
from cotkit.distill.scripted.server import ScriptedTeacher
from cotkit.distill.strategies import Call
from cotkit.distill.strategies.recomplete import TruncateRecomplete
from cotkit.distill.strategies.shared.graph import Graph
from cotkit.verify import grade

PROBLEM = play([("Compute 2+3*4.", "14")])[0]
TRUNK = "A: 3*4 = 12.\n\nB: add 2.\n\nC: \\boxed{14}."
KEYS: dict[str, Any] = {"by": "truncate_recomplete", "cuts": 2, "completions": 2, "paths": 4, "backtracks": 2}


def completed(begun: str, sample: int) -> str:
    """After A one wrong and one right way that come together with B; after B twice wrong, once without an answer."""
    if begun.endswith("add 2."):
        return ("D: 12+2 = 15.\n\nE: \\boxed{15}.", "I do not know.")[sample]
    return ("B: add 2.\n\nF: \\boxed{13}.", "G: 12+2 = 14.\n\nC: \\boxed{14}.")[sample]


def speak(body: Mapping[str, Any]) -> Reply:
    messages = body["messages"]
    text = TRUNK if len(messages) == 1 else completed(messages[-2]["content"], body["seed"])
    return Reply(match="", content=text)


@pytest.mark.parametrize("keep", [False, True])
def test_one_right_solution_becomes_several_thoughts(tmp_path: Path, keep: bool) -> None:
    with ScriptedTeacher(Scenario(thinks=False), speak=speak) as server:
        step = construct(server.url, {**KEYS, "keep_pruned": keep}, sampling={"seed": 0})
        output = run_construct(step, problem_table([("Compute 2+3*4.", "14")]), tmp_path)
        within(step.strategy.counts(), server, {"teacher": "m"})
        assert len(server.log.requests) == 5
    graph = json.loads(output.secondary["trees"]["tree"][0])["nodes"]
    names = {node["number"]: node["text"][:1] for node in graph}
    edges = {(names[node["number"]], names[child]) for node in graph for child in node["children"]}
    assert edges == {("", "A"), ("A", "B"), ("B", "C"), ("B", "F"), ("A", "G"), ("G", "C"), ("B", "D"), ("D", "E")}
    assert {names[n["number"]]: n["leads_to"] for n in graph if names[n["number"]] in "DEFGC"} == {
        "": ["correct", "incorrect"], "D": ["incorrect"], "E": ["incorrect"], "F": ["incorrect"], "G": ["correct"],
        "C": ["correct"],
    }  # fmt: skip
    rows = output.kept.to_dicts()
    built = [row for row in rows if "wrong_spans" in row["provenance"]]
    assert len(built) == 4
    assert len({row["reasoning"] for row in built}) == 4
    for row in built:
        facts = json.loads(row["provenance"])
        text = row["reasoning"]
        assert text.startswith("A: 3*4 = 12.\n\n")
        assert row["response"] == "The final answer is \\boxed{14}."
        assert text[facts["final"][0] : facts["final"][1]] == "C: \\boxed{14}."
        wrong = [text[a:b] for a, b in facts["wrong_spans"]]
        assert wrong
        assert set(wrong) <= {"F: \\boxed{13}.", "D: 12+2 = 15.\n\nE: \\boxed{15}."}
        assert len(facts["correction_spans"]) == len(wrong)
    kept_wrong = [row["response"] for row in rows if row not in built]
    assert sorted(kept_wrong) == ([f"The final answer is \\boxed{{{n}}}." for n in (13, 15)] if keep else [])
    assert all(grade("14", text).value == "incorrect" for text in kept_wrong)
    reasons = sorted(output.dropped["reason"])
    assert reasons == [*([] if keep else ["completion_incorrect"] * 2), "completion_undecided"]


@pytest.mark.parametrize(
    ("trunk", "other", "reason"),
    [
        ("A\n\n\\boxed{15}", "", "solution_incorrect"),
        ("\\boxed{14}", "", "too_few_steps"),
        ("A\n\n\\boxed{14}", "\\boxed{14}", "no_wrong_completion"),
        ("A\n\nI do not know.", "", "solution_undecided"),
    ],
)
def test_what_cannot_be_built_has_its_reason(trunk: str, other: str, reason: str) -> None:
    strategy = TruncateRecomplete.model_validate(KEYS)
    played, calls = perform(strategy, PROBLEM, lambda call: trunk if len(call.messages) == 1 else other)
    assert [attempt.reason for attempt in played.attempts] == [reason]
    assert len(calls) == (3 if other else 1)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.lists(st.sampled_from("abcde"), min_size=1, max_size=5)), max_size=8))
def test_the_graph_has_no_circle(ways: list[tuple[int, list[str]]]) -> None:
    graph = Graph()
    for start, steps in ways:
        walked = graph.add(start % len(graph.places), steps)
        assert [graph.places[number].text for number in walked] == steps
    for place in graph.places:
        assert all(place.number not in graph.below(child) for child in place.children)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32))
def test_every_way_ends_right_and_backtracks(seed: int) -> None:
    def answer(call: Call) -> str:
        rng = Random(f"{seed} {call.messages} {call.sample}")
        steps = [f"s{rng.randrange(5)}" for _ in range(rng.randrange(1, 4))]
        return "\n\n".join([*steps, f"\\boxed{{{14 if len(call.messages) == 1 or rng.random() < 0.4 else 13}}}"])

    strategy = TruncateRecomplete.model_validate({**KEYS, "keep_pruned": True})
    played, calls = perform(strategy, PROBLEM, answer, seed)
    assert 1 <= len(calls) <= strategy.counts()[0].most
    assert played.tree is not None
    leads = {node["number"]: node["leads_to"] for node in played.tree["nodes"]}
    for attempt in played.attempts:
        if "wrong_spans" in attempt.facts:
            assert attempt.facts["wrong_spans"]
            assert grade("14", attempt.response).value == "correct"
            wrong = {number for numbers in attempt.facts["wrong_nodes"] for number in numbers}
            assert not any("correct" in leads[number] for number in wrong)
        elif attempt.reason is None:
            assert grade("14", attempt.response).value == "incorrect"
