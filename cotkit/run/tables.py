"""Tables and small files on disk: whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
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


# Rows of one row group: what a reader of some rows has to unpack at once.
GROUP_ROWS = 10_000
# (first row, number of rows)
Run = tuple[int, int]


def write_table(path: Path, table: pl.DataFrame) -> None:
    """Parquet, zstd; the same rows give the same bytes under one version of Polars.

    Polars reports a full disk as an exception of its own, so it is turned into an OSError here.
    """
    import polars as pl

    def write(temporary: Path) -> None:
        try:
            table.write_parquet(temporary, compression="zstd", statistics=True, row_group_size=GROUP_ROWS)
        except pl.exceptions.PolarsError as error:
            raise OSError(str(error).splitlines()[0]) from error

    write_atomic(path, write)


def read_table(path: Path) -> pl.DataFrame:
    """Raises InputError for a file that is not a Parquet table."""
    import polars as pl

    try:
        return pl.read_parquet(path, glob=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(f"{path}: not a readable table ({str(error).splitlines()[0]}); remove its step's folder")


def _footer(path: Path) -> Any:
    """Raises InputError as read_table."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_metadata(path)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from error


def read_runs(path: Path, runs: Sequence[Run], columns: Sequence[str] | None = None) -> pl.DataFrame:
    """Some rows of a table, in their order, with all columns or some; holds one row group besides them.

    `runs` ascend and do not overlap. Raises InputError as read_table.
    """
    import polars as pl
    import pyarrow as pa
    import pyarrow.parquet as pq

    pieces: list[pa.Table] = []
    try:
        with pq.ParquetFile(path, memory_map=True) as file:
            pieces.append(pa.Table.from_batches([], file.schema_arrow).select(columns or file.schema_arrow.names))
            start = 0
            for number in range(file.num_row_groups):
                rows = file.metadata.row_group(number).num_rows
                inside = [
                    (max(first, start) - start, min(first + length, start + rows) - start)
                    for first, length in runs
                    if first < start + rows and start < first + length
                ]
                start += rows
                if inside == [(0, rows)]:
                    pieces.append(file.read_row_group(number, columns).select(pieces[0].column_names))
                elif inside:
                    # A slice would keep the whole group in memory.
                    wanted = pa.array([row for begin, end in inside for row in range(begin, end)], pa.int64())
                    found = file.read_row_group(number, columns).select(pieces[0].column_names)
                    pieces.append(found.take(wanted))
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from error
    table = pl.from_arrow(pa.concat_tables(pieces))
    assert isinstance(table, pl.DataFrame)  # noqa: S101 - a table gives no Series
    return table


def read_columns(path: Path, columns: Sequence[str]) -> pl.DataFrame:
    """Some columns of a whole table; raises InputError as read_table."""
    import polars as pl

    try:
        return pl.read_parquet(path, columns=list(columns), glob=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _unreadable(path, error) from error


@dataclass(frozen=True)
class FileTable:
    """A Table in a file, or some of its rows; a batch is a row group."""

    path: Path
    runs: Sequence[Run] | None = None

    @property
    def height(self) -> int:
        if self.runs is not None:
            return sum(length for _, length in self.runs)
        return int(_footer(self.path).num_rows)

    def whole(self) -> pl.DataFrame:
        return read_table(self.path) if self.runs is None else read_runs(self.path, self.runs)

    def columns(self, names: Sequence[str]) -> pl.DataFrame:
        return read_columns(self.path, names) if self.runs is None else read_runs(self.path, self.runs, names)

    def batches(self) -> Iterator[pl.DataFrame]:
        if self.runs is not None:
            yield self.whole()
            return
        footer, start = _footer(self.path), 0
        for number in range(footer.num_row_groups):
            rows = footer.row_group(number).num_rows
            yield read_runs(self.path, [(start, rows)])
            start += rows
        if not footer.num_row_groups:
            yield self.whole()


def unpacked_bytes(path: Path) -> int:
    """Bytes of a table before compression, as its footer says."""
    footer = _footer(path)
    return sum(footer.row_group(number).total_byte_size for number in range(footer.num_row_groups))


def join_tables(path: Path, parts: Sequence[Path]) -> None:
    """Put the tables of shards into one: a single one as it is, several by their row groups."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if len(parts) == 1:
        link_or_copy(parts[0], path)
        return

    def write(temporary: Path) -> None:
        try:
            with pq.ParquetWriter(temporary, pq.read_schema(parts[0]), compression="zstd") as writer:
                for part in parts:
                    with pq.ParquetFile(part, memory_map=True) as file:
                        for number in range(file.num_row_groups):
                            if file.metadata.row_group(number).num_rows:
                                writer.write_table(file.read_row_group(number))
        except pa.ArrowException as error:
            raise OSError(str(error).splitlines()[0]) from error

    write_atomic(path, write)


def link_or_copy(source: str | Path, target: str | Path) -> None:
    """The same file under another name where the file system can, else a copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def digest_of(path: Path) -> str:
    """sha256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
