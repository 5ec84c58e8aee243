"""Journey: the tree, its wrong turnings and their corrections as spans, the writer's freedom and its limits."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
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
from cotkit.distill.strategies.journey import Journey, wrong_turnings
from cotkit.distill.strategies.shared.linearize import Part, Trial, laid_out, thought
from cotkit.distill.strategies.shared.rewriting import read_writer
from cotkit.distill.strategies.shared.rulings import read_ruling
from cotkit.distill.strategies.shared.stepping import same_answers
from cotkit.distill.strategies.shared.tree import Tree

PROBLEM = "Compute 2+3*4."
# What the teacher says next, by its last step, one for each sample.
NEXT: Mapping[str, Sequence[str]] = {
    "": ("First 3*4 = 12.", "First 2+3 = 5.", "First 3*4 = 12."),
    "First 3*4 = 12.": ("So 2+12 = 15: \\boxed{15}.", "So 2+12 = 14: \\boxed{14}.", "So 2+12 = 15: \\boxed{15}."),
}
WRONG = {"First 2+3 = 5.": "The product comes first.", "So 2+12 = 15: \\boxed{15}.": "2 and 12 make 14."}
KEYS: dict[str, Any] = {"by": "journey", "width": 3, "depth": 3, "keep_per_level": 2}


def judged(text: str) -> str:
    step = text.split("BEGIN STEP TO CHECK\n| ")[1].split("\nEND", maxsplit=1)[0]
    return f"{WRONG[step]}\nVERDICT: WRONG" if step in WRONG else "It follows.\nVERDICT: RIGHT"


def next_step(messages: Sequence[Mapping[str, str]], sample: int) -> str:
    said = messages[-2]["content"].split("\n\n")[-1] if len(messages) > 1 else ""
    return NEXT[said][sample]


def speak(body: Mapping[str, Any]) -> Reply:
    messages = body["messages"]
    text = messages[-1]["content"]
    if body["model"] == "judge":
        return Reply(match="", content=judged(text))
    if body["model"] == "writer":
        notes = text.split("Notes:\n")[1]
        return Reply(match="", content=notes.replace("First", "I begin:").replace("So ", "which gives "))
    return Reply(match="", content=next_step(messages, body["seed"]))


def keys(url: str, **more: Any) -> dict[str, Any]:
    return {**KEYS, "judge": {"teacher": {"base_url": url, "model": "judge"}}, **more}


def strategy(**more: Any) -> Journey:
    return Journey.model_validate(keys("http://127.0.0.1:9/v1", **more))


def test_a_tree_becomes_one_thought_with_its_wrong_turnings(tmp_path: Path) -> None:
    with ScriptedTeacher(Scenario(thinks=False), speak=speak) as server:
        step = construct(server.url, keys(server.url, shortcut=True), sampling={"seed": 0})
        output = run_construct(step, problem_table([(PROBLEM, "14")]), tmp_path)
        within(step.strategy.counts(), server, {"teacher": "m", "judge": "judge"})
        assert len(server.log.requests) == 6 + 4  # the tree: two levels of three, two different steps each
    journey, twin = output.kept.to_dicts()
    facts = json.loads(journey["provenance"])
    text = journey["reasoning"]
    wrong, corrections = ([text[a:b] for a, b in facts[key]] for key in ("wrong_spans", "correction_spans"))
    assert wrong == list(WRONG)
    assert all(why in said for why, said in zip(WRONG.values(), corrections, strict=True))
    assert all(w[1] + 2 == c[0] for w, c in zip(facts["wrong_spans"], facts["correction_spans"], strict=True))
    start, end = facts["final"]
    assert text[start:end] == "So 2+12 = 14: \\boxed{14}."
    assert [text.index(piece) for piece in (wrong[0], "First 3*4", wrong[1], "So 2+12 = 14")] == sorted(
        text.index(piece) for piece in (wrong[0], "First 3*4", wrong[1], "So 2+12 = 14")
    )
    assert journey["response"] == "The final answer is \\boxed{14}."
    assert (journey["reasoning_kind"], journey["strategy"]) == ("synthetic", "journey")
    assert twin["reasoning"] == "First 3*4 = 12.\n\nSo 2+12 = 14: \\boxed{14}."
    assert json.loads(twin["provenance"])["form"] == "shortcut"
    assert output.counters["journey"] == output.counters["shortcut"] == 1
    tree = json.loads(output.secondary["trees"]["tree"][0])["nodes"]
    judged_wrong = {node["number"] for node in tree if node.get("judged") == "wrong"}
    assert {number for numbers in facts["wrong_nodes"] for number in numbers} == judged_wrong
    assert [node["parent"] for node in tree] == [None, 0, 0, 1, 1]


def test_a_writer_smooths_the_thought_and_spans_follow(tmp_path: Path) -> None:
    with ScriptedTeacher(Scenario(thinks=False), speak=speak) as server:
        writer = {"teacher": {"base_url": server.url, "model": "writer"}}
        step = construct(server.url, keys(server.url, writer=writer, shortcut=False), sampling={"seed": 0})
        output = run_construct(step, problem_table([(PROBLEM, "14")]), tmp_path)
        within(step.strategy.counts(), server, {"teacher": "m", "judge": "judge", "writer": "writer"})
    (row,) = output.kept.to_dicts()
    facts = json.loads(row["provenance"])
    assert facts["writer"] == "used"
    spans = [row["reasoning"][a:b] for a, b in facts["wrong_spans"]]
    assert spans == ["I begin: 2+3 = 5.", "which gives 2+12 = 15: \\boxed{15}."]


PARTS = [Part("wrong", "2+3 = 5."), Part("correction", "No."), Part("step", "So \\boxed{14}.")]


@pytest.mark.parametrize(
    ("written", "outcome"),
    [
        ("[[1]]\nI add 2+3 and get 5.\n[[2]]\nNo.\n[[3]]\nAh, \\boxed{14}.", "used"),
        ("[[1]]\nI add 2+3 and get 5.\n[[2]]\nNo.\n[[3]]\nAh, \\boxed{14.0}.", "rewrite_lost_step"),
        ("[[2]]\nNo.\n[[3]]\nAh, \\boxed{14}.", "rewrite_lost_step"),
        ("[[1]]\n\n[[2]]\nNo.\n[[3]]\nAh, \\boxed{14}.", "rewrite_lost_step"),
        ("[[1]]\nI add.\n[[2]]\nNo.\n[[3]]\nAh, \\boxed{14}.", "rewrite_lost_step"),
        ("[[2]]\nNo.\n[[1]]\n2+3 = 5\n[[3]]\nAh, \\boxed{14}.", "rewrite_lost_step"),
        ("[[1]]\n2+3 = 5\n[[2]]\nNo.\n[[3]]\nAh, 14, \\boxed{5}.", "rewrite_changed_answer"),
        ("[[1]]\n2+3 = 5\n[[2]]\nNo.\n[[3]]\nAh, 14.", "rewrite_changed_answer"),
        ("[[1]]\n2+3 = 5\n[[2]]\nNo, 77.\n[[3]]\n\\boxed{14}.", "rewrite_new_number"),
        ("", "rewrite_lost_step"),
    ],
)
def test_what_a_writer_loses_or_changes_is_refused(written: str, outcome: str) -> None:
    parts, said = read_writer(written, PARTS, play([(PROBLEM, None)])[0])
    assert said == outcome
    assert (parts is not None) == (outcome == "used")


def test_a_bad_writer_leaves_the_draft() -> None:
    def answer(call: Call) -> str:
        if call.role == "writer":
            return "What a nice problem."
        return judged(call.messages[-1]["content"]) if call.role == "judge" else next_step(call.messages, call.sample)

    writer = {"teacher": {"base_url": "http://127.0.0.1:9/v1", "model": "writer"}}
    played, _ = perform(strategy(writer=writer), play([(PROBLEM, "14")])[0], answer)
    assert played.attempts[0].facts["writer"] == "rewrite_lost_step"
    assert "First 2+3 = 5." in str(played.attempts[0].reasoning)


@pytest.mark.parametrize(
    ("verdict", "reasons"),
    [("RIGHT", ["no_wrong_step"]), ("WRONG", ["no_right_end"]), ("perhaps", ["no_right_end"])],
)
def test_no_journey_without_a_wrong_step_and_none_without_a_right_end(verdict: str, reasons: list[str | None]) -> None:
    def answer(call: Call) -> str:
        return f"VERDICT: {verdict}" if call.role == "judge" else "So \\boxed{14}."

    played, _ = perform(strategy(width=2, shortcut=True), play([(PROBLEM, "14")])[0], answer)
    assert [attempt.reason for attempt in played.attempts] == reasons


def test_ends_that_agree_win_over_the_first() -> None:
    ends = ["\\boxed{1/2}", "\\boxed{3}", "\\boxed{0.5}"]

    def answer(call: Call) -> str:
        if call.role != "judge":
            return (*ends[1::-1], ends[2], "Nothing.")[call.sample]
        return "VERDICT: WRONG" if "Nothing." in call.messages[-1]["content"] else "VERDICT: RIGHT"

    played, _ = perform(strategy(width=4), play([(PROBLEM, None)])[0], answer)
    assert played.attempts[0].response == "The final answer is \\boxed{1/2}."
    assert same_answers(["0.5", None, "1/2", "3"], play([(PROBLEM, None)])[0]) == [0, None, 0, 3]


def test_the_linearizer_on_drawn_trees() -> None:
    tree = Tree()
    a = tree.add(0, "A", judged="right")
    b = tree.add(0, "B", judged="right")
    c = tree.add(b.number, "C", judged="wrong", why="C fails")
    d = tree.add(a.number, "D", judged="right")
    tree.add(a.number, "E", judged="unclear")
    assert wrong_turnings(tree, [a.number, d.number], 4, Random(0)) == {
        0: [Trial([(b.number, "B"), (c.number, "C")], 1, "C fails")]
    }
    assert wrong_turnings(tree, [], 4, Random(0)) == {}
    parts = thought([(1, "A"), (4, "D")], {0: [Trial([(2, "B"), (3, "C")], 1, "C fails")]}, Random(0), "zh")
    assert [part.kind for part in parts] == ["trial", "wrong", "correction", "step", "step"]
    text, spans = laid_out(parts)
    assert text.startswith("B\n\nC\n\n")
    assert "C fails" in text
    assert [text[x:y] for x, y in (*spans["wrong_spans"], spans["final"])] == ["C", "D"]
    assert laid_out([])[0] == ""


@pytest.mark.parametrize(
    ("text", "verdict", "why"),
    [
        ("Fine.\nVERDICT: RIGHT", "right", "Fine."),
        ("VERDICT: RIGHT? No:\nverdict: **wrong**", "wrong", "VERDICT: RIGHT? No:"),
        ("错了。\nVERDICT：WRONG", "wrong", "错了。"),
        ("It is RIGHT", "unclear", ""),
    ],
)
def test_rulings(text: str, verdict: str, why: str) -> None:
    ruling = read_ruling(text)
    assert (ruling.verdict, ruling.why) == (verdict, why)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.text(max_size=20))
def test_spans_hold_whatever_is_said_and_the_gold_decides_nothing(seed: int, nonsense: str) -> None:
    rng = Random(seed)
    said: dict[Any, str] = {}

    def answer(call: Call) -> str:
        key = json.dumps([call.role, call.messages, call.sample])
        box = f" \\boxed{{{rng.randrange(3)}}}" if rng.random() < 0.3 else ""
        verdict = rng.choice(["RIGHT", "WRONG"])
        new = f"why {rng.random()}\nVERDICT: {verdict}" if call.role == "judge" else f"step {rng.randrange(4)}{box}"
        return said.setdefault(key, new)

    problem = play([(PROBLEM, "14")])[0]
    played, calls = perform(strategy(depth=5), problem, answer)
    other, same_calls = perform(strategy(depth=5), replace(problem, answer=nonsense, solution=nonsense), answer)
    assert (played, calls) == (other, same_calls)
    wrong = {node["number"] for node in played.tree["nodes"] if node.get("judged") == "wrong"} if played.tree else set()
    for attempt in played.attempts:
        if attempt.facts.get("form") == "journey":
            facts = attempt.facts
            assert len(facts["wrong_spans"]) == len(facts["correction_spans"]) >= 1
            assert all(numbers and set(numbers) <= wrong for numbers in facts["wrong_nodes"])
            ends = [*zip(facts["wrong_spans"], facts["correction_spans"], strict=True)]
            assert all(w[0] < w[1] < c[0] < c[1] < facts["final"][0] for w, c in ends)
