"""Embeddings on disk: one SQLite file per model and number format, keyed by the text, so nothing is embedded twice."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from cotkit.errors import StorageError

_SCHEMA = "CREATE TABLE IF NOT EXISTS vectors (text BLOB PRIMARY KEY, rows BLOB NOT NULL) WITHOUT ROWID"
_MANY = 500  # SQLite takes at least 999 variables in one statement


def text_key(text: str) -> bytes:
    """16 bytes that name a text."""
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()


class Store:
    """Text key -> bytes. Use open_store."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def read(self, keys: Sequence[bytes], size: int) -> dict[bytes, bytes]:
        """What is known of `keys`; an entry whose length is no multiple of `size` is damaged and left out."""
        found: dict[bytes, bytes] = {}
        for start in range(0, len(keys), _MANY):
            some = keys[start : start + _MANY]
            marks = ",".join("?" * len(some))
            found.update(self._connection.execute(f"SELECT text, rows FROM vectors WHERE text IN ({marks})", some))  # noqa: S608
        return {key: rows for key, rows in found.items() if rows and len(rows) % size == 0}

    def write(self, rows: Mapping[bytes, bytes]) -> None:
        """Kept from now on, also if the process is killed later."""
        with self._connection:
            self._connection.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", sorted(rows.items()))


@contextmanager
def open_store(folder: Path | None, name: str) -> Iterator[Store]:
    """The store `name` in `folder`, in memory where there is no folder.

    A file that is no database any more (cut short, overwritten) is made anew: all of it can be computed again.
    Raises StorageError where the folder cannot be written.
    """
    path = ":memory:" if folder is None else str(folder / f"{name}.sqlite")
    try:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        connection = _opened(path)
    except (OSError, sqlite3.OperationalError) as error:
        raise StorageError(
            f"{path}: embeddings cannot be kept here ({error}); check the folder's permissions"
        ) from error
    try:
        yield Store(connection)
    except sqlite3.OperationalError as error:
        raise StorageError(
            f"{path}: embeddings cannot be kept here ({error}); free space, or give another folder"
        ) from error
    finally:
        connection.close()


def _opened(path: str) -> sqlite3.Connection:
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
            for ending in ("", "-wal", "-shm"):
                Path(path + ending).unlink(missing_ok=True)
    raise AssertionError("unreachable")
