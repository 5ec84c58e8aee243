"""A budget finishes some problems instead of beginning all; the sentence says what to raise."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from construct_parts import construct, problem_table, run_construct

from cotkit.distill.scripted.scenario import Reply, Scenario
from cotkit.distill.scripted.server import ScriptedTeacher

PROBLEMS = [(f"How much is {n} + {14 - n}?", "14") for n in range(7)]


def speak(body: Mapping[str, Any]) -> Reply:
    if not body.get("response_format"):
        return Reply(match="", content="It is \\boxed{14}.")
    done = str(body["messages"]).count("next_action") > 9
    return Reply(
        match="", content=json.dumps({"title": "", "content": "Add.", "next_action": "final" if done else "continue"})
    )


@pytest.mark.parametrize("budget", [{"usd": 0.4}, {"tokens": 40_000}])
def test_some_problems_are_finished_and_the_rest_waits(tmp_path: Path, budget: dict[str, float]) -> None:
    """One takes some ten calls of 1,000 + 100 tokens: the budget bears about three of seven."""
    keys: dict[str, Any] = {"budget": budget, "teacher": {"price": {"input": 10, "output": 10}}}
    with ScriptedTeacher(Scenario(thinks=False, prompt_tokens=1000, completion_tokens=100), speak=speak) as server:
        one = run_construct(construct(server.url, {"by": "steps_json"}), problem_table(PROBLEMS[:1]), tmp_path / "one")
        calls = one.secondary["calls"].height
        table = problem_table(PROBLEMS)
        first = run_construct(construct(server.url, {"by": "steps_json"}, **keys), table, tmp_path)
        bears = 36 // calls
        assert bears - 1 <= first.kept.height <= bears < 7
        assert first.secondary["calls"].height <= (first.kept.height + 2) * calls
        assert set(first.dropped["reason"]) == {"over_budget"}
        assert first.incomplete == 7 - first.kept.height
        raised = construct(server.url, {"by": "steps_json"}, **{**keys, "budget": None})
        before = len(server.log.requests)
        second = run_construct(raised, table, tmp_path)
        assert second.kept.height == 7
        assert len(server.log.requests) - before < 7 * calls - calls * first.kept.height + 1


def test_the_error_says_what_to_raise(tmp_path: Path, cli: Any, jsonl: Any) -> None:
    jsonl("p.jsonl", [{"problem": text, "answer": answer} for text, answer in PROBLEMS])
    with ScriptedTeacher(Scenario(thinks=False, prompt_tokens=1000, completion_tokens=100), speak=speak) as server:
        recipe = f"""\
name: r
steps:
  - {{step: pull, sources: [{{kind: file, name: p, path: p.jsonl}}]}}
  - step: construct
    strategy: {{by: steps_json}}
    teacher: {{base_url: "{server.url}", model: m}}
    budget: {{tokens: 3000}}
  - step: verify
  - step: select
  - step: publish
"""
        (tmp_path / "r.yaml").write_text(recipe, encoding="utf-8")
        done = cli("run", "r.yaml")
    assert done.returncode != 0
    assert "raise its `budget` and run again" in done.stderr
