"""How many processors this process may use."""

from __future__ import annotations

import os

# Environment variable: processors that are this process's share, set by an engine that runs several of them.
SHARE = "COTKIT_CORES"


def cores() -> int:
    """Processors that this process may use; at most its share where an engine runs several."""
    try:
        found = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        found = os.cpu_count() or 1
    share = os.environ.get(SHARE, "")
    return max(1, min(found, int(share))) if share.isdigit() else found


def processes(wanted: int | None) -> int:
    """Processes to start where `wanted` are asked for, None for one on each processor; at most the share."""
    return cores() if wanted is None or (SHARE in os.environ and wanted > cores()) else wanted
