"""The processes that a test process has started."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest


def children() -> set[int]:
    """Processes whose parent is this one, those among them that have ended and were not waited for.

    Every process is asked for its parent: the kernel lists children by thread, and a thread may end meanwhile.
    """
    if not Path("/proc/self/stat").is_file():
        pytest.skip("needs Linux's /proc to count child processes")
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            parent = int((entry / "stat").read_bytes().rpartition(b")")[2].split()[1])
            if parent == os.getpid():
                found.add(int(entry.name))
    return found
