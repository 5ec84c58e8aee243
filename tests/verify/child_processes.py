"""The processes that a test process has started."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest


def parents() -> dict[int, int]:
    """Every process on the machine -> its parent; those among them that have ended and were not waited for."""
    if not Path("/proc/self/stat").is_file():
        pytest.skip("needs Linux's /proc to count child processes")
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            found[int(entry.name)] = int((entry / "stat").read_bytes().rpartition(b")")[2].split()[1])
    return found


def children() -> set[int]:
    """Processes whose parent is this one: the kernel lists them by thread, and a thread may end meanwhile."""
    return {pid for pid, parent in parents().items() if parent == os.getpid()}
