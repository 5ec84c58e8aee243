"""Problems from a local file or folder: JSONL, JSON, CSV, Parquet, or a zip of JSON files."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import sys
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, ClassVar, Literal

from pydantic import Field

from cotkit.config import LocalPath
from cotkit.errors import InputError
from cotkit.source import RawRow, Source

Format = Literal["jsonl", "json", "csv", "parquet", "zip"]
SUFFIXES: Mapping[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".parquet": "parquet",
    ".zip": "zip",
}
# A row that is longer is no problem but a mistake, or an attack.
MAX_MEMBER = 64_000_000
# Few enough that a batch of rows with long solutions stays small.
PARQUET_ROWS = 1_000


class FileSource(Source):
    """Rows of a local file, or of all files in a folder by name; `.gz` is undone for the text formats.

    In a folder and in a zip a JSON file may also be one row.
    """

    kind: Literal["file"] = "file"
    path: LocalPath = Field(description="The file, or a folder of files, relative to the recipe.")
    format: Format | None = Field(None, description="Told by the file's ending when left out.")
    malformed: Literal["stop", "drop"] = Field(
        "stop", description="A row that cannot be read: stop with its place, or drop it with the reason."
    )

    excluded: ClassVar[Mapping[str, str]] = {"path": "the digest of the file's content is in the key instead"}

    to_drop_malformed: ClassVar[str] = "mend the row, or set `malformed: drop` on the source '{name}' to drop such rows"
    to_give_rows: ClassVar[str] = "give the source '{name}' a file with problems"

    def materials(self, pins: Mapping[str, str]) -> dict[str, str]:
        try:
            if self.path.is_dir():
                parts = [f"{path.relative_to(self.path).as_posix()} {_digest(path)}" for path in self._inside()]
                return {self.name: "sha256:" + hashlib.sha256("\n".join(parts).encode()).hexdigest()}
            return {self.name: "sha256:" + _digest(self.path)}
        except OSError as error:
            raise InputError(_unreadable(self.path, error)) from error

    def _inside(self) -> list[Path]:
        """The files of the folder that hold rows, by name."""
        known = tuple(suffix for suffix, form in SUFFIXES.items() if self.format in (None, form))
        found = [p for p in self.path.rglob("*") if p.is_file() and p.name.lower().removesuffix(".gz").endswith(known)]
        return sorted(found)

    def rows(self, pins: Mapping[str, str]) -> Iterator[RawRow]:
        empty = True
        try:
            for row in self._all():
                if row.error and self.malformed == "stop":
                    raise InputError(f"{row.place}: {row.error}; {self.to_drop_malformed.format(name=self.name)}")
                empty = False
                yield row
        except OSError as error:
            raise InputError(_unreadable(self.path, error)) from error
        except (EOFError, zlib.error) as error:
            raise InputError(f"{self.path}: the compressed file is damaged or cut short; fetch it again") from error
        if empty:
            what = (
                f"the folder has no rows in files {', '.join(SUFFIXES)}"
                if self.path.is_dir()
                else "the file has no rows"
            )
            raise InputError(f"{self.path}: {what}; {self.to_give_rows.format(name=self.name)}")

    def _all(self) -> Iterator[RawRow]:
        if not self.path.is_dir():
            yield from READERS[self.format or format_of(self.path)](self.path)
            return
        number = 0
        for path in self._inside():
            form = self.format or format_of(path)
            for row in _json(path, single=True) if form == "json" else READERS[form](path):
                yield replace(row, number=number)
                number += 1


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def format_of(path: Path | str) -> Format:
    """The format that a file name tells; raises InputError for an ending that is not known."""
    suffixes = [s.lower() for s in Path(path).suffixes if s.lower() != ".gz"]
    if suffixes and suffixes[-1] in SUFFIXES:
        return SUFFIXES[suffixes[-1]]
    raise InputError(
        f"{path}: cannot tell the format from the name; use one of {', '.join(SUFFIXES)} (or `format` in a recipe)"
    )


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
                value = json.loads(line, object_pairs_hook=_object)
            except (ValueError, RecursionError) as error:
                yield RawRow(number, place, None, f"not valid JSON ({error})")
            else:
                yield _checked(number, place, value)
            number += 1


def _json(path: Path, single: bool = False) -> Iterator[RawRow]:
    """A list of rows; with `single` also one row."""
    with _open(path) as file:
        try:
            data = json.load(file, object_pairs_hook=_object)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}: not valid JSON ({error}); mend the file") from error
    if single and isinstance(data, dict):
        data = [data]
    if not isinstance(data, list):
        raise InputError(f"{path}: a JSON list of rows is expected, not {_named(data)}")
    for number, value in enumerate(data):
        yield _checked(number, f"{path}, item {number + 1}", value)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Raises ValueError for a key that stands twice: the last one would win in silence."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(f"the key '{_twice([key for key, _ in pairs])}' stands twice in one object")
    return found


def _twice(names: Sequence[str]) -> str | None:
    return next((name for name, count in Counter(names).items() if count > 1), None)


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
            if repeated := _twice([name for name in reader.fieldnames or () if name]):
                raise InputError(f"{path}: two columns are named '{repeated}'; give each a name of its own")
            for number, row in enumerate(reader):
                place = f"{path}, line {reader.line_num}"
                if None in row or None in row.values():
                    yield RawRow(number, place, None, "the row has not as many cells as the header")
                else:
                    yield RawRow(number, place, row)
        except (csv.Error, UnicodeDecodeError) as error:
            raise InputError(f"{path}, line {reader.line_num + 1}: not readable as UTF-8 CSV ({error})") from error


def _parquet(path: Path) -> Iterator[RawRow]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            batches = file.iter_batches(batch_size=PARQUET_ROWS)
            rows = (row for batch in batches for row in batch.to_pylist())
            for number, row in enumerate(rows):
                yield RawRow(number, f"{path}, row {number + 1}", row)
    except pa.ArrowException as error:
        raise InputError(f"{path}: not a readable Parquet file ({str(error).splitlines()[0]})") from error


def _zip(path: Path) -> Iterator[RawRow]:
    """Each JSON file in the archive is a row, by name; nothing is unpacked to disk."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = sorted((m for m in archive.infolist() if m.filename.endswith(".json")), key=lambda m: m.filename)
            for number, member in enumerate(members):
                place = f"{path}, {member.filename}"
                with archive.open(member) as file:
                    text = file.read(MAX_MEMBER + 1)
                if len(text) > MAX_MEMBER:
                    yield RawRow(number, place, None, f"longer than {MAX_MEMBER} bytes")
                    continue
                try:
                    value = json.loads(text, object_pairs_hook=_object)
                except (ValueError, RecursionError) as error:
                    yield RawRow(number, place, None, f"not valid JSON ({error})")
                else:
                    yield _checked(number, place, value)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise InputError(f"{path}: not a readable zip ({error}); fetch it again") from error


READERS: Mapping[Format, Callable[[Path], Iterator[RawRow]]] = {
    "jsonl": _jsonl,
    "json": _json,
    "csv": _csv,
    "parquet": _parquet,
    "zip": _zip,
}
