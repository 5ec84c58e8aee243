"""Which class of mathematics a problem is about, by the embedding of the class's own description."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cotkit.curate.choose import embed
from cotkit.curate.msc import CLASSES
from cotkit.dedup.step import EMBEDDINGS
from cotkit.records import Problem
from cotkit.steps import StepContext


def nearest_classes(problems: Sequence[Problem], weights: Path | None, context: StepContext) -> list[tuple[str, float]]:
    """The class whose name and description are nearest to each problem, and their cosine."""
    codes = list(CLASSES)
    texts = [f"{name}: {about}" for name, about in CLASSES.values()]
    vectors = embed([*texts, *(p.problem for p in problems)], weights, context.run / EMBEDDINGS, context.progress)
    cosines = vectors[len(texts) :] @ vectors[: len(texts)].T
    return [(codes[int(row.argmax())], round(float(row.max()), 4)) for row in cosines]
