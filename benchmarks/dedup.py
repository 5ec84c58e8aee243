"""Speed of dedup against named rivals, ratios in one run (CPU seconds, all threads counted).

    COTKIT_DATA=… python benchmarks/dedup.py embed            embedding against SentenceTransformer.encode
    COTKIT_DATA=… python benchmarks/dedup.py cheap            the sieve, exact and containment
    COTKIT_DATA=… python benchmarks/dedup.py search 100000    self-dedup search against FAISS IVF (and flat, HNSW: small n)
    python benchmarks/dedup.py same 1000000                   a million identical texts

`search` makes vectors from real ones: mixed pairwise, jittered, 5 % planted near copies and a cluster of 500.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Timed = tuple[Any, float, float]


def timed(work: Callable[[], Any]) -> Timed:
    """Result, CPU seconds, wall seconds."""
    cpu, wall = time.process_time(), time.time()
    result = work()
    return result, time.process_time() - cpu, time.time() - wall


def texts() -> list[str]:
    folder = Path(os.environ["COTKIT_DATA"]) / "problems"
    return [
        r["problem"] for n in ("math_train", "aime_1983_2023") for r in json.loads((folder / f"{n}.json").read_text())
    ]


def embed(count: int = 1500) -> None:
    from sentence_transformers import SentenceTransformer

    from cotkit.dedup.embed import load_encoder
    from cotkit.dedup.weights import find_weights

    some = texts()[::5][:count]
    encoder, rival = load_encoder(), SentenceTransformer(str(find_weights()))
    encoder.encode(some[:64])
    rival.encode(some[:64])
    ours, cpu, wall = timed(lambda: encoder.encode(some))
    theirs, rival_cpu, rival_wall = timed(lambda: rival.encode(some, normalize_embeddings=True))
    first = ours.rows[np.flatnonzero(np.diff(ours.owner, prepend=-1))]
    print(
        f"{encoder.name}: {len(some) / cpu:.0f} problems per CPU s, {len(some) / wall:.0f} per s ({len(ours.rows)} windows)"
    )
    print(f"SentenceTransformer.encode: {len(some) / rival_cpu:.0f} per CPU s, {len(some) / rival_wall:.0f} per s")
    print(f"ratio {rival_cpu / cpu:.2f} by CPU, {rival_wall / wall:.2f} by the clock")
    print(f"ratio per window read {rival_cpu / cpu * len(ours.rows) / len(some):.2f} by CPU")
    half = len(some) // 2
    one, other = first[:half] @ first[half:].T, theirs[:half] @ theirs[half:].T
    print(f"largest change of a cosine {np.abs(one - other).max():.4f}")
    for limit in (0.75, 0.80, 0.85, 0.90):
        equal = (one.max(axis=1) >= limit) == (other.max(axis=1) >= limit)
        pairs = ((one >= limit) == (other >= limit)).mean()
        print(f"at {limit}: equal decisions on {100 * equal.mean():.2f} % of problems, {100 * pairs:.4f} % of pairs")


def cheap(copies: int = 12) -> None:
    from cotkit.dedup.grams import sieve, tokenize

    root = Path(os.environ["COTKIT_DATA"]) / "benchmarks" / "math500.json"
    pool = texts() * copies
    items = tokenize([r["problem"] for r in json.loads(root.read_text())])
    tokens, tokenizing, _ = timed(lambda: tokenize(pool))
    pairs, sieving, _ = timed(lambda: sieve(items, tokens, 5, 0.5, 20))
    print(
        f"{len(pool)} problems: tokens {len(pool) / tokenizing:,.0f}, exact and n-grams {len(pool) / sieving:,.0f} per CPU s"
    )
    print(
        f"together {len(pool) / (tokenizing + sieving):,.0f} problems per CPU s; {len({t for t, _ in pairs}) / len(pool):.3f} left for a closer look"
    )


def vectors(count: int) -> Any:
    from cotkit.dedup.embed import load_encoder

    real = (
        load_encoder(cache=Path(os.environ["COTKIT_CACHE"]) if "COTKIT_CACHE" in os.environ else None)
        .encode(texts())
        .rows
    )
    rng = np.random.default_rng(0)
    made = np.empty((count, 384), dtype=np.float32)
    for start in range(0, count, 50_000):
        size = min(50_000, count - start)
        a, b = rng.integers(0, len(real), (2, size))
        share = rng.uniform(0.3, 0.7, (size, 1)).astype(np.float32)
        some = real[a] * share + real[b] * (1 - share) + rng.normal(0, 0.02, (size, 384)).astype(np.float32)
        made[start : start + size] = some
    copies = rng.permutation(count)[: count // 10]
    made[copies[: count // 20]] = made[copies[count // 20 :][: count // 20]] + rng.normal(0, 0.015, (count // 20, 384))
    made[rng.permutation(count)[:500]] = made[0] + rng.normal(0, 0.008, (500, 384))
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    return made


def search(count: int, threshold: float = 0.9, sample: int = 2000) -> None:
    import faiss

    from cotkit.dedup.search import self_pairs

    made = vectors(count)
    asked = np.sort(np.random.default_rng(1).permutation(count)[:sample])
    (first, second, _), cpu, wall = timed(lambda: self_pairs(made, threshold))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    products = made[asked] @ made.T
    truth = {
        (min(a, b), max(a, b))
        for i, a in enumerate(asked.tolist())
        for b in np.flatnonzero(products[i] >= threshold + 1e-4).tolist()
        if a != b
    }
    del products

    def recall(pairs: set[tuple[int, int]]) -> float:
        return len(truth & pairs) / max(1, len(truth))

    ours = set(zip(first.tolist(), second.tolist(), strict=True))
    print(
        f"cotkit: {cpu:.1f} CPU s, {wall:.1f} s, {peak:.1f} GB, recall {recall(ours):.4f} of {len(truth)} pairs",
        flush=True,
    )

    def of_sample(index: Any) -> set[tuple[int, int]]:
        limits, _, found = index.range_search(made[asked], threshold)
        owner = np.repeat(asked, np.diff(limits).astype(np.int64))
        return {(min(a, b), max(a, b)) for a, b in zip(owner.tolist(), found.tolist(), strict=True) if a != b}

    def rival(name: str, build: Callable[[], Any], scale: float) -> None:
        index, building, _ = timed(build)
        pairs, searching, _ = timed(lambda: of_sample(index))
        total = building + searching * scale
        print(
            f"{name}: {total:.1f} CPU s ({building:.1f} to build, search scaled from {sample} rows), recall {recall(pairs):.4f}; cotkit takes {total / cpu:.1f} times less",
            flush=True,
        )

    def ivf() -> Any:
        index: Any = faiss.index_factory(384, f"IVF{max(16, int(count**0.5))},Flat", faiss.METRIC_INNER_PRODUCT)
        index.train(made[:: max(1, count // 65_000)])
        index.add(made)
        index.nprobe = 4
        return index

    def flat() -> Any:
        index = faiss.IndexFlatIP(384)
        index.add(made)
        return index

    rival("FAISS IVF, 4 probes", ivf, count / sample)
    if count <= 100_000:
        rival("FAISS flat", flat, count / sample)


def same(count: int) -> None:
    import polars as pl

    from cotkit.dedup.duplicates import dedup_table
    from cotkit.dedup.step import Dedup

    table = pl.DataFrame(
        {"problem": ["What is 2+2, and why is it that?"] * count, "source_row": range(count)}
    ).with_columns(
        pl.lit("s").alias("source"), pl.lit("").alias("problem_id"), pl.lit(None, dtype=pl.String).alias("answer")
    )
    out, cpu, _ = timed(lambda: dedup_table(table, Dedup()))
    print(f"{count} identical texts: {out.kept.height} kept, {cpu:.1f} CPU s")


if __name__ == "__main__":
    what, *numbers = sys.argv[1:] or ["embed"]
    chosen: Callable[..., None] = {"embed": embed, "cheap": cheap, "search": search, "same": same}[what]  # type: ignore[assignment]
    chosen(*map(int, numbers))
