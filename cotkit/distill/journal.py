"""The journal of paid answers: append-only SQLite, one writer, durable before anybody is told.

It is keyed by what was asked (see request.py), so it outlives recipes. It holds the raw bodies: a wrong
reading of an answer costs no money. Beside the answers it holds what a teacher refused for good, the settings that
were paid for, and the batches that are out; no failures that pass, and no keys.
"""

from __future__ import annotations

import asyncio
import json
import os
import queue
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from cotkit.distill.journal_file import check_format, damaged, prepare, unwritten
from cotkit.distill.lock import drop_lock, take_lock
from cotkit.errors import InputError, StorageError

_COLUMNS = "request_hash, request, body, http_status, latency_s, created_at, cotkit, provenance"
_NAMES = tuple(_COLUMNS.split(", "))
# SQLite takes at least 999 parameters; answers are long, so a smaller bite keeps memory flat.
_BITE = 256


@dataclass(frozen=True, slots=True)
class Entry:
    """One paid answer.

    Attributes:
        request: canonical JSON of what was asked; its sha256 is `request_hash`.
        body: the response body as it came.
        latency_s: seconds from send to last byte.
        created_at: UTC time in ISO 8601.
        cotkit: version that asked.
        provenance: JSON object; where it came from, if it was imported.
    """

    request_hash: str
    request: str
    body: bytes
    http_status: int
    latency_s: float
    created_at: str
    cotkit: str
    provenance: str = "{}"

    @property
    def batched(self) -> bool:
        """Did it come out of a provider's batch, at the batch's price?"""
        return '"batch"' in self.provenance and isinstance(json.loads(self.provenance).get("batch"), str)


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that the teacher will not answer, however often it is asked."""

    request_hash: str
    reason: str
    message: str
    http_status: int | None
    created_at: str


_Job = tuple[Entry | Refused, "asyncio.Future[None]", asyncio.AbstractEventLoop]


class JournalReader:
    """A journal that is looked into."""

    def __init__(self, path: Path, reader: sqlite3.Connection) -> None:
        self.path = path
        self._reader = reader

    def get_many(self, hashes: Iterable[str]) -> dict[str, Entry]:
        """The answers kept for these requests; a hash without one is left out."""
        wanted = list(hashes)
        found: dict[str, Entry] = {}
        for start in range(0, len(wanted), _BITE):
            bite = wanted[start : start + _BITE]
            marks = ",".join("?" * len(bite))
            sql = f"SELECT {_COLUMNS} FROM answers WHERE request_hash IN ({marks})"  # noqa: S608 (marks only)
            found.update((row[0], Entry(*row)) for row in self._query(sql, bite))
        return found

    def count(self) -> int:
        """How many answers are kept."""
        return int(self._query("SELECT count(*) FROM answers")[0][0])

    def _query(self, sql: str, values: Iterable[Any] = ()) -> list[Any]:
        try:
            return self._reader.execute(sql, tuple(values)).fetchall()
        except sqlite3.Error as error:
            raise damaged(self.path, error) from error


class Journal(JournalReader):
    """A journal that is open for writing. Use as a context manager, or call close()."""

    def __init__(self, path: Path, reader: sqlite3.Connection, writer: sqlite3.Connection, wal: int, lock: int) -> None:
        super().__init__(path, reader)
        self._writer = writer
        self._lock = lock
        # Two threads write: the writer's own, and whoever writes many at once.
        self._turn = threading.Lock()
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._written: queue.SimpleQueue[list[_Job] | None] = queue.SimpleQueue()
        # The WAL file stays the same as long as the writer's connection is open.
        self._wal = wal
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._write, self._sync)]
        for thread in self._threads:
            thread.start()
        self._open = True

    @classmethod
    def open(cls, path: Path) -> Journal:
        """Open or make the journal at `path`; it is this process's until close().

        Raises StorageError: held by another process, not a journal, damaged, not writable, or with a second name.
        """
        path = path.resolve()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"{path.parent}: this folder cannot be made ({error.strerror})") from error
        if path.is_file() and path.stat().st_nlink > 1:
            raise StorageError(
                f"{path}: this journal has a second name (a hard link), under which another process could write to it; "
                "remove one of the two, or make a copy"
            )
        lock = take_lock(path.with_name(path.name + ".lock"), f"the journal {path}")
        connections: list[sqlite3.Connection] = []
        try:
            for _ in range(2):
                connections.append(sqlite3.connect(path, isolation_level=None, check_same_thread=False))
            prepare(connections[0], path)
            wal = os.open(path.with_name(path.name + "-wal"), os.O_RDWR)
        except BaseException as error:
            for connection in connections:
                connection.close()
            drop_lock(lock)
            if isinstance(error, sqlite3.Error):
                raise damaged(path, error) from error
            if isinstance(error, OSError):
                raise StorageError(
                    f"{path}: this disk holds no write-ahead log; put the journal on a local one"
                ) from error
            raise
        return cls(path, connections[1], connections[0], wal, lock)

    def refused(self, hashes: Iterable[str]) -> dict[str, Refused]:
        """What the teacher refused of these requests in earlier runs."""
        wanted = list(hashes)
        found: dict[str, Refused] = {}
        for start in range(0, len(wanted), _BITE):
            bite = wanted[start : start + _BITE]
            marks = ",".join("?" * len(bite))
            columns = "request_hash, reason, message, http_status, created_at"
            sql = f"SELECT {columns} FROM refusals WHERE request_hash IN ({marks})"  # noqa: S608 (marks only)
            found.update((row[0], Refused(*row)) for row in self._query(sql, bite))
        return found

    def share(self, hashes: Iterable[str]) -> Iterator[Entry]:
        """The answers kept for these requests, each once, however many the hashes: they are laid aside on the disk.

        Raises StorageError where they cannot be read.
        """
        try:
            self._reader.execute("CREATE TEMP TABLE IF NOT EXISTS wanted (request_hash TEXT PRIMARY KEY) WITHOUT ROWID")
            self._reader.execute("BEGIN")
            self._reader.executemany("INSERT OR IGNORE INTO wanted VALUES (?)", ((name,) for name in hashes))
            self._reader.execute("COMMIT")
            sql = f"SELECT {_COLUMNS} FROM wanted JOIN answers USING (request_hash)"  # noqa: S608 (constants only)
            for row in self._reader.execute(sql):
                yield Entry(*row)
            self._reader.execute("DROP TABLE wanted")
        except sqlite3.Error as error:
            raise damaged(self.path, error) from error

    def settings(self) -> list[tuple[str, int]]:
        """(settings as JSON, samples) that were paid for, the newest first."""
        return [(r[0], int(r[1])) for r in self._query("SELECT settings, samples FROM settings ORDER BY used_at DESC")]

    def keep_settings(self, settings: str, samples: int, now: str) -> None:
        """Remember that these settings are paid for; raises StorageError where it cannot be written."""
        self.write("INSERT OR REPLACE INTO settings VALUES (?, ?, ?)", (settings, samples, now))

    def write(self, sql: str, values: Iterable[Any]) -> None:
        """One statement, on the disk when this returns; raises StorageError where it cannot be written."""
        try:
            with self._turn:
                self._writer.execute(sql, tuple(values))
            os.fsync(self._wal)
        except (sqlite3.Error, OSError) as error:
            raise unwritten(self.path, error) from error

    def read(self, sql: str, values: Iterable[Any] = ()) -> list[Any]:
        """Rows of a query; raises StorageError where the file cannot be read."""
        return self._query(sql, values)

    async def put(self, entry: Entry | Refused) -> None:
        """Keep an answer or a refusal; when this returns, it is on the disk. The first answer to a request stays.

        Raises StorageError where it cannot be written.
        """
        if not self._open:
            raise StorageError(f"the journal {self.path} is closed already")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._jobs.put((entry, done, loop))
        await done

    def keep(self, entry: Entry) -> None:
        """As `put`, for threads of the caller's own."""
        try:
            with self._turn:
                _insert(self._writer, [entry])
            os.fsync(self._wal)
        except (sqlite3.Error, OSError) as error:
            raise unwritten(self.path, error) from error

    def drop(self, request_hash: str) -> None:
        """Forget an answer; raises StorageError where it cannot be written."""
        self.write("DELETE FROM answers WHERE request_hash = ?", (request_hash,))

    def put_all(self, entries: Iterable[Entry]) -> int:
        """Keep many answers in one transaction; returns how many were new."""
        before = self.count()
        try:
            with self._turn:
                _insert(self._writer, entries)
            os.fsync(self._wal)
        except (sqlite3.Error, OSError) as error:
            raise unwritten(self.path, error) from error
        return self.count() - before

    def close(self) -> None:
        """Write what was handed in, close the file and let others have it."""
        if not self._open:
            return
        self._open = False
        self._jobs.put(None)
        for thread in self._threads:
            thread.join()
        os.close(self._wal)
        self._reader.close()
        self._writer.close()
        drop_lock(self._lock)

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write(self) -> None:
        """The writer thread: all that waits goes into one transaction; a killed process loses none of it any more."""
        ended = False
        while not ended:
            jobs = [self._jobs.get()]
            while not self._jobs.empty():
                jobs.append(self._jobs.get())
            ended = None in jobs
            batch = [job for job in jobs if job is not None]
            try:
                if batch:
                    with self._turn:
                        _insert(self._writer, (job[0] for job in batch))
                    self._written.put(batch)
            except sqlite3.Error as error:
                _tell(batch, unwritten(self.path, error))
        self._written.put(None)

    def _sync(self) -> None:
        """The second thread: what is written is synced to the disk, and then told; the writer goes on meanwhile."""
        ended = False
        while not ended:
            batches = [self._written.get()]
            while not self._written.empty():
                batches.append(self._written.get())
            ended = None in batches
            jobs = [job for batch in batches if batch is not None for job in batch]
            failure: StorageError | None = None
            try:
                if jobs:
                    os.fsync(self._wal)
            except OSError as error:
                failure = unwritten(self.path, error)
            _tell(jobs, failure)


def read_journal(path: Path) -> Iterator[Entry]:
    """All answers of a journal, by hash, without locking it; another process may be writing.

    Raises InputError where there is none, StorageError where it is no journal.
    """
    with _connected(path) as connection:
        sql = f"SELECT {_COLUMNS} FROM answers ORDER BY request_hash"  # noqa: S608 (constants only)
        for row in connection.execute(sql):
            yield Entry(*row)


def count_answers(path: Path) -> int:
    """How many answers a journal holds, without locking it; raises as read_journal does."""
    with look_into(path) as journal:
        return journal.count()


@contextmanager
def look_into(path: Path) -> Iterator[JournalReader]:
    """A journal without locking it; another process may be writing. Raises as read_journal does."""
    with _connected(path) as connection:
        yield JournalReader(path, connection)


@contextmanager
def _connected(path: Path) -> Iterator[sqlite3.Connection]:
    if not path.is_file():
        raise InputError(f"{path}: there is no journal here")
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro{_unchanging(path.resolve())}", uri=True)
        try:
            check_format(connection, path)
            yield connection
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise damaged(path, error) from error


def _unchanging(path: Path) -> str:
    """SQLite reads a journal through files of its own beside it; on a disk that nobody writes to it does without."""
    wal = path.with_name(path.name + "-wal")
    waiting = wal.is_file() and wal.stat().st_size > 0
    return "&immutable=1" if not waiting and not os.access(path.parent, os.W_OK) else ""


def _insert(connection: sqlite3.Connection, entries: Iterable[Entry | Refused]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for e in entries:
            if isinstance(e, Entry):
                connection.execute(
                    f"INSERT OR IGNORE INTO answers ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?)",  # noqa: S608 (constants)
                    (
                        e.request_hash,
                        e.request,
                        e.body,
                        e.http_status,
                        e.latency_s,
                        e.created_at,
                        e.cotkit,
                        e.provenance,
                    ),
                )
            else:
                connection.execute(
                    "INSERT OR REPLACE INTO refusals VALUES (?,?,?,?,?)",
                    (e.request_hash, e.reason, e.message, e.http_status, e.created_at),
                )
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _tell(jobs: Sequence[_Job], failure: StorageError | None) -> None:
    for loop in {job[2] for job in jobs}:
        # The loop may be gone, if the run was interrupted; the answer is kept all the same.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_settle, [f for _, f, of in jobs if of is loop], failure)


def _settle(futures: Iterable[asyncio.Future[None]], failure: StorageError | None) -> None:
    for future in futures:
        if future.done():
            continue
        if failure is None:
            future.set_result(None)
        else:
            future.set_exception(failure)
