"""The engine `ray`: the same bytes as `local`, whatever the number of workers, and also when a machine dies."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import golden
import pytest
import ray_nodes
from ray_nodes import Node, node

from cotkit.errors import EngineError, InputError
from cotkit.recipe.load import load
from cotkit.run.cut import Size
from cotkit.run.runner import Options, run_recipe
from cotkit.steps import NoProgress, Progress

pytestmark = pytest.mark.timeout(600)
# So small that the quickstart's and the miniature's tables are cut into many shards.
TINY = {"quickstart": Options(shard=Size(problems=8)), "deepscaler-40k": Options(shard=Size(problems=2))}


@pytest.fixture(scope="module", autouse=True)
def _ray() -> None:
    ray_nodes.environment()
    pytest.importorskip("ray.data", reason='Ray is not installed: pip install "cotkit[ray]"')


@pytest.fixture(scope="module")
def head() -> Iterator[Node]:
    with node(cpus=2) as started:
        yield started


def bytes_of(run: Path) -> dict[str, bytes]:
    """Every table of the run, the dataset's among them; other files tell of times and addresses."""
    return {str(p.relative_to(run)): p.read_bytes() for p in sorted(run.rglob("*.parquet"))}


def run(
    name: str, options: Sequence[str], out: Path, engine: dict[str, Any] | None, progress: Progress | None = None
) -> list[str]:
    recipe = load(name, list(options)).recipe
    if engine is not None:
        recipe = type(recipe).model_validate({**recipe.model_dump(), "engine": engine})
    return run_recipe(recipe, out, TINY[name], progress).ran


def fresh(name: str, out: Path, engine: dict[str, Any] | None, progress: Progress | None = None) -> dict[str, bytes]:
    """The tables of a run with teachers of its own: a miniature's answer by how often they were asked."""
    mini = next((m for m in map(golden.read, golden.FOLDER.glob("*.yaml")) if name in m.expect), None)
    out.mkdir()
    with golden.prepared(mini, name, out) if mini is not None else nullcontext([]) as options:
        run(name, options, out / "run", engine, progress)
        assert run(name, options, out / "run", None) == [], "the engine is part of no key"
    return bytes_of(out / "run")


def test_a_step_on_a_cluster_gives_the_same_bytes(head: Node, tmp_path: Path) -> None:
    made = load("quickstart").recipe
    for name, keys in (("here", {}), ("ray", {"engine": {"kind": "ray", "address": head.address, "cpus": 0.4}})):
        recipe = type(made).model_validate({**made.model_dump(), **keys})
        run_recipe(recipe, tmp_path / name, replace(TINY["quickstart"], until="filter"))
    assert bytes_of(tmp_path / "ray") == bytes_of(tmp_path / "here")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["quickstart", "deepscaler-40k"])
def test_any_number_of_workers_gives_the_same_bytes(name: str, head: Node, tmp_path: Path) -> None:
    wanted = fresh(name, tmp_path / "here", None)
    assert fresh(name, tmp_path / "local", {"kind": "local", "workers": 2}) == wanted
    for workers in (1, 2, 4):
        engine = {"kind": "ray", "address": head.address, "workers": workers, "cpus": 0.4}
        assert fresh(name, tmp_path / f"ray{workers}", engine) == wanted, workers


class Killing(NoProgress):
    """Calls `kill` when the second of many shards of the step has ended."""

    def __init__(self, step: str, kill: Callable[[], None]) -> None:
        self._step = step
        self._kill = kill
        self._ended = 0

    def task(self, label: str, total: int) -> Any:
        return nullcontext(self if label == self._step else NoProgress().task(label, total).__enter__())

    def advance(self, n: int = 1, **_: float) -> None:
        self._ended += 1
        if self._ended == 2:
            self._kill()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "step"), [("quickstart", "verify"), ("deepscaler-40k", "filter")])
def test_a_machine_that_dies_changes_nothing(name: str, step: str, tmp_path: Path) -> None:
    wanted = fresh(name, tmp_path / "here", None)
    with node(cpus=1) as first, node(cpus=1, address=first.address) as second:

        def kill() -> None:
            deadline = time.monotonic() + 60
            while not any("MapWorker" in name for name in second.running()):
                assert time.monotonic() < deadline, "nothing ran there"
                time.sleep(0.05)
            second.kill()

        # A machine has place for one worker; the steps after this one have one in all.
        engine = {"kind": "ray", "address": first.address, "workers": 2, "cpus": 0.7}
        assert fresh(name, tmp_path / "ray", engine, Killing(step, kill)) == wanted
        assert second.process.wait(30) != 0, "it was there until then"


def test_a_cluster_that_is_too_small_or_not_there_is_a_sentence(head: Node, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"8 workers of 0.5 processors each need more than the 2 of the cluster"):
        run("quickstart", [], tmp_path / "a", {"kind": "ray", "address": head.address, "workers": 8, "cpus": 0.5})
    with pytest.raises(EngineError, match=r"no Ray cluster answers at 127.0.0.1:9"):
        run("quickstart", [], tmp_path / "b", {"kind": "ray", "address": "127.0.0.1:9", "workers": 1})


def test_a_web_server_is_no_cluster(tmp_path: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    with server, ThreadPoolExecutor(1) as threads:
        threads.submit(server.serve_forever)
        address = f"127.0.0.1:{server.server_port}"
        try:
            with pytest.raises(EngineError, match=f"no Ray cluster answers at {address} .what listens there is no Ray"):
                run("quickstart", [], tmp_path, {"kind": "ray", "address": address, "workers": 1})
        finally:
            server.shutdown()


def test_a_cluster_that_wants_another_token_is_a_sentence(head: Node, tmp_path: Path) -> None:
    code = "from cotkit.run.engines.ray import connected\nwith connected(%r): pass"
    env = {**os.environ, "RAY_AUTH_TOKEN": "", "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code % head.address], env=env, capture_output=True, text=True, check=False
    )
    said = done.stderr.splitlines()[-1]
    assert said.startswith(f"cotkit.errors.EngineError: engine.address: {head.address} does not let this program in")
    assert "RAY_AUTH_TOKEN" in said


def test_without_ray_one_sentence_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r'pip install "cotkit\[ray\]"'):
        run("quickstart", [], tmp_path, {"kind": "ray"})
