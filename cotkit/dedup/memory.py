"""What a comparison of many problems holds in memory, told before it starts."""

from __future__ import annotations

import os
from pathlib import Path

# Measured with benchmarks/scale.py, see docs/scale.md: the program with torch, and bytes a problem beside three times
# its text; then its vector, in float32 and bfloat16, and what leads from one to the other.
_PROGRAM = 700_000_000
_PROBLEM = 1_600
_VECTOR = 2_600
_TOLD_FROM = 1_500_000_000


def needed(problems: int, characters: int, embedded: bool) -> int:
    """Bytes, roughly, for so many problems of so many characters together."""
    return _PROGRAM + problems * (_PROBLEM + (_VECTOR if embedded else 0)) + 3 * characters


def told(problems: int, characters: int, embedded: bool) -> str | None:
    """What it will hold, in a sentence; None where that is no matter. A warning where it is more than there is."""
    wanted = needed(problems, characters, embedded)
    if wanted < _TOLD_FROM:
        return None
    sentence = f"{problems:,} problems are compared in about {wanted / 1e9:.1f} GB of memory"
    there = _there()
    if there is not None and wanted > there:
        return (
            f"warning: {sentence}, and there are {there / 1e9:.1f} GB here; take a larger machine, `embedding: null`, "
            f"or cut the pool by what parts duplicates, as its domains do (docs/scale.md)"
        )
    return sentence


def _there() -> int | None:
    """Memory of this machine, or of the container that this process is in."""
    try:
        machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # no POSIX system
        return None
    try:
        return min(machine, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    except (OSError, ValueError):  # no container, or `max`
        return machine
