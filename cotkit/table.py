"""A table as a step may read it that must not hold all of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import polars as pl


class Counted(Protocol):
    """What has rows."""

    @property
    def height(self) -> int: ...


class Table(Counted, Protocol):
    """A table that may be larger than memory."""

    def whole(self) -> pl.DataFrame:
        """All of it."""

    def columns(self, names: Sequence[str]) -> pl.DataFrame:
        """Some columns of all rows."""

    def batches(self) -> Iterator[pl.DataFrame]:
        """All rows in their order, some at a time; at least one batch, which may be empty."""


@dataclass(frozen=True)
class Held:
    """A Table in memory, in one batch."""

    rows: pl.DataFrame

    @property
    def height(self) -> int:
        return self.rows.height

    def whole(self) -> pl.DataFrame:
        return self.rows

    def columns(self, names: Sequence[str]) -> pl.DataFrame:
        return self.rows.select(names)

    def batches(self) -> Iterator[pl.DataFrame]:
        yield self.rows


def held(tables: Mapping[type, pl.DataFrame]) -> dict[type, Table]:
    """Tables in memory as Tables."""
    return {row: Held(table) for row, table in tables.items()}
