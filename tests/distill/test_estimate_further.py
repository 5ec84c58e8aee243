"""Estimates of the steps that ask about finished rows: translations, and scores by a server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from prm import FakePrm
from typer.testing import CliRunner

from cotkit.cli.app import app
from cotkit.distill.scripted.scenario import Reply, Scenario
from cotkit.distill.scripted.server import ScriptedTeacher

HEAD = """\
name: small
steps:
  - step: pull
    sources: [{kind: file, name: sums, path: problems.jsonl}]
"""
DISTILL = "  - step: distill\n    samples: 3\n    teacher: {base_url: URL, model: m, price: {input: 1, output: 2}}\n"


def said(*arguments: str) -> str:
    done = CliRunner().invoke(app, [arguments[0], "r.yaml", *arguments[1:]])
    assert done.exit_code == 0, done.output
    return done.stdout


def told(*more: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(said("estimate", "--json", *more))
    return found


def numbers(found: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    return {one["step"]: (one.get("least_requests", one["requests"]), one["requests"]) for one in found["steps"]}


@pytest.fixture
def sums(tmp_path: Path, jsonl: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    jsonl("problems.jsonl", [{"problem": f"What is {n} + 2? Tell us why.", "answer": str(n + 2)} for n in range(4)])


def speak(body: Mapping[str, Any]) -> Reply:
    """A solution of two paragraphs, or a translation of whatever it is given."""
    text = body["messages"][-1]["content"]
    if body["model"] == "helper":
        marks = "".join(mark for mark in text.split("\n\n", 1)[1] if mark in "⟦⟧0123456789")
        return Reply(
            match="", content=f"这是一段翻译成中文的文字,意思和原文完全一样,没有任何改变,数字也都保留着。{marks}"
        )
    answer = int(text.split("What is ")[1].split(" +")[0]) + 2
    return Reply(
        match="", reasoning="We count two further.\n\nThat is easy.", content=f"So it is \\boxed{{{answer}}}, we found."
    )


def test_scorers_and_a_translation_are_reckoned_for_all_problems_before_there_are_traces(
    tmp_path: Path, sums: None
) -> None:
    prm = "adapter: ADAPTER, url: 'http://127.0.0.1:9/v1', model: prm"
    (tmp_path / "r.yaml").write_text(
        HEAD
        + DISTILL.replace("URL", "http://127.0.0.1:9/v1")
        + "  - step: verify\n  - step: score\n    scorers:\n      - {by: repetition}\n"
        + f"      - {{by: prm, {prm.replace('ADAPTER', 'llm_judge')}}}\n"
        + "      - {by: http, url: 'http://127.0.0.1:9/score'}\n"
        + "  - step: select\n    per_problem: 2\n"
        + "  - step: translate\n    to: zh\n    tries: 2\n    piece_chars: 4000\n"
        + "    teacher: {base_url: 'http://127.0.0.1:9/v1', model: helper, price: {input: 1, output: 2}}\n"
    )
    found = told("--rows", "10")
    counted = numbers(found)
    assert counted["distill"] == (30, 30)
    assert counted["score: prm"] == (0, 30)
    assert counted["score: http"] == (0, 30)
    # Problem, response and some 31,500 characters of reasoning in pieces of 4,000, for two rows a problem, twice each.
    assert counted["translate"] == (0, 10 * 2 * 2 * (1 + 8 + 1))
    by_step = {one["step"]: one for one in found["steps"]}
    assert by_step["translate"]["usd"] > 0
    assert by_step["score: http"]["usd"] is None
    assert by_step["score: http"]["completion_tokens"] == 0
    assert found["total_usd"] is None
    text = said("estimate", "--rows", "10")
    assert "no price is known of a scorer's own server" in text
    assert "and what is unpriced" in text.rsplit("total", 1)[1]


def test_what_is_there_is_counted_to_the_call(tmp_path: Path, sums: None) -> None:
    with ScriptedTeacher(Scenario(prompt_tokens=100, completion_tokens=50), speak=speak) as server, FakePrm() as prm:
        wires = "".join(f"      - {{by: prm, adapter: {a}, url: '{prm.url}/v1', model: prm}}\n" for a in ("rlhflow",))
        (tmp_path / "r.yaml").write_text(
            HEAD
            + DISTILL.replace("URL", server.url)
            + f"  - step: verify\n  - step: score\n    scorers:\n{wires}"
            + "  - step: select\n    per_problem: 2\n  - step: translate\n    to: zh\n    name: chinese\n"
            + f"    teacher: {{base_url: {server.url}, model: helper, price: {{input: 1, output: 2}}}}\n"
        )
        said("verify")
        paid = len(server.log.requests)
        assert paid == 12
        found = numbers(told())
        # Two paragraphs of reasoning and one of response, a turn each.
        assert found["score: prm"] == (12 * 3, 12 * 3)
        assert len(prm.calls) == 0
        said("score")
        assert len(prm.calls) == 12 * 3
        # Eight chosen rows: four problems, and one reasoning and one response once their formulas are marks.
        before = {one["step"]: one for one in told()["steps"]}["chinese"]
        assert (before["least_requests"], before["requests"], before["answered"]) == (6, 12, 0)
        assert len(server.log.requests) == paid
        said("select")
        asked = len(server.log.requests) - paid
        after = {one["step"]: one for one in told()["steps"]}["chinese"]
        assert 6 <= asked <= 12
        assert after["answered"] > 0
        assert after["least_usd"] == 0


def test_a_judge_of_steps_costs_tokens_and_what_the_journal_holds_is_free(tmp_path: Path, sums: None) -> None:
    def rate(body: Mapping[str, Any]) -> Reply:
        if body["model"] == "prm":
            return Reply(match="", content="SCORES: [1, 0.5, 1]")
        return speak(body)

    with ScriptedTeacher(Scenario(prompt_tokens=100, completion_tokens=50), speak=rate) as server:
        (tmp_path / "r.yaml").write_text(
            HEAD
            + DISTILL.replace("URL", server.url).replace("samples: 3", "samples: 1")
            + "  - step: verify\n  - step: score\n    scorers:\n"
            + f"      - {{by: prm, adapter: llm_judge, url: '{server.url}', model: prm}}\n"
        )
        said("verify")
        one = {one["step"]: one for one in told()["steps"]}["score: prm"]
        assert (one["requests"], one["answered"]) == (4, 0)
        assert one["prompt_tokens"] > 4 * 100
        assert one["completion_tokens"] > 0
        said("score")
        one = {one["step"]: one for one in told()["steps"]}["score: prm"]
        assert (one["requests"], one["answered"], one["prompt_tokens"]) == (4, 4, 0)


def test_judges_and_scorers_see_every_attempt_that_a_strategy_keeps(tmp_path: Path, sums: None) -> None:
    teacher = "{base_url: 'http://127.0.0.1:9/v1', model: m, price: {input: 1, output: 2}}"
    text = (
        HEAD
        + f"  - step: construct\n    strategy: {{by: best_of_n, n: 5, keep_pruned: true}}\n    teacher: {teacher}\n"
        + "  - step: verify\n"
        + "  - step: construct\n    name: again\n    only: unsolved\n    strategy: {by: star}\n"
        + f"    teacher: {teacher}\n"
        + f"  - step: verify\n    name: verify2\n  - step: judge\n    teacher: {teacher}\n"
    )
    (tmp_path / "r.yaml").write_text(text)
    assert numbers(told("--rows", "10"))["judge"] == (0, 60)
