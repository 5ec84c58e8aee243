"""The journal on disk and the recordings made of it."""

from __future__ import annotations

import asyncio
import gzip
import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from cotkit.distill.journal import Entry, Journal, read_journal
from cotkit.distill.recording import export_journal, import_recording, load_recording
from cotkit.distill.request import canonical, hash_text
from cotkit.errors import InputError, StorageError


def entry(number: int, body: bytes = b'{"choices": []}') -> Entry:
    text = canonical({"number": number, "text": "é\ud83d\ude00"})
    return Entry(hash_text(text), text, body, 200, 0.25, "2026-01-01T00:00:00+00:00", "0.1.0")


def fill(path: Path, numbers: range) -> None:
    async def put() -> None:
        await asyncio.gather(*(journal.put(entry(n)) for n in numbers))

    with Journal.open(path) as journal:
        asyncio.run(put())


def test_answers_come_back_and_the_first_one_stays(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "j.sqlite"
    fill(path, range(600))
    with Journal.open(path) as journal:
        asyncio.run(journal.put(entry(3, b"another")))
        assert journal.count() == 600
        hashes = [entry(n).request_hash for n in range(700)]
        found = journal.get_many(hashes)
        assert list(map(found.get, hashes[:600])) == [entry(n) for n in range(600)]
        assert len(found) == 600
    journal.close()  # again does no harm
    with pytest.raises(StorageError, match="closed"):
        asyncio.run(journal.put(entry(1)))


def test_one_process_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    code = "import sys, pathlib; from cotkit.distill.journal import Journal; Journal.open(pathlib.Path(sys.argv[1]))"
    with Journal.open(path):
        other = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
        assert other.returncode != 0
        assert "another process is using it" in other.stderr.splitlines()[-1]
    fill(path, range(1))


def test_readable_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    with Journal.open(path) as journal:
        asyncio.run(journal.put(entry(1)))
        assert list(read_journal(path)) == [entry(1)]


@pytest.mark.parametrize("kind", ["text", "foreign", "newer", "damaged", "folder"])
def test_what_is_no_journal_is_named_and_left_alone(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "j.sqlite"
    if kind == "text":
        path.write_text("this is not a database, " * 100)
    elif kind == "folder":
        path.mkdir()
    elif kind == "foreign":
        with sqlite3.connect(path) as other:
            other.execute("CREATE TABLE mine (x)")
        other.close()
    else:
        fill(path, range(300))
        if kind == "newer":
            connection = sqlite3.connect(path)
            connection.execute("PRAGMA user_version=99")
            connection.close()
        else:
            raw = bytearray(path.read_bytes())
            raw[5000:-100] = b"\xff" * (len(raw) - 5100)
            path.write_bytes(raw)
    before = None if kind == "folder" else path.read_bytes()
    with pytest.raises(StorageError, match=r"j\.sqlite"):  # noqa: SIM117 (the second may raise as well)
        with Journal.open(path) as journal:
            journal.get_many([entry(n).request_hash for n in range(300)])
    if kind in ("text", "foreign"):
        assert path.read_bytes() == before


def test_a_file_left_empty_by_a_killed_process_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    path.touch()
    fill(path, range(2))
    with Journal.open(path) as journal:
        assert journal.count() == 2


def test_a_journal_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    with Journal.open(path) as journal:
        asyncio.run(journal.put(entry(1)))
        # Another tool that holds a write transaction is the portable stand-in for a full disk.
        journal._writer.execute("PRAGMA busy_timeout=0")
        rude = sqlite3.connect(path, isolation_level=None)
        rude.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match="could not be written"):
            asyncio.run(journal.put(entry(2)))
        rude.execute("ROLLBACK")
        rude.close()
        asyncio.run(journal.put(entry(2)))
        assert journal.count() == 2


def test_recording_round_trip_gives_the_same_bytes(tmp_path: Path) -> None:
    journal, first, second = tmp_path / "a.sqlite", tmp_path / "a.jsonl.gz", tmp_path / "b.jsonl.gz"
    fill(journal, range(20))
    provenance = {"model": "tiny", "where": "test"}
    assert export_journal(journal, first, provenance=provenance) == 20
    recording = load_recording(first)
    assert dict(recording.provenance) == provenance
    assert recording.entries == {e.request_hash: e for e in map(entry, range(20))}
    other = tmp_path / "b.sqlite"
    fill(other, range(19, -1, -1))
    export_journal(other, second, provenance=provenance)
    assert first.read_bytes() == second.read_bytes()
    only = {entry(4).request_hash}
    assert export_journal(journal, second, provenance=provenance, only=only) == 1
    assert set(load_recording(second).entries) == only


def test_import_marks_where_answers_came_from(tmp_path: Path) -> None:
    source, target, file = tmp_path / "a.sqlite", tmp_path / "b.sqlite", tmp_path / "r.jsonl.gz"
    fill(source, range(5))
    fill(target, range(2))
    export_journal(source, file, provenance={"from": "elsewhere"})
    assert import_recording(load_recording(file), target) == 3
    assert import_recording(load_recording(file), target) == 0
    marks = {e.request_hash: json.loads(e.provenance) for e in read_journal(target)}
    assert marks[entry(0).request_hash] == {}
    assert marks[entry(4).request_hash] == {"from": "elsewhere"}


def test_malformed_recordings_name_the_line(tmp_path: Path) -> None:
    journal, path = tmp_path / "a.sqlite", tmp_path / "r.jsonl.gz"
    fill(journal, range(3))
    export_journal(journal, path, provenance={})
    lines = gzip.decompress(path.read_bytes()).splitlines()

    def refuses(content: bytes, words: str, packed: bool = True) -> None:
        path.write_bytes(gzip.compress(content) if packed else content)
        with pytest.raises(InputError, match=words):
            load_recording(path)

    refuses(b"\n".join([*lines[:2], b"{broken", lines[3]]), "line 3")
    refuses(b"\n".join([lines[0], lines[1].replace(b'"number":', b'"number":7')]), "line 2.*edited")
    refuses(b"\n".join([lines[0], b'{"request": {}}']), "line 2")
    refuses(b"\n".join(lines[1:]), "line 1")
    refuses(b"[]", "line 1")
    refuses(b"", "empty")
    refuses(b"plain text", "cannot be read", packed=False)
    refuses(gzip.compress(b"\n".join(lines))[:-20], "cannot be read", packed=False)
    with pytest.raises(InputError, match="no recording"):
        load_recording(tmp_path / "missing.gz")
    with pytest.raises(InputError, match="no journal"):
        export_journal(tmp_path / "missing.sqlite", path, provenance={})
