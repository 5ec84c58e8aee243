"""Many answers by the hash of their request, in memory while they are few and else in a file that has no name."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import fields

from cotkit.distill.journal import Entry
from cotkit.errors import StorageError

_NAMES = tuple(field.name for field in fields(Entry))
_COLUMNS = ", ".join(_NAMES)
_MARKS = ", ".join("?" * len(_NAMES))
# Beyond so much SQLite writes to the folder for temporary files (TMPDIR), and takes the file away at the end.
_CACHE_KIB = 65_536


class Entries(Mapping[str, Entry]):
    """Request hash -> answer, by hash. Used by one thread at a time, whichever it is.

    Raises StorageError where the folder for temporary files is full.
    """

    def __init__(self) -> None:
        self._file = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._file.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
        self._file.execute("PRAGMA journal_mode=OFF")
        self._file.execute(f"CREATE TABLE entries ({_COLUMNS}, UNIQUE (request_hash))")
        self._file.execute("BEGIN")

    def put(self, entry: Entry) -> None:
        """Of two answers to one request the later one stays."""
        values = [getattr(entry, name) for name in _NAMES]
        try:
            self._file.execute(f"INSERT OR REPLACE INTO entries VALUES ({_MARKS})", values)  # noqa: S608 (marks only)
        except sqlite3.OperationalError as error:
            raise StorageError(
                f"answers cannot be laid aside ({error}); make room where TMPDIR is, or set it"
            ) from error

    def __getitem__(self, request_hash: str) -> Entry:
        sql = f"SELECT {_COLUMNS} FROM entries WHERE request_hash = ?"  # noqa: S608 (constants only)
        row = self._file.execute(sql, (request_hash,)).fetchone()
        if row is None:
            raise KeyError(request_hash)
        return Entry(*row)

    def __iter__(self) -> Iterator[str]:
        for (name,) in self._file.execute("SELECT request_hash FROM entries ORDER BY request_hash"):
            yield name

    def __len__(self) -> int:
        return int(self._file.execute("SELECT count(*) FROM entries").fetchone()[0])
