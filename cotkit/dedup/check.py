"""The leak check as a list of flagged rows, for a report or a machine."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from cotkit.steps import StepOutput

if TYPE_CHECKING:
    import polars as pl

# A look-alike of one of these kinds is the same template; an unclear pair is no finding.
_TEMPLATE = ("other_numbers", "other_question", "answers_differ")


@dataclass(frozen=True, slots=True)
class Flag:
    """A row that meets a benchmark item.

    Attributes:
        row: its number in the file, from 0.
        kind: same, reworded (both are leaks) or same-template (other numbers or another question: no leak).
        item: row of the item in its benchmark.
        finding: what the closer look said, e.g. other_numbers or answers_differ (cotkit.dedup.confirm.Finding).
        text, item_text: both texts.
    """

    row: int
    kind: str
    benchmark: str
    item: int
    method: str
    score: float
    finding: str
    text: str
    item_text: str

    @property
    def leak(self) -> bool:
        return self.kind != "same-template"


def flags(out: StepOutput, benchmarks: Mapping[str, pl.DataFrame]) -> list[Flag]:
    """Flagged rows in the order of the file, from what decontaminate_table gave."""
    found = []
    for row in out.dropped.iter_rows(named=True):
        told = json.loads(row["evidence"])
        met = _Met(told["benchmark"], told["benchmark_row"], told["method"], told["score"], told["confirm"])
        found.append(_flag(row, told["kind"], met, benchmarks))
    texts = {row["source_row"]: row for row in out.kept.iter_rows(named=True)}
    for near in out.secondary["siblings"].iter_rows(named=True):
        if near["kind"] in _TEMPLATE:
            met = _Met(near["other_source"], near["other_row"], near["method"], near["score"], near["kind"])
            found.append(_flag(texts[near["source_row"]], "same-template", met, benchmarks))
    return sorted(found, key=lambda flag: flag.row)


class _Met(NamedTuple):
    benchmark: str
    item: int
    method: str
    score: float
    finding: str


def _flag(row: Mapping[str, Any], kind: str, met: _Met, benchmarks: Mapping[str, pl.DataFrame]) -> Flag:
    table = benchmarks[met.benchmark]
    numbers = table["source_row"].to_list() if "source_row" in table.columns else list(range(table.height))
    text = table["problem"][numbers.index(met.item)]
    return Flag(row["source_row"], kind, *met, row["problem"], text)


def summary(found: Sequence[Flag], names: Sequence[str]) -> dict[str, dict[str, int]]:
    """By benchmark: rows of each kind, and different items met by leaks."""
    counts = {name: Counter(flag.kind for flag in found if flag.benchmark == name) for name in names}
    items = {name: len({f.item for f in found if f.benchmark == name and f.leak}) for name in names}
    kinds = ("same", "reworded", "same-template")
    return {name: {**{kind: counts[name][kind] for kind in kinds}, "items": items[name]} for name in names}
