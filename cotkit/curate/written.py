"""Tables of a dataset as Parquet files, written while they come, and what a card tells of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from cotkit.content import digest_of_rows, lasting, row_digests
from cotkit.curate.card_sources import ORIGIN

if TYPE_CHECKING:
    import polars as pl

# Rows of one Parquet row group: some 100 MB of long traces, what a streaming reader holds at a time.
_GROUP = 1_000


class Shown(Protocol):
    """What a card needs of a published table: a DataFrame has it, and so has one that is written."""

    @property
    def height(self) -> int: ...

    @property
    def schema(self) -> Mapping[str, Any]: ...

    def select(self, names: Sequence[str], /) -> pl.DataFrame: ...


@dataclass
class Written:
    """A table on disk.

    Attributes:
        schema: column -> Polars type.
        digests: row digests (cotkit.content), run together.
        origin: source, licence and problem of each row, for tables that have these columns.
    """

    height: int = 0
    schema: Mapping[str, Any] = field(default_factory=dict)
    digests: list[bytes] = field(default_factory=list)
    origin: list[pl.DataFrame] = field(default_factory=list)

    def select(self, names: Sequence[str], /) -> pl.DataFrame:
        import polars as pl

        return pl.concat([part.select(names) for part in self.origin])

    def add(self, rows: pl.DataFrame) -> None:
        self.schema = rows.schema
        self.height += rows.height
        self.digests.append(b"".join(row_digests(rows)))
        if set(ORIGIN) <= set(rows.columns):
            self.origin.append(rows.select(ORIGIN))


def digest_of(splits: Iterable[Written]) -> str:
    """The digest of the rows of several splits, as table_digest of all of them."""
    import polars as pl

    found = list(splits)
    columns = lasting(pl.DataFrame(schema=found[0].schema)).columns
    return digest_of_rows(columns, (part for one in found for part in one.digests))


def write_split(folder: Path, split: str, tables: Iterable[pl.DataFrame], max_shard_rows: int) -> Written:
    """`FOLDER/SPLIT-00000-of-00001.parquet` …, with at most so many rows each; no file and no folder for no rows."""
    import pyarrow.parquet as pq

    written = Written()
    unnamed: list[Path] = []
    writer: Any = None
    try:
        for group, starts in _groups(tables, max_shard_rows):
            schema = plain_schema(group)
            if starts:
                if writer is not None:
                    writer.close()
                folder.mkdir(parents=True, exist_ok=True)
                unnamed.append(folder / f"{split}-{len(unnamed):05d}.part")
                writer = pq.ParquetWriter(unnamed[-1], schema, compression="zstd")
            writer.write_table(group.to_arrow().cast(schema))
            written.add(group)
    finally:
        if writer is not None:
            writer.close()
    for number, path in enumerate(unnamed):
        path.rename(folder / f"{split}-{number:05d}-of-{len(unnamed):05d}.parquet")
    return written


def _groups(tables: Iterable[pl.DataFrame], max_shard_rows: int) -> Iterator[tuple[pl.DataFrame, bool]]:
    """Row groups, and whether a file begins with one: full ones but for the last of a file."""
    import polars as pl

    held: list[pl.DataFrame] = []
    count = filled = 0
    for table in tables:
        held.append(table)
        count += table.height
        while count >= (size := min(_GROUP, max_shard_rows - filled)):
            rows = pl.concat(held)
            yield rows[:size].rechunk(), not filled
            held, count = [rows[size:]], count - size
            filled = (filled + size) % max_shard_rows
    if count:
        yield pl.concat(held).rechunk(), not filled


def plain_schema(table: pl.DataFrame) -> Any:
    """Polars writes 64-bit strings and lists; `datasets` then gives columns other types than anyone's. It
    makes its features of these types, so they need not be written a second time.
    """
    import pyarrow as pa

    def plain(kind: Any) -> Any:
        if pa.types.is_large_list(kind) or pa.types.is_list(kind):
            return pa.list_(plain(kind.value_type))
        if pa.types.is_struct(kind):
            return pa.struct([pa.field(f.name, plain(f.type)) for f in kind])
        return pa.string() if pa.types.is_large_string(kind) or pa.types.is_string_view(kind) else kind

    return pa.schema([pa.field(f.name, plain(f.type)) for f in table.clear().to_arrow().schema])
