"""The choose step: so many rows of the whole set, by a named selector. And what it shares with `sample`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from cotkit import records
from cotkit.config import LocalPath
from cotkit.curate.limo import limo_score
from cotkit.curate.selectors import SCORE, AnySelector, Choice, Item, Selector, choose
from cotkit.dedup.step import EMBEDDINGS
from cotkit.records import Example
from cotkit.steps import Progress, Step, StepContext, StepOutput
from cotkit.table import Table

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

# Selectors that look at embeddings.
_EMBEDDED = ("k_center", "clusters")
CODE = ("cotkit.curate.choose", "cotkit.curate.limo", "cotkit.curate.selectors", "cotkit.dedup.embed", "cotkit.records")


@dataclass(frozen=True, slots=True)
class Chosen:
    """A row of chosen.parquet: why a kept row was taken, as JSON. `sample` is 0 for problems."""

    problem_id: str
    sample: int
    why: str


class Choose(Step):
    """Keep `rows` examples of the whole set, chosen by a selector; the rest is dropped as not_chosen.

    Other reasons: no_feature (a value that the selector needs is missing), refused (the selector's keys leave the row
    out). chosen.parquet says of each kept row why it was taken.
    """

    step: Literal["choose"] = "choose"
    rows: int = Field(ge=1, description="How many examples to keep.")
    by: AnySelector = Field(description="Which ones.")
    weights: LocalPath | None = Field(None, description="Folder of MiniLM weights, for selectors by meaning.")

    room: ClassVar[str] = "select"
    reads: ClassVar[tuple[type, ...]] = (Example,)
    writes: ClassVar[type] = Example
    code: ClassVar[tuple[str, ...]] = CODE
    excluded: ClassVar[Mapping[str, str]] = {"weights": "the digest of the weights is in the key instead"}

    def code_modules(self) -> tuple[str, ...]:
        return (*self.code, type(self.by).__module__)

    def check_after(self, before: Sequence[Step]) -> list[str]:
        from cotkit.verify.score import unknown_scores

        needed = [name.removeprefix(SCORE) for name in self.by.needs() if name.startswith(SCORE)]
        return [*unknown_scores(needed, before), *self.by.check_after(before)]

    def materials(self, pins: Mapping[str, str]) -> dict[str, str]:
        return selector_materials(self.by, self.weights)

    def parts(self, tables: Mapping[type, Table], context: StepContext) -> Iterator[StepOutput]:
        table = tables[Example]
        # A score of every text takes time, so only where a key names it.
        scored = "limo" in self.by.model_dump().values()
        items = [example_item(row, scored) for batch in table.batches() for row in records.rows(Example, batch)]
        choice = choose(items, self.rows, self.by, context.seed, vectors_from(self.weights, context))
        start = 0
        for batch in table.batches():
            yield output(batch, choice, start)
            start += batch.height


def example_item(row: Example, scored: bool = False) -> Item:
    """An example as selectors see it; `scored` with LIMO's score of its trace."""
    return Item(
        id=f"{row.problem_id}:{row.sample}",
        text=row.problem,
        correct=row.verdict == "correct",
        values={
            "domain": row.domain,
            "source": row.source,
            "subject": row.subject,
            "difficulty": row.difficulty,
            "pass_rate": row.pass_rate,
            "solve_rate": fmean(one["rate"] for one in row.weak_rates) if row.weak_rates else None,
            "direct_tokens": row.direct_tokens,
            "reasoning_tokens": row.reasoning_tokens,
            "response_tokens": row.response_tokens,
            "chars": len(row.reasoning or "") + len(row.response or ""),
            "limo": limo_score(f"{row.reasoning or ''}\n{row.response or ''}") if scored else None,
            **{f"{SCORE}{score['name']}": score["value"] for score in row.scores or ()},
        },
    )


def output(table: pl.DataFrame, choice: Choice, start: int = 0) -> StepOutput:
    """Kept and dropped rows in their old order, and chosen.parquet. `start` is the number of the table's first row."""
    kept = [n for n in range(table.height) if start + n in choice.taken]
    dropped = [n for n in range(table.height) if start + n in choice.left]
    taken = table[kept] if kept else table.clear()
    samples = taken["sample"].to_list() if "sample" in taken.columns else [0] * len(kept)
    why = [json.dumps(choice.taken[start + n], sort_keys=True, ensure_ascii=False) for n in kept]
    chosen = [Chosen(*row) for row in zip(taken["problem_id"].to_list(), samples, why, strict=True)]
    fates = [choice.left[start + n] for n in dropped]
    return StepOutput(
        kept=taken,
        dropped=records.dropped_frame(table, dropped, [why for why, _ in fates], [told for _, told in fates]),
        secondary={"chosen": records.frame(Chosen, chosen)},
    )


def selector_materials(selector: Selector, weights: Path | None) -> dict[str, str]:
    """The digest of the weights, where the selector reads them."""
    if selector.by not in _EMBEDDED:
        return {}
    from cotkit.dedup.weights import weights_digest

    return {"MiniLM weights": weights_digest(weights)}


def vectors_from(weights: Path | None, context: StepContext) -> Any:
    """Texts -> unit rows, one a text: of a long one its first window."""

    def vectors(texts: Sequence[str]) -> np.ndarray[Any, Any]:
        return embed(texts, weights, context.run / EMBEDDINGS, context.progress)

    return vectors


def embed(texts: Sequence[str], weights: Path | None, cache: Path, progress: Progress) -> np.ndarray[Any, Any]:
    import numpy as np

    from cotkit.dedup.embed import load_encoder

    found = load_encoder(weights, cache).encode(texts, progress)
    return found.rows[np.searchsorted(found.owner, np.arange(len(texts)))]
