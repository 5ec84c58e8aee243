"""What engines share: work that only one process may do, and errors that travel between processes."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence

from cotkit.engine import AnyJob, Job


def alone(jobs: Sequence[AnyJob], ended: Callable[[AnyJob], None]) -> None:
    """Run every job here, one after another."""
    for job in jobs:
        job.run()
        ended(job)


def portable(error: Exception, job: Job) -> Exception:
    """The error, or its words where it cannot travel."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    except Exception:  # noqa: BLE001 - whatever a plug-in's error does when it is copied
        return RuntimeError(f"{job.place}: {type(error).__name__}: {error}")
    return error
