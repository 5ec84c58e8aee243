"""What exporters share whose rows stand on several of a problem's rows, or on those before them."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, ClassVar

from cotkit.curate.exporters import Exporter, Refusals

if TYPE_CHECKING:
    import polars as pl


class Together(Exporter):
    """Base of exporters that see all rows and hold a few at a time: `sieved` and `export_in` are theirs to define, and
    a table in memory is one part.
    """

    by_row: ClassVar[bool] = False

    def refused(self, examples: pl.DataFrame) -> Refusals:
        ((_, found),) = self.sieved(lambda: iter([examples]))
        return found

    def export(self, examples: pl.DataFrame) -> pl.DataFrame:
        import polars as pl

        with TemporaryDirectory(prefix="cotkit-") as folder:
            return pl.concat(self.export_in(lambda: iter([examples]), lambda: iter(()), Path(folder) / "rows.pile"))
