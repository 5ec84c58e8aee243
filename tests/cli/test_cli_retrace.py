"""`cotkit retrace` against the scripted teacher: both traces side by side, no question lost, none paid twice."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from teacher import FakeTeacher

Cli = Callable[..., Any]
Jsonl = Callable[..., Path]


def s1k(number: int) -> dict[str, Any]:
    """A row as s1K has it; its own trace is right for even numbers."""
    told = number if number % 2 == 0 else number + 1
    return {
        "question": f"What is {number} + 0?",
        "solution": str(number),
        "thinking_trajectories": [f"Take {number}.", "Add nothing."],
        "attempt": f"\\boxed{{{told}}}",
    }


def number_in(text: str) -> str:
    return re.findall(r"What is (\d+)", text)[0]


def test_every_question_comes_back_with_both_traces(cli: Cli, jsonl: Jsonl, tmp_path: Path) -> None:
    source = jsonl("s1k.jsonl", [s1k(n) for n in range(6)])
    with FakeTeacher(answers=number_in) as server:
        ask = ("retrace", source, "--base-url", server.url, "--model", "m", "--out", "both.jsonl")
        server.fault("400", "What is 3")
        done = cli(*ask)
        rows = [json.loads(line) for line in (tmp_path / "both.jsonl").read_text().splitlines()]
        assert [r["problem"] for r in rows] == [s1k(n)["question"] for n in range(6)], done.stderr
        assert [r["earlier_verdict"] for r in rows] == ["correct", "incorrect"] * 3
        assert [r["later_status"] for r in rows] == ["done"] * 3 + ["failed"] + ["done"] * 2
        assert [r["later_verdict"] for r in rows] == ["correct"] * 3 + ["undecided"] + ["correct"] * 2
        assert rows[0]["earlier_reasoning"] == "Take 0.\n\nAdd nothing."
        assert {r["later_teacher"] for r in rows} == {"m"}
        asked = server.asked
        cli(*ask)
        assert server.asked <= asked + 1  # paid answers come from the journal


def test_a_file_of_our_own_and_two_new_answers(cli: Cli, jsonl: Jsonl, tmp_path: Path) -> None:
    row = {"problem": "What is 7 + 0?", "answer": "7", "reasoning": "Hm.", "response": "It is 7.", "teacher": "old"}
    with FakeTeacher(answers=number_in) as server:
        ask = ("--base-url", server.url, "--model", "m", "--samples", "2", "--out", "both.jsonl")
        done = cli("retrace", jsonl("own.jsonl", [row]), *ask)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (tmp_path / "both.jsonl").read_text().splitlines()]
    assert [(r["earlier_teacher"], r["later_teacher"], r["later_sample"]) for r in rows] == [
        ("old", "m", 0),
        (None, "m", 1),
    ]


def test_a_teacher_must_be_named(cli: Cli, jsonl: Jsonl) -> None:
    done = cli("retrace", jsonl("s1k.jsonl", [s1k(0)]))
    assert done.returncode == 2
    assert "needs a teacher" in done.stderr
