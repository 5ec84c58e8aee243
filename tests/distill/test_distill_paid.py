"""What is paid for survives a slip at the keyboard: outputs over a journal, dates that are none, pipes, odd ids."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from distill_parts import FakeTeacher

from cotkit.config import PACKAGE
from cotkit.distill.ask_file import Job, ask_file
from cotkit.distill.journal import Journal, count_answers
from cotkit.distill.recording import export_journal, import_recording, load_recording
from cotkit.distill.scripted.scenario import Scenario
from cotkit.distill.scripted.server import ScriptedTeacher
from cotkit.distill.teacher import Limits, Sampling, Teacher
from cotkit.distill.traces import distill_prompts
from cotkit.errors import InputError, RecipeError, StorageError

RECORDING = PACKAGE / "recipes" / "data" / "quickstart" / "teacher.jsonl.gz"


def job(path: Path, url: str, journal: Path, **more: Any) -> Job:
    teacher = Teacher.model_validate({"base_url": url, "model": "m"})
    return Job(path, teacher, Sampling(), Limits(timeout_s=60), journal, **more)


@pytest.mark.parametrize("way", ["same", "hard", "soft", "wal"])
def test_answers_are_never_written_over_the_journal(tmp_path: Path, jsonl: Any, way: str) -> None:
    prompts = jsonl("p.jsonl", [{"id": n, "prompt": f"q{n}"} for n in range(3)])
    journal, out = tmp_path / "j.jsonl", tmp_path / "out.jsonl"
    with FakeTeacher() as server:
        if way == "same":  # also before there is a journal
            with pytest.raises(RecipeError, match="would destroy"):
                ask_file(job(prompts, server.url, journal), journal)
        ask_file(job(prompts, server.url, journal), tmp_path / "good.jsonl")
        with pytest.raises(RecipeError, match="a journal"):
            ask_file(job(prompts, server.url, tmp_path / "other.sqlite"), journal)
        if way == "hard":
            os.link(journal, out)
        elif way == "soft":
            out.symlink_to(journal)
        else:
            out = journal if way == "same" else Path(f"{journal}-wal")
        with pytest.raises(RecipeError, match="would destroy"):
            ask_file(job(prompts, server.url, journal), out)
        with pytest.raises(RecipeError, match="would destroy"):
            export_journal(journal, out, provenance={})
        with pytest.raises(RecipeError, match="would destroy"):
            ask_file(job(prompts, server.url, journal), prompts)
        assert count_answers(journal) == server.asked == 3


def test_problems_are_not_written_over_the_journal(tmp_path: Path, cli: Any, jsonl: Any) -> None:
    jsonl("problems.jsonl", [{"problem": "1 + 1?", "answer": "2"}])
    with FakeTeacher() as server:
        command = ("distill", "problems.jsonl", "--base-url", server.url, "--model", "m", "--journal", "x.jsonl")
        done = cli(*command, "--out", "x.jsonl")
        assert (done.returncode, server.asked) == (2, 0)
        assert "would destroy" in done.stderr
        assert cli(*command, "--dropped", "./problems.jsonl").returncode == 2


def test_prune_takes_dates_and_statuses_and_nothing_else(tmp_path: Path, cli: Any) -> None:
    journal = tmp_path / "j.sqlite"
    count = import_recording(load_recording(RECORDING), journal)
    for slip in (("--before", "yesterday"), ("--before", ""), ("--before", "2026"), ("--status", "lenght")):
        done = cli("journal", "prune", journal, *slip, "--yes")
        assert done.returncode == 2, slip
    assert "unclosed" in done.stderr  # the ones that there are
    for none in ("2020-01-01", "2020-01-01T00:00:00+02:00", "9999d"):
        assert json.loads(cli("journal", "prune", journal, "--before", none, "--json").stdout)["answers"] == 0
    assert json.loads(cli("journal", "prune", journal, "--before", "2100-01-01", "--json").stdout)["answers"] == count
    assert cli("journal", "show", journal, "").returncode == 2
    assert count_answers(journal) == count


def test_ids_come_back_as_they_came_and_odd_ones_are_refused_before_paying(tmp_path: Path, jsonl: Any) -> None:
    with FakeTeacher() as server:
        names = [7, "7", "é", None, 1.5]
        good = jsonl("good.jsonl", [{"key": name, "prompt": f"q{n}"} for n, name in enumerate(names)])
        ask_file(job(good, server.url, tmp_path / "j", id_column="key"), tmp_path / "a.jsonl")
        rows = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()]
        assert [row["id"] for row in rows] == names
        with pytest.raises(InputError, match="row 1: there is no column 'kay'; it has key, prompt"):
            ask_file(job(good, server.url, tmp_path / "j2", id_column="kay"), tmp_path / "b.jsonl")
        for row, words in (
            (b'{"id": "\\ud800", "prompt": "q"}', "row 2: its id holds half a character"),
            (b'{"id": "x", "prompt": " "}', "row 2: 'prompt' is empty"),
        ):
            bad = tmp_path / "bad.jsonl"
            bad.write_bytes(b'{"id": "x", "prompt": "q"}\n' + row + b"\n")
            with pytest.raises(InputError, match=words):
                ask_file(job(bad, server.url, tmp_path / "j2"), tmp_path / "b.jsonl")
        assert server.asked == len(names)


def test_a_pipe_is_refused_and_never_waited_for(tmp_path: Path, cli: Any) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "-", "/dev/stdin"):
        asked = ("--base-url", "http://127.0.0.1:9/v1", "--model", "m", "--out", "o.jsonl")
        done = cli("distill", name, *asked, input='{"prompt": "q"}\n', timeout=30)
        assert done.returncode == 3, done.stderr
        assert "save them to a file first" in done.stderr


def test_options_of_the_file_form_are_named_as_they_are_there(tmp_path: Path, cli: Any, jsonl: Any) -> None:
    jsonl("p.jsonl", [{"prompt": "q"}])
    asked = ("distill", "p.jsonl", "--base-url", "http://127.0.0.1:9/v1", "--model", "m", "--out", "o.jsonl")
    done = cli(*asked, "--budget-usd", "1")
    assert done.returncode == 2
    assert "--budget-tokens" in done.stderr
    done = cli(*asked, "--concurrency", "100000")
    assert done.returncode == 2
    assert "10000" in done.stderr.replace(",", "")


def _files(soft: int, hard: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_more_requests_than_open_files(tmp_path: Path, cli: Any, jsonl: Any) -> None:
    jsonl("p.jsonl", [{"id": n, "prompt": f"q{n}"} for n in range(150)])
    with ScriptedTeacher(Scenario(latency_s=0.5)) as server:
        asked = ("distill", "p.jsonl", "--base-url", server.url, "--model", "m", "--out", "o.jsonl")
        few = cli(*asked, "--concurrency", "140", preexec_fn=_files(128, 128))
        assert few.returncode == 2, few.stderr
        assert "lower the concurrency to" in few.stderr
        assert len(server.log.requests) == 0
        raised = cli(*asked, "--concurrency", "140", preexec_fn=_files(128, 1024))
        assert raised.returncode == 0, raised.stderr
        assert len(server.log.requests) == 150


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_ctrl_c_keeps_what_is_on_its_way(
    tmp_path: Path, jsonl: Any, number: signal.Signals, code: int
) -> None:
    jsonl("p.jsonl", [{"id": n, "prompt": f"q{n}"} for n in range(200)])
    signalled = threading.Event()

    def speak(body: Any) -> None:
        if len(server.log.requests) >= 32:  # however late the signal comes, most is not asked yet
            signalled.wait(60)

    with ScriptedTeacher(Scenario(latency_s=0.5), speak=speak) as server:
        asked = ("distill", "p.jsonl", "--base-url", server.url, "--model", "m", "--concurrency", "8")
        run = subprocess.Popen(
            [sys.executable, "-m", "cotkit", *asked], cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        while len(server.log.requests) < 16 and run.poll() is None:
            time.sleep(0.01)
        run.send_signal(number)
        signalled.set()
        said = run.communicate(timeout=60)[1].decode()
        assert run.returncode == code, said
        assert "Ctrl-C again" in said
        assert "run the same command again to go on" in said
        assert count_answers(tmp_path / "p.jsonl.journal.sqlite") == len(server.log.requests) < 40


def test_a_disk_with_too_little_room_is_found_before_anything_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, prompts = tmp_path / "j", [("a", [{"role": "user", "content": "1 + 1"}])]
    small = type(shutil.disk_usage(tmp_path))(10_000_000, 9_000_000, 1_000_000)
    with ScriptedTeacher(Scenario()) as server:
        teacher = Teacher(base_url=server.url, model="m")

        def ask(at_once: int) -> None:
            distill_prompts(prompts, teacher, Sampling(), Limits(concurrency=at_once), journal, lambda _: None)

        monkeypatch.setattr(shutil, "disk_usage", lambda _: small)
        with pytest.raises(StorageError, match=r"1\.0 MB free.*need 2\.0 MB; nothing was asked"):
            ask(8)
        assert len(server.log.requests) == 0
        ask(3)
        ask(8)  # all answers are there: no room is wanted
        assert len(server.log.requests) == 1


def test_a_journal_with_two_names_is_refused_and_a_link_shares_the_lock(tmp_path: Path) -> None:
    path, link, second = tmp_path / "j", tmp_path / "link", tmp_path / "second"
    link.symlink_to(path)
    with Journal.open(path), pytest.raises(StorageError, match="another process is using it"):
        Journal.open(link)
    os.link(path, second)
    for name in (path, second):
        with pytest.raises(StorageError, match="hard link"):
            Journal.open(name)
    second.unlink()
    Journal.open(path).close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write in any folder")
def test_a_journal_in_a_read_only_folder_can_be_looked_at(tmp_path: Path, cli: Any) -> None:
    folder = tmp_path / "ro"
    count = import_recording(load_recording(RECORDING), folder / "j")
    (folder / "j").chmod(0o444)
    folder.chmod(0o555)
    try:
        assert count_answers(folder / "j") == count
        with pytest.raises(StorageError) as caught:
            Journal.open(folder / "j")
        assert "move it away" not in str(caught.value)
    finally:
        folder.chmod(0o755)
