"""Shared fixtures: files of rows, the command line as a user runs it, the real data where it is there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# A busy machine is slow: how long an example takes says nothing of the code. In CI the examples are the same each
# time, so that a red run speaks of its commit; elsewhere each run looks for new ones.
settings.register_profile("cotkit", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("cotkit")

# Each of several test processes, and what it starts, takes one core: otherwise the threads of one wait for the others'.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

REPOSITORY = Path(__file__).resolve().parent.parent

# A process gets a whole file, so the longest ones come first: none is begun when the others are done.
LONGEST = ("test_kill.py", "test_engine_ray.py", "test_dedup_int8.py", "test_reproduce.py", "test_golden.py")

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test does not serve itself on loopback, it must not ask for."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    monkeypatch.delenv("HF_TOKEN", raising=False)


@pytest.fixture
def data() -> Path:
    """Folder of real problems and benchmarks; they are not the project's to ship."""
    path = Path(os.environ.get("COTKIT_DATA", REPOSITORY.parent / "shared" / "data"))
    if not path.is_dir():
        pytest.skip(f"no real data at {path}; set COTKIT_DATA")
    return path


@pytest.fixture
def jsonl(tmp_path: Path) -> Callable[[str, Iterable[Mapping[str, Any]]], Path]:
    """Write rows to a file below tmp_path."""

    def write(name: str, rows: Iterable[Mapping[str, Any]]) -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
        return path

    return write


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """Run `cotkit …` as a process of its own in tmp_path."""

    def run(*arguments: str | Path, env: Mapping[str, str] | None = None, timeout: float = 120, **more: Any) -> Any:
        return subprocess.run(
            [sys.executable, "-m", "cotkit", *map(str, arguments)],
            cwd=more.pop("cwd", tmp_path),
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            **more,
        )

    return run
