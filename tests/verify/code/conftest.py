"""The levels of isolation that this machine has, and a look around for what a program has left behind."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cotkit.verify.code import sandbox_levels

SYSTEM_PYTHON = "/usr/bin/python3"


def interpreters() -> dict[str, str]:
    """Level -> interpreter to use there. rlimits bind no superuser, and nobody may not read every Python."""
    found = dict.fromkeys(sandbox_levels(), "")
    if "rlimits" not in found and "rlimits" in sandbox_levels(SYSTEM_PYTHON):
        found["rlimits"] = SYSTEM_PYTHON
    return found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "level" in metafunc.fixturenames:
        levels = interpreters()
        metafunc.parametrize("level", list(levels) or [pytest.param("none", marks=pytest.mark.skip("no sandbox here"))])


@pytest.fixture
def python(level: str) -> str:
    """The interpreter for the level."""
    return interpreters()[level]


@pytest.fixture
def holds(level: str, python: str) -> frozenset[str]:
    """What the level keeps a program from."""
    return sandbox_levels(python)[level].holds


def judged() -> set[int]:
    """Processes that run a program, ours and those of other tests on the machine."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if b"exec(marshal.loads(take(" in (entry / "cmdline").read_bytes():
                found.add(int(entry.name))
        except OSError:
            continue
    return found


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture
def no_program_left() -> Iterator[None]:
    """Afterwards no judged program may be running."""
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("needs Linux's /proc to look for what is left")
    before = judged()
    yield
    remaining = judged() - before
    deadline = time.monotonic() + 30  # programs of other tests end by themselves meanwhile
    while remaining and time.monotonic() < deadline:
        time.sleep(0.05)
        remaining &= judged()
    assert remaining == set()


@pytest.fixture
def nothing_left(no_program_left: None) -> Iterator[None]:
    """Nor may a thread or an open descriptor of the test remain."""
    threads, opened = threading.active_count(), descriptors()
    yield
    assert threading.active_count() == threads
    assert descriptors() == opened
