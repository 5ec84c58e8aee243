"""In = kept + dropped, checked by the runner for every step: no row is lost, none comes twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cotkit import records
from cotkit.steps import Step, StepOutput
from cotkit.table import Table, held

if TYPE_CHECKING:
    import polars as pl


class ConservationError(AssertionError):
    """A step lost or invented rows: an error of its author, not of the user, so it may show a traceback."""


@dataclass
class Check:
    """Holds the parts of an output against what came in.

    Attributes:
        place: how errors name the step, and its shard where it has several.
    """

    step: Step
    place: str
    kept: int = 0
    dropped: int = 0
    claimed: int | None = 0
    keys: list[pl.DataFrame] = field(default_factory=list)

    def part(self, output: StepOutput) -> None:
        """Raises ConservationError for rows of another type, and for dropped ones without a reason."""
        _check_columns(self.step, output, self.place)
        self.kept += output.kept.height
        self.dropped += output.dropped.height
        self.claimed = None if self.claimed is None or output.rows_in is None else self.claimed + output.rows_in
        key = self._key()
        if key and set(key) <= set(output.dropped.columns):
            self.keys += [output.kept.select(key), output.dropped.select(key)]

    def end(self, tables: Mapping[type, Table]) -> int:
        """How many rows came in, after checking that each came out exactly once. Raises ConservationError."""
        import polars as pl

        expected = self.step.rows_in(tables)
        claimed = self.claimed if expected is None else expected
        if claimed is None or claimed != self.kept + self.dropped:
            raise ConservationError(f"{self.place}: {claimed} rows in, but {self.kept} kept + {self.dropped} dropped")
        # Where rows keep their identity through the step, the same identities must come out.
        if self.keys:
            key = self._key()
            came = tables[self.step.reads[0]].columns(key)
            if not pl.concat(self.keys).sort(key).equals(came.sort(key)):
                raise ConservationError(f"{self.place}: other rows came out than went in")
        return claimed

    def _key(self) -> list[str]:
        """The columns by which the rows are told that come out as they went in; [] where they do not."""
        step = self.step
        if not step.reads or step.adds_rows:
            return []
        key = list(records.KEYS[step.reads[0]])
        return key if key == list(records.KEYS[step.writes]) else []


def rows_in(step: Step, tables: Mapping[type, pl.DataFrame], output: StepOutput) -> int:
    """As Check, for an output in one part."""
    check = Check(step, f"step '{step.name}'")
    check.part(output)
    return check.end(held(tables))


def _check_columns(step: Step, output: StepOutput, place: str) -> None:
    wanted = records.schema(step.writes)
    if dict(output.kept.schema) != wanted:
        raise ConservationError(f"{place}: kept rows are not of type {step.writes.__name__}: {output.kept.schema}")
    missing = [c for c in records.DROP_COLUMNS if c not in output.dropped.columns]
    if missing or output.dropped["reason"].null_count():
        raise ConservationError(f"{place}: dropped rows without {missing or 'a reason'}")
