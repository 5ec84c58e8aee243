"""Files: what is written must never lie over what was paid for, and what is read twice must be a file."""

from __future__ import annotations

import os
from pathlib import Path

from cotkit.errors import InputError, RecipeError

# Files that SQLite and the lock keep beside a journal.
_BESIDE = ("", "-wal", "-shm", ".lock")
_SQLITE = b"SQLite format 3\0"


def spare(out: Path | None, *kept: Path | None) -> None:
    """Raises RecipeError where `out` is one of the files `kept`, or beside one, under whatever name, or any journal."""
    if out is None:
        return
    if is_database(out):
        raise RecipeError(
            f"{out}: a journal or another database lies there, and writing would destroy it; name another"
        )
    for path in kept:
        for end in _BESIDE if path is not None else ():
            if _same(out, Path(f"{path}{end}")):
                raise RecipeError(
                    f"{out}: this is the same file as {path}{end}, and writing here would destroy what it holds; "
                    "name another file to write"
                )


def must_be_a_file(path: Path) -> None:
    """Raises InputError for a pipe: it can be read but once."""
    if str(path) == "-" or (path.exists() and not path.is_file()):
        raise InputError(f"{path}: this is no file, and prompts are read more than once; save them to a file first")


def is_database(path: Path) -> bool:
    """True for an SQLite file, as a journal is."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(len(_SQLITE)) == _SQLITE
    except OSError:
        return False


def _same(one: Path, other: Path) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:  # one of them is not there yet
        return one.resolve() == other.resolve()
