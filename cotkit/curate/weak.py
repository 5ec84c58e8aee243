"""What other models made of the problems: read from an earlier run, or from a file of graded answers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pydantic import Field

from cotkit import records
from cotkit.config import Config, LocalPath
from cotkit.curate.sources.file import FileSource
from cotkit.errors import InputError
from cotkit.records import Verdict, VerdictName

if TYPE_CHECKING:
    import polars as pl


class Weak(Config):
    """Attempts of one model."""

    model: str = Field(min_length=1, description="Name under which the model is listed in solved_by or unsolved_by.")
    path: LocalPath = Field(
        description="A run directory with a verify step, or a file that `cotkit verify FILE --out` wrote."
    )


def graded_file(weak: Weak) -> Path:
    """The table of verdicts: of a run the last one. Raises InputError where there is none."""
    if weak.path.is_file():
        return weak.path
    wanted = records.schema(Verdict)
    for table in sorted(weak.path.glob("[0-9][0-9]*-*/kept.parquet"), reverse=True):
        if _schema(table) == wanted:
            return table
    raise InputError(
        f"{weak.path}: no graded answers of '{weak.model}' here; give a run directory with a finished verify step, "
        f"or a file of `cotkit verify`"
    )


def _schema(path: Path) -> Mapping[str, Any]:
    import polars as pl

    try:
        return dict(pl.read_parquet_schema(path))
    except (pl.exceptions.PolarsError, OSError):
        return {}


def graded_digest(weak: Weak) -> str:
    """sha256 of the table."""
    with graded_file(weak).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def solved(weak: Weak) -> dict[str, bool]:
    """problem_id -> whether any attempt was correct; problems with no attempt that counts are missing.

    An answer that the grader could not decide does not count; one that was cut off counts as not solved.
    """
    path = graded_file(weak)
    found: dict[str, bool] = {}
    for identity, verdict, why in _attempts(path, weak):
        if verdict != "undecided" or why.startswith("trace_"):
            found[identity] = found.get(identity, False) or verdict == "correct"
    return found


def _attempts(path: Path, weak: Weak) -> Iterable[tuple[str, str, str]]:
    """(problem_id, verdict, reason) of each attempt."""
    if weak.path.is_dir():
        import polars as pl

        table: pl.DataFrame = pl.read_parquet(path)
        yield from table.select("problem_id", "verdict", "reason").iter_rows()
        return
    verdicts = get_args(VerdictName)
    for raw in FileSource(kind="file", name="graded", path=path).rows({}):
        row = raw.values or {}
        verdict = row.get("verdict")
        identity = row.get("problem_id")
        if identity is None and isinstance(row.get("problem"), str):
            identity = records.problem_id(row["problem"], row.get("choices") or None)
        if not isinstance(identity, str) or verdict not in verdicts:
            raise InputError(
                f"{raw.place}: no problem_id or problem, or no verdict (correct, incorrect, undecided); "
                f"give a file that `cotkit verify FILE --out` wrote"
            )
        yield identity, str(verdict), str(row.get("verdict_reason") or "")
