"""Embeddings on disk: one SQLite file per model and number format, keyed by the text, so nothing is embedded twice.

Each entry ends with a digest of itself and its text, so that one which was cut short, overwritten or exchanged is
embedded anew: a vector of zeros is near to nothing and would hide a leak.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from cotkit.errors import StorageError

_SCHEMA = "CREATE TABLE IF NOT EXISTS vectors (text BLOB PRIMARY KEY, rows BLOB NOT NULL) WITHOUT ROWID"
_MANY = 500  # SQLite takes at least 999 variables in one statement
_DIGEST = 8

Note = Callable[[str], None]


def text_key(text: str) -> bytes:
    """16 bytes that name a text."""
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()


class Store:
    """Text key -> bytes. Use open_store."""

    def __init__(self, connection: sqlite3.Connection, note: Note) -> None:
        self._connection = connection
        self._note = note

    def read(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """What is known of `keys`; damaged entries are left out, and one note says how many."""
        found: dict[bytes, bytes] = {}
        damaged = 0
        for start in range(0, len(keys), _MANY):
            some = keys[start : start + _MANY]
            marks = ",".join("?" * len(some))
            rows = self._connection.execute(f"SELECT text, rows FROM vectors WHERE text IN ({marks})", some)  # noqa: S608
            for key, entry in rows:
                if (kept := _whole(key, entry)) is None:
                    damaged += 1
                else:
                    found[key] = kept
        if damaged:
            self._note(
                f"warning: {damaged:,} of {len(found) + damaged:,} kept embeddings are damaged; they are made anew"
            )
        return found

    def write(self, rows: Mapping[bytes, bytes]) -> None:
        """Kept from now on, also if the process is killed later."""
        entries = [(key, own + _digest(key, own)) for key, own in sorted(rows.items())]
        with self._connection:
            self._connection.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", entries)


def _digest(key: bytes, rows: bytes) -> bytes:
    return hashlib.blake2b(rows, key=key, digest_size=_DIGEST).digest()


def _whole(key: bytes, entry: object) -> bytes | None:
    """The rows of an entry as they were written; None if it is another one now."""
    if not isinstance(entry, bytes) or len(entry) <= _DIGEST:
        return None
    rows = entry[:-_DIGEST]
    return rows if _digest(key, rows) == entry[-_DIGEST:] else None


@contextmanager
def open_store(folder: Path | None, name: str, note: Note) -> Iterator[Store]:
    """The store `name` in `folder`, in memory where there is no folder; `note` is told what is damaged.

    A file that is no database any more (cut short, overwritten) is made anew: all of it can be computed again.
    Raises StorageError where the folder cannot be written.
    """
    if folder is not None and folder.exists() and not folder.is_dir():
        raise StorageError(f"{folder}: embeddings cannot be kept in a file; give a folder as `cache`")
    path = ":memory:" if folder is None else str(folder / f"{name}.sqlite")
    try:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        connection = _opened(path, note)
    except (OSError, sqlite3.OperationalError) as error:
        raise StorageError(
            f"{path}: embeddings cannot be kept here ({error}); check the folder's permissions"
        ) from error
    try:
        yield Store(connection, note)
    except sqlite3.DatabaseError as error:
        raise StorageError(
            f"{path}: embeddings cannot be kept here ({error}); free space, or give another folder"
        ) from error
    finally:
        connection.close()


def _opened(path: str, note: Note) -> sqlite3.Connection:
    for last in (False, True):
        connection = sqlite3.connect(path, timeout=60, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute(_SCHEMA)
            check = "ok" if path == ":memory:" else connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if check == "ok":
                return connection
            raise sqlite3.DatabaseError(check)
        except sqlite3.OperationalError:
            connection.close()
            raise
        except sqlite3.DatabaseError:
            connection.close()
            if last:
                raise
            note(f"warning: {path}: the kept embeddings are damaged; all are made anew")
            for ending in ("", "-wal", "-shm"):
                Path(path + ending).unlink(missing_ok=True)
    raise AssertionError("unreachable")
