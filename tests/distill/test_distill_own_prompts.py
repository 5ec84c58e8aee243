"""`cotkit distill prompts.jsonl`: own prompts, a row a sample, the same journal and guarantees."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cotkit.distill.prompt import DEFAULT_USER
from cotkit.distill.scripted.scenario import Scenario
from cotkit.distill.scripted.server import ScriptedTeacher

FIELDS = {
    "id", "sample", "reasoning", "response", "reasoning_kind", "finish_reason", "usage", "status", "error",
    "request_hash",
}  # fmt: skip


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def command(server: ScriptedTeacher, *more: str) -> tuple[str, ...]:
    return ("distill", "prompts.jsonl", "--base-url", server.url, "--model", "m", "--out", "answers.jsonl", *more)


def test_a_row_a_sample_in_the_order_of_the_file(tmp_path: Path, cli: Any, jsonl: Any) -> None:
    jsonl("prompts.jsonl", [{"id": f"q{n}", "prompt": f"What is {n} + {n}? é"} for n in range(40)])
    with ScriptedTeacher(Scenario(latency_s=0.01)) as server:
        done = cli(*command(server, "--samples", "3", "--concurrency", "8"))
        assert done.returncode == 0, done.stderr
        found = rows(tmp_path / "answers.jsonl")
        assert [(r["id"], r["sample"]) for r in found] == [(f"q{n}", k) for n in range(40) for k in range(3)]
        assert set(found[0]) == FIELDS
        assert found[9]["response"] == "The answer is \\boxed{6}."
        assert found[0]["usage"]["completion_tokens"] > 0
        assert {r["status"] for r in found} == {"done"}
        # Sent as they are, and only that.
        assert {len(r["body"]["messages"]) for r in server.log.requests} == {1}
        assert server.log.requests[0]["body"]["messages"][0]["content"].endswith("? é")
        before = (tmp_path / "answers.jsonl").read_bytes()
        assert cli(*command(server, "--samples", "3")).returncode == 0
        assert len(server.log.requests) == 120
        assert (tmp_path / "answers.jsonl").read_bytes() == before


def test_columns_templates_and_chats(tmp_path: Path, cli: Any, jsonl: Any) -> None:
    chat = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "3 + 4"}]
    jsonl("prompts.jsonl", [{"key": 7, "text": "1 + 2"}, {"key": 8, "text": chat}])
    with ScriptedTeacher() as server:
        named = ("--id-column", "key", "--prompt-column", "text", "--concurrency", "1")
        assert cli(*command(server, *named)).returncode == 0
        assert [r["id"] for r in rows(tmp_path / "answers.jsonl")] == [7, 8]
        assert server.log.requests[1]["body"]["messages"] == chat
        done = cli(*command(server, *named, "--template", "default", "--yes"))
        assert done.returncode == 0, done.stderr
        assert server.log.requests[2]["body"]["messages"][0]["content"] == DEFAULT_USER.replace("{problem}", "1 + 2")


def test_what_fails_is_in_the_file_and_in_the_exit_code(tmp_path: Path, cli: Any, jsonl: Any) -> None:
    jsonl("prompts.jsonl", [{"id": name, "prompt": name} for name in ("one", "two", "three", "four")])
    with ScriptedTeacher() as server:
        server.fault("500", match="two")
        server.fault("400_context", match="three")
        server.fault("length", match="four")
        done = cli(*command(server, "--retries", "1"))
        assert done.returncode == 6
        assert "2 of 4 have no answer" in done.stderr
        assert "server_error 1" in done.stderr
        statuses = {r["id"]: (r["status"], r["response"] is None) for r in rows(tmp_path / "answers.jsonl")}
        assert statuses == {
            "one": ("done", False),
            "two": ("failed", True),
            "three": ("refused", True),
            "four": ("length", True),
        }
        server.faults.clear()
        before = len(server.log.requests)
        again = cli(*command(server, "--retries", "1"))
        assert (again.returncode, len(server.log.requests)) == (6, before + 1)  # three is not asked again
        assert cli(*command(server, "--retry-refused")).returncode == 0
        assert len(server.log.requests) == before + 2


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{broken", "row 2: this is no JSON"),
        ("[1]", "row 2: a JSON object is expected"),
        ('{"id": 1}', "row 2: 'prompt' must be a text"),
        ('{"prompt": "  "}', "row 2: 'prompt' is empty"),
        ('{"prompt": [{"role": "user"}]}', "row 2: 'prompt' must be a text"),
    ],
)
def test_a_bad_row_is_named_before_anything_is_asked(tmp_path: Path, cli: Any, line: str, words: str) -> None:
    (tmp_path / "prompts.jsonl").write_text('{"prompt": "1 + 1"}\n' + line + "\n")
    with ScriptedTeacher() as server:
        done = cli(*command(server))
        assert done.returncode == 3
        assert words in done.stderr
        assert server.log.requests == []


def test_budget_and_preset_on_the_command_line(tmp_path: Path, cli: Any, jsonl: Any) -> None:
    jsonl("prompts.jsonl", [{"prompt": f"{n} + 1"} for n in range(50)])
    with ScriptedTeacher(Scenario(shape="vllm")) as server:
        done = cli(*command(server, "--preset", "vllm", "--budget-tokens", "1000", "--concurrency", "2"))
        assert done.returncode == 6
        assert "over_budget" in done.stderr
        assert "raise the budget" in done.stderr
        found = rows(tmp_path / "answers.jsonl")
        assert len(found) == 50
        assert found[0]["usage"]["cost_usd"] == 0.0
    assert cli("distill", "prompts.jsonl", "--preset", "vlm", "--model", "m").returncode == 2


def test_a_full_disk_ends_the_run_and_keeps_what_is_there(tmp_path: Path, jsonl: Any) -> None:
    jsonl("prompts.jsonl", [{"prompt": f"{n} + 1"} for n in range(400)])

    def small_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))

    with ScriptedTeacher(Scenario(characters=3000)) as server:
        ask = [sys.executable, "-m", "cotkit", *command(server)]
        done = subprocess.run(ask, cwd=tmp_path, capture_output=True, text=True, preexec_fn=small_disk, check=False)
        assert done.returncode == 4, done.stderr
        assert "could not be written" in done.stderr
        assert not (tmp_path / "answers.jsonl").exists()
        first = len(server.log.requests)
        assert first < 400
        done = subprocess.run(ask, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        # Only what was in flight when the disk was full is asked again.
        assert len(server.log.requests) <= 400 + 8 + 1
    assert len(rows(tmp_path / "answers.jsonl")) == 400
