"""How a step's tables are cut into shards: by problems, in an order and at places that only the tables decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cotkit.records import Problem
from cotkit.run.tables import Run, read_columns, unpacked_bytes
from cotkit.steps import Step

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Size:
    """How big a shard is at most: problems, and bytes of their rows on average. Never by the number of workers."""

    problems: int = 10_000
    megabytes: int = 64


@dataclass(frozen=True)
class Shard:
    """A part of a step's work.

    Attributes:
        number, of: the first is 0.
        runs: input table -> its rows of this shard; None for all of them.
        rows: rows of the first table.
    """

    number: int = 0
    of: int = 1
    runs: Mapping[type, tuple[Run, ...]] | None = None
    rows: int = 0


def cut(step: Step, paths: Mapping[type, Path], size: Size) -> list[Shard]:
    """The shards of a step: one of everything, or several of a step `by_problem` whose tables are big.

    Problems count in the order of the first table, then of the others, so that the shards of tables in one order are
    runs of rows; the rows of a problem that are scattered come together. Where only problems are read, each row is
    one, also if its text comes again.
    """
    if not step.by_problem or not step.reads:
        return [Shard()]
    numbers, count = _numbers(step, paths)
    volume = sum(unpacked_bytes(paths[row]) for row in step.reads)
    each = max(1, min(size.problems, size.megabytes * 2**20 * count // max(1, volume)))
    if count <= each:
        return [Shard(rows=len(numbers[step.reads[0]]))]
    shards = -(-count // each)
    runs = {row: _runs(found // each, shards) for row, found in numbers.items()}
    first = runs[step.reads[0]]
    return [
        Shard(n, shards, {row: tuple(found[n]) for row, found in runs.items()}, sum(length for _, length in first[n]))
        for n in range(shards)
    ]


def _numbers(step: Step, paths: Mapping[type, Path]) -> tuple[dict[type, pl.Series], int]:
    """Input table -> the number of each row's problem; and how many problems there are."""
    import polars as pl

    ids = {row: read_columns(paths[row], ["problem_id"]) for row in step.reads}
    if step.reads == (Problem,):
        height = ids[Problem].height
        return {Problem: pl.int_range(height, eager=True)}, height
    order = pl.concat([ids[row] for row in step.reads]).unique(maintain_order=True).with_row_index("number")
    numbers = {
        row: table.join(order, on="problem_id", how="left", maintain_order="left")["number"].cast(pl.Int64)
        for row, table in ids.items()
    }
    return numbers, order.height


def _runs(shard_of: pl.Series, shards: int) -> list[list[Run]]:
    """Runs of neighbouring rows, by shard."""
    found: list[list[Run]] = [[] for _ in range(shards)]
    start = 0
    for length, shard in shard_of.rle().struct.unnest().iter_rows() if len(shard_of) else ():
        found[shard].append((start, length))
        start += length
    return found
