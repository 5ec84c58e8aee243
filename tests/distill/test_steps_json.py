"""One step a call: caps, tries, what is no JSON, and what never stands in the chain."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
from construct_parts import asked, construct, problem_table, run_construct

from cotkit.distill.scripted.scenario import Reply, Scenario
from cotkit.distill.scripted.server import ScriptedTeacher
from cotkit.distill.strategies.steps_json import ANSWER, CONTENT, NEXT, SYSTEM, TITLE, Action, Thinking, read_step
from cotkit.steps import StepOutput

ACTIONS = get_args(Action)
ONE = [("6 times 7", "42")]
ROUTE = ["continue", "reflect", "backtrack", "continue", "final"]


def step(number: int, action: str) -> str:
    return json.dumps({"title": f"Part {number}", "content": f"Step {number} says x.", "next_action": action})


def teacher(route: Callable[[int], str]) -> Callable[[Mapping[str, Any]], Reply]:
    """Says for its n-th step what `route` gives; the final answer where it is asked for that."""

    def speak(body: Mapping[str, Any]) -> Reply:
        messages = body["messages"]
        if messages[-1]["content"] == ANSWER:
            return Reply(match="", content="Altogether \\boxed{42}.")
        return Reply(match="", content=route(sum(m["role"] == "assistant" for m in messages) + 1))

    return speak


def run(tmp_path: Path, route: Callable[[int], str], fault: Any = None, **keys: Any) -> tuple[StepOutput, Any]:
    with ScriptedTeacher(Scenario(thinks=False), speak=teacher(route)) as server:
        if fault is not None:
            server.fault(**fault)
        strategy = {"by": "steps_json", **keys}
        made = construct(server.url, strategy, sampling={"temperature": 0.2})
        output = run_construct(made, problem_table(ONE), tmp_path)
        (count,) = made.strategy.counts()
        assert count.least <= len(server.log.requests) <= count.most
    return output, server


def test_steps_become_one_trace(tmp_path: Path) -> None:
    output, server = run(tmp_path, lambda n: step(n, ROUTE[n - 1]))
    row = output.kept.row(0, named=True)
    assert row["reasoning"] == "\n\n".join(f"Step {n} says x." for n in range(1, 6))
    assert (row["response"], row["reasoning_kind"], row["strategy"]) == (
        "Altogether \\boxed{42}.",
        "synthetic",
        "steps_json",
    )
    facts = json.loads(row["provenance"])
    assert (facts["steps"], facts["actions"], facts["capped"], facts["retries"]) == (5, ROUTE, False, 0)
    assert [row["reasoning"][a:b] for a, b in facts["step_spans"]] == [f"Step {n} says x." for n in range(1, 6)]
    bodies = [entry["body"] for entry in server.log.requests]
    assert [b["max_tokens"] for b in bodies] == [300] * 5 + [1200]
    assert [b.get("response_format") for b in bodies] == [{"type": "json_object"}] * 5 + [None]
    turns = [m["content"] for m in bodies[-1]["messages"] if m["role"] == "user"]
    assert turns == ["6 times 7", *(NEXT[a] for a in ROUTE[:4]), ANSWER]
    assert all(m[0]["role"] == "system" and m[-1]["role"] == "user" for m in asked(server))


@pytest.mark.parametrize(("keys", "steps"), [({}, 26), ({"max_steps": 4}, 4)])
def test_an_endless_thinker_is_stopped_and_answers_once(tmp_path: Path, keys: dict[str, int], steps: int) -> None:
    output, server = run(tmp_path, lambda n: step(n, "continue"), **keys)
    assert len(server.log.requests) == steps + 1
    facts = json.loads(output.kept["provenance"][0])
    assert (facts["steps"], facts["capped"]) == (steps, True)


def test_an_end_that_comes_too_early_is_not_accepted(tmp_path: Path) -> None:
    output, server = run(tmp_path, lambda n: step(n, "final"))
    facts = json.loads(output.kept["provenance"][0])
    assert (facts["steps"], facts["early_ends"], len(server.log.requests)) == (3, 2, 4)


def test_what_is_no_json_is_asked_for_three_times(tmp_path: Path) -> None:
    output, server = run(tmp_path, lambda n: step(n, "continue") if n < 3 else "Sorry, { no.")
    assert output.dropped["reason"].to_list() == ["malformed_step"]
    evidence = json.loads(output.dropped["evidence"][0])
    assert (evidence["step"], evidence["said"]) == (3, "Sorry, { no.")
    assert len(server.log.requests) == 2 + 3
    assert output.kept.is_empty()


@pytest.mark.parametrize("kind", ["400_context", "filter"])
def test_an_error_fails_the_attempt_and_its_text_is_in_no_step(tmp_path: Path, kind: str) -> None:
    output, server = run(tmp_path, lambda n: step(n, "continue"), fault={"kind": kind, "after": 3})
    assert output.dropped["reason"].to_list() == ["step_failed"]
    assert json.loads(output.dropped["evidence"][0])["step"] == 4
    assert output.dropped["reasoning"].to_list() == ["\n\n".join(f"Step {n} says x." for n in (1, 2, 3))]
    assert len(server.log.requests) == 4


def test_a_server_that_only_a_schema_binds_gets_one(tmp_path: Path) -> None:
    # llama.cpp takes a response_format without one and lets the model write what it likes.
    with ScriptedTeacher(Scenario(thinks=False), speak=teacher(lambda n: step(n, ROUTE[n - 1]))) as server:
        made = construct(server.url, {"by": "steps_json"}, teacher={"preset": "llamacpp"})
        output = run_construct(made, problem_table(ONE), tmp_path)
        formats = [entry["body"].get("response_format") for entry in server.log.requests]
    assert output.kept.height == 1
    assert formats[-1] is None
    assert {f["type"] for f in formats[:-1]} == {"json_object"}
    schema = formats[0]["schema"]
    assert schema["required"] == ["title", "content", "next_action"]
    assert schema["properties"]["next_action"]["enum"] == ["continue", "reflect", "backtrack", "final"]


def test_only_a_teacher_with_json_mode_is_asked_for_it() -> None:
    for mode, refused in ((True, True), (False, False)):
        strategy = {"by": "steps_json", "json_mode": mode}
        made = construct("http://127.0.0.1:9/v1", strategy, teacher={"preset": "ktransformers"})
        assert any("JSON" in sentence for sentence in made.check()) == refused


GOOD = '{"title": "T", "content": "C", "next_action": "reflect"}'


@pytest.mark.parametrize(
    ("text", "content"),
    [
        (GOOD, "C"),
        (f"```json\n{GOOD}\n```", "C"),
        (f"Sure! {{so}} here: {GOOD} and {{more}}", "C"),
        (GOOD.replace('"C"', r'"so \\frac{1}{2} = \\times"'), r"so \frac{1}{2} = \times"),
        (
            GOOD.replace('"C"', r'"so \frac{1}{2}\times\neq\alpha\(x\)\right\beta\text{a} \n\nNow"'),
            "so \\frac{1}{2}\\times\\neq\\alpha\\(x\\)\\right\\beta\\text{a} \n\nNow",
        ),
        (GOOD.replace('"C"', '"a\nb \\"q\\" \\u00e9"'), 'a\nb "q" é'),
        (GOOD.replace("reflect", "Final_Answer"), "C"),
        (GOOD.replace('"title": "T", ', ""), "C"),
        (GOOD.replace('"content": "C", ', ""), None),
        (GOOD.replace('"C"', '" "'), None),
        (GOOD.replace('"C"', "7"), None),
        (GOOD.replace("reflect", "stop"), None),
        (GOOD.replace('"reflect"', "null"), None),
        (GOOD[:-1], None),
        ("[1, 2]", None),
        ("", None),
        ("{" * 100_000, None),
        ('{"a":' * 20_000, None),
    ],
)
def test_json_is_read_with_what_stands_around_it(text: str, content: str | None) -> None:
    found = read_step(text, ACTIONS)
    assert (found and found.content) == content


def test_an_action_that_is_not_offered_is_none() -> None:
    assert read_step(GOOD, ("continue", "final")) is None


def test_the_pattern_of_the_prompt_given_back_is_no_step() -> None:
    # A model of 1.5B parameters did so.
    pattern = {"title": TITLE, "content": f"{CONTENT}.".upper(), "next_action": "continue"}
    assert f'"content": "{CONTENT}"' in SYSTEM
    assert read_step(json.dumps(pattern), ACTIONS) is None
    assert read_step(json.dumps({**pattern, "content": "6 times 7 is 42."}), ACTIONS) == Thinking(
        "", "6 times 7 is 42.", "continue"
    )
