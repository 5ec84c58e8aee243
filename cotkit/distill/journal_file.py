"""The journal's file: its tables, its format, and the sentences for when it is none."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

from cotkit.errors import StorageError

# "cotj": tells a journal from any other SQLite file.
APPLICATION_ID = 0x636F746A
FORMAT = 2
# Format 1 had the answers alone; it is read, and brought up to date when it is opened for writing.
READABLE = (1, 2)
# Answers are long: with SQLite's own 4,096 bytes, writing one of 64,000 characters takes twice the CPU.
_PAGE = 16_384
# What an answer that is on its way may need: 64,000 characters, in the log as well as in the table.
_EACH = 256_000
_ANSWERS = """CREATE TABLE IF NOT EXISTS answers (
    request_hash TEXT PRIMARY KEY,
    request TEXT NOT NULL,
    body BLOB NOT NULL,
    http_status INTEGER NOT NULL,
    latency_s REAL NOT NULL,
    created_at TEXT NOT NULL,
    cotkit TEXT NOT NULL,
    provenance TEXT NOT NULL
) WITHOUT ROWID"""
_REFUSALS = """CREATE TABLE IF NOT EXISTS refusals (
    request_hash TEXT PRIMARY KEY,
    reason TEXT NOT NULL,
    message TEXT NOT NULL,
    http_status INTEGER,
    created_at TEXT NOT NULL
) WITHOUT ROWID"""
_SETTINGS = """CREATE TABLE IF NOT EXISTS settings (
    settings TEXT PRIMARY KEY,
    samples INTEGER NOT NULL,
    used_at TEXT NOT NULL
)"""
_BATCHES = """CREATE TABLE IF NOT EXISTS batches (
    batch_id TEXT PRIMARY KEY,
    base_url TEXT NOT NULL,
    requests TEXT NOT NULL,
    created_at TEXT NOT NULL,
    state TEXT NOT NULL
)"""


def prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Make the tables of a fresh file, bring an older format up to date; raises StorageError for a foreign one."""
    fresh = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if fresh and _pragma(connection, "application_id") == 0 and _pragma(connection, "user_version") == 0:
        connection.execute(f"PRAGMA page_size={_PAGE}")
        connection.execute("PRAGMA journal_mode=WAL")
        # One transaction: a process killed here leaves an empty file, which is made anew.
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        _make_tables(connection)
        connection.execute("COMMIT")
    check_format(connection, path)
    if _pragma(connection, "user_version") != FORMAT:
        connection.execute("BEGIN IMMEDIATE")
        _make_tables(connection)
        connection.execute("COMMIT")
    connection.execute("PRAGMA journal_mode=WAL")
    # What FULL would do after each transaction, Journal._sync does beside the next one.
    connection.execute("PRAGMA synchronous=NORMAL")
    # Makes the WAL file, where a journal was closed before.
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(f"PRAGMA user_version={FORMAT}")
    connection.execute("COMMIT")


def _make_tables(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA user_version={FORMAT}")
    for table in (_ANSWERS, _REFUSALS, _SETTINGS, _BATCHES):
        connection.execute(table)


def check_format(connection: sqlite3.Connection, path: Path) -> None:
    """Raises StorageError where this is no journal, or one of a format that is not read."""
    if _pragma(connection, "application_id") != APPLICATION_ID:
        raise StorageError(f"{path}: this SQLite file is not a cotkit journal; name another file")
    version = _pragma(connection, "user_version")
    if version not in READABLE:
        raise StorageError(
            f"{path}: this journal has format {version} and this cotkit reads format {FORMAT}; use the cotkit "
            "that wrote it, or name another file"
        )


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def damaged(path: Path, error: sqlite3.Error) -> StorageError:
    """The error for a file that cannot be read. Only one that is spoiled is to be moved away."""
    spoiled = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    if spoiled not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StorageError(
            f"{path}: this journal cannot be opened ({error}); check the permissions of its folder and the disk, or "
            "copy it to where you may write"
        )
    return StorageError(
        f"{path}: this file cannot be read as a journal ({error}); move it away to begin a new one, "
        "or restore it from a copy"
    )


def must_have_room(path: Path, in_flight: int) -> None:
    """Raises StorageError where the disk has no room for what so many requests in flight may bring: an answer that
    cannot be kept is paid for all the same."""
    disk, wanted = shutil.disk_usage(path.parent), in_flight * _EACH
    # Some network file systems tell no size at all.
    if disk.total and disk.free < wanted:
        raise StorageError(
            f"{path}: its disk has {disk.free / 1e6:.1f} MB free, and the answers of {in_flight} requests in flight "
            f"may need {wanted / 1e6:.1f} MB; nothing was asked: make room, or lower the concurrency, then run again"
        )


def unwritten(path: Path, error: sqlite3.Error | OSError) -> StorageError:
    """The error for an answer that could not be kept."""
    return StorageError(
        f"{path}: an answer could not be written ({error}); make room on the disk or check the permissions, "
        "then run again"
    )
