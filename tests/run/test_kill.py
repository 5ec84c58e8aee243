"""kill -9 at random moments: the same final bytes, and no answered request asked again."""

from __future__ import annotations

import json
import math
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from teacher import FakeTeacher, boxed

KILLS = 20
# A slot commits its answer before it asks again. So of the answers that went out, only the newest, one a slot, can be
# still on the way to the journal when the kill comes.
CONCURRENCY = 4

RECIPE = """\
name: killed
steps:
  - step: pull
    sources: [{kind: file, name: sums, path: problems.jsonl}]
  - step: filter
    filters: [{name: gradable}]
  - step: dedup
    embedding: null
  - step: distill
    teacher: {base_url: URL, model: fake}
    samples: 2
    sampling: {seed: 1}
    limits: {concurrency: 4}
  - step: verify
  - step: select
    choose: {by: first}
  - step: publish
"""


def start(folder: Path, out: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "cotkit", "run", "r.yaml", "--out", out, "--quiet"]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finish(folder: Path, out: str) -> None:
    process = start(folder, out)
    _, said = process.communicate()
    assert process.returncode == 0, said.decode()


def bytes_of(dataset: Path) -> dict[str, bytes]:
    return {str(p.relative_to(dataset)): p.read_bytes() for p in sorted(dataset.rglob("*")) if p.is_file()}


class Answers:
    """What the teacher says, and when it was about to say it; one process may be given so many answers and no more."""

    def __init__(self) -> None:
        self._turn = threading.Condition()
        self._sent: list[float] = []
        self._most = math.inf
        self._waiting = 0

    def __call__(self, text: str) -> str:
        with self._turn:
            self._waiting += 1
            self._turn.wait_for(lambda: len(self._sent) < self._most)
            self._waiting -= 1
            self._sent.append(time.monotonic())
        return boxed(text, {})

    def begin(self, most: float = math.inf) -> None:
        """A process is about to start that gets at most `most` answers."""
        with self._turn:
            self._sent, self._most = [], most

    def let_go(self) -> None:
        """Say what was held back."""
        with self._turn:
            self._most = math.inf
            self._turn.notify_all()

    def held(self) -> bool:
        """Whether the process has all the answers that it may get, and has asked for more."""
        with self._turn:
            return self._waiting > 0 and len(self._sent) >= self._most

    def later_than(self, moment: float) -> int:
        """How many answers went out after it, for sure."""
        with self._turn:
            return sum(sent > moment for sent in self._sent)


def answered(teacher: FakeTeacher) -> dict[str, int]:
    return {name: s["answered"] for name, s in teacher.log()["by_request"].items()}


def safe(teacher: FakeTeacher, answers: Answers, before: dict[str, int]) -> dict[str, int]:
    """Requests answered since `before` whose answer must be in the journal by now -> how often they were asked.

    Answers reach the journal in their order. Of as many later ones as there are slots, none of which is this one's if
    it is not in the journal, two came to one slot, and the first of these was there before the slot asked again.
    """
    seen = teacher.log()["by_request"].items()
    whole = [(name, s) for name, s in seen if s["answered"] > before.get(name, 0)]
    return {name: s["asked"] for name, s in whole if answers.later_than(s["answered_at"]) >= CONCURRENCY}


def requests(teacher: FakeTeacher) -> int:
    with teacher.state.lock:
        return sum(seen.asked for seen in teacher.state.seen.values())


def random_moment(teacher: FakeTeacher, dice: random.Random, run_s: float) -> Callable[[], bool]:
    """By the clock, anywhere in a run, or by the requests, where the money is."""
    by_requests = dice.random() < 0.5
    moment, enough = time.monotonic() + dice.uniform(0.1, run_s), requests(teacher) + dice.randint(1, 40)
    return (lambda: requests(teacher) >= enough) if by_requests else (lambda: time.monotonic() >= moment)


def ended_by_itself(process: subprocess.Popen[bytes], reached: Callable[[], bool]) -> bool:
    """Wait for the moment, or for the end of the process."""
    while process.poll() is None:
        if reached():
            return False
        time.sleep(0.005)
    return True


def wait_for_handlers() -> None:
    """Until the teacher is done with what a dead process has sent: it counts as asked and answered, too."""
    while any("process_request_thread" in thread.name for thread in threading.enumerate()):
        time.sleep(0.005)


@pytest.mark.timeout(1200)
def test_kill_at_twenty_random_moments(tmp_path: Path) -> None:
    rows = [{"problem": f"What is {i} + {i + 3}?", "answer": str(2 * i + 3)} for i in range(30)]
    (tmp_path / "problems.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    dice, answers = random.Random(20), Answers()
    with FakeTeacher(answers, latency=0.12) as teacher:
        (tmp_path / "r.yaml").write_text(RECIPE.replace("URL", teacher.url))
        began = time.monotonic()
        finish(tmp_path, "calm")
        calm_s = time.monotonic() - began
        wanted = bytes_of(tmp_path / "calm" / "dataset")
        calm = teacher.log()
        assert calm["asked"] == 60
        assert calm["asked_again"] == 0
        kills = rounds = killed_while_asking = 0
        while kills < KILLS:
            rounds += 1
            out = f"killed{rounds}"
            with teacher.state.lock:
                teacher.state.seen.clear()
            promised: dict[str, int] = {}
            for place in range(4):
                before = answered(teacher)
                # How long a run takes to its first request depends on how busy the machine is, so random moments could
                # miss the paid part every time. The first kill of a round cannot: requests are kept waiting for it.
                answers.begin(dice.randint(1, 40) if place == 0 else math.inf)
                reached = answers.held if place == 0 else random_moment(teacher, dice, calm_s)
                process = start(tmp_path, out)
                if ended_by_itself(process, reached):
                    _, said = process.communicate()
                    assert process.returncode == 0, said.decode()
                    break
                promised |= safe(teacher, answers, before)
                killed_while_asking += teacher.state.in_flight > 0
                os.kill(process.pid, signal.SIGKILL)
                process.communicate()
                kills += 1
                answers.let_go()
                wait_for_handlers()
            finish(tmp_path, out)
            assert bytes_of(tmp_path / out / "dataset") == wanted
            after = teacher.log()["by_request"]
            again = {n: after[n]["asked"] for n, count in promised.items() if after[n]["asked"] > count}
            assert not again, f"answered before the kill and asked again: {again}"
            assert sum(s["asked"] for s in after.values()) <= 60 + 4 * CONCURRENCY
        # The trial means something only if kills fell into the paid part of a run: at least the first one of a round.
        assert killed_while_asking >= rounds >= KILLS / 4
