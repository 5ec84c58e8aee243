"""A stream that breaks: what had come stays in the dropped row, and the next run asks again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from construct_parts import construct, problem_table, run_construct
from distill_parts import problems, run_step, step

from cotkit.distill.scripted.scenario import Reply
from cotkit.distill.scripted.server import ScriptedTeacher

THOUGHT = "We look at the sum. Two and two are four, as everybody knows."
ANSWER = "So the answer is \\boxed{4}, which is all that was asked for."
KEY = "sk-a-very-secret-key-0123456789"


def speak(body: Any) -> Reply:
    return Reply(match="", reasoning=f"{THOUGHT} {KEY}", content=ANSWER)


def keys(url: str, tries: int = 0) -> dict[str, Any]:
    teacher = {"base_url": url, "model": "m", "stream": True, "api_key_env": "THE_KEY"}
    return {"teacher": teacher, "limits": {"timeout_s": 60, "retries": tries}}


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_KEY", KEY)


@pytest.mark.parametrize("kind", ["cut_stream", "reset_body", "error_event", "cut_event", "out_of_order"])
def test_distill_keeps_what_came_in_the_dropped_row(tmp_path: Path, kind: str) -> None:
    with ScriptedTeacher(speak=speak) as server:
        server.fault(kind, times=1)
        asked = step(server.url, **keys(server.url))
        broken = run_step(asked, problems(["a"]), tmp_path)
        (row,) = broken.dropped.to_dicts()
        assert (row["status"], broken.incomplete) == ("failed", 1)
        came = (row["reasoning"] or "") + (row["response"] or "")
        whole = f"{THOUGHT} ***{ANSWER}"
        assert whole.startswith(came)
        assert 0 < len(came) < len(whole)
        assert row["reasoning_kind"] == "raw"
        assert KEY not in str(broken.dropped.rows())
        again = run_step(asked, problems(["a"]), tmp_path)
        assert (again.kept["response"].to_list(), again.incomplete) == ([ANSWER], 0)
        assert len(server.log.requests) == 2


def test_the_last_attempt_that_got_so_far_counts(tmp_path: Path) -> None:
    with ScriptedTeacher(speak=speak) as server:
        server.fault("cut_stream", times=1)
        server.fault("500", times=1)
        broken = run_step(step(server.url, **keys(server.url, tries=1)), problems(["a"]), tmp_path)
        assert broken.dropped["reason"].to_list() == ["server_error"]
        assert THOUGHT.startswith(broken.dropped["reasoning"][0][:20])


def test_construct_keeps_it_as_evidence(tmp_path: Path) -> None:
    table = problem_table([("2+2", "4")])
    with ScriptedTeacher(speak=speak) as server:
        server.fault("cut_stream", times=1)
        asked = construct(server.url, {"by": "best_of_n", "n": 1}, **keys(server.url))
        broken = run_construct(asked, table, tmp_path)
        assert broken.incomplete == 1
        begun = json.loads(broken.dropped["evidence"][0])["begun"]
        assert THOUGHT.startswith(begun["reasoning"][:20])
        assert KEY not in str(broken.dropped.rows())
        again = run_construct(asked, table, tmp_path)
        assert again.kept["response"].to_list() == [ANSWER]


def test_where_nothing_had_come_nothing_is_kept(tmp_path: Path) -> None:
    with ScriptedTeacher(speak=speak) as server:
        server.fault("500")
        (row,) = run_step(step(server.url, **keys(server.url)), problems(["a"]), tmp_path).dropped.to_dicts()
    assert (row["reasoning"], row["response"], row["reasoning_kind"]) == (None, None, "none")
