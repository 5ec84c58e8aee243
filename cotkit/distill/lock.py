"""A lock on a file that goes with its process, however that ends."""

from __future__ import annotations

import os
from pathlib import Path

from cotkit.errors import StorageError


def take_lock(path: Path, what: str) -> int:
    """Lock `path` (made if missing) for this process; returns the descriptor that holds it.

    Raises StorageError where another process holds it; `what` names the thing for the sentence.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise StorageError(f"{path}: cannot be written ({error.strerror}); check the folder's permissions") from error
    try:
        _lock(descriptor)
    except OSError as error:
        os.close(descriptor)
        raise StorageError(
            f"{what}: another process is using it; wait until that one ends, or name another file"
        ) from error
    return descriptor


def drop_lock(descriptor: int) -> None:
    """Give the lock back. The file stays: removing it would let two processes lock two files of one name."""
    os.close(descriptor)


def _lock(descriptor: int) -> None:
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    else:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
