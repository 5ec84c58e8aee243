"""rStar: the order of actions, UCT, exact visits, majority rewards, mutual consistency; the gold decides nothing."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from construct_parts import construct, perform, play, problem_table, run_construct, within
from hypothesis import given, settings
from hypothesis import strategies as st

from cotkit.distill.scripted.scenario import Reply, Scenario
from cotkit.distill.scripted.server import ScriptedTeacher
from cotkit.distill.strategies import Call
from cotkit.distill.strategies.consistency import MutualConsistency, prefixes
from cotkit.distill.strategies.rstar import ALLOWED, LAST, RStar
from cotkit.distill.strategies.shared.uct import uct

URL = "http://127.0.0.1:9/v1"
PROBLEM = play([("Find x.", "7")])[0]
SMALL: dict[str, Any] = {
    "by": "rstar", "rollouts": 12, "depth": 2, "steps": 1, "subquestions": 1, "votes": 1, "last_votes": 2
}  # fmt: skip


def second(url: str = URL) -> dict[str, Any]:
    return {"teacher": {"base_url": url, "model": "second"}}


def rstar(**more: Any) -> RStar:
    return RStar.model_validate({**SMALL, **more})


def test_the_golden_value_of_uct() -> None:
    assert uct(3, 4, 10, 2) == pytest.approx(2.26743, abs=5e-6)


def told(call: Call) -> str:
    """What is asked, by a word of the prompt."""
    words = {"only the next step": "step", "Now finish": "answer", "Which smaller": "subquestion",
             "Answer this question": "reply", "Before solving": "rephrase"}  # fmt: skip
    return next(name for word, name in words.items() if word in call.messages[-1]["content"])


def scripted(call: Call) -> str:
    """Ends: 7 twice at the root, 7 and 8 after the step, 8 twice after the sub-question, none after the rewording."""
    before = call.messages[-2]["content"] if len(call.messages) > 1 else ""
    if call.role == "discriminator":
        return "\\boxed{7}" if call.sample % 2 == 0 else "\\boxed{9}"
    asked = told(call)
    if asked != "answer":
        replies = {"step": "One.", "subquestion": "What is y?", "reply": "y is \\boxed{3}.", "rephrase": "Given x."}
        return replies[asked]
    if "What is y?" in before:
        return "So \\boxed{8}."
    if "Given x." in before:
        return "I do not know."
    return f"So \\boxed{{{8 if before and call.sample else 7}}}."


def expected_visits(rollouts: int) -> dict[str, int]:
    """The bandit that the small tree is, worked out apart."""
    rewards = {"step": 0.5, "answer": 1.0, "subquestion": 1.0, "rephrase": 0.0}
    visits = dict.fromkeys(rewards, 1)  # unvisited ones go first, in whatever order
    for total in range(4, rollouts):
        best = max(rewards, key=lambda a: rewards[a] + 2 * math.sqrt(math.log(total) / visits[a]))
        visits[best] += 1
    return visits


@pytest.mark.parametrize("seed", range(3))
def test_visits_and_winner_are_exact(seed: int) -> None:
    played, calls = perform(rstar(), PROBLEM, scripted, seed)
    assert played.tree is not None
    nodes = played.tree["nodes"]
    visits = {node["kind"]: node["visits"] for node in nodes if node["parent"] == 0}
    assert visits == expected_visits(12)
    assert nodes[0]["visits"] == 12
    assert len(calls) == 6 + 3 * 2
    kept = [a for a in played.attempts if a.reason is None]
    whole = {"7": visits["answer"] + 0.5 * visits["step"], "8": visits["subquestion"]}
    best = max(whole, key=lambda answer: whole[answer])
    assert [a.response for a in kept] == [f"The final answer is \\boxed{{{best}}}."]
    assert kept[0].facts["score"] == pytest.approx(whole[best] / sum(whole.values()))


def test_the_second_model_can_turn_the_choice() -> None:
    def answer(call: Call) -> str:
        if call.role == "discriminator":
            return "\\boxed{8}"
        return scripted(call)

    played, calls = perform(rstar(discriminator=second()), PROBLEM, answer)
    (kept,) = [a for a in played.attempts if a.reason is None]
    assert kept.response == "The final answer is \\boxed{8}."
    assert kept.facts["mutual_consistency"] == 1.0
    assert kept.facts["actions"] == ["subquestion", "answer"]
    assert len([call for call in calls if call.role == "discriminator"]) == 4 * len(played.attempts)


def noise(call: Call) -> str:
    """Something at every place, by its hash, sometimes an end and sometimes nonsense."""
    digest = sha256(json.dumps([call.role, list(call.messages), call.sample]).encode()).digest()
    if call.role == "teacher" and told(call) == "subquestion" and digest[0] < 80:
        return LAST
    return f"text {digest[1] % 4}" + (f" \\boxed{{{digest[2] % 3}}}" if digest[3] < 200 else "")


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32), st.text(max_size=10), st.integers(1, 4))
def test_the_order_of_actions_the_bounds_and_a_gold_of_no_weight(seed: int, nonsense: str, depth: int) -> None:
    strategy = rstar(depth=depth, steps=2, subquestions=2, votes=3, last_votes=4, discriminator=second())
    played, calls = perform(strategy, PROBLEM, noise, seed)
    other, same = perform(strategy, replace(PROBLEM, answer=nonsense, solution=nonsense), noise, seed)
    assert (played, calls) == (other, same)
    assert played.tree is not None
    nodes = played.tree["nodes"]
    depths = {0: 0}
    for node in nodes[1:]:
        parent = nodes[node["parent"]]
        depths[node["number"]] = depths[parent["number"]] + 1
        assert node["kind"] in ALLOWED[parent["kind"]]
        assert not parent.get("last")
        assert depths[node["number"]] <= depth
        assert depths[node["number"]] < depth or node["kind"] == "answer"
    for count in strategy.counts():
        assert count.least <= sum(call.role == count.role for call in calls) <= count.most
    assert sum(node.get("visits", 0) for node in nodes if node["parent"] == 0) in (12, 0)


def test_no_end_is_a_drop() -> None:
    played, _ = perform(rstar(), PROBLEM, lambda _: "Hm.")
    assert [attempt.reason for attempt in played.attempts] == ["no_answer"]


def wire(body: Mapping[str, Any]) -> Reply:
    role = "discriminator" if body["model"] == "second" else "teacher"
    return Reply(match="", content=scripted(Call(body["messages"], role=role, sample=body.get("seed", 0))))


def test_the_search_over_the_wire_dumps_its_tree(tmp_path: Path) -> None:
    with ScriptedTeacher(Scenario(thinks=False), speak=wire) as server:
        keys = {**SMALL, "discriminator": second(server.url)}
        step = construct(server.url, keys, sampling={"seed": 0})
        output = run_construct(step, problem_table([("Find x.", "7"), ("Find z.", "7")]), tmp_path)
        within(step.strategy.counts(), server, {"teacher": "m", "discriminator": "second"}, problems=2)
    trees = [json.loads(text)["nodes"] for text in output.secondary["trees"]["tree"]]
    assert [len(tree) for tree in trees] == [7, 7]
    assert output.kept.height == 2
    assert set(output.kept["reasoning_kind"]) == {"synthetic"}
    assert output.rows_in == output.kept.height + output.dropped.height == 6


@pytest.mark.parametrize(
    ("completed", "reason", "share"),
    [
        (["7", "7", "9", "7.0"], None, 0.75),
        (["7", "9", "9", "7"], None, 0.5),
        (["9", "7", "9", "9"], "inconsistent", 0.25),
    ],
)
def test_mutual_consistency_alone(completed: list[str], reason: str | None, share: float) -> None:
    heard = iter(completed)

    def answer(call: Call) -> str:
        if call.role == "teacher":
            return "One two three four five six seven eight. So x is \\boxed{7}."
        return f"\\boxed{{{next(heard)}}}"

    strategy = MutualConsistency.model_validate({"by": "mutual_consistency", "discriminator": second()})
    played, calls = perform(strategy, PROBLEM, answer)
    assert played.attempts[0].reason == reason
    assert played.attempts[0].facts["mutual_consistency"] == share
    begun = [call.messages[-2]["content"] for call in calls[1:]]
    assert begun == ["One two", "One two three four", "One two three four five", "One two three four five six"]
    unanswered, calls = perform(strategy, PROBLEM, lambda _: "I do not know.")
    assert (unanswered.attempts[0].reason, len(calls)) == ("no_answer", 1)


def test_beginnings_of_short_and_of_chinese_texts() -> None:
    assert prefixes("") == []
    assert prefixes("one") == ["one"] * 4
    assert prefixes("先算三乘四得十二再加二") == ["先算", "先算三", "先算三乘", "先算三乘四得"]
