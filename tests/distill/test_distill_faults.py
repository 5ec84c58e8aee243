"""Faults on a real server, streamed and not, singly and mixed: nothing is lost, nothing is paid twice."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from distill_parts import prompts

from cotkit.distill import engine
from cotkit.distill.engine import Tally
from cotkit.distill.journal import Journal
from cotkit.distill.pause import Pause
from cotkit.distill.scripted.scenario import Scenario
from cotkit.distill.scripted.server import ScriptedTeacher
from cotkit.distill.teacher import Limits, Sampling, Teacher
from cotkit.distill.traces import Told, distill_prompts
from cotkit.errors import TeacherError


# A machine that is busy with other tests may take long to refuse; the trial is about the number of requests.
@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "PATIENCE_S", engine.PROBE_S)


KEY = "sk-scripted-secret-4711"


class Together(ScriptedTeacher):
    """Answers the first, which goes alone, and the others when so many requests have come."""

    def __init__(self, scenario: Scenario, number: int) -> None:
        super().__init__(scenario)
        self._number = number

    async def _send(self, request: Any, body: Any, said: Any, kind: str) -> Any:
        while body["messages"][-1]["content"] != "p0" and len(self.log.requests) < self._number:
            await asyncio.sleep(0.01)
        return await super()._send(request, body, said, kind)


def ask(
    server: ScriptedTeacher, names: list[str], journal: Path, *, limits: Any = None, **teacher: Any
) -> tuple[list[Told], Tally]:
    told: list[Told] = []
    tally = distill_prompts(
        prompts(names),
        Teacher.model_validate({"base_url": server.url, "model": "m", **teacher}),
        Sampling(),
        Limits.model_validate({"timeout_s": 60, **(limits or {})}),
        journal,
        told.append,
    )
    return sorted(told, key=lambda one: one.index), tally


PASSING = [
    *("429", "429_date", "429_ms", "429_bare", "402_retry", "500", "503", "reset", "reset_body"),
    *("html_502", "no_resource"),
]
WHOLE = [*PASSING, "cut_json", "no_choices", "html_200", "error_200"]
STREAMED = [*PASSING, "cut_stream", "error_event", "cut_event", "out_of_order"]


@pytest.mark.parametrize(("kind", "stream"), [*((kind, False) for kind in WHOLE), *((kind, True) for kind in STREAMED)])
def test_a_passing_fault_costs_one_more_request(tmp_path: Path, kind: str, stream: bool) -> None:
    with ScriptedTeacher() as server:
        server.fault(kind, match="two", times=1)
        told, tally = ask(server, ["one", "two", "three"], tmp_path / "j", stream=stream)
        assert [one.trace.status for one in told] == ["done"] * 3
        assert len(server.log.requests) == tally.requests == 4
        assert sum(tally.wasted.values()) == 1
        assert server.log.as_json()["paid_twice"] == 0


@pytest.mark.parametrize("stream", [False, True])
def test_silence_costs_one_more_request(tmp_path: Path, stream: bool) -> None:
    with ScriptedTeacher() as server:
        server.fault("hang", match="two", times=1)
        server.fault("drip", match="three", times=1)
        # Longer than a busy machine keeps those waiting that are answered.
        told, tally = ask(server, ["one", "two", "three"], tmp_path / "j", limits={"timeout_s": 4}, stream=stream)
        assert [one.trace.status for one in told] == ["done"] * 3
        assert len(server.log.requests) == tally.requests == 5
        assert tally.wasted == {"timeout": 2}
        assert server.log.as_json()["paid_twice"] == 0


@pytest.mark.parametrize("kind", ["double_chunk", "wrong_type", "no_usage"])
@pytest.mark.parametrize("stream", [False, True])
def test_an_odd_answer_is_an_answer(tmp_path: Path, kind: str, stream: bool) -> None:
    with ScriptedTeacher() as server:
        plain, _ = ask(server, ["two"], tmp_path / "plain", stream=stream)
        server.fault(kind)
        told, _ = ask(server, ["two"], tmp_path / "odd", stream=stream)
        assert (told[0].trace.reasoning, told[0].trace.response) == (plain[0].trace.reasoning, plain[0].trace.response)
        assert (told[0].trace.completion_tokens is None) == (kind == "no_usage")
        assert len(server.log.requests) == 2


def test_a_stream_that_never_ends_after_its_last_word_is_an_answer(tmp_path: Path) -> None:
    with ScriptedTeacher() as server:
        server.fault("endless_comments")
        told, _ = ask(server, ["two"], tmp_path / "j", limits={"timeout_s": 20}, stream=True)
        assert told[0].trace.status == "done"
        assert len(server.log.requests) == 1


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("reasoning_only", "unclosed"),
        ("null", "empty"),
        ("empty", "empty"),
        ("length", "length"),
        ("filter", "filtered"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_an_unfinished_answer_is_kept_and_not_asked_again(tmp_path: Path, kind: str, status: str, stream: bool) -> None:
    with ScriptedTeacher() as server:
        server.fault(kind, match="two")
        for _ in range(2):
            told, _ = ask(server, ["one", "two"], tmp_path / "j", stream=stream)
            assert [one.trace.status for one in told] == ["done", status]
        assert len(server.log.requests) == 2


@pytest.mark.parametrize(
    ("kind", "reason"), [("400_context", "prompt_too_long"), ("400", "bad_request"), ("403_moderation", "refused")]
)
def test_what_is_refused_for_good_is_remembered(tmp_path: Path, kind: str, reason: str) -> None:
    with ScriptedTeacher() as server:
        server.fault(kind, match="two")
        for asked in (2, 2):
            told, _ = ask(server, ["one", "two"], tmp_path / "j")
            assert told[1].failure is not None
            assert (told[1].failure.reason, told[1].failure.passing) == (reason, False)
            assert len(server.log.requests) == asked
        ask(server, ["one", "two"], tmp_path / "j", limits={"retry_refused": True})
        assert len(server.log.requests) == 3


@pytest.mark.parametrize("kind", ["401", "402", "403", "404", "429_quota", "400_model", "error_200_402"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_from_the_start_costs_one_request(tmp_path: Path, patient: None, kind: str, stream: bool) -> None:
    if stream and kind == "error_200_402":
        pytest.skip("a body of this kind is no stream")
    with ScriptedTeacher() as server:
        server.fault(kind)
        with pytest.raises(TeacherError, match="refuses with"):
            ask(server, [f"p{n}" for n in range(50)], tmp_path / "j", limits={"concurrency": 16}, stream=stream)
        assert len(server.log.requests) == 1


def test_a_request_that_is_wrong_for_all_stops_early(tmp_path: Path, patient: None) -> None:
    with ScriptedTeacher() as server:
        server.fault("400")
        with pytest.raises(TeacherError, match="refuses every request"):
            ask(server, [f"p{n}" for n in range(500)], tmp_path / "j", limits={"concurrency": 64})
        assert len(server.log.requests) <= 8 + 4


def test_a_bad_key_midway_costs_what_was_in_flight(tmp_path: Path) -> None:
    names = [f"p{n}" for n in range(300)]
    with ScriptedTeacher(Scenario(latency_s=0.02)) as server:
        server.fault("401", after=100)
        with pytest.raises(TeacherError):
            ask(server, names, tmp_path / "j", limits={"concurrency": 16})
        assert len(server.log.requests) <= 100 + 16
        server.faults.clear()
        before = len(server.log.requests)
        ask(server, names, tmp_path / "j", limits={"concurrency": 16})
        assert len(server.log.requests) == before + 200
        assert server.log.as_json()["paid_twice"] == 0


def test_five_percent_mixed_faults_on_two_thousand_prompts(tmp_path: Path) -> None:
    names = [f"p{n:04d}" for n in range(2000)]
    kinds = [
        *("429", "500", "503", "reset", "reset_body", "cut_json", "no_choices", "html_502", "html_200", "error_200"),
        *(
            "no_resource",
            "hang",
            "reasoning_only",
            "length",
            "null",
            "filter",
            "429_bare",
            "drip",
            "wrong_type",
            "no_usage",
        ),
    ]
    unfinished = {"reasoning_only": "unclosed", "length": "length", "null": "empty", "filter": "filtered"}
    with ScriptedTeacher(Scenario(latency_s=0.02)) as server:
        wanted = dict.fromkeys(names, "done")
        for number, name in enumerate(names[::20]):
            kind = kinds[number % len(kinds)]
            server.fault(kind, match=name, times=1)
            wanted[name] = unfinished.get(kind, "done")
        told, tally = ask(server, names, tmp_path / "j", limits={"concurrency": 128, "timeout_s": 8})
        log = server.log.as_json()
    assert {one.trace.problem_id: one.trace.status for one in told} == wanted  # 0 lost, 0 unfinished stored as done
    assert len(told) == 2000
    assert log["paid_twice"] == 0
    assert log["answered"] == 2000
    # Billed: answers that went out, and the paid ones that came back garbled.
    garbled = sum(tally.wasted.get(r, 0) for r in ("malformed_answer", "connection", "timeout"))
    assert log["answered"] + garbled <= 1.03 * 2000
    with Journal.open(tmp_path / "j") as journal:
        assert journal.count() == 2000


def test_a_server_for_64_asked_by_256(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"p{n}" for n in range(1500)]
    scenario = Scenario(latency_s=0.25, slots=64, retry_after=0.5, characters=50)

    async def trip(base_url: str) -> float:
        # As from afar: else all slots open within some milliseconds, before a busy server says its first 429.
        return 0.1

    monkeypatch.setattr(engine, "round_trip", trip)
    sends = Heard(monkeypatch).sends
    with ScriptedTeacher(scenario) as server:
        told, tally = ask(server, names, tmp_path / "j", limits={"concurrency": 256})
        log = server.log
    assert Counter(one.trace.status for one in told) == {"done": 1500}
    assert tally.wasted.get("rate_limited", 0) <= 0.10 * tally.requests
    assert log.as_json()["paid_twice"] == 0
    # The clock of a busy machine is no witness of how long it took: what counts is that the server's slots are in use.
    assert sum(in_flight for in_flight, _ in sends) / len(sends) >= 0.5 * 64


@pytest.mark.parametrize("concurrency", [8, 64])
def test_a_key_that_a_proxy_takes_long_to_refuse_costs_one_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, concurrency: int
) -> None:
    usual, waits = engine._patience, []

    def patience(trip_s: float | None, slots: int) -> float:
        waits.append(usual(0.0, slots))
        # A machine that is busy with other tests may take longer than a proxy.
        return engine.PROBE_S

    monkeypatch.setattr(engine, "_patience", patience)
    with ScriptedTeacher(Scenario()) as server:
        server.fault("401", delay_s=0.4)
        with pytest.raises(TeacherError, match="status 401"):
            ask(server, [f"p{n}" for n in range(500)], tmp_path / "j", limits={"concurrency": concurrency})
        assert len(server.log.requests) == 1
    assert waits == [1.0]


class Heard:
    """What the run itself knows: (in flight, when) of each request sent; (requests sent, when) at each Retry-After."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sends: list[tuple[int, float]] = []
        self.pauses: list[tuple[int, float]] = []
        sent, failed = Pause.sent, Pause.failed

        def note_sent(pause: Pause, number: int, in_flight: int, now: float) -> None:
            self.sends.append((in_flight, now))
            sent(pause, number, in_flight, now)

        def note_failed(pause: Pause, number: int, limited: bool, wait_s: float | None, now: float) -> None:
            if wait_s is not None:
                self.pauses.append((len(self.sends), now))
            failed(pause, number, limited, wait_s, now)

        monkeypatch.setattr(Pause, "sent", note_sent)
        monkeypatch.setattr(Pause, "failed", note_failed)


class Clocked(list):  # type: ignore[type-arg]
    """A log that remembers when each request came."""

    def __init__(self) -> None:
        super().__init__()
        self.at: list[float] = []

    def append(self, entry: Any) -> None:
        self.at.append(time.monotonic())
        super().append(entry)


@pytest.mark.parametrize("kind", ["429_ms", "503"])
def test_nobody_is_asked_before_retry_after_is_over(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard(monkeypatch)
    # Four that were in flight together are answered: a 429 to one of four does not speak of their number.
    with Together(Scenario(latency_s=0.01), 5) as server:
        server.fault(kind, after=20, times=1, retry_after=0.7)
        ask(server, [f"p{n}" for n in range(60)], tmp_path / "j", limits={"concurrency": 4})
        assert len(server.log.requests) == 61
    ((sent, at),) = heard.pauses
    assert 20 < sent < 61
    # By the clock of who asks: what was on its way at the 429 may reach a busy server late.
    assert heard.sends[sent][1] >= at + 0.7


def test_a_full_server_is_seen_to_serve_before_retry_after_is_over(tmp_path: Path, patient: None) -> None:
    scenario = Scenario(latency_s=0.2, slots=4, retry_after=30, characters=50)
    # After the first, no answer before twelve more have come: no late one takes the place that an answer leaves.
    with Together(scenario, 13) as server:
        server.log.requests = log = Clocked()
        told, _ = ask(server, [f"p{n}" for n in range(40)], tmp_path / "j", limits={"concurrency": 12})
        assert server.log.as_json()["paid_twice"] == 0
    assert Counter(one.trace.status for one in told) == {"done": 40}
    refused = [number for number, entry in enumerate(log) if entry["fault"]]
    assert log.at[-1] - log.at[refused[0]] < 30  # nobody waited for its end
    # All that was refused at once is one event, and after it one request goes alone.
    last = max(number for number in refused if number < 13)
    assert log.at[last + 2] - log.at[last + 1] >= 0.2


def test_where_that_one_is_refused_as_well_nobody_else_goes(tmp_path: Path) -> None:
    with ScriptedTeacher(Scenario(latency_s=0.2, characters=50)) as server:
        server.fault("429_ms", after=4, times=9, retry_after=1.5)
        server.log.requests = log = Clocked()
        told, tally = ask(server, [f"p{n}" for n in range(12)], tmp_path / "j", limits={"concurrency": 12})
    assert Counter(one.trace.status for one in told) == {"done": 12}
    # The first, then 11 of which 8 are refused; the answers of the others let one go, which is refused: 13 till then.
    assert [bool(entry["fault"]) for entry in log[:13]] == [False] * 4 + [True] * 9
    assert log.at[13] - log.at[12] >= 1.5
    assert tally.wasted == {"rate_limited": 9}


def test_a_teacher_that_should_think_and_does_not_is_told_of_after_four_answers(
    tmp_path: Path, patient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"p{n}" for n in range(200)]
    sync = os.fsync
    with ScriptedTeacher(Scenario(thinks=False, latency_s=0.01)) as server:
        with monkeypatch.context() as slow:
            # A disk that holds an answer up must let no more requests through.
            slow.setattr("os.fsync", lambda file: (time.sleep(0.1), sync(file)))
            with pytest.raises(TeacherError, match="first 4 answers hold no reasoning"):
                ask(server, names, tmp_path / "j", limits={"concurrency": 64}, reasoning="raw")
        assert len(server.log.requests) == 4
        told, tally = ask(server, names, tmp_path / "j", limits={"concurrency": 64})
        assert len(told) == 200
        assert [text for text in tally.said if "hold no reasoning" in text]
        _, quiet = ask(server, names, tmp_path / "k", reasoning="none", limits={"concurrency": 64})
        assert quiet.said == []


def test_limits_a_minute_are_kept(tmp_path: Path) -> None:
    with ScriptedTeacher() as server:
        started = time.monotonic()
        ask(server, [f"p{n}" for n in range(16)], tmp_path / "j", limits={"rpm": 120, "concurrency": 16})
        # 12 go at once, the others at 1.8 a second.
        assert time.monotonic() - started >= 2.0
        assert len(server.log.requests) == 16


def test_the_key_appears_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COTKIT_TEST_KEY", KEY)
    log = tmp_path / "server.log"
    with ScriptedTeacher(Scenario(key=KEY), log_file=log) as server:
        server.fault("400", match="two")
        told, tally = ask(server, ["one", "two", "three"], tmp_path / "j", api_key_env="COTKIT_TEST_KEY", stream=True)
        assert [one.trace.status for one in told] == ["done", "failed", "done"]
        assert KEY not in repr(told) + repr(tally)
    for file in tmp_path.iterdir():
        assert KEY.encode() not in file.read_bytes(), file


def test_a_clock_that_goes_backwards_harms_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - 3600)
    with ScriptedTeacher() as server:
        server.fault("429_date", after=3, times=1, retry_after=1)
        told, _ = ask(server, [f"p{n}" for n in range(30)], tmp_path / "j", limits={"rpm": 60_000, "input_tpm": 10**9})
    assert [one.trace.status for one in told] == ["done"] * 30
