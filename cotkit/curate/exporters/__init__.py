"""The shapes a dataset can be published in; an exporter is one small module registered by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from cotkit.config import Config
from cotkit.registry import Registered

if TYPE_CHECKING:
    import polars as pl

Refusals = Mapping[int, tuple[str, dict[str, Any]]]


class Exporter(Config):
    """Base of all exporters. A subclass adds `kind: Literal["its-kind"]` and its own keys.

    Class attributes:
        row: what one row is, for the card.
        code: further modules or packages whose source decides what is exported.
        needs_traces: False for a shape without a place for a trace, in which problems alone can be published.
        by_row: each row is shaped, and refused, by itself, so that they need not be held all at once.
        every_attempt: True for a shape whose rows show all attempts at a problem; `export_all` makes them.
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

    def export_all(self, examples: pl.DataFrame, attempts: pl.DataFrame) -> pl.DataFrame:
        """As `export`, given every attempt (cotkit.curate.tables.all_traces), too."""
        raise NotImplementedError

    def describe(self) -> str:
        """One sentence for the dataset card that says how the exported columns are made."""
        raise NotImplementedError

    def files(self, split: str) -> Mapping[str, str]:
        """Name -> text of files that a trainer wants beside the data: dataset_info.json, axolotl.yaml."""
        return {}


AnyExporter = Annotated[Exporter, Registered("exporters", "kind")]
