"""The levels of isolation that this machine has, and a look around for what a program has left behind."""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from child_processes import children, parents

from cotkit.verify.code import sandbox_levels

SYSTEM_PYTHON = "/usr/bin/python3"
PR_SET_CHILD_SUBREAPER = 36


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
    """Processes that run a program and come from this one; other tests on the machine have theirs."""
    known, found = parents(), set()
    for pid in known:
        first = pid
        while first in known and first != os.getpid():
            first = known[first]
        # The line of a process whose parent ended while we looked breaks off; process 1 has the parent 0.
        with suppress(OSError):
            if first and b"exec(marshal.loads(take(" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.add(pid)
    return found


def descriptors() -> set[tuple[str, str]]:
    """Open descriptors with what they stand for, as numbers are given out again."""
    found = set()
    for number in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # the list's own
            found.add((number, os.readlink(f"/proc/self/fd/{number}")))
    return found


@pytest.fixture
def no_program_left() -> Iterator[None]:
    """Afterwards no judged program of this process may be running."""
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("needs Linux's /proc to look for what is left")
    before = children()
    # What outlives its parent becomes our child, and so stays to be found.
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    yield
    deadline = time.monotonic() + 30  # for the kernel to end what was killed
    while (remaining := judged()) and time.monotonic() < deadline:
        time.sleep(0.05)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
    for pid in children() - before:
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
    assert remaining == set()


@pytest.fixture
def nothing_left(no_program_left: None) -> Iterator[None]:
    """Nor may a thread or an open descriptor of the test remain; what earlier tests left may go meanwhile."""
    threads, opened = set(threading.enumerate()), descriptors()
    yield
    assert set(threading.enumerate()) - threads == set()
    assert descriptors() - opened == set()
