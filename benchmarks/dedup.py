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
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cotkit.dedup.int8 import missing_extra

if TYPE_CHECKING:
    from cotkit.dedup.embed import Encoder

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


def embed(count: int = 9000, rounds: int = 4) -> None:
    """Each way on the same texts, in turns; then the decisions that the cosines lead to."""
    from sentence_transformers import SentenceTransformer

    from cotkit.dedup.embed import load_encoder
    from cotkit.dedup.weights import find_weights

    pool = texts()
    some = pool[:: max(1, len(pool) // count)][:count]
    auto, rival = load_encoder(), SentenceTransformer(str(find_weights()))
    encoders = {"auto": auto} | ({"int8": load_encoder(precision="int8")} if missing_extra() is None else {})
    ways: dict[str, tuple[Callable[[Sequence[str]], Any], Callable[[str], str]]] = {
        "SentenceTransformer.encode": (lambda part: rival.encode(part, normalize_embeddings=True), str)
    }
    for name, encoder in encoders.items():
        ways |= {
            f"{name}, first 256 tokens": (encoder.encode, clipper(encoder.tokenizer)),
            f"{name}, the whole text in windows": (encoder.encode, str),
        }
    spent = dict.fromkeys(ways, np.zeros(2))
    made: dict[str, list[Any]] = {name: [] for name in ways}
    for start in range(rounds):
        for name, (encode, cut) in ways.items():
            part = [cut(text) for text in some[start::rounds]]
            if start == 0:
                encode(part[:64])
            out, cpu, wall = timed(lambda encode=encode, part=part: encode(part))  # type: ignore[misc]
            made[name].append(out)
            spent[name] = spent[name] + (cpu, wall)
    print(f"{len(some)} problems")
    theirs = spent["SentenceTransformer.encode"]
    for name in ways:
        per_cpu, per_s = len(some) / spent[name]
        by_cpu, by_wall = theirs / spent[name]
        print(
            f"{name}: {per_cpu:.0f} per CPU s, {per_s:.0f} per s; x {by_cpu:.2f} by CPU, x {by_wall:.2f} by the clock"
        )
    items = [item for name in BENCHMARKS for item in benchmark(name)]
    reference = np.concatenate(made["SentenceTransformer.encode"]) @ rival.encode(items, normalize_embeddings=True).T
    some = [text for start in range(rounds) for text in some[start::rounds]]
    for name, encoder in encoders.items():
        decisions(name, encoder, some, items, reference, made, (spent, theirs))


def decisions(
    name: str,
    encoder: Encoder,
    some: Sequence[str],
    items: Sequence[str],
    reference: Any,
    made: dict[str, list[Any]],
    costs: tuple[dict[str, Any], Any],
) -> None:
    """What the first 256 tokens decide against benchmark items, and what it costs to settle what is near a limit."""
    cut = clipper(encoder.tokenizer)
    targets = encoder.precise.encode([cut(item) for item in items]).rows
    way = f"{name}, first 256 tokens"
    ours = np.concatenate([part.rows for part in made[way]]) @ targets.T
    change = np.abs(ours - reference)
    print(
        f"{name}: {ours.size:,} pairs with {len(items)} items, largest change of a cosine {change.max():.4f} ", end=""
    )
    print(f"({change[reference > 0.6].max():.4f} above 0.6)")
    for limit in (0.75, 0.80, 0.85, 0.90):
        near = np.flatnonzero((np.abs(ours - limit) < encoder.band).any(axis=1)).tolist()
        asked = [cut(some[row]) for row in near]
        again, *cost = timed(lambda asked=asked: encoder.precise.encode(asked))  # type: ignore[misc]
        settled = ours.copy()
        settled[near] = again.rows @ targets.T
        equal = ((settled >= limit).any(axis=1) == (reference >= limit).any(axis=1)).mean()
        pairs = ((settled >= limit) == (reference >= limit)).mean()
        whole = f"{name}, the whole text in windows"
        by = [costs[1] / (costs[0][one] + cost) for one in (way, whole)]
        print(f"{name} at {limit}: {len(near)} settled ({100 * len(near) / len(some):.1f} %); ", end="")
        print(f"equal decisions on {100 * equal:.3f} % of problems, {100 * pairs:.5f} % of pairs; ", end="")
        print(f"all included x {by[0][0]:.2f} by CPU, x {by[0][1]:.2f} by the clock; ", end="")
        print(f"whole texts x {by[1][0]:.2f}, x {by[1][1]:.2f}")


BENCHMARKS = ("math500.json", "aime24.json", "aime25.jsonl", "amc.json", "minerva.json", "olympiad_bench.json")


def benchmark(name: str) -> list[str]:
    raw = (Path(os.environ["COTKIT_DATA"]) / "benchmarks" / name).read_text()
    rows = json.loads(raw) if name.endswith(".json") else [json.loads(line) for line in raw.splitlines()]
    return [row.get("problem") or row["question"] for row in rows]


def clipper(tokenizer: Any) -> Callable[[str], str]:
    """Cuts a text where the model stops reading by default."""

    def cut(text: str) -> str:
        spans = tokenizer.encode(text, add_special_tokens=False).offsets
        return text[: spans[253][1]] if len(spans) > 254 else text

    return cut


def cheap(copies: int = 12) -> None:
    """The sieve alone, and all of exact and containment: the sieve and the closer look at what it lets through."""
    from cotkit.dedup.grams import sieve, tokenize
    from cotkit.dedup.methods import Text, strict_hits
    from cotkit.dedup.plain import plain_texts
    from cotkit.dedup.step import Decontaminate
    from cotkit.steps import NoProgress

    pool, items = texts() * copies, benchmark("math500.json")
    items = plain_texts(items)
    own = tokenize(items)
    plain, reading, _ = timed(lambda: plain_texts(pool))
    tokens, tokenizing, _ = timed(lambda: tokenize(plain))
    pairs, sieving, _ = timed(lambda: sieve(own, tokens, 5, 0.5, 20))
    print(f"{len(pool)} problems: plain texts {len(pool) / reading:,.0f}, ", end="")
    print(f"tokens {len(pool) / tokenizing:,.0f}, n-grams {len(pool) / sieving:,.0f} per CPU s")
    left = len({text for text, _ in pairs}) / len(pool)
    print(
        f"sieve: {len(pool) / (reading + tokenizing + sieving):,.0f} problems per CPU s; {left:.3f} left for a closer look"
    )
    keys = {"benchmarks": ["math500"], "embedding": None, "renamed": False}
    config, known = Decontaminate.model_validate(keys), [Text(item, None) for item in items]
    several = [Text(text, None) for text in plain]
    _, spent, _ = timed(lambda: strict_hits(several, known, config, NoProgress(), None))
    print(f"exact and containment with the closer look: {len(pool) / (reading + spent):,.0f} problems per CPU s")


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
