"""In = kept + dropped, checked by the runner for every step: no row is lost, none comes twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cotkit import records
from cotkit.steps import Step, StepOutput, Tables

if TYPE_CHECKING:
    import polars as pl


class ConservationError(AssertionError):
    """A step lost or invented rows: an error of its author, not of the user, so it may show a traceback."""


def rows_in(step: Step, tables: Tables, output: StepOutput, place: str = "") -> int:
    """How many rows came in, after checking that each came out exactly once.

    Raises ConservationError, which names the `place`: the step, and its shard where it has several.
    """
    place = place or f"step '{step.name}'"
    expected = step.rows_in(tables)
    claimed = output.rows_in if expected is None else expected
    out = output.kept.height + output.dropped.height
    if claimed is None or claimed != out:
        raise ConservationError(
            f"{place}: {claimed} rows in, but {output.kept.height} kept + {output.dropped.height} dropped"
        )
    _check_columns(step, output, place)
    if step.reads and not step.adds_rows:
        _check_keys(step, tables[step.reads[0]], output, place)
    return claimed


def _check_columns(step: Step, output: StepOutput, place: str) -> None:
    wanted = records.schema(step.writes)
    if dict(output.kept.schema) != wanted:
        raise ConservationError(f"{place}: kept rows are not of type {step.writes.__name__}: {output.kept.schema}")
    missing = [c for c in records.DROP_COLUMNS if c not in output.dropped.columns]
    if missing or output.dropped["reason"].null_count():
        raise ConservationError(f"{place}: dropped rows without {missing or 'a reason'}")


def _check_keys(step: Step, table: pl.DataFrame, output: StepOutput, place: str) -> None:
    """Where rows keep their identity through the step, the same identities must come out."""
    import polars as pl

    key = list(records.KEYS[step.reads[0]])
    if key != list(records.KEYS[step.writes]) or not set(key) <= set(output.dropped.columns):
        return
    out = pl.concat([output.kept.select(key), output.dropped.select(key)]).sort(key)
    if not out.equals(table.select(key).sort(key)):
        raise ConservationError(f"{place}: other rows came out than went in")
