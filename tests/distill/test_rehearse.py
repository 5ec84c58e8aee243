"""An estimate of a strategy bounds its bill: prompts that grow, answers that are there, nothing asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from construct_parts import construct, play, problem_table, run_construct

from cotkit.distill.construct import Construct
from cotkit.distill.estimate import Asking, Estimate, estimate
from cotkit.distill.scripted.scenario import Reply, Scenario
from cotkit.distill.scripted.server import ScriptedTeacher

PROBLEMS = [(f"How much is {n} + {14 - n}?", "14") for n in range(3)]
PRICE = {"input": 10, "output": 10}


def speak(body: Mapping[str, Any]) -> Reply:
    text = str(body["messages"])
    if "BEGIN STEP TO CHECK" in text:
        return Reply(match="", content="Look at it.\nVERDICT: " + ("WRONG" if len(text) % 3 else "RIGHT"))
    if "SCORES:" in text:
        return Reply(match="", content="SCORES: 7")
    if body.get("response_format"):
        action = "final" if text.count("next_action") > 9 else "continue"
        step = {"title": "t", "content": "We add them up. " * 40, "next_action": action}
        return Reply(match="", content=json.dumps(step))
    return Reply(match="", content=f"Step {len(text) % 5}.\n\nSo it is \\boxed{{{14 + len(text) % 2}}}.")


def judge(url: str) -> dict[str, Any]:
    return {"teacher": {"base_url": url, "model": "judge", "price": PRICE}}


def step_for(url: str, strategy: str) -> Construct:
    keys: dict[str, Any] = {"by": strategy}
    if strategy in ("journey", "critique_loop"):
        keys |= {"judge": judge(url)}
    if strategy == "best_of_n":
        keys |= {"judge": judge(url), "vote": "last_max", "n": 3}
    if strategy == "rstar":
        keys |= {"rollouts": 1, "votes": 1, "last_votes": 1, "depth": 2}
    teacher = {"preset": "vllm", "price": PRICE, "reasoning": "none"}
    return construct(url, keys, teacher=teacher, sampling={"seed": 0, "max_tokens": 600})


def reckoned(step: Construct, folder: Path, problems: Any = None) -> list[Estimate]:
    asked = step.asking(play(PROBLEMS) if problems is None else problems)
    return [estimate(one, folder / "journal.sqlite") for one in asked if isinstance(one, Asking)]


@pytest.mark.parametrize(
    "strategy", ["steps_json", "journey", "critique_loop", "best_of_n", "self_correct", "star", "truncate_recomplete"]
)
def test_the_bill_is_between_least_and_most_and_then_nothing_is_left(tmp_path: Path, strategy: str) -> None:
    with ScriptedTeacher(Scenario(shape="vllm", thinks=False), speak=speak) as server:
        step = step_for(server.url, strategy)
        before = reckoned(step, tmp_path)
        assert server.log.requests == []
        output = run_construct(step, problem_table(PROBLEMS), tmp_path)
        asked = len(server.log.requests)
        after = reckoned(step, tmp_path)
        more = reckoned(step, tmp_path, play([*PROBLEMS, ("How much is 9 + 5?", "14")]))
        assert len(server.log.requests) == asked
    calls = output.secondary["calls"]
    least = sum(one.requests if one.least is None else one.least for one in before)
    assert least <= calls.height <= sum(one.requests for one in before)
    assert calls["prompt_tokens"].sum() <= sum(one.prompt_tokens for one in before)
    assert output.counters["usd"] <= float(sum(one.usd or 0 for one in before))
    assert all(one.least_usd <= one.usd for one in before if one.least_usd is not None and one.usd is not None)
    # All is there: no more, no less, for nothing.
    assert [(one.requests, one.least, one.prompt_tokens, one.usd) for one in after] == [
        (one.kept, None, 0, 0) for one in after
    ]
    assert sum(one.kept for one in after) == calls.height
    # A further problem is all that is left.
    assert [one.kept for one in more] == [one.kept for one in after]
    assert sum(one.requests - one.kept for one in more) == sum(count.most for count in step.strategy.counts())


def test_a_growing_talk_is_reckoned_as_it_grows(tmp_path: Path) -> None:
    (told,) = reckoned(step_for("http://127.0.0.1:9/v1", "steps_json"), tmp_path)
    # 79 calls a problem, each with up to 26 earlier steps of 300 tokens: half of that on average.
    assert told.requests == 3 * 79
    assert told.prompt_tokens > 3 * 78 * 13 * 300


def test_problems_without_a_reference_are_no_calls(tmp_path: Path) -> None:
    (told,) = reckoned(step_for("http://127.0.0.1:9/v1", "self_correct"), tmp_path, play([("Why?", None)]))
    assert (told.requests, told.usd) == (0, 0)
