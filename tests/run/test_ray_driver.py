"""kill -9 of the run's own process under the engine `ray`: no paid answer and no finished shard is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import ray_nodes
from ray_nodes import descendants, names_of
from teacher import FakeTeacher

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
CONCURRENCY = 4
PROBLEMS, SAMPLES, EACH = 24, 2, 2
RECIPE = """\
name: killed
steps:
  - step: pull
    sources: [{kind: file, name: sums, path: problems.jsonl}]
  - step: distill
    teacher: {base_url: URL, model: fake}
    samples: 2
    sampling: {seed: 1}
    limits: {concurrency: 4}
    journal: answers.sqlite
  - step: verify
  - step: select
    choose: {by: first}
  - step: publish
engine: {kind: ray, workers: 2, cpus: 0.4}
"""
# The command line, with shards of two problems; it writes down which shards it hands to Ray.
CLI = """\
import json
from cotkit.cli.app import main
from cotkit.run.cut import Size
from cotkit.run.engines.ray import Ray
Size.__init__.__defaults__ = (2, 64)
own = Ray.run
def run(self, jobs, ended):
    with open("handed", "a") as log:
        log.write(json.dumps([jobs[0].step.name, [job.shard.number for job in jobs]]) + "\\n")
    own(self, jobs, ended)
Ray.run = run
main()
"""


@pytest.fixture(autouse=True)
def _ray() -> None:
    if find_spec("ray") is None:
        pytest.skip('Ray is not installed: pip install "cotkit[ray]"')
    ray_nodes.environment()


def start(folder: Path, out: str, *options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", CLI, "run", "r.yaml", "--out", out, "--quiet", *options]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finish(folder: Path, out: str, *options: str) -> None:
    process = start(folder, out, *options)
    _, said = process.communicate(timeout=240)
    assert process.returncode == 0, said.decode()


def kill_when(process: subprocess.Popen[bytes], moment: Callable[[], Any]) -> set[int]:
    """The processes that it had under it, which it cannot stop."""
    deadline = time.monotonic() + 120
    while not moment():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.002)
    below = set(descendants(process.pid))
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    return below


def finished(out: Path, step: str) -> set[int]:
    return {int(path.parent.name) for path in out.glob(f".shards-*-{step}/*/[0-9]*/done.json")}


def handed(folder: Path) -> list[Any]:
    return [json.loads(line) for line in (folder / "handed").read_text().splitlines()]


def tables(run: Path) -> dict[str, bytes]:
    return {str(p.relative_to(run)): p.read_bytes() for p in sorted(run.rglob("*.parquet"))}


def test_a_killed_driver_loses_no_paid_answer_and_no_shard(tmp_path: Path) -> None:
    rows = [{"problem": f"What is {i} + {i + 3}?", "answer": str(2 * i + 3)} for i in range(PROBLEMS)]
    (tmp_path / "problems.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with FakeTeacher(latency=0.1) as teacher:
        (tmp_path / "r.yaml").write_text(RECIPE.replace("URL", teacher.url))

        # In distill, when some answers are there.
        def answered() -> list[tuple[float, str]]:
            seen = teacher.log()["by_request"].items()
            return sorted((s["answered_at"], name) for name, s in seen if s["answered"])

        kill_when(start(tmp_path, "out"), lambda: len(answered()) >= 16)
        assert not (tmp_path / "handed").exists(), "distill is the driver's own, with one journal"
        # A slot commits an answer before it asks again, so only the newest, one a slot, may be lost on their way.
        safe = [name for _, name in answered()][:-CONCURRENCY]
        assert len(answered()) < PROBLEMS * SAMPLES

        # In verify, when a shard is done and others are not; then again at once.
        out = tmp_path / "out"
        below = kill_when(start(tmp_path, "out"), lambda: finished(out, "verify"))
        done = finished(out, "verify")
        every = list(range(PROBLEMS // EACH))
        assert handed(tmp_path) == [["verify", every]]
        assert 1 <= len(done) < len(every)
        finish(tmp_path, "out")

        asked = teacher.log()["by_request"]
        assert len(asked) == PROBLEMS * SAMPLES
        assert all(asked[name]["asked"] == 1 for name in safe), "answered before the kill, and asked again"
        assert sum(one["asked"] - 1 for one in asked.values()) <= CONCURRENCY
        (_, left), (_, selected) = handed(tmp_path)[1:]
        assert left
        assert not done & set(left)
        assert selected == every

        # What Ray leaves behind: its agents try for a minute to tell a head that is gone.
        stay = {pid: name for pid, name in names_of(below).items() if not name.endswith("Agent")}
        assert not stay
        for pid in names_of(below):
            os.kill(pid, signal.SIGKILL)

        before = teacher.asked
        finish(tmp_path, "calm", "--set", "engine={kind: local}")
        assert teacher.asked == before
        assert tables(out) == tables(tmp_path / "calm")
