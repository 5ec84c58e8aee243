"""Pools of a million: what is held of a problem, what is told before, and that cutting the work changes nothing."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotkit import records
from cotkit.dedup import grams, memory
from cotkit.dedup.duplicates import dedup_table
from cotkit.dedup.facts import facts, forms
from cotkit.dedup.search import recall, self_pairs
from cotkit.dedup.step import Dedup
from cotkit.records import Problem

CHEAP = Dedup(embedding=None)


def pool(count: int) -> pl.DataFrame:
    texts = [
        f"Bo has {i} apples in {i % 7} crates of {i * 3} and sells a third. How many are left on day {i}?"
        for i in range(count)
    ]
    return records.frame(
        Problem, [Problem(records.problem_id(t), t, source="pool", source_row=i) for i, t in enumerate(texts)]
    )


def peak(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_problem_costs_little_memory() -> None:
    few, many = pool(300), pool(1_500)
    dedup_table(few, CHEAP)  # what is made once
    grown = peak(lambda: dedup_table(many, CHEAP)) - peak(lambda: dedup_table(few, CHEAP))
    assert grown / 1_200 < 4_000, "bytes a problem; with the facts of all there were 5,500"


def test_a_whole_problem_in_a_longer_one_is_found_where_nothing_else_is_compared() -> None:
    short = "Find the sum of all positive divisors of 360 that are even and not square."
    rows = [short, f"Here is what was asked on the second day. {short} Show every step of your work."]
    table = records.frame(Problem, [Problem(f"p{i}", t, source="s", source_row=i) for i, t in enumerate(rows)])
    out = dedup_table(table, Dedup(exact=False, renamed=False, contained=True, embedding=None))
    assert (out.kept.height, out.dropped["reason"].to_list()) == (1, ["near_duplicate"])


def test_texts_of_which_nothing_is_left_are_not_all_the_same() -> None:
    rows = ["<p></p>", "\u200b", "\ufeff", "<p></p>"]
    table = records.frame(Problem, [Problem(f"p{i}", t, source="s", source_row=i) for i, t in enumerate(rows)])
    assert dedup_table(table, CHEAP).kept["source_row"].to_list() == [0, 1, 2]


@given(st.integers(3, 40), st.randoms(use_true_random=False))
def test_texts_in_parts_give_what_they_give_at_once(chunk: int, dice: random.Random) -> None:
    words = ["alpha", "beta", "gamma", "delta", "sum", "12", "7"]
    texts = [" ".join(dice.choices(words, k=dice.randint(0, 12))) for _ in range(12)]
    tokens = grams.tokenize(texts)
    items = grams.tokenize([" ".join(dice.choices(words, k=dice.randint(1, 8))) for _ in range(4)])
    at_once = grams.sieve(items, tokens, 4, 0.5, 20), grams.contained(tokens, 3, 5), grams.whole_hashes(tokens)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grams, "_CHUNK", chunk)
        parts = grams.sieve(items, tokens, 4, 0.5, 20), grams.contained(tokens, 3, 5), grams.whole_hashes(tokens)
    assert parts[:2] == at_once[:2]
    assert np.array_equal(parts[2], at_once[2])


@pytest.mark.parametrize(
    "text", ["Let $x+y=3$. Find x.", "Then Ann and Bo met Cy. Who is Bo?", "", "[asy]draw(a);[/asy] y"]
)
def test_the_forms_of_a_text_are_those_of_its_facts(text: str) -> None:
    renamed, people = forms(text)
    assert renamed == facts(text).renamed
    assert (people == renamed) == (not facts(text).people & set(renamed.split()))


def test_recall_tells_which_share_of_the_pairs_was_found() -> None:
    dice = np.random.default_rng(1)
    rows = np.repeat(dice.normal(size=(100, 24)), 8, axis=0) + 0.05 * dice.normal(size=(800, 24))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    i, j, _ = self_pairs(rows, 0.9)
    assert recall(rows, 0.9, i, j) == 1.0
    kept = dice.random(len(i)) < 0.75
    assert recall(rows, 0.9, i[kept], j[kept]) == pytest.approx(0.75, abs=0.06)
    assert recall(np.eye(10, dtype=np.float32), 0.9, i[:0], j[:0]) is None


def test_memory_is_told_before_a_large_pool_is_compared() -> None:
    assert memory.told(10_000, 2_000_000, True) is None
    sentence = memory.told(1_000_000, 250_000_000, True)
    assert sentence is not None
    assert "1,000,000 problems are compared in about" in sentence
    more = memory.told(10**10, 10**12, False)
    assert more is not None
    assert more.startswith("warning: ")
