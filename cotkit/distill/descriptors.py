"""A connection is a file to the system, and a process may open only so many."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from cotkit.errors import RecipeError

# Beside the connections: the journal, a module that is imported late, a name that is looked up.
_SPARE = 64


@contextmanager
def enough_descriptors(connections: int) -> Iterator[None]:
    """While this is open, the process may hold so many connections; its soft limit is raised where it is too low.

    Raises RecipeError where the hard limit does not allow it.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    open_now = _open_now()
    needed = open_now + connections + _SPARE
    if soft == resource.RLIM_INFINITY or needed <= soft:
        yield
        return
    if hard != resource.RLIM_INFINITY and needed > hard:
        raise RecipeError(
            f"{connections:,} requests in flight need {needed:,} open files, and this process may have {hard:,}; lower "
            f"the concurrency to {max(1, hard - open_now - _SPARE):,} or raise the limit (ulimit -n)"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    try:
        yield
    finally:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _open_now() -> int:
    try:
        return len(os.listdir("/dev/fd"))
    except OSError:
        return _SPARE
