"""Two runs of one recipe side by side: step by step by their facts, row by row where both tables are at hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from cotkit.content import lasting, row_digests
from cotkit.records import KEYS
from cotkit.run.facts import Fact

if TYPE_CHECKING:
    import polars as pl

State = Literal["same", "differs", "not comparable"]
# So many differing rows are named.
FIRST = 3
# What may name a row, best first.
_NAMES = (*dict.fromkeys(KEYS.values()), ("problem_id",))


@dataclass(frozen=True)
class TableDiff:
    """How two tables of one kind differ.

    Attributes:
        only_first, only_again: rows that only the first run has, or only the one made again.
        changed: rows that both have, with other values.
        moved: the same rows come in another order.
        columns: columns that only one of them has.
        examples: the first differing rows: {"row": its name, "in": first | again | both, "columns": those that differ}.
    """

    only_first: int = 0
    only_again: int = 0
    changed: int = 0
    moved: bool = False
    columns: tuple[str, ...] = ()
    examples: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Compared:
    """One step (or the dataset) of two runs.

    Attributes:
        rows: (rows of the first run, rows made again) by table; None where it is not known.
        why: what differs, a phrase each; also of a step that made the same by other code.
        tables: row by row, for tables that differ and are both at hand.
    """

    name: str
    state: State
    rows: Mapping[str, tuple[int | None, int | None]] = field(default_factory=dict)
    why: tuple[str, ...] = ()
    tables: Mapping[str, TableDiff] = field(default_factory=dict)


def compare_step(
    name: str, first: Fact | None, again: Fact | None, also: Sequence[str] = (), unknown: str = ""
) -> Compared:
    """What two facts of a step say.

    Args:
        also: what is known to have made it differ, besides what the facts tell; said only where it does.
        unknown: why there is no fact of the first run.
    """
    if first is None or again is None:
        missing = (unknown or "the first run tells nothing of it") if first is None else "it has not run again"
        return Compared(name, "not comparable", why=(missing,))
    tables = ("kept", "dropped")
    rows = {table: (first[table]["rows"], again[table]["rows"]) for table in tables}
    equal = all(first[table]["digest"] == again[table]["digest"] for table in tables)
    why = (*_causes(first, again), *(() if equal else also))
    if not equal and not why:
        why = ("from the same inputs by the same code: other answers, or another machine",)
    return Compared(name, "same" if equal else "differs", rows, why)


def _causes(first: Fact, again: Fact) -> Iterator[str]:
    for name in sorted({*first["pins"]} & {*again["pins"]}):
        if first["pins"][name] != again["pins"][name]:
            yield f"{name} is another: {_short(first['pins'][name])} then, {_short(again['pins'][name])} now"
    if first["settings"] != again["settings"]:
        yield "its settings are others"
    if first["code"] != again["code"]:
        modules = sorted({*first["code"], *again["code"]})
        changed = [module for module in modules if first["code"].get(module) != again["code"].get(module)]
        yield f"other code: {', '.join(changed)}"


def _short(digest: str) -> str:
    head, sign, tail = digest.rpartition("=" if "=" in digest else ":")
    return f"{head}{sign}{tail[:12]}…" if len(tail) > 12 else digest


def compare_tables(
    first: pl.DataFrame, again: pl.DataFrame, places: Mapping[str, str] = MappingProxyType({})
) -> TableDiff:
    """Which rows differ, by content as cotkit.content has it.

    `places` is problem_id -> SOURCE:NUMBER, to name rows by that say no source themselves.
    """
    columns = tuple(sorted({*lasting(first).columns} ^ {*lasting(again).columns}))
    if columns:
        both = [name for name in first.columns if name in again.columns]
        first, again = first.select(both), again.select(both)
    old, new = list(row_digests(first)), list(row_digests(again))
    if Counter(old) == Counter(new):
        return TableDiff(moved=old != new, columns=columns)
    key = _key(first, again)
    if key is None:
        missing, added = Counter(old) - Counter(new), Counter(new) - Counter(old)
        return TableDiff(missing.total(), added.total(), columns=columns)
    # Key -> (place in the table, digest), in the order of the table.
    rows, others = (
        {
            name: (place, digest)
            for place, (name, digest) in enumerate(zip(table.select(key).rows(), found, strict=True))
        }
        for table, found in ((first, old), (again, new))
    )
    gone = [name for name in rows if name not in others]
    come = [name for name in others if name not in rows]
    changed = [name for name, (_, digest) in rows.items() if name in others and others[name][1] != digest]
    named = partial(_name, key, places)
    examples = [
        *({"row": named(name), "in": "both", "columns": _differing(first, again, rows[name][0], others[name][0])}
          for name in changed[:FIRST]),
        *({"row": named(name), "in": "first", "columns": []} for name in gone[:FIRST]),
        *({"row": named(name), "in": "again", "columns": []} for name in come[:FIRST]),
    ]  # fmt: skip
    return TableDiff(len(gone), len(come), len(changed), columns=columns, examples=tuple(examples))


def _key(first: pl.DataFrame, again: pl.DataFrame) -> list[str] | None:
    """Columns that name each row of both tables."""
    for names in _NAMES:
        key = list(names)
        if all({*key} <= {*table.columns} and not table.select(key).is_duplicated().any() for table in (first, again)):
            return key
    return None


def _name(key: Sequence[str], places: Mapping[str, str], values: Sequence[Any]) -> str:
    """SOURCE:NUMBER as `cotkit report RUN --row` takes it, with the sample of an attempt."""
    row = dict(zip(key, values, strict=True))
    if "source" in row:
        return f"{row['source']}:{row['source_row']}"
    place = places.get(row["problem_id"], row["problem_id"])
    return f"{place}, sample {row['sample']}" if "sample" in row else place


def _differing(first: pl.DataFrame, again: pl.DataFrame, place: int, other: int) -> list[str]:
    old, new = lasting(first).row(place, named=True), lasting(again).row(other, named=True)
    return [name for name in old if old[name] != new[name]]
