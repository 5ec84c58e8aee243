"""The self-dedup exam: planted variants found, and true problems lost, for cotkit and its rivals.

    COTKIT_DATA=… python benchmarks/dedup_pool.py [--cache DIR] [--rows 6000] [--rivals]

The pool: problems of MATH train (COTKIT_DATA) and the exam's base problems; 1,200 of them get a variant of each
kind that fits. A variant is found if it or its base is dropped. A base problem is lost if no row of it is left:
neither itself nor a variant. Natural copies among the bases (AIME problems inside MATH, say) are listed as lost only
if their own copy is not the same problem by its normal form.
Rivals (pip install datasketch semhash): MinHash LSH on word 3-grams at 0.7, semhash at 0.9, cosine 0.9 with components.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import time
from collections import Counter
from pathlib import Path
from typing import Any

import dedup_exam

SWAPS = {
    "find": "determine",
    "compute": "calculate",
    "how many": "what number of",
    "largest": "greatest",
    "smallest": "least",
}


def reordered(text: str, _: random.Random) -> str | None:
    """Two statements before the question change places."""
    parts = re.split(r"(?<=[.])\s+(?=[A-Z])", text)
    if len(parts) < 3:
        return None
    return " ".join([parts[1], parts[0], *parts[2:]])


def swapped(text: str, _: random.Random) -> str | None:
    for word, other in SWAPS.items():
        if re.search(rf"\b{word}\b", text, re.IGNORECASE):
            return re.sub(rf"\b{word}\b", other, text, count=1, flags=re.IGNORECASE)
    return None


KINDS: dict[str, dedup_exam.Maker] = {
    "exact": lambda t, _: t,
    "case and space": lambda t, _: f" {t} ".replace(" ", "  ") if "\\" in t else t.upper(),
    "layout": dedup_exam.layout,
    "latex to plain": lambda t, _: dedup_exam.plain(t),
    "people": dedup_exam.people,
    "variables": dedup_exam.variables,
    "word swapped": swapped,
    "reordered": reordered,
    "inside a prompt": dedup_exam.prompt,
}


def pool(count: int, planted: int) -> list[tuple[str, int, str]]:
    """(text, base, kind) in a fixed random order; kind "" is the base itself."""
    rng = random.Random(4)
    root = Path(os.environ["COTKIT_DATA"]) / "problems"
    texts = [r["problem"] for r in json.loads((root / "math_train.json").read_text())]
    texts = list(dict.fromkeys(rng.sample(texts, min(count, len(texts)))))
    texts += [r["problem"] for r in dedup_exam.load(False)]
    rows = [(text, base, "") for base, text in enumerate(texts)]
    for base in rng.sample(range(len(texts)), planted):
        for kind, make in KINDS.items():
            made = make(texts[base], rng)
            if made is not None and (made != texts[base] or kind == "exact"):
                rows.append((made, base, kind))
    rng.shuffle(rows)
    return rows


def scored(name: str, rows: list[tuple[str, int, str]], dropped: set[int], seconds: float) -> dict[str, Any]:
    left = {base for i, (_, base, _) in enumerate(rows) if i not in dropped}
    gone_bases = {base for i, (_, base, kind) in enumerate(rows) if i in dropped and not kind}
    total, found = Counter[str](), Counter[str]()
    for i, (_, base, kind) in enumerate(rows):
        if kind:
            total[kind] += 1
            found[kind] += i in dropped or base in gone_bases
    bases = {base for _, base, _ in rows}
    lost = bases - left
    print(
        f"{name}: {sum(found.values()) / sum(total.values()):.3f} found, {len(lost)} of {len(bases)} lost ({100 * len(lost) / len(bases):.2f} %), {seconds:.0f} CPU s"
    )
    print("   " + ", ".join(f"{kind} {100 * found[kind] / total[kind]:.0f}" for kind in KINDS if total[kind]))
    return {"lost": lost}


def cotkit(rows: list[tuple[str, int, str]], cache: Path | None) -> tuple[set[int], dict[int, dict[str, Any]]]:
    from cotkit import records
    from cotkit.dedup.duplicates import dedup_table
    from cotkit.dedup.step import Dedup
    from cotkit.records import Problem

    table = records.frame(
        Problem, [Problem(f"{i:016d}", t, source="pool", source_row=i) for i, (t, _, _) in enumerate(rows)]
    )
    out = dedup_table(table, Dedup(), None, cache)
    told = {r: json.loads(e) for r, e in zip(out.dropped["source_row"], out.dropped["evidence"], strict=True)}
    return set(told), told


def minhash(texts: list[str]) -> set[int]:
    from datasketch import MinHash, MinHashLSH

    lsh = MinHashLSH(threshold=0.7, num_perm=128)
    dropped = set()
    for i, text in enumerate(texts):
        words = text.lower().split()
        mark = MinHash(num_perm=128)
        mark.update_batch([" ".join(words[j : j + 3]).encode() for j in range(max(1, len(words) - 2))])
        if lsh.query(mark):
            dropped.add(i)
        else:
            lsh.insert(i, mark)
    return dropped


def components(texts: list[str], cache: Path | None) -> set[int]:
    from cotkit.dedup.cluster import Edge, clusters
    from cotkit.dedup.embed import load_encoder
    from cotkit.dedup.search import self_pairs

    vectors = load_encoder(None, cache).encode(texts)
    first = vectors.rows[[i for i in range(len(vectors.owner)) if not i or vectors.owner[i] != vectors.owner[i - 1]]]
    edges = [
        Edge(a, b, "embedding", s, "") for a, b, s in zip(*(p.tolist() for p in self_pairs(first, 0.9)), strict=True)
    ]
    return {i for i, label in enumerate(clusters(len(texts), edges, [])) if label != i}


def semhash_rule(texts: list[str], cache: Path | None) -> set[int]:
    """semhash's own search and rule, with MiniLM vectors in place of its static model (whose weights need the Hub)."""
    from semhash import SemHash

    from cotkit.dedup.embed import load_encoder

    encoder = load_encoder(None, cache)

    class Model:
        def encode(self, inputs: Any, **_: Any) -> Any:
            vectors = encoder.encode([str(text) for text in inputs])
            return vectors.rows[
                [i for i in range(len(vectors.owner)) if not i or vectors.owner[i] != vectors.owner[i - 1]]
            ]

    hashed = SemHash.from_records(
        records=[{"text": t, "n": str(i)} for i, t in enumerate(texts)], columns=["text"], model=Model()
    )
    kept = {int(record["n"]) for record in hashed.self_deduplicate(threshold=0.9).selected}
    return set(range(len(texts))) - kept


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--rows", type=int, default=6000)
    parser.add_argument("--planted", type=int, default=600)
    parser.add_argument("--rivals", action="store_true")
    parser.add_argument("--show", type=int, default=0)
    args = parser.parse_args()
    rows = pool(args.rows, args.planted)
    texts = [text for text, _, _ in rows]
    print(f"{len(rows)} rows")
    started = time.process_time()
    dropped, told = cotkit(rows, args.cache)
    result = scored("cotkit", rows, dropped, time.process_time() - started)
    for base in sorted(result["lost"])[: args.show]:
        at = next(i for i, (_, b, kind) in enumerate(rows) if b == base and not kind)
        print(
            "lost:",
            told[at]["method"],
            told[at]["score"],
            told[at]["confirm"],
            "\n  ",
            texts[at][:300].replace("\n", " "),
            "\n  ",
            told[at]["kept_problem"][:300].replace("\n", " "),
        )
    if args.rivals:
        for name, rule in (
            ("MinHash LSH word-3 0.7 (datasketch)", minhash),
            ("cosine 0.9 + components", lambda t: components(t, args.cache)),
            ("semhash 0.9 on MiniLM", lambda t: semhash_rule(t, args.cache)),
        ):
            started = time.process_time()
            found = rule(texts)
            scored(name, rows, found, time.process_time() - started)


if __name__ == "__main__":
    main()
