"""Asking a real server on the loopback: faults one at a time and mixed, refusals, pauses, slots."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from distill_parts import FakeTeacher, ask, prompts, texts

from cotkit.distill import engine
from cotkit.distill.client import retry_after
from cotkit.distill.journal import Journal
from cotkit.distill.teacher import Limits, Sampling, Teacher
from cotkit.distill.traces import Told, distill_prompts
from cotkit.errors import TeacherError


# A machine that is busy with other tests may take long to refuse; the trial is about the number of requests.
@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "PATIENCE_S", engine.PROBE_S)


KEY = "sk-loopback-secret-0815"
# A server that is silent for so long is given up: longer than a busy machine keeps one that answers waiting.
SILENCE = {"timeout_s": 4}


def kept(path: Path) -> int:
    with Journal.open(path) as journal:
        return journal.count()


@pytest.mark.parametrize(
    "kind",
    [
        *("429", "429_date", "429_bare", "402_retry", "500", "503", "reset", "reset_body"),
        *("cut_json", "no_choices", "html_200", "html_502", "error_200", "no_resource"),
    ],
)
def test_a_passing_fault_costs_one_more_request_and_no_row(tmp_path: Path, kind: str) -> None:
    with FakeTeacher() as server:
        server.fault(kind, "two", times=1)
        told = ask(server, ["one", "two", "three"], tmp_path / "j")
        assert [one.trace.status for one in told] == ["done"] * 3
        assert server.asked == 4
        assert server.at_rest()["answered"] == 3
    assert kept(tmp_path / "j") == 3


def test_silence_costs_one_more_request_and_no_row(tmp_path: Path) -> None:
    with FakeTeacher() as server:
        server.fault("hang", "two", times=1)
        server.fault("drip", "three", times=1)
        told = ask(server, ["one", "two", "three"], tmp_path / "j", limits=SILENCE)
        assert [one.trace.status for one in told] == ["done"] * 3
        assert server.asked == 5
        assert server.at_rest()["answered"] == 3
    assert kept(tmp_path / "j") == 3


@pytest.mark.parametrize(
    ("kind", "reason", "passing"),
    [
        ("500", "server_error", True),
        ("503", "server_error", True),
        ("reset_body", "connection", True),
        ("cut_json", "malformed_answer", True),
        ("error_200", "malformed_answer", True),
        ("no_resource", "malformed_answer", True),
        ("400", "bad_request", False),
        ("403_moderation", "refused", False),
    ],
)
def test_a_fault_that_stays_fails_its_row_alone(tmp_path: Path, kind: str, reason: str, passing: bool) -> None:
    with FakeTeacher() as server:
        server.fault(kind, "two")
        told = ask(server, ["one", "two", "three"], tmp_path / "j", limits={"retries": 1})
        assert [one.trace.status for one in told] == ["done", "failed", "done"]
        failure = told[1].failure
        assert failure is not None
        assert (failure.reason, failure.passing) == (reason, passing)
        assert failure.attempts == (2 if passing else 1)
        assert texts(server).count("two") == failure.attempts
        assert told[1].trace.error is not None
        assert len(told[1].trace.error) < 300
    assert kept(tmp_path / "j") == 2


def test_silence_that_stays_fails_its_rows_alone(tmp_path: Path) -> None:
    with FakeTeacher() as server:
        server.fault("hang", "two")
        server.fault("drip", "three")
        told = ask(server, ["one", "two", "three"], tmp_path / "j", limits={**SILENCE, "retries": 1})
        assert [one.trace.status for one in told] == ["done", "failed", "failed"]
        for failure in (told[1].failure, told[2].failure):
            assert failure is not None
            assert (failure.reason, failure.passing, failure.attempts) == ("timeout", True, 2)
        assert sorted(texts(server)) == ["one", "three", "three", "two", "two"]
    assert kept(tmp_path / "j") == 1


@pytest.mark.parametrize(
    ("kind", "status"),
    [("reasoning_only", "unclosed"), ("null", "empty"), ("length", "length"), ("filter", "filtered")],
)
def test_an_unfinished_answer_is_kept_as_such_and_not_paid_again(tmp_path: Path, kind: str, status: str) -> None:
    with FakeTeacher() as server:
        server.fault(kind, "two")
        for _ in range(2):
            told = ask(server, ["one", "two"], tmp_path / "j")
            assert [one.trace.status for one in told] == ["done", status]
        assert server.asked == 2


@pytest.mark.parametrize("kind", ["401", "402", "403", "404", "302", "429_quota"])
def test_a_refusal_from_the_start_costs_one_request(tmp_path: Path, patient: None, kind: str) -> None:
    with FakeTeacher() as server:
        server.fault(kind)
        with pytest.raises(TeacherError, match=f"status {kind[:3]}") as caught:
            ask(server, [f"p{n}" for n in range(100)], tmp_path / "j")
        assert server.asked == 1
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 600
    assert kept(tmp_path / "j") == 0


def test_a_refusal_midway_keeps_what_was_answered_and_stops_at_once(tmp_path: Path) -> None:
    names = [f"p{n}" for n in range(200)]
    with FakeTeacher(latency=0.01) as server:
        server.fault("402", after=60)
        with pytest.raises(TeacherError, match="out of money"):
            ask(server, names, tmp_path / "j", limits={"concurrency": 8})
        assert server.at_rest()["answered"] == 60
        assert kept(tmp_path / "j") == 60
        assert server.asked <= 60 + 8
        server.state.faults.clear()
        before = server.asked
        told = ask(server, names, tmp_path / "j", limits={"concurrency": 8})
        assert {one.trace.status for one in told} == {"done"}
        assert server.asked == before + 140


def test_the_key_is_sent_and_lands_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COTKIT_TEST_KEY", KEY)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-another-account")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-another-account")
    named = {"api_key_env": "COTKIT_TEST_KEY"}
    with FakeTeacher(key=KEY, answers=lambda _: f"echo {KEY}") as server:
        server.fault("error_200", "two")
        server.fault("400", "three")
        told = ask(server, ["one", "two", "three"], tmp_path / "j", teacher=named, limits={"retries": 0})
        assert told[0].trace.response == "The answer is \\boxed{echo ***}."
        assert "***" in str(told[1].trace.error)
        assert "***" in str(told[2].trace.error)
        assert KEY not in repr(told)
        assert "another-account" not in repr([r["headers"] for r in server.log()["requests"]])
        server.fault("401", "four")
        with pytest.raises(TeacherError) as caught:
            ask(server, ["four"], tmp_path / "j", teacher=named)
        assert KEY not in repr(caught.value) + repr(caught.value.__cause__) + repr(caught.value.__context__)
        assert "COTKIT_TEST_KEY" in str(caught.value)
    for file in tmp_path.iterdir():
        assert KEY.encode() not in file.read_bytes()


def test_without_a_key_none_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-another-account")
    with FakeTeacher() as server:
        ask(server, ["one"], tmp_path / "j")
        assert "authorization" not in server.log()["requests"][0]["headers"]


def test_nobody_listening_is_said_once_and_early(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        with FakeTeacher() as server, pytest.raises(TeacherError, match="cannot be reached"):
            ask(server, [f"p{n}" for n in range(50)], tmp_path / "j", teacher={"base_url": url}, limits={"retries": 1})


def answer_together(server: FakeTeacher, number: int) -> None:
    """Let the first request be answered, which goes alone, and the others once so many of them were in flight."""
    together = threading.Event()

    def answer(text: str) -> str:
        if server.asked > number:
            together.set()
        if text != "p0":
            together.wait(30)
        return "1"

    server.state.answers = answer


def test_all_slots_are_used_and_no_more(tmp_path: Path) -> None:
    with FakeTeacher(latency=0.1) as server:
        answer_together(server, 20)  # however slowly they open
        ask(server, [f"p{n}" for n in range(61)], tmp_path / "j", limits={"concurrency": 20})
        assert server.log()["most_in_flight"] == 20


def test_a_crowded_server_loses_no_row(tmp_path: Path) -> None:
    with FakeTeacher(latency=0.02, slots=4) as server:
        told = ask(server, [f"p{n}" for n in range(60)], tmp_path / "j", limits={"concurrency": 12, "retries": 0})
        assert {one.trace.status for one in told} == {"done"}
        assert server.at_rest()["answered"] == 60


def test_retry_after_is_a_pause_for_all(tmp_path: Path) -> None:
    with FakeTeacher() as server:
        answer_together(server, 2)  # then a 429 to one of them does not speak of their number
        server.fault("429", after=5, times=1, retry_after=0.6)
        started = time.monotonic()
        ask(server, [f"p{n}" for n in range(40)], tmp_path / "j", limits={"concurrency": 2})
        assert time.monotonic() - started >= 0.6
        # At the moment of the 429 one other request was in flight; nobody else was asked during the pause.
        assert server.asked == 41


def test_a_server_that_asks_for_hours_ends_the_run(tmp_path: Path) -> None:
    with FakeTeacher() as server:
        server.fault("429", retry_after=7200)
        with pytest.raises(TeacherError, match="asks to wait 7200 s"):
            ask(server, ["one"], tmp_path / "j")


class _Packing(BaseHTTPRequestHandler):
    """A server behind a proxy that packs every body."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        message = {"role": "assistant", "content": "4", "reasoning_content": "2 + 2 " * 1000}
        answer = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
        body = gzip.compress(json.dumps(answer).encode())
        self.send_response(200)
        self.send_header("content-encoding", "gzip")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def test_a_packed_answer_is_unpacked_and_kept_as_text(tmp_path: Path) -> None:
    with HTTPServer(("127.0.0.1", 0), _Packing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        own = {"base_url": f"http://127.0.0.1:{server.server_port}"}
        with FakeTeacher() as unused:
            [told] = ask(unused, ["one"], tmp_path / "j", teacher=own)
        server.shutdown()
    assert told.trace.response == "4"
    with Journal.open(tmp_path / "j") as journal:
        [entry] = journal.get_many([told.trace.request_hash]).values()
    assert entry.body.startswith(b'{"choices"')


def test_equal_requests_are_asked_once(tmp_path: Path) -> None:
    with FakeTeacher(latency=0.02) as server:
        told = ask(server, ["one", "two", "one", "one", "two"] * 3, tmp_path / "j")
        assert sorted(texts(server)) == ["one", "two"]
        assert len(told) == 15


def test_samples_are_different_requests_with_their_own_seed(tmp_path: Path) -> None:
    with FakeTeacher() as server:
        told = ask(server, ["one", "two"], tmp_path / "j", samples=3, sampling={"seed": 5, "temperature": 0.6})
        assert [(o.trace.problem_id, o.trace.sample) for o in told] == [
            (p, k) for p in ("one", "two") for k in range(3)
        ]
        seeds = sorted((r["body"]["messages"][0]["content"], r["body"]["seed"]) for r in server.log()["requests"])
        assert seeds == [(p, 5 + k) for p in ("one", "two") for k in range(3)]
        assert len({one.trace.response or "" for one in told}) == 1
        assert len({one.trace.reasoning or "" for one in told}) == 6


def test_prompts_are_read_lazily(tmp_path: Path) -> None:
    pulled = 0

    def names() -> Any:
        nonlocal pulled
        for n in range(100_000):
            pulled += 1
            yield f"p{n}"

    with FakeTeacher() as server:
        server.fault("401", after=3)
        with pytest.raises(TeacherError):
            ask(server, names(), tmp_path / "j", limits={"concurrency": 2})
    assert pulled < 1000


def test_five_percent_mixed_faults_lose_nothing_and_pay_nothing_twice(tmp_path: Path) -> None:
    names = [f"p{n:03d}" for n in range(400)]
    kinds = ["429", "500", "503", "reset", "reset_body", "cut_json", "no_choices", "html_502", "html_200", "error_200"]
    with FakeTeacher(latency=0.01) as server:
        for number, name in enumerate(names[::20]):
            server.fault(kinds[number % len(kinds)], name, times=1)
        told = ask(server, names, tmp_path / "j", limits={"concurrency": 16})
        log = server.at_rest()
        assert {one.trace.status for one in told} == {"done"}
        assert [one.trace.problem_id for one in told] == names
        assert log["answered"] == 400
        assert log["asked"] == 420
        assert all(seen["answered"] == 1 for seen in log["by_request"].values())


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "0"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, None),
        ({"retry-after-ms": "0", "retry-after": "3"}, 3.0),
        ({"retry-after": "2s"}, 2.0),
        ({"retry-after": " 1.5 sec"}, 1.5),
        ({"retry-after": "500ms"}, 0.5),
        ({"retry-after": "2 fortnights"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
    ],
)
def test_forms_of_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


class _Odd(BaseHTTPRequestHandler):
    """Ends every answer with a word that nobody knows."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        message = {"role": "assistant", "reasoning_content": "r", "content": "4"}
        answer = {
            "choices": [{"index": 0, "message": message, "finish_reason": "max_output_reached"}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 20},
        }
        body = json.dumps(answer).encode()
        self.server.asked += 1  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def test_an_answer_with_an_unknown_ending_is_paid_once_and_is_not_done(tmp_path: Path) -> None:
    with HTTPServer(("127.0.0.1", 0), _Odd) as server:
        server.asked = 0  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for _ in range(2):
            told: list[Told] = []
            teacher = Teacher.model_validate({"base_url": f"http://127.0.0.1:{server.server_port}/v1", "model": "m"})
            distill_prompts(
                prompts(["one", "two"]), teacher, Sampling(), Limits(concurrency=1), tmp_path / "j", told.append
            )
            traces = [one.trace for one in told]
            assert [t.status for t in traces] == ["unclosed"] * 2
            assert [t.finish_reason for t in traces] == ["max_output_reached"] * 2
            assert json.loads(traces[0].provenance)["reading"] == ["unknown_finish"]
        assert server.asked == 2  # type: ignore[attr-defined]
        server.shutdown()
