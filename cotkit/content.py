"""The digest of a table's content: the one place that says when two tables hold the same.

What counts is the columns by name, the rows with their values, and the order of the rows; not the bytes of a file, not
which of its text types Polars or Arrow chose, and none of the columns in `records.VOLATILE`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from cotkit.records import VOLATILE

if TYPE_CHECKING:
    import polars as pl

# Rows turned into Python values at once; few, since a row may be of 1 MB.
_PART = 1_000


def lasting(table: pl.DataFrame) -> pl.DataFrame:
    """The table without the columns that differ between two runs of one recipe, the others by name."""
    return table.select(sorted(name for name in table.columns if name not in VOLATILE))


def row_digests(table: pl.DataFrame) -> Iterator[bytes]:
    """sha256 of each row's values as JSON, columns by name."""
    for part in lasting(table).iter_slices(_PART):
        for row in part.iter_rows():
            yield hashlib.sha256(json.dumps(row, ensure_ascii=False, default=str).encode()).digest()


def table_digest(table: pl.DataFrame) -> str:
    """sha256, 64 hex digits, over the names of the columns and the rows in their order."""
    return digest_of_rows(lasting(table).columns, row_digests(table))


def digest_of_rows(columns: Sequence[str], digests: Iterable[bytes]) -> str:
    """`table_digest` from the names of `lasting` columns and the row_digests, one by one or many run together."""
    whole = hashlib.sha256(json.dumps(list(columns)).encode())
    for digest in digests:
        whole.update(digest)
    return whole.hexdigest()


def dataset_digest(tables: Mapping[str, str]) -> str:
    """The digest of a published dataset: one sha256 over its configs (name -> digest of that table)."""
    return hashlib.sha256(json.dumps(dict(tables), sort_keys=True).encode()).hexdigest()
