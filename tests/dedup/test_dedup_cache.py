"""Embeddings that were kept and damaged since: made anew and said, never a leak that is not seen."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from cotkit import records
from cotkit.dedup.embed import Encoder, load_encoder
from cotkit.dedup.leaks import decontaminate_table
from cotkit.dedup.step import Decontaminate
from cotkit.errors import InputError
from cotkit.records import Problem
from cotkit.steps import NoProgress

ITEM = "Sarah has 24 apples and gives one third of them to her brother Tom. How many apples does Sarah have left?"
REWORDED = "Sarah owns 24 apples, and a third of the apples she gives to Tom, her brother. How many apples remain?"
PROMPT = "Here is some advice on how to study mathematics with a friend. " * 30
NAN = np.full(384, np.nan, dtype=np.float16).tobytes()
OTHER = np.eye(1, 384, dtype=np.float16).tobytes()
DAMAGE: dict[str, Callable[[Any], Any]] = {
    "zeros": lambda entry: bytes(len(entry)),
    "zeros of a row": lambda _: bytes(768),
    "not a number": lambda _: NAN,
    "another unit vector": lambda entry: OTHER + entry[len(OTHER) :],
    "cut short": lambda entry: entry[: len(entry) // 2],
    "only the first window": lambda entry: entry[:768],
    "empty": lambda _: b"",
    "text": lambda _: "x" * 768,
    "a number": lambda _: 7,
}


class Notes(NoProgress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    try:
        return load_encoder()
    except InputError as error:
        pytest.skip(str(error))


def damage(folder: Path, change: Callable[[Any], Any]) -> int:
    with closing(sqlite3.connect(next(folder.glob("*.sqlite")))) as connection, connection:
        rows = connection.execute("SELECT text, rows FROM vectors").fetchall()
        connection.executemany("UPDATE vectors SET rows = ? WHERE text = ?", [(change(r), t) for t, r in rows])
        return len(rows)


@pytest.mark.parametrize("how", DAMAGE)
def test_damaged_entries_are_embedded_anew_and_counted(encoder: Encoder, tmp_path: Path, how: str) -> None:
    kept, texts = replace(encoder, cache=tmp_path), [ITEM, REWORDED, PROMPT]
    first = kept.encode(texts)
    assert damage(tmp_path, DAMAGE[how]) == 3
    notes = Notes()
    again = kept.encode(texts, notes)
    assert np.array_equal(again.rows, first.rows)
    assert notes.lines == ["warning: 3 of 3 kept embeddings are damaged; they are made anew"]
    healed = Notes()
    assert np.array_equal(kept.encode(texts, healed).rows, first.rows)
    assert healed.lines == []


def test_entries_that_changed_places_are_damaged(encoder: Encoder, tmp_path: Path) -> None:
    kept, texts = replace(encoder, cache=tmp_path), [ITEM, "What is 7 times 8?"]
    first = kept.encode(texts)
    swapped: list[bytes] = []
    damage(tmp_path, lambda entry: swapped.append(entry) or entry)
    damage(tmp_path, lambda _: swapped.pop())
    assert np.array_equal(kept.encode(texts).rows, first.rows)


def test_a_damaged_cache_hides_no_leak(encoder: Encoder, tmp_path: Path) -> None:
    source = {"kind": "file", "name": "bench", "path": "unused.jsonl"}
    step = Decontaminate.model_validate({"step": "decontaminate", "benchmarks": [source]})
    rows = records.frame(Problem, [Problem(records.problem_id(REWORDED), REWORDED, source="pool", source_row=0)])
    notes = Notes()
    for _ in range(2):
        out = decontaminate_table(rows, {"bench": pl.DataFrame({"problem": [ITEM]})}, step, notes, tmp_path)
        assert out.dropped.height == 1
        damage(tmp_path, DAMAGE["zeros"])
    assert len(notes.lines) == 2, "one for the benchmark, one for the problems"


def test_a_file_that_is_no_database_any_more_is_said(encoder: Encoder, tmp_path: Path) -> None:
    kept = replace(encoder, cache=tmp_path)
    first = kept.encode([ITEM])
    file = next(tmp_path.glob("*.sqlite"))
    file.write_bytes(b"not a database" * 1000)
    notes = Notes()
    assert np.array_equal(kept.encode([ITEM], notes).rows, first.rows)
    assert len(notes.lines) == 1
    assert "all are made anew" in notes.lines[0]


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_a_model_that_gives_no_unit_vectors_is_refused_and_not_kept(
    encoder: Encoder, tmp_path: Path, value: float
) -> None:
    broken = replace(encoder, cache=tmp_path, forward=lambda ids, _: np.full((len(ids), 384), value, np.float32))
    with pytest.raises(InputError, match="no unit vectors"):
        broken.encode([ITEM])
    assert damage(tmp_path, lambda entry: entry) == 0
