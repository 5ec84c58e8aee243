"""A run that dies at any moment has lost nothing that was answered, and asks for none of it again."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from distill_parts import FakeTeacher, ask, texts

from cotkit.distill.journal import Journal, read_journal

SLOTS = 8
NAMES = [f"p{n}" for n in range(240)]
# The same call as distill_parts.ask makes, in a process of its own.
ASKER = f"""
import sys, pathlib
from cotkit.distill.teacher import Limits, Sampling, Teacher
from cotkit.distill.traces import distill_prompts
prompts = [(f"p{{n}}", [{{"role": "user", "content": f"p{{n}}"}}]) for n in range({len(NAMES)})]
distill_prompts(prompts, Teacher(base_url=sys.argv[1], model="m"), Sampling(),
                Limits(concurrency={SLOTS}, timeout_s=60), pathlib.Path(sys.argv[2]), lambda told: None)
"""


class Brake:
    """Answers so many requests and lets the others wait: however late the signal comes, the run is not through."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.count = 0
        self.lock = threading.Lock()
        self.released = threading.Event()

    def __call__(self, text: str) -> str:
        with self.lock:
            self.count += 1
            held = self.count > self.most
        if held:
            self.released.wait(60)
        return "1"


def interrupted(
    server: FakeTeacher, brake: Brake, journal: Path, when: int, how: signal.Signals
) -> subprocess.Popen[bytes]:
    """Start asking; send the signal when the server has answered `when` requests."""
    process = subprocess.Popen([sys.executable, "-c", ASKER, server.url, str(journal)], stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while server.log()["answered"] < when:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(how)
    brake.released.set()
    process.communicate(timeout=60)
    return process


@pytest.mark.parametrize(
    ("when", "how"), [(1, signal.SIGKILL), (37, signal.SIGKILL), (180, signal.SIGKILL), (90, signal.SIGINT)]
)
def test_a_killed_run_goes_on_where_it_was(tmp_path: Path, when: int, how: signal.Signals) -> None:
    journal = tmp_path / "journal.sqlite"
    brake = Brake(when + SLOTS)
    with FakeTeacher(latency=0.02, answers=brake) as server:
        process = interrupted(server, brake, journal, when, how)
        assert process.returncode != 0
        answered = server.at_rest()["answered"]
        kept = {entry.request for entry in read_journal(journal)} if journal.exists() else set()
        # Only what was in flight may be missing: an answer's slot is not used again before it is on the disk.
        assert answered - SLOTS <= len(kept) <= answered
        asked_before = Counter(texts(server))
        told = ask(server, NAMES, journal, limits={"concurrency": SLOTS})
        assert [one.trace.problem_id for one in told] == NAMES
        assert {one.trace.status for one in told} == {"done"}
        asked_after = Counter(texts(server)) - asked_before
        assert sum(asked_after.values()) == len(NAMES) - len(kept)
        assert not [text for text in asked_after if f'"content":"{text}"' in "".join(kept)]
    with Journal.open(journal) as opened:
        assert opened.count() == len(NAMES)
