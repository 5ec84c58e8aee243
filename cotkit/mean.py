"""Counters that are means."""

from __future__ import annotations


class Mean(float):
    """A counter that is a mean: those of several shards are weighed by their rows instead of added.

    Its value is `total` / `rows`, rounded to 4 digits.
    """

    total: float
    rows: int

    def __new__(cls, total: float, rows: int) -> Mean:
        mean = super().__new__(cls, round(total / rows, 4))
        mean.total, mean.rows = total, rows
        return mean
