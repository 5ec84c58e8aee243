"""The shapes a dataset can be published in; an exporter is one small module registered by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cotkit.config import Config
from cotkit.registry import Registered

if TYPE_CHECKING:
    import polars as pl


class Exporter(Config):
    """Base of all exporters. A subclass adds `kind: Literal["its-kind"]` and its own keys."""

    kind: str

    def export(self, examples: pl.DataFrame) -> pl.DataFrame:
        """The published table of a table of Examples: as many rows, in the same order."""
        raise NotImplementedError

    def describe(self) -> str:
        """One sentence for the dataset card that says how the exported columns are made."""
        raise NotImplementedError


AnyExporter = Annotated[Exporter, Registered("exporters", "kind")]
