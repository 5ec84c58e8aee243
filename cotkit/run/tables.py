"""Tables and small files on disk: whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotkit.errors import InputError, StorageError

if TYPE_CHECKING:
    import polars as pl


@contextmanager
def storage(path: Path) -> Iterator[None]:
    """Turns a failing disk into one sentence with the path."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{error.filename or path}: cannot be written ({error.strerror or error}); free space or check the "
            f"permissions, then run the same command again: it continues where it stopped"
        ) from error


def write_atomic(path: Path, write: Callable[[Path], object]) -> None:
    """`write(temporary)`, then fsync and rename: a reader sees the old file or the new one, never half.

    The temporary lies in the same folder, since a rename is atomic within one file system only.
    Raises StorageError.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with storage(path):
        try:
            write(temporary)
            sync(temporary)
            os.replace(temporary, path)
            sync(path.parent)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def sync(path: Path) -> None:
    """fsync a file or a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    write_atomic(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Sorted keys: equal values are equal bytes."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def write_table(path: Path, table: pl.DataFrame) -> None:
    """Parquet, zstd; the same rows give the same bytes under one version of Polars.

    Polars reports a full disk as an exception of its own, so it is turned into an OSError here.
    """
    import polars as pl

    def write(temporary: Path) -> None:
        try:
            table.write_parquet(temporary, compression="zstd", statistics=True)
        except pl.exceptions.PolarsError as error:
            raise OSError(str(error).splitlines()[0]) from error

    write_atomic(path, write)


def read_table(path: Path) -> pl.DataFrame:
    """Raises InputError for a file that is not a Parquet table."""
    import polars as pl

    try:
        return pl.read_parquet(path, glob=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(
            f"{path}: not a readable table ({str(error).splitlines()[0]}); remove its step's folder"
        ) from error


def digest_of(path: Path) -> str:
    """sha256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
