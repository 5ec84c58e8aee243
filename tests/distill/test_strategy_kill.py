"""A tree search that is killed at any moment goes on where it was: nothing that was kept is asked again."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from construct_parts import at_rest, construct, problem_table, run_construct
from test_strategy_rstar import SMALL, noise

from cotkit.distill.construct import Construct
from cotkit.distill.journal import read_journal
from cotkit.distill.scripted.scenario import Reply, Scenario
from cotkit.distill.scripted.server import ScriptedTeacher
from cotkit.distill.strategies import Call

SLOTS = 4
PROBLEMS = [(f"Find x{number}.", None) for number in range(6)]
SEARCH = f"""
import sys, pathlib
sys.path.insert(0, {str(Path(__file__).parent)!r})
from construct_parts import problem_table, run_construct
from test_strategy_kill import PROBLEMS, search
run_construct(search(sys.argv[1]), problem_table(PROBLEMS), pathlib.Path(sys.argv[2]))
"""


def search(url: str) -> Construct:
    keys = {**SMALL, "rollouts": 6, "depth": 3, "votes": 2}
    return construct(url, keys, sampling={"seed": 0}, limits={"timeout_s": 60, "concurrency": SLOTS})


class Speaker:
    """Answers `most` requests and lets the others wait: however late a kill comes, the search is not through."""

    def __init__(self) -> None:
        self.most = math.inf
        self.count = 0
        self.released = threading.Event()

    def __call__(self, body: Mapping[str, Any]) -> Reply:
        self.count += 1
        if self.count > self.most:
            self.released.wait(60)
        return Reply(match="", content=noise(Call(body["messages"], sample=body["seed"])))


def kill_after(server: ScriptedTeacher, speak: Speaker, run: Path, answers: int) -> None:
    """Search in a process of its own; kill it when the server has answered so many more requests."""
    before = sum(server.log.answered.values())
    speak.released.clear()
    speak.most = speak.count + answers + SLOTS
    process = subprocess.Popen([sys.executable, "-c", SEARCH, server.url, str(run)], stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while sum(server.log.answered.values()) < before + answers:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.kill()
    process.communicate(timeout=60)
    speak.most = math.inf
    speak.released.set()
    at_rest(server)


def test_a_killed_search_repeats_no_paid_call_and_ends_the_same(tmp_path: Path) -> None:
    draw = sha256(str(tmp_path).encode()).digest()
    speak = Speaker()
    with ScriptedTeacher(Scenario(thinks=False, latency_s=0.005), speak=speak) as server:
        kept: set[str] = set()
        for kill in range(2):
            kill_after(server, speak, tmp_path / "killed", 5 + draw[kill] % 60)
            new = {entry.request_hash for entry in read_journal(tmp_path / "killed" / "journal.sqlite")}
            assert new > kept
            kept = new
            # Only what was in flight may be missing.
            assert sum(server.log.answered.values()) - len(kept) <= SLOTS * (kill + 1)
        before = len(server.log.requests)
        resumed = run_construct(search(server.url), problem_table(PROBLEMS), tmp_path / "killed")
        assert resumed.counters["requests"] == len(server.log.requests) - before
        journal = {entry.request_hash for entry in read_journal(tmp_path / "killed" / "journal.sqlite")}
        assert resumed.counters["requests"] == len(journal - kept)
        assert sum(server.log.answered.values()) - len(server.log.answered) <= 2 * SLOTS
        server.scenario = server.scenario.model_copy(update={"latency_s": 0.0})
        whole = run_construct(search(server.url), problem_table(PROBLEMS), tmp_path / "whole")
    assert whole.kept.equals(resumed.kept)
    assert whole.dropped.equals(resumed.dropped)
    assert whole.secondary["trees"].equals(resumed.secondary["trees"])
    assert whole.kept.height > 0
