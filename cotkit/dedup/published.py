# ruff: noqa: ARG001  every rule takes what any of them needs
"""Decontamination rules as their projects publish them, each alone, with nothing of ours added.

Kept for comparison and for faithful copies of a recipe. A rule takes texts and benchmark items and yields
(text, item, score) for each text that it would drop, with the first item that it names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotkit.steps import Progress

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

Rule = Callable[[Sequence[str], Sequence[str], Progress, Path | None], Iterator[tuple[int, int, float]]]
_WORD = re.compile(r"[\W\d_]+")


def shared_ngram(
    texts: Sequence[str], items: Sequence[str], progress: Progress, cache: Path | None, n: int
) -> Iterator[tuple[int, int, float]]:
    """Any word n-gram in common, after lower case and white space.

    n = 8: simplescaling/s1 (data/decontaminate_util.py) and huggingface/open-r1 (scripts/decontaminate.py).
    """
    grams: dict[tuple[str, ...], int] = {}
    for number, item in enumerate(items):
        for gram in word_grams(item, n):
            grams.setdefault(gram, number)
    for number, text in enumerate(texts):
        hit = next((grams[gram] for gram in word_grams(text, n) if gram in grams), None)
        if hit is not None:
            yield number, hit, 1.0


def word_grams(text: str, n: int) -> Iterator[tuple[str, ...]]:
    """The word n-grams of a text in lower case."""
    words = text.lower().split()
    return (tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def indel_ratio(
    texts: Sequence[str], items: Sequence[str], progress: Progress, cache: Path | None
) -> Iterator[tuple[int, int, float]]:
    """rapidfuzz ratio of at least 95 with any item: open-thoughts (open_thoughts/decontaminate.py)."""
    from rapidfuzz import fuzz, process

    with progress.task("ratio", len(texts)) as task:
        for number, text in enumerate(texts):
            best = process.extractOne(text, items, scorer=fuzz.ratio, score_cutoff=95)
            if best is not None:
                yield number, best[2], best[1] / 100
            task.advance()


def nearest_cosine(
    texts: Sequence[str], items: Sequence[str], progress: Progress, cache: Path | None, threshold: float
) -> Iterator[tuple[int, int, float]]:
    """MiniLM cosine above a threshold with the nearest item: DeepScaleR (agentica-project/rllm).

    Its notebooks use 0.90 (STILL against earlier problems) and 0.93 (olympiads against Omni-MATH); the model
    reads the first 256 tokens.
    """
    from cotkit.dedup.search import nearest

    rows, targets = first_windows([texts, items], progress, cache)
    yield from nearest(rows, targets, 1, threshold)


def first_windows(parts: Sequence[Sequence[str]], progress: Progress, cache: Path | None) -> list[Array]:
    """A MiniLM row for each text of each part, of what the model reads at once: its first 256 tokens."""
    import numpy as np

    from cotkit.dedup.embed import load_encoder

    encoder = load_encoder(None, cache)
    vectors = [encoder.encode(part, progress) for part in parts]
    return [v.rows[np.r_[True, np.diff(v.owner) > 0]] if len(v.rows) else v.rows for v in vectors]


def digit_free(
    texts: Sequence[str], items: Sequence[str], progress: Progress, cache: Path | None
) -> Iterator[tuple[int, int, float]]:
    """Equal letters, or a word 32-gram in common: Qihoo360/Light-R1 (decontaminate/)."""
    by_letters: dict[str, int] = {}
    for place, item in enumerate(items):
        by_letters.setdefault(_WORD.sub("", item).lower(), place)
    seen = set()
    for number, text in enumerate(texts):
        letters = _WORD.sub("", text).lower()
        if letters and letters in by_letters:
            seen.add(number)
            yield number, by_letters[letters], 1.0
    for number, target, score in shared_ngram(texts, items, progress, cache, 32):
        if number not in seen:
            yield number, target, score


RULES: Mapping[str, Rule] = {
    "faithful:s1": partial(shared_ngram, n=8),
    "faithful:open-r1": partial(shared_ngram, n=8),
    "faithful:open-thoughts": indel_ratio,
    "faithful:deepscaler-0.90": partial(nearest_cosine, threshold=0.90),
    "faithful:deepscaler-0.93": partial(nearest_cosine, threshold=0.93),
    "faithful:light-r1": digit_free,
}
