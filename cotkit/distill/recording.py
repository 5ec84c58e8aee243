"""Recordings: a journal as one small file that can be shared, and answered from without network or key."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from cotkit.distill.entries import Entries
from cotkit.distill.journal import Entry, Journal, read_journal
from cotkit.distill.paid import is_database, spare
from cotkit.distill.request import canonical, hash_text
from cotkit.errors import InputError, StorageError

FORMAT = 1
_HEADER = "cotkit_recording"


@dataclass(frozen=True)
class Recording:
    """A recording that was read.

    Attributes:
        entries: request hash -> answer.
        provenance: what its maker says of it; goes into every row that is answered from it.
    """

    entries: Mapping[str, Entry]
    provenance: Mapping[str, str]


def export_journal(
    journal: Path, out: Path, *, provenance: Mapping[str, str], only: Collection[str] | None = None
) -> int:
    """Write the answers of a journal (those to the requests `only`, if given) as a recording.

    The same answers give the same bytes. Returns how many were written; raises InputError where there
    is no journal, StorageError where it cannot be read or `out` not be written, RecipeError where `out` is
    the journal itself.
    """
    spare(out, journal)
    wanted = None if only is None else set(only)
    entries = (e for e in read_journal(journal) if wanted is None or e.request_hash in wanted)
    return write_recording(out, entries, provenance)


def write_recording(out: Path, entries: Iterable[Entry], provenance: Mapping[str, str]) -> int:
    """Write entries, sorted by hash by the caller, as gzip JSONL; whole or not at all."""
    fresh = out.with_name(f".{out.name}.{os.getpid()}")
    count = 0
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with fresh.open("wb") as raw:
            # No name and no time in the gzip header: equal content is equal bytes.
            with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=9) as zipped:
                zipped.write(_line({_HEADER: FORMAT, "provenance": dict(provenance)}))
                for entry in entries:
                    zipped.write(_line(_as_json(entry)))
                    count += 1
            raw.flush()
            os.fsync(raw.fileno())
        fresh.replace(out)
    except OSError as error:
        raise StorageError(f"{out}: the recording cannot be written ({error.strerror})") from error
    finally:
        fresh.unlink(missing_ok=True)
    return count


def load_recording(path: Path) -> Recording:
    """Read a recording; every answer is checked against the request it is kept for.

    Raises InputError, with the line where one is malformed.
    """
    entries = Entries()
    provenance: Mapping[str, str] = {}
    number = 0
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if number == 1:
                    provenance = _read_header(line)
                else:
                    entries.put(_read_entry(line))
    except FileNotFoundError:
        raise InputError(f"{path}: there is no recording here; check 'teacher.replay'") from None
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise InputError(f"{path}, line {number}: this is not a cotkit recording ({error})") from None
    except (OSError, EOFError) as error:
        raise InputError(f"{path}: the recording cannot be read after line {number} ({error})") from None
    if number == 0:
        raise InputError(f"{path}: the recording is empty")
    return Recording(entries, provenance)


def gather(journals: Sequence[Path], out: Path) -> Path:
    """The answers of journals and recordings as one recording `out`; of equal requests the first."""
    entries = Entries()
    for path in reversed(journals):
        for entry in read_journal(path) if is_database(path) else load_recording(path).entries.values():
            entries.put(entry)
    write_recording(out, entries.values(), {})
    return out


def import_recording(recording: Recording, journal: Path) -> int:
    """Put a recording's answers into a journal, marked with its provenance; returns how many were new."""
    # This key says that an answer was bought in a batch (Entry.batched): only the answer itself may say so.
    told = {key: text for key, text in recording.provenance.items() if key != "batch"}
    with Journal.open(journal) as opened:
        return opened.put_all(
            replace(e, provenance=canonical({**told, **json.loads(e.provenance)})) for e in recording.entries.values()
        )


def recording_digest(path: Path) -> str:
    """sha256 of a recording file; raises InputError where it is missing."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(
            f"{path}: the recording cannot be read ({error.strerror}); check 'teacher.replay', or leave it out "
            "to ask the teacher itself"
        ) from None


def _line(value: Any) -> bytes:
    return canonical(value).encode() + b"\n"


def _as_json(entry: Entry) -> dict[str, Any]:
    return {
        "request_hash": entry.request_hash,
        "request": json.loads(entry.request),
        "body": entry.body.decode("utf-8"),
        "http_status": entry.http_status,
        "latency_s": entry.latency_s,
        "created_at": entry.created_at,
        "cotkit": entry.cotkit,
        "provenance": json.loads(entry.provenance),
    }


def _read_header(line: str) -> Mapping[str, str]:
    header = json.loads(line)
    if not isinstance(header, dict) or header.get(_HEADER) != FORMAT:
        raise ValueError(f"its first line is not a header of format {FORMAT}")
    provenance = header.get("provenance", {})
    if not isinstance(provenance, dict) or not all(isinstance(v, str) for v in provenance.values()):
        raise ValueError("its provenance must map names to text")
    return provenance


def _read_entry(line: str) -> Entry:
    row = json.loads(line)
    request = canonical(row["request"])
    if hash_text(request) != row["request_hash"]:
        raise ValueError("request_hash does not fit the request; the line was edited")
    if not isinstance(row["provenance"], dict):
        raise ValueError("provenance must be an object")
    datetime.fromisoformat(str(row["created_at"]))
    return Entry(
        request_hash=row["request_hash"],
        request=request,
        body=str(row["body"]).encode(),
        http_status=int(row["http_status"]),
        latency_s=float(row["latency_s"]),
        created_at=str(row["created_at"]),
        cotkit=str(row["cotkit"]),
        provenance=canonical(row["provenance"]),
    )
