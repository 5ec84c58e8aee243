"""Candidate pairs by inner product of unit vectors, in FAISS, blocked so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cotkit.dedup.threads import spread

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_BLOCK = 1024
# Up to here all pairs are computed: a second or two.
_EXACT = 30_000
_PROBES = 4
_SAMPLE = 64  # rows per list that k-means learns from
_ROUNDS = 6
# bfloat16 keeps 8 bits: a product of unit vectors is off by less than this.
_ROUNDING = 0.012
_MOST = 2000
_HEAP = 4_000_000
# FAISS rounds otherwise than a plain dot product; candidates are scored again, so look a little lower.
_SLACK = 1e-4
# So many rows are compared with all others, to say which share of the pairs the lists have found.
_ASKED = 256


def self_pairs(vectors: Array, threshold: float, seed: int = 0) -> tuple[Array, Array, Array]:
    """All pairs i < j of rows with inner product >= `threshold`, in order of (i, j): rows i, rows j, scores.

    A range search, never the k nearest: in dense clusters of templates k = 10 finds half of the pairs. Only a row
    with more than _MOST others keeps its _MOST nearest. Up to _EXACT rows all products are computed; beyond,
    rows are put in lists around k-means centres and each row is compared with the lists nearest to it (as in
    FAISS' IVF, but as matrix products; recall above 0.995, see benchmarks/dedup.py). Products are in bfloat16 and
    what may reach the threshold is computed again in float64.

    Args:
        vectors: float32 (n, d), unit rows. Raises ValueError where a number is not finite.
    """
    import numpy as np
    import torch

    rows = _contiguous(vectors)
    if len(rows) < 2:
        none = np.zeros(0, dtype=np.int64)
        return none, none, np.zeros(0)
    small = torch.from_numpy(rows).to(torch.bfloat16)
    few = len(rows) <= _EXACT
    parts = _all_blocks(small, threshold) if few else _list_blocks(rows, small, threshold, seed)
    found = [np.unique(np.concatenate(some), axis=0) for some in _gathered(parts)]
    pairs = np.unique(np.concatenate(found), axis=0) if found else np.zeros((0, 2), dtype=np.int64)
    scores = _exact_scores(rows, pairs)
    good = scores >= threshold
    return _bounded(pairs[good], np.minimum(scores[good], 1.0), len(rows))


def is_exact(count: int) -> bool:
    """Whether self_pairs compares each of so many rows with all others."""
    return count <= _EXACT


def recall(vectors: Array, threshold: float, i: Array, j: Array, seed: int = 0) -> float | None:
    """Share of the pairs of some rows, found by comparing them with all rows, that are among the pairs (i, j).

    At most 256 rows; None where they have no pair. Takes the time of 256 x n products.
    """
    import numpy as np

    picked = np.sort(np.random.default_rng(seed).permutation(len(vectors))[:_ASKED])
    wanted: set[tuple[int, int]] = set()
    for start in range(0, len(vectors), 64 * _BLOCK):
        scores = vectors[picked] @ vectors[start : start + 64 * _BLOCK].T
        at, other = np.nonzero(scores >= threshold - _SLACK)
        near = np.sort(np.stack([picked[at], other + start], axis=1), axis=1)
        good = (near[:, 0] != near[:, 1]) & (_exact_scores(vectors, near) >= threshold)
        wanted.update(map(tuple, near[good].tolist()))
    mine = np.isin(i, picked) | np.isin(j, picked)
    found = set(zip(i[mine].tolist(), j[mine].tolist(), strict=True))
    return len(found & wanted) / len(wanted) if wanted else None


def _gathered(parts: Iterator[Array]) -> Iterator[list[Array]]:
    """Parts in heaps of some million pairs, so that what is found twice does not pile up."""
    heap: list[Array] = []
    size = 0
    for part in parts:
        heap.append(part)
        size += len(part)
        if size > _HEAP:
            yield heap
            heap, size = [], 0
    if heap:
        yield heap


def _all_blocks(small: Any, threshold: float) -> Iterator[Array]:
    import numpy as np

    numbers = np.arange(len(small))

    def block(start: int) -> Array:
        stop = min(start + _BLOCK, len(small))
        return _near(small[start:stop], numbers[start:stop], small[start:], numbers[start:], threshold)

    return spread(block, range(0, len(small), _BLOCK))


def _list_blocks(rows: Array, small: Any, threshold: float, seed: int) -> Iterator[Array]:
    """Each list's own rows against all rows that have it among their nearest lists."""
    import numpy as np
    import torch

    homes = _nearest_lists(rows, small, seed)
    flat = homes.reshape(-1)
    order = np.argsort(flat, kind="stable")
    bounds = np.searchsorted(flat[order], np.arange(flat.max() + 2))

    def block(number: int) -> Array:
        at = order[bounds[number] : bounds[number + 1]]
        guests, own = at // _PROBES, at[at % _PROBES == 0] // _PROBES
        if not len(own):
            return np.zeros((0, 2), dtype=np.int64)
        held = small[torch.from_numpy(own)]
        found = [
            _near(small[torch.from_numpy(some)], some, held, own, threshold)
            for start in range(0, len(guests), _BLOCK)
            if len(some := guests[start : start + _BLOCK])
        ]
        return np.concatenate(found)

    return spread(block, range(len(bounds) - 1))


def _nearest_lists(rows: Array, small: Any, seed: int) -> Array:
    """int (n, _PROBES): the lists nearest to each row, its own first."""
    import faiss
    import numpy as np
    import torch

    lists = max(16, int(len(rows) ** 0.5))
    picked = np.random.default_rng(seed).permutation(len(rows))[: _SAMPLE * lists]
    kmeans = faiss.Kmeans(rows.shape[1], lists, niter=_ROUNDS, seed=seed + 1, spherical=True, verbose=False)
    kmeans.cp.max_points_per_centroid = _SAMPLE
    kmeans.cp.min_points_per_centroid = 1
    kmeans.train(np.ascontiguousarray(rows[np.sort(picked)]))
    centres = torch.from_numpy(kmeans.centroids).to(torch.bfloat16)

    def block(start: int) -> Array:
        products = (small[start : start + _BLOCK] @ centres.T).float()
        found: Array = products.topk(_PROBES, dim=1).indices.numpy().astype(np.int32)
        return found

    return np.concatenate(list(spread(block, range(0, len(rows), _BLOCK))))


def _near(some: Any, some_numbers: Array, others: Any, other_numbers: Array, threshold: float) -> Array:
    """Pairs (smaller, larger number) whose bfloat16 product may reach the threshold."""
    import numpy as np

    limit = threshold - _ROUNDING
    products = some @ others.T
    with_any = (products.amax(dim=1) >= limit).nonzero().squeeze(1)
    at, other = (products[with_any] >= limit).nonzero(as_tuple=True)
    first = some_numbers[with_any[at].numpy()]
    second = other_numbers[other.numpy()]
    keep = first != second
    pairs: Array = np.stack([np.minimum(first, second)[keep], np.maximum(first, second)[keep]], axis=1)
    return np.unique(pairs.astype(np.int64), axis=0)


def _exact_scores(rows: Array, pairs: Array) -> Array:
    """Inner products in float64, rounded to five digits, so that a score does not depend on its block."""
    import numpy as np

    found = np.zeros(len(pairs))
    for start in range(0, len(pairs), 16 * _BLOCK):
        some = pairs[start : start + 16 * _BLOCK]
        found[start : start + len(some)] = np.einsum(
            "ij,ij->i", rows[some[:, 0]].astype(np.float64), rows[some[:, 1]].astype(np.float64)
        )
    return np.round(found, 5)


def _bounded(pairs: Array, scores: Array, count: int) -> tuple[Array, Array, Array]:
    """A row in more than _MOST pairs keeps those of highest score; a pair stays if one of its rows keeps it."""
    import numpy as np

    often = np.bincount(pairs.reshape(-1), minlength=count)
    if len(pairs) and often.max() > _MOST:
        order = np.argsort(-scores, kind="stable")
        both = pairs[order].reshape(-1)
        by_row = np.argsort(both, kind="stable")
        starts = np.cumsum(often) - often
        rank = np.empty(len(both), dtype=np.int64)
        rank[by_row] = np.arange(len(both)) - starts[both[by_row]]
        kept = np.sort(order[(rank.reshape(-1, 2) < _MOST).any(axis=1)])
        pairs, scores = pairs[kept], scores[kept]
    return pairs[:, 0], pairs[:, 1], scores


def nearest(vectors: Array, targets: Array, k: int, threshold: float) -> Iterator[tuple[int, int, float]]:
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


def _contiguous(vectors: Array) -> Array:
    import numpy as np

    rows = np.ascontiguousarray(vectors, dtype=np.float32)
    if not np.isfinite(rows.sum()):  # without an array of its size; unit rows do not overflow
        raise ValueError("embeddings hold numbers that are not finite")
    return rows


def _scored(row: Array, targets: Array, i: int, near: Array, threshold: float) -> Iterator[tuple[int, int, float]]:
    """Score pairs one by one in float64, so that a score does not depend on its block."""
    import numpy as np

    wide = row.astype(np.float64)
    for j in np.sort(near).tolist():
        score = round(float((wide * targets[j]).sum()), 5)
        if score >= threshold:
            yield i, j, min(score, 1.0)
