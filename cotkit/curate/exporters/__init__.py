"""The shapes a dataset can be published in; an exporter is one small module registered by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from cotkit.config import Config
from cotkit.registry import Registered

if TYPE_CHECKING:
    import polars as pl

Refusals = Mapping[int, tuple[str, dict[str, Any]]]
# A table in parts, from its beginning each time it is called.
Parts = Callable[[], Iterator["pl.DataFrame"]]


class Exporter(Config):
    """Base of all exporters. A subclass adds `kind: Literal["its-kind"]` and its own keys.

    Class attributes:
        row: what one row is, for the card.
        code: further modules or packages whose source decides what is exported.
        needs_traces: False for a shape without a place for a trace, in which problems alone can be published.
        by_row: each row is shaped, and refused, by itself, so that they need not be held all at once.
        every_attempt: True for a shape whose rows show all attempts at a problem.
    """

    kind: str

    row: ClassVar[str] = "a problem and one reasoning trace of a teacher model"
    code: ClassVar[tuple[str, ...]] = ()
    needs_traces: ClassVar[bool] = True
    by_row: ClassVar[bool] = False
    every_attempt: ClassVar[bool] = False

    def refused(self, examples: pl.DataFrame) -> Refusals:
        """Row number -> (reason, evidence) for rows that this shape cannot hold; they are dropped, not bent."""
        return {}

    def export(self, examples: pl.DataFrame) -> pl.DataFrame:
        """The published table of a table of Examples of which none is refused, in the same order."""
        raise NotImplementedError

    def sieved(self, parts: Parts) -> Iterator[tuple[pl.DataFrame, Refusals]]:
        """Each part of a table with what is `refused` of it, by row of the part; evidence counts all rows from 0.

        Called, as `export_in` is, for tables that may be larger than memory.
        """
        import polars as pl

        if self.by_row:
            yield from ((table, self.refused(table)) for table in parts())
            return
        found, start = self.refused(pl.concat(parts())), 0
        for table in parts():
            own = range(start, start + table.height)
            yield table, {number - start: found[number] for number in own if number in found}
            start += table.height

    def export_in(self, parts: Parts, attempts: Parts, aside: Path) -> Iterator[pl.DataFrame]:
        """As `export`, part by part.

        Args:
            attempts: every attempt of the run (cotkit.curate.tables.all_traces), where the shape has `every_attempt`.
            aside: where a cotkit.pile.Pile may be.
        """
        import polars as pl

        tables = parts() if self.by_row else iter([pl.concat(parts())])
        return map(self.export, tables)

    def describe(self) -> str:
        """One sentence for the dataset card that says how the exported columns are made."""
        raise NotImplementedError

    def files(self, split: str) -> Mapping[str, str]:
        """Name -> text of files that a trainer wants beside the data: dataset_info.json, axolotl.yaml."""
        return {}


AnyExporter = Annotated[Exporter, Registered("exporters", "kind")]
