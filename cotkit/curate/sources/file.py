"""Problems from a local file: JSONL, JSON, CSV or Parquet."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import sys
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, ClassVar, Literal

from pydantic import Field

from cotkit.config import LocalPath
from cotkit.errors import InputError
from cotkit.source import RawRow, Source

Format = Literal["jsonl", "json", "csv", "parquet"]
SUFFIXES: Mapping[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".parquet": "parquet",
}


class FileSource(Source):
    """Rows of a local file; `.gz` before reading is undone for the text formats."""

    kind: Literal["file"] = "file"
    path: LocalPath = Field(description="The file, relative to the recipe.")
    format: Format | None = Field(None, description="Told by the file's ending when left out.")
    malformed: Literal["stop", "drop"] = Field(
        "stop", description="A row that cannot be read: stop with its place, or drop it with the reason."
    )

    excluded: ClassVar[Mapping[str, str]] = {"path": "the digest of the file's content is in the key instead"}

    def materials(self, pins: Mapping[str, str]) -> dict[str, str]:
        try:
            with open(self.path, "rb") as file:
                return {self.name: "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()}
        except OSError as error:
            raise InputError(_unreadable(self.path, error)) from error

    def rows(self, pins: Mapping[str, str]) -> Iterator[RawRow]:
        readers = {"jsonl": _jsonl, "json": _json, "csv": _csv, "parquet": _parquet}
        reader = readers[self.format or format_of(self.path)]
        count = 0
        try:
            for row in reader(self.path):
                if self.limit is not None and count >= self.limit:
                    return
                if row.error and self.malformed == "stop":
                    raise InputError(
                        f"{row.place}: {row.error}; mend the row, or set `malformed: drop` on the source "
                        f"'{self.name}' to drop such rows"
                    )
                count += 1
                yield row
        except OSError as error:
            raise InputError(_unreadable(self.path, error)) from error
        except (EOFError, zlib.error) as error:
            raise InputError(f"{self.path}: the compressed file is damaged or cut short; fetch it again") from error
        if not count:
            raise InputError(f"{self.path}: the file has no rows; give the source '{self.name}' a file with problems")


def format_of(path: Path) -> Format:
    """The format that a file name tells; raises InputError for an ending that is not known."""
    suffixes = [s.lower() for s in path.suffixes if s.lower() != ".gz"]
    if suffixes and suffixes[-1] in SUFFIXES:
        return SUFFIXES[suffixes[-1]]
    raise InputError(f"{path}: cannot tell the format from the name; use one of {', '.join(SUFFIXES)} or set `format`")


def _unreadable(path: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{path}: no such file; check the path (relative paths start at the recipe's folder)"
    return f"{path}: cannot be read ({error.strerror or error}); check the path and its permissions"


def _open(path: Path) -> IO[bytes]:
    return gzip.open(path, "rb") if path.suffix.lower() == ".gz" else open(path, "rb")  # type: ignore[return-value]


def _jsonl(path: Path) -> Iterator[RawRow]:
    number = 0
    with _open(path) as file:
        for line_number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            place = f"{path}, line {line_number}"
            try:
                value = json.loads(line)
            except (ValueError, RecursionError) as error:
                yield RawRow(number, place, None, f"not valid JSON ({error})")
            else:
                yield _checked(number, place, value)
            number += 1


def _json(path: Path) -> Iterator[RawRow]:
    with _open(path) as file:
        try:
            data = json.load(file)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}: not valid JSON ({error}); mend the file") from error
    if not isinstance(data, list):
        raise InputError(f"{path}: a JSON list of rows is expected, not {_named(data)}")
    for number, value in enumerate(data):
        yield _checked(number, f"{path}, item {number + 1}", value)


def _checked(number: int, place: str, value: Any) -> RawRow:
    if isinstance(value, dict):
        return RawRow(number, place, value)
    return RawRow(number, place, None, f"a JSON object is expected, not {_named(value)}")


def _named(value: Any) -> str:
    names: dict[type, str] = {dict: "an object", list: "a list", str: "a text"}
    return names.get(type(value), "a number or null")


def _csv(path: Path) -> Iterator[RawRow]:
    with _open(path) as raw, io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as file:
        csv.field_size_limit(sys.maxsize)  # a solution is easily longer than the module's 128 KiB
        reader = csv.DictReader(file)
        try:
            for number, row in enumerate(reader):
                place = f"{path}, line {reader.line_num}"
                if None in row or None in row.values():
                    yield RawRow(number, place, None, "the row has not as many cells as the header")
                else:
                    yield RawRow(number, place, row)
        except (csv.Error, UnicodeDecodeError) as error:
            raise InputError(f"{path}, line {reader.line_num + 1}: not readable as UTF-8 CSV ({error})") from error


def _parquet(path: Path) -> Iterator[RawRow]:
    import polars as pl

    try:
        table = pl.read_parquet(path, glob=False)
    except pl.exceptions.PolarsError as error:
        raise InputError(f"{path}: not a readable Parquet file ({str(error).splitlines()[0]})") from error
    for number, row in enumerate(table.iter_rows(named=True)):
        yield RawRow(number, f"{path}, row {number + 1}", row)
