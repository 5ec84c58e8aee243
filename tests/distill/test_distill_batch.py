"""Batch files behind the same journal: nothing is sent twice, also after a kill between upload and answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from distill_parts import prompts

from cotkit.distill.journal import Journal, read_journal
from cotkit.distill.scripted.scenario import Scenario
from cotkit.distill.scripted.server import ScriptedTeacher
from cotkit.distill.teacher import Batch, Limits, Sampling, Teacher
from cotkit.distill.traces import Told, distill_prompts
from cotkit.errors import TeacherError

FAST = {"poll_s": 0.02}


def ask(server: ScriptedTeacher, n: int, journal: Path, batch: Any = None, **keys: Any) -> list[Told]:
    told: list[Told] = []
    distill_prompts(
        prompts(f"p{i:03d}" for i in range(n)),
        Teacher.model_validate({"base_url": server.url, "model": "m", "price": {"input": 1, "output": 2}, **keys}),
        Sampling(),
        Limits(timeout_s=60),
        journal,
        told.append,
        batch=Batch.model_validate({**FAST, **(batch or {})}),
    )
    return sorted(told, key=lambda one: one.index)


def billed(server: ScriptedTeacher) -> int:
    return sum(server.log.answered.values())


def test_a_file_is_split_and_every_answer_comes_once(tmp_path: Path) -> None:
    with ScriptedTeacher() as server:
        told = ask(server, 25, tmp_path / "j", {"most_requests": 10})
        assert [one.trace.status for one in told] == ["done"] * 25
        assert billed(server) == 25
        assert json.loads(told[0].trace.provenance)["batch"].startswith("batch-")
        again = ask(server, 26, tmp_path / "j")
        assert billed(server) == 26
        assert [one.trace.reasoning for one in again[:25]] == [one.trace.reasoning for one in told]
        # One by one, the same journal answers.
        one_by_one: list[Told] = []
        asked = Teacher.model_validate({"base_url": server.url, "model": "m"})
        names = prompts(f"p{i:03d}" for i in range(26))
        distill_prompts(names, asked, Sampling(), Limits(), tmp_path / "j", one_by_one.append)
        assert server.log.requests == []


def test_only_what_is_missing_is_sent_again(tmp_path: Path) -> None:
    with ScriptedTeacher() as server:
        server.fault("500", match="p003", times=1)
        server.fault("400", match="p005")
        told = ask(server, 10, tmp_path / "j")
        assert [one.trace.status for one in told].count("done") == 9
        failure = told[5].failure
        assert failure is not None
        assert (failure.reason, failure.passing) == ("bad_request", False)
        assert billed(server) == 9
        assert server.log.as_json()["paid_twice"] == 0
        # What was refused for good is not sent again by a later run.
        assert ask(server, 10, tmp_path / "j")[5].failure is not None
        assert billed(server) == 9


@pytest.mark.parametrize("known", [True, False])
def test_a_batch_of_a_killed_run_is_found_again(tmp_path: Path, known: bool) -> None:
    journal = tmp_path / "j"

    class Killed(Exception):
        pass

    with ScriptedTeacher() as server:
        import cotkit.distill.batch as module

        real = module._Run.collect

        async def die(self: Any, out: Any) -> Any:
            if out:
                raise Killed
            return await real(self, out)

        module._Run.collect = die  # type: ignore[method-assign]
        try:
            with pytest.raises(Killed):
                ask(server, 8, journal)
        finally:
            module._Run.collect = real  # type: ignore[method-assign]
        if not known:  # killed between making the batch and writing its number down
            with Journal.open(journal) as opened:
                name, texts = opened.read("SELECT batch_id, requests FROM batches")[0]
                mark = next(b["metadata"]["cotkit"] for b in _batches(server) if b["id"] == name)
                opened.write("UPDATE batches SET batch_id = ?, state = 'planned'", (f"planned:{mark}",))
                assert len(json.loads(texts)) == 8
            for _ in range(110):  # other work of the same account, on the first page of its list
                _post_batch(server)
        told = ask(server, 8, journal)
        assert [one.trace.status for one in told] == ["done"] * 8
        assert sum(b["metadata"] is not None for b in _batches(server)) == 1
        assert billed(server) == 8
    assert len(list(read_journal(journal))) == 8


def _batches(server: ScriptedTeacher) -> list[dict[str, Any]]:
    import urllib.request

    with urllib.request.urlopen(f"{server.url}/batches?limit=1000") as answer:  # noqa: S310 (loopback)
        data: list[dict[str, Any]] = json.load(answer)["data"]
    return data


def _post_batch(server: ScriptedTeacher) -> None:
    import urllib.request

    made = {"endpoint": "/v1/chat/completions", "input_file_id": "file-0", "completion_window": "24h"}
    request = urllib.request.Request(  # noqa: S310 (loopback)
        f"{server.url}/batches", json.dumps(made).encode(), {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request).close()  # noqa: S310 (loopback)


def test_a_batch_that_was_made_behind_an_error_is_found_and_not_made_twice(tmp_path: Path) -> None:
    with ScriptedTeacher() as server:
        server.fault("500_late", times=1)
        told = ask(server, 8, tmp_path / "j")
        assert [one.trace.status for one in told] == ["done"] * 8
        assert len(_batches(server)) == 1
        assert billed(server) == 8


def test_a_provider_without_batches_is_said(tmp_path: Path) -> None:
    with ScriptedTeacher() as server, pytest.raises(TeacherError, match="says no to a batch"):
        ask(server, 3, tmp_path / "j", base_url=server.url.removesuffix("/v1") + "/nowhere")


def test_batches_cost_what_the_preset_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-nobody-at-all")
    with ScriptedTeacher(Scenario(shape="openai", prompt_tokens=0, completion_tokens=1_000_000)) as server:
        keys = {"preset": "openai-chat", "model": "gpt-4o", "price": None, "reasoning": "none"}
        told = ask(server, 1, tmp_path / "j", **keys)
        assert told[0].trace.cost_usd == 5.0
