"""`cotkit journal` and `cotkit teachers` on the command line."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from cotkit.config import PACKAGE
from cotkit.distill.journal import Journal, read_journal
from cotkit.distill.recording import import_recording, load_recording
from cotkit.distill.scripted.scenario import Reply, Scenario
from cotkit.distill.scripted.server import ScriptedTeacher

RECORDING = PACKAGE / "recipes" / "data" / "quickstart" / "teacher.jsonl.gz"


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """The quickstart's recorded answers as a journal."""
    path = tmp_path / "journal.sqlite"
    import_recording(load_recording(RECORDING), path)
    return path


def test_ls_show_and_stats(journal: Path, cli: Any) -> None:
    listed = json.loads(cli("journal", "ls", journal, "--limit", "5", "--status", "length", "--json").stdout)
    assert len(listed) == 5
    assert {row["status"] for row in listed} == {"length"}
    name = listed[0]["request_hash"]
    shown = json.loads(cli("journal", "show", journal, name[:16], "--json").stdout)
    assert shown["request_hash"] == name
    assert shown["prompt"] == listed[0]["prompt"]
    raw = json.loads(cli("journal", "show", journal, name[:16], "--raw").stdout)
    assert raw["choices"][0]["finish_reason"] == "length"
    stats = json.loads(cli("journal", "stats", journal, "--json").stdout)
    count = len(list(read_journal(journal)))
    assert stats["answers"] == count == sum(stats["statuses"].values())
    assert (stats["unpriced"], stats["usd"]) == (count, None)
    assert "$0" not in cli("journal", "stats", journal).stdout  # unknown is not free
    assert json.loads(cli("journal", "show", journal, "--json").stdout)["answers"] == count
    assert cli("journal", "show", journal, "zz").returncode == 3


def test_a_journal_in_use_can_be_looked_at(journal: Path, cli: Any) -> None:
    with Journal.open(journal):
        for command in (("show",), ("stats",), ("ls", "--limit", "2")):
            done = cli("journal", command[0], journal, *command[1:])
            assert done.returncode == 0, done.stderr
        assert cli("journal", "prune", journal, "--status", "done", "--yes").returncode == 4


def test_prune_says_what_it_would_do_and_then_does_it(journal: Path, cli: Any) -> None:
    before = len(list(read_journal(journal)))
    assert cli("journal", "prune", journal).returncode == 2
    told = json.loads(cli("journal", "prune", journal, "--status", "unclosed", "--json").stdout)
    assert told["pruned"] is False
    assert len(list(read_journal(journal))) == before
    done = json.loads(cli("journal", "prune", journal, "--status", "unclosed", "--yes", "--json").stdout)
    assert done["answers"] == told["answers"] > 0
    assert len(list(read_journal(journal))) == before - told["answers"]


def test_a_journal_of_the_first_format_is_read_and_brought_up_to_date(journal: Path) -> None:
    connection = sqlite3.connect(journal)
    for table in ("refusals", "settings", "batches"):
        connection.execute(f"DROP TABLE {table}")
    connection.execute("PRAGMA user_version=1")
    connection.commit()
    connection.close()
    entries = list(read_journal(journal))
    with Journal.open(journal) as opened:
        assert opened.count() == len(entries)
        assert opened.settings() == []
        assert opened.refused([entries[0].request_hash]) == {}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_journal_that_may_not_be_written(journal: Path, cli: Any) -> None:
    journal.chmod(0o444)
    journal.parent.chmod(0o555)
    try:
        assert cli("journal", "show", journal).returncode == 4
    finally:
        journal.parent.chmod(0o755)


def test_teachers_list_and_show(cli: Any) -> None:
    listed = json.loads(cli("teachers", "list", "--json").stdout)
    assert {"deepseek", "openrouter", "vllm", "sglang", "llamacpp", "ktransformers", "gemini", "qwen"} <= set(listed)
    shown = cli("teachers", "show", "deepseek")
    assert "reasoning_content" in shown.stdout
    assert "table of" in shown.stdout
    wrong = cli("teachers", "show", "depseek")
    assert wrong.returncode == 2
    assert "did you mean 'deepseek'?" in wrong.stderr


def test_teachers_check(cli: Any) -> None:
    replies = (
        Reply(match="17 + 25? Think", content="The answer is \\boxed{42}.", logprobs=((-0.1, -0.1, -2.5),) * 3),
        Reply(match="one two three", content="one two three "),
        Reply(match="In JSON", content='{"sum": 42}'),
    )
    with ScriptedTeacher(Scenario(shape="vllm", replies=replies)) as server:
        done = cli(
            "teachers", "check", "--preset", "vllm", "--base-url", server.url, "--model", "r1", "--trials", "--json"
        )
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert (found["status"], found["found"], found["kind"]) == ("done", "reasoning", "raw")
        assert found["response"] == "The answer is \\boxed{42}."
        assert "free" in found["price"]
        assert found["trials"] == {"logprobs": "works", "stop": "works", "json": "works"}
        assert len(server.log.requests) == 4
    # It answers whatever it is asked, and does nothing of it.
    counts = Reply(match="one two three", content="one two three four five six")
    with ScriptedTeacher(Scenario(shape="ktransformers", replies=(replies[0], counts))) as server:
        given = ("teachers", "check", "--base-url", server.url, "--model", "r1", "--trials")
        found = json.loads(cli(*given, "--json").stdout)
        assert found["trials"] == {"logprobs": "works", "stop": "ignored", "json": "ignored"}
    with ScriptedTeacher(Scenario(shape="ktransformers")) as server:
        done = cli("teachers", "check", "--base-url", server.url, "--model", "r1", "--trials")
        assert "logprobs  taken and ignored" in done.stdout
    with ScriptedTeacher(Scenario(key="sk-right-key-1234")) as server:
        done = cli("teachers", "check", "--base-url", server.url, "--model", "r1")
        assert done.returncode == 5
        assert "check whether it needs a key" in done.stderr
        assert len(server.log.requests) == 1


def test_a_recipe_that_needs_what_a_preset_lacks_is_refused(tmp_path: Path, cli: Any) -> None:
    (tmp_path / "p.jsonl").write_text('{"problem": "What is 1 + 1?", "answer": "2"}\n')
    recipe = (
        "name: small\nsteps:\n  - step: pull\n    sources: [{kind: file, name: p, path: p.jsonl}]\n"
        "  - step: distill\n    teacher: {preset: PRESET, base_url: 'http://127.0.0.1:9/v1', model: m, EXTRA}\n"
    )
    cases = [
        ("ktransformers", "extra_body: {logprobs: true}", "gives no logprobs"),
        ("gemini", "extra_body: {stop: [x]}", "takes no stop sequences"),
        ("nothing", "price: null", "there is no teacher preset 'nothing'"),
    ]
    for preset, extra, words in cases:
        (tmp_path / "r.yaml").write_text(recipe.replace("PRESET", preset).replace("EXTRA", extra))
        done = cli("run", "r.yaml")
        assert done.returncode == 2
        assert words in done.stderr


def test_serve_a_scenario_from_a_file(tmp_path: Path, cli: Any) -> None:
    (tmp_path / "s.yaml").write_text(
        "shape: openrouter\nreplies: [{match: hello, content: 'Hi \\boxed{1}'}]\nfaults: [{kind: '500', times: 1}]\n"
    )
    command = [sys.executable, "-m", "cotkit", "teachers", "serve", "s.yaml", "--log", "asked.jsonl"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        (tmp_path / "prompts.jsonl").write_text('{"id": "a", "prompt": "hello"}\n')
        done = cli("distill", "prompts.jsonl", "--base-url", url, "--model", "m", "--out", "a.jsonl")
        assert done.returncode == 0, done.stderr
        assert json.loads((tmp_path / "a.jsonl").read_text())["response"] == "Hi \\boxed{1}"
        with urllib.request.urlopen(url.replace("/v1", "/_log")) as answer:  # noqa: S310 (loopback)
            assert json.load(answer)["asked"] == 2
    finally:
        process.terminate()
        _, told = process.communicate(timeout=20)
    # To be stopped is how a server ends: there is nothing to run again.
    assert process.returncode == 0
    assert "stopped" not in told
    assert len((tmp_path / "asked.jsonl").read_text().splitlines()) == 2
    for text, words in (("shape: nobody", "shape"), ("fautls: []", "did you mean 'faults'?"), ("{", "no YAML")):
        (tmp_path / "bad.yaml").write_text(text)
        done = cli("teachers", "serve", "bad.yaml")
        assert done.returncode == 3
        assert words in done.stderr
    assert cli("teachers", "serve", "nowhere").returncode == 3
