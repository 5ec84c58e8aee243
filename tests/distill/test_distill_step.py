"""The step as the runner calls it: reruns, edits, order, replay, what is dropped and what is mended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from distill_parts import FakeTeacher, Yes, problems, run_step, step, texts

from cotkit.distill.recording import export_journal
from cotkit.errors import InputError, TeacherError
from cotkit.records import Trace, schema

PRICE = {"price": {"input": "0.55", "output": "2.19"}}


def test_traces_come_in_the_order_of_the_problems(tmp_path: Path) -> None:
    with FakeTeacher(latency=0.005, answers={"p7": "seven"}) as server:
        table = problems([f"p{n}" for n in range(30)])
        output = run_step(step(server.url, samples=2, teacher=PRICE), table, tmp_path)
    assert output.kept.schema == pl.Schema(schema(Trace))
    wanted = [(p, k) for p in table["problem_id"] for k in range(2)]
    assert list(output.kept.select("problem_id", "sample").iter_rows()) == wanted
    assert (
        output.kept.filter(pl.col("problem_id") == table["problem_id"][7])["response"].to_list()
        == ["The answer is \\boxed{seven}."] * 2
    )
    assert output.dropped.height == 0
    assert set(output.kept["reasoning_kind"]) == {"raw"}
    usd = (output.kept["prompt_tokens"] * 0.55 + output.kept["completion_tokens"] * 2.19).sum() / 1e6
    assert output.counters["usd"] == pytest.approx(usd)
    assert output.counters["requests"] == output.counters["done"] == 60


def test_a_rerun_asks_nothing_and_gives_the_same_rows(tmp_path: Path) -> None:
    with FakeTeacher() as server:
        table = problems([f"p{n}" for n in range(20)])
        first = run_step(step(server.url, teacher=PRICE), table, tmp_path)
        again = run_step(step(server.url, teacher=PRICE, limits={"concurrency": 2, "timeout_s": 9}), table, tmp_path)
        assert server.asked == 20
        assert again.kept.equals(first.kept)
        assert (again.counters["requests"], again.counters["journaled"]) == (0, 20)


def test_only_what_changed_is_asked(tmp_path: Path) -> None:
    names = [f"p{n}" for n in range(20)]
    with FakeTeacher() as server:
        run_step(step(server.url), problems(names), tmp_path)
        run_step(step(server.url), problems([*names[:5], "p5, edited", *names[6:]]), tmp_path)
        assert texts(server)[20:] == ["p5, edited"]
        run_step(step(server.url), problems(names[::-1]), tmp_path)
        assert server.asked == 21
        run_step(step(server.url), problems([*names, "new", "newer"]), tmp_path)
        assert sorted(texts(server)[21:]) == ["new", "newer"]
        run_step(step(server.url, samples=2), problems(names), tmp_path, Yes())
        assert server.asked == 23 + 20


def test_failed_rows_are_dropped_with_a_reason_and_mended_by_the_next_run(tmp_path: Path) -> None:
    with FakeTeacher() as server:
        server.fault("500", "p3")
        server.fault("400", "p4")
        table = problems([f"p{n}" for n in range(8)])
        output = run_step(step(server.url, limits={"retries": 0}), table, tmp_path)
        assert (output.kept.height, output.incomplete) == (6, 1)
        dropped = output.dropped.select("problem_id", "status", "reason").rows()
        ids = table["problem_id"]
        assert dropped == [(ids[3], "failed", "server_error"), (ids[4], "failed", "bad_request")]
        assert '"http_status": 500' in output.dropped["evidence"][0]
        assert output.counters["failed"] == 2
        server.state.faults.clear()
        before = server.asked
        again = run_step(step(server.url), table, tmp_path)
        assert server.asked == before + 1
        assert (again.kept.height, again.incomplete) == (7, 0)
        # What the teacher refused for good is asked again only if that is wanted.
        assert again.dropped["reason"].to_list() == ["bad_request"]
        once_more = run_step(step(server.url, limits={"retry_refused": True}), table, tmp_path)
        assert server.asked == before + 2
        assert (once_more.kept.height, once_more.incomplete) == (8, 0)


def test_replay_needs_no_teacher_no_key_and_no_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COTKIT_TEST_KEY", raising=False)
    names = [f"p{n}" for n in range(6)]
    recording = tmp_path / "r.jsonl.gz"
    with FakeTeacher() as server:
        live = run_step(step(server.url, teacher=PRICE), problems(names), tmp_path / "live")
        url = server.url
    export_journal(tmp_path / "live" / "journal.sqlite", recording, provenance={"server": "loopback"})
    keys: dict[str, Any] = {**PRICE, "replay": recording, "api_key_env": "COTKIT_TEST_KEY"}
    replaying = step(url, teacher=keys)
    assert set(replaying.materials({})) == {"recording"}
    output = run_step(replaying, problems([*names, "never asked"]), tmp_path / "replayed")
    assert output.kept.drop("provenance").equals(live.kept.drop("provenance"))
    assert '"server":"loopback"' in output.kept["provenance"][0]
    assert output.dropped["reason"].to_list() == ["not_recorded"]
    assert output.incomplete == 0
    assert (output.counters["requests"], output.counters["replayed"]) == (0, 6)
    assert list((tmp_path / "replayed").iterdir()) == []
    with pytest.raises(TeacherError, match="COTKIT_TEST_KEY is not set"):
        run_step(step(url, teacher={"api_key_env": "COTKIT_TEST_KEY"}), problems(names), tmp_path)


def test_a_missing_recording_is_said_before_the_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.gz"):
        step("http://127.0.0.1:9", teacher={"replay": tmp_path / "gone.gz"}).materials({})


def test_a_problem_that_stands_twice_is_refused_before_any_request(tmp_path: Path) -> None:
    with FakeTeacher() as server:
        with pytest.raises(InputError, match="add a dedup step"):
            run_step(step(server.url), problems(["one", "two", "one"]), tmp_path)
        assert server.asked == 0


def test_no_problems_no_requests_no_fuss(tmp_path: Path) -> None:
    with FakeTeacher() as server:
        output = run_step(step(server.url), problems([]), tmp_path)
        assert (output.kept.height, server.asked) == (0, 0)


def test_gold_answers_are_never_sent(tmp_path: Path) -> None:
    with FakeTeacher() as server:
        table = problems(["What is it?"]).with_columns(answer=pl.lit("GOLD-42"), solution=pl.lit("GOLD-STEPS"))
        run_step(step(server.url), table, tmp_path)
        assert "GOLD" not in str(server.log()["requests"])


def test_options_and_system_prompt_reach_the_teacher(tmp_path: Path) -> None:
    with FakeTeacher() as server:
        asking = step(server.url, prompt={"system": "Be brief.", "user": "{problem}"}, sampling={"max_tokens": 9})
        run_step(asking, problems(["Which?"], choices=["x", "y"]), tmp_path)
        body = server.log()["requests"][0]["body"]
    assert body == {
        "model": "m",
        "max_tokens": 9,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Which?\n\nA. x\nB. y"},
        ],
    }
