"""A part of the exam (benchmarks/dedup_exam.py) as assertions: the policy without embeddings, and with them."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from cotkit.dedup.weights import find_weights
from cotkit.errors import InputError

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
import dedup_exam

COPIES = ("verbatim", "short template", "layout", "after 300 words", "few-shot", "truncated")
FAITHFUL = ["faithful:s1", "faithful:open-thoughts", "faithful:light-r1"]


def shares(rule: str, count: int, kinds: tuple[str, ...] = (), **keys: object) -> dict[str, float]:
    """Share of each kind that is flagged, for every n-th seen base problem."""
    bases = dedup_exam.load(False)
    some = bases[:: max(1, len(bases) // count)]
    pool = [case for case in dedup_exam.cases(some) if not kinds or case.kind in kinds]
    pool += [dedup_exam.Case("clean", r["id"], r["problem"], False) for r in dedup_exam.clean_rows()[:60]]
    found = dedup_exam.flagged(
        rule, pool, {"exam": pl.DataFrame({"problem": [r["problem"] for r in bases]})}, None, **keys
    )
    total, hit = Counter(c.kind for c in pool), Counter(pool[i].kind for i in found)
    return {kind: hit[kind] / total[kind] for kind in total}


def test_copies_are_found_without_embeddings_and_look_alikes_are_not() -> None:
    found = shares("strict", 40, (*COPIES, "latex to plain", "numbers changed", "same template"), embedding=None)
    assert min(found[kind] for kind in COPIES if kind != "truncated") >= 0.97, found
    assert min(found["truncated"], found["latex to plain"]) >= 0.85
    assert found["numbers changed"] <= 0.05
    assert found["same template"] <= 0.05
    assert found["clean"] == 0


def test_rewordings_and_translations_are_found_with_embeddings() -> None:
    try:
        find_weights()
    except InputError as error:
        pytest.skip(str(error))
    kinds = (
        "light paraphrase",
        "renamed variables",
        "distractor",
        "translated",
        "numbers changed (by hand)",
        "other question",
    )
    found = shares("strict", 40, kinds)
    assert found["light paraphrase"] >= 0.9, found
    assert found["renamed variables"] >= 0.9
    assert found["distractor"] >= 0.9
    assert found["translated"] >= 0.6
    assert found["numbers changed (by hand)"] <= 0.1
    assert found["other question"] <= 0.4
    assert found["clean"] == 0


def test_the_exam_is_as_large_as_it_says_and_a_third_of_the_new_look_alikes_is_unseen() -> None:
    new = [dedup_exam.alike_cases(False), dedup_exam.alike_cases(True)]
    own = [c for c in dedup_exam.cases(dedup_exam.load(None)) if not c.leak]
    assert len(own) + sum(map(len, new)) + len(dedup_exam.clean_rows()) >= 2000
    assert 0.3 <= len(new[1]) / sum(map(len, new)) <= 0.35
    texts = [c.text for c in (*own, *new[0], *new[1])]
    assert len(set(texts)) >= 0.99 * len(texts)
    bases = {row["id"]: row["problem"] for row in dedup_exam.load(None)}
    assert all(c.text != bases.get(c.base) for c in (*own, *new[0], *new[1]))


def test_words_that_change_a_condition_are_seen_without_embeddings() -> None:
    pool = [c for c in dedup_exam.alike_cases(False) if "condition" in c.kind or "clean" in c.kind]
    bases = pl.DataFrame({"problem": [row["problem"] for row in dedup_exam.load(None)]})
    found = Counter(pool[i].kind for i in dedup_exam.flagged("strict", pool, {"exam": bases}, None, embedding=None))
    total = Counter(c.kind for c in pool)
    assert found["other condition, 2nd set"] <= 0.2 * total["other condition, 2nd set"]
    assert found["clean, 2nd set"] == 0


@pytest.mark.parametrize("rule", FAITHFUL)
def test_published_rules_do_what_they_say(rule: str) -> None:
    found = shares(rule, 20, ("verbatim", "light paraphrase", "numbers changed"))
    assert found["verbatim"] >= 0.9
    assert found["light paraphrase"] < 0.7
    assert found["numbers changed"] > 0.5 if rule != "faithful:open-thoughts" else found["numbers changed"] > 0.1
