"""kill -9 at random moments: the same final bytes, and no answered request asked again."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from teacher import FakeTeacher

KILLS = 20
# A slot commits its answer before it asks again. So of the answers that went out, only the newest, one a slot, can be
# still on the way to the journal when the kill comes. No clock is needed to tell which are safe.
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
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said.decode()


def bytes_of(dataset: Path) -> dict[str, bytes]:
    return {str(p.relative_to(dataset)): p.read_bytes() for p in sorted(dataset.rglob("*")) if p.is_file()}


def answers(teacher: FakeTeacher) -> dict[str, int]:
    return {name: s["answered"] for name, s in teacher.log()["by_request"].items()}


def safe(teacher: FakeTeacher, before: dict[str, int]) -> dict[str, int]:
    """Requests answered since `before` whose answer must be in the journal by now -> how often they were asked."""
    seen = teacher.log()["by_request"].items()
    answered = [(s["answered_at"], name, s["asked"]) for name, s in seen if s["answered"] > before.get(name, 0)]
    return {name: asked for _, name, asked in sorted(answered)[:-CONCURRENCY]}


def requests(teacher: FakeTeacher) -> int:
    with teacher.state.lock:
        return sum(seen.asked for seen in teacher.state.seen.values())


def ended_by_itself(process: subprocess.Popen[bytes], teacher: FakeTeacher, dice: random.Random, run_s: float) -> bool:
    """Wait for a random moment: by the clock, anywhere in a run, or by the requests, where the money is.

    How long a run takes to its first request depends on how busy the machine is, so the clock alone could miss the
    paid part every time.
    """
    by_requests = dice.random() < 0.5
    moment, enough = time.monotonic() + dice.uniform(0.1, run_s), requests(teacher) + dice.randint(1, 40)
    while process.poll() is None:
        if (requests(teacher) >= enough) if by_requests else (time.monotonic() >= moment):
            return False
        time.sleep(0.005)
    return True


@pytest.mark.timeout(600)
def test_kill_at_twenty_random_moments(tmp_path: Path) -> None:
    rows = [{"problem": f"What is {i} + {i + 3}?", "answer": str(2 * i + 3)} for i in range(30)]
    (tmp_path / "problems.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    dice = random.Random(20)
    with FakeTeacher(latency=0.12) as teacher:
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
            for _ in range(4):
                before = answers(teacher)
                process = start(tmp_path, out)
                if ended_by_itself(process, teacher, dice, calm_s):
                    process.communicate()
                    break
                promised |= safe(teacher, before)
                killed_while_asking += teacher.state.in_flight > 0
                os.kill(process.pid, signal.SIGKILL)
                process.communicate()
                kills += 1
            finish(tmp_path, out)
            assert bytes_of(tmp_path / out / "dataset") == wanted
            after = teacher.log()["by_request"]
            again = {n: after[n]["asked"] for n, count in promised.items() if after[n]["asked"] > count}
            assert not again, f"answered before the kill and asked again: {again}"
            assert sum(s["asked"] for s in after.values()) <= 60 + 4 * CONCURRENCY
        # The trial means something only if kills fell into the paid part of a run.
        assert killed_while_asking >= 5, killed_while_asking
