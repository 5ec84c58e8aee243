"""What comes in any order, is wanted in one, and is more than memory holds: laid aside on the disk under numbers."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from cotkit.errors import StorageError

# Texts are long, as in the journal.
_PAGE = 16_384
_CACHE_KIB = 8_192
# Numbers are from 0 to below this.
_MOST = 2**63 - 1
# Most things, and most characters of their texts, that are in hand at a time.
_THINGS = 1_000
_CHARACTERS = 4_000_000
T = TypeVar("T")


class Pile:
    """JSON values under numbers in a file of its own, which is gone when the pile is closed; a context manager.

    Nothing in it outlives a kill, and nothing needs to: what was paid for lies in the journal. Used by one thread at a
    time, whichever it is.

    Raises StorageError where the file cannot be written or read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._storage():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            self._file = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._file.execute(f"PRAGMA page_size={_PAGE}")
            self._file.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
            # One transaction that is never rolled back, in a file that nobody else reads.
            self._file.execute("PRAGMA journal_mode=OFF")
            self._file.execute("PRAGMA synchronous=OFF")
            self._file.execute("CREATE TABLE pile (number INTEGER PRIMARY KEY, value BLOB NOT NULL)")
            self._file.execute("BEGIN")

    def put(self, number: int, value: Any) -> None:
        """Lay a value under a number; what lay there is gone."""
        # A half character of a hostile text is not this file's to judge.
        raw = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
        with self._storage():
            self._file.execute("INSERT OR REPLACE INTO pile VALUES (?, ?)", (number, raw))

    def get(self, number: int) -> Any:
        """The value under a number; None where there is none."""
        with self._storage():
            row = self._file.execute("SELECT value FROM pile WHERE number = ?", (number,)).fetchone()
        return None if row is None else _read(row[0])

    def items(self, start: int = 0, stop: int = _MOST) -> Iterator[tuple[int, Any]]:
        """(number, value) from `start` to before `stop`, by number."""
        sql = "SELECT number, value FROM pile WHERE number >= ? AND number < ? ORDER BY number"
        with self._storage():
            for number, raw in self._file.execute(sql, (start, stop)):
                yield number, _read(raw)

    def close(self) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)

    def __enter__(self) -> Pile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _storage(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StorageError(
                f"{self._path}: cannot be written ({error}); free space or check the permissions, then run the same "
                "command again: it continues where it stopped"
            ) from error


def _read(raw: bytes) -> Any:
    return json.loads(raw.decode("utf-8", "surrogatepass"))


def cells(row: Any) -> list[Any]:
    """The values of a row, in the order of its fields: `type(row)(*cells(row))` is the same row."""
    return [getattr(row, field.name) for field in fields(row)]


def handfuls(things: Iterable[T], length: Callable[[T], int]) -> Iterator[list[T]]:
    """Things in their order, some at a time; `length` tells the characters of one."""
    some: list[T] = []
    size = 0
    for one in things:
        some.append(one)
        size += length(one)
        if len(some) == _THINGS or size > _CHARACTERS:
            yield some
            some, size = [], 0
    if some:
        yield some
