"""Candidate pairs by inner product of unit vectors, in FAISS, blocked so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

_BLOCK = 1024
# FAISS rounds otherwise than a plain dot product; candidates are scored again, so look a little lower.
_SLACK = 1e-4


def self_pairs(vectors: np.ndarray[Any, Any], threshold: float) -> Iterator[tuple[int, int, float]]:
    """All pairs i < j of rows with inner product >= `threshold`, in order of (i, j).

    A range search, never the k nearest: in dense clusters of templates k = 10 finds half of the pairs.
    `vectors`: float32 (n, d), unit rows. Time grows with n²; memory with n·d and the pairs of one block.
    """
    import faiss

    rows = _contiguous(vectors)
    index = faiss.IndexFlatIP(rows.shape[1])
    index.add(rows)
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        limits, _, found = index.range_search(block, threshold - _SLACK)
        for offset in range(len(block)):
            i = start + offset
            near = found[limits[offset] : limits[offset + 1]]
            yield from _scored(rows[i], rows, i, near[near > i], threshold)


def nearest(
    vectors: np.ndarray[Any, Any], targets: np.ndarray[Any, Any], k: int, threshold: float
) -> Iterator[tuple[int, int, float]]:
    """For each row the up to `k` nearest rows of `targets` with inner product >= `threshold`.

    Yields (row, target, score), rows in order, targets by number.
    """
    import faiss

    rows, wanted = _contiguous(vectors), _contiguous(targets)
    index = faiss.IndexFlatIP(wanted.shape[1])
    index.add(wanted)
    for start in range(0, len(rows), _BLOCK):
        scores, found = index.search(rows[start : start + _BLOCK], min(k, len(wanted)))
        for offset in range(len(found)):
            near = found[offset][scores[offset] >= threshold - _SLACK]
            yield from _scored(rows[start + offset], wanted, start + offset, near, threshold)


def _contiguous(vectors: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    import numpy as np

    rows = np.ascontiguousarray(vectors, dtype=np.float32)
    if not np.isfinite(rows).all():
        raise ValueError("embeddings hold numbers that are not finite")
    return rows


def _scored(
    row: np.ndarray[Any, Any], targets: np.ndarray[Any, Any], i: int, near: np.ndarray[Any, Any], threshold: float
) -> Iterator[tuple[int, int, float]]:
    """Score pairs one by one in float64, so that a score does not depend on its block."""
    import numpy as np

    wide = row.astype(np.float64)
    for j in np.sort(near).tolist():
        score = round(float((wide * targets[j]).sum()), 5)
        if score >= threshold:
            yield i, j, min(score, 1.0)
