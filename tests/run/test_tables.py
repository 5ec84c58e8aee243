"""Files are whole or absent; a full or closed disk is one sentence."""

from __future__ import annotations

import stat
from pathlib import Path

import polars as pl
import pytest

from cotkit.errors import StorageError
from cotkit.run.tables import read_table, write_atomic, write_table


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def half(temporary: Path) -> None:
        temporary.write_text("ne")
        raise OSError(28, "No space left on device")

    with pytest.raises(StorageError, match="No space left on device"):
        write_atomic(path, half)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_equal_rows_are_equal_bytes(tmp_path: Path) -> None:
    table = pl.DataFrame({"a": ["x", None, "z"] * 100, "b": [[1, 2]] * 300})
    write_table(tmp_path / "1.parquet", table)
    write_table(tmp_path / "2.parquet", read_table(tmp_path / "1.parquet"))
    assert (tmp_path / "1.parquet").read_bytes() == (tmp_path / "2.parquet").read_bytes()


def test_full_disk_is_a_sentence(tmp_path: Path) -> None:
    """/dev/full says ENOSPC at every write: a real full disk without filling one."""
    full = Path("/dev/full")
    if not full.exists() or not stat.S_ISCHR(full.stat().st_mode):
        pytest.skip("no /dev/full here")
    with pytest.raises(StorageError, match="No space left on device"):
        write_atomic(tmp_path / "x", lambda _: full.write_text("x" * 100_000))
