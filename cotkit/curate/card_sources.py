"""The card's section on where the rows come from, over all configs: a licence binds every row that is passed on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cotkit.curate.card_header import License, forbidding
from cotkit.curate.markdown import escape, table

if TYPE_CHECKING:
    import polars as pl

    from cotkit.curate.written import Shown

ORIGIN = ("source", "license", "problem_id")


def origins(examples: pl.DataFrame, tables: Mapping[str, Shown]) -> pl.DataFrame:
    """Source, licence and problem of every published row: the examples', and those of further tables by config."""
    import polars as pl

    return pl.concat([rows.select(ORIGIN) for rows in (examples, *tables.values())])


def sources(examples: pl.DataFrame, tables: Mapping[str, Shown], recipe: Mapping[str, Any], license: License) -> str:
    """Markdown: sources with their licences and rows, the dataset's licence, and what forbids to pass it on."""
    parts = [_listed(examples)]
    for name in ("all-traces", "unverified"):
        if name in tables:
            parts += [f"Attempts in the config {name}:", _listed(tables[name])]
    forbidden = forbidding(origins(examples, tables), recipe)
    return "\n\n".join([*parts, *(escape(s, 1000) for s in (f"Licence: {license.sentence}", *forbidden))])


def _listed(rows: Shown) -> str:
    import polars as pl

    grouped = (
        rows.select(ORIGIN)
        .group_by("source", "license")
        .agg(pl.len().alias("rows"), pl.col("problem_id").n_unique().alias("problems"))
        .sort(["rows", "source", "license"], descending=[True, False, False])
    )
    lines = [(s, lic or "unknown", n, p) for s, lic, n, p in grouped.iter_rows()]
    return table(("source", "licence", "rows", "problems"), lines)
