"""`dedup.policy`: each published rule alone, first row kept, the order of the table without effect."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from cotkit import records
from cotkit.dedup.step import Dedup
from cotkit.errors import RecipeError
from cotkit.recipe.load import load
from cotkit.records import Problem
from cotkit.steps import StepContext, StepOutput

LONG = "A farmer has twelve sheep and buys three more sheep each week"
TALE = "In how many ways can the letters of the word MISSISSIPPI be arranged"
Row = tuple[str, int, str] | tuple[str, int, str, str]


def table(rows: Sequence[Row]) -> pl.DataFrame:
    """(source, row number, text[, domain])"""
    made = [
        Problem(records.problem_id(text), text, source=source, source_row=number, domain=(*domain, "math")[0])
        for source, number, text, *domain in rows
    ]
    return records.frame(Problem, made)


def run(rows: Sequence[Row], folder: Path, sources: Sequence[str] = (), **keys: object) -> StepOutput:
    """The step in a recipe that pulls `sources` in this order."""
    pull = {"step": "pull", "sources": [{"name": name} for name in sources]}
    step = Dedup.model_validate({"step": "dedup", **keys})
    return step.run({Problem: table(rows)}, StepContext(0, folder, folder, recipe={"steps": [pull]}))


def kept(out: StepOutput) -> set[tuple[str, int]]:
    return set(zip(out.kept["source"], out.kept["source_row"], strict=True))


def told(out: StepOutput) -> dict[tuple[str, int], dict[str, object]]:
    rows = out.dropped.iter_rows(named=True)
    return {(r["source"], r["source_row"]): {"reason": r["reason"], **json.loads(r["evidence"])} for r in rows}


def test_s1_compares_with_kept_rows_of_earlier_sources_alone(tmp_path: Path) -> None:
    rows: list[Row] = [
        ("a", 0, f"{LONG}. How many after week four?"),
        ("a", 1, f"{LONG}. How many after week nine?"),  # 8 words shared, but inside one source
        ("a", 2, f"{LONG}. How many after week four?"),  # equal text
        ("b", 0, f"{LONG.upper()}. When has he thirty?  {TALE}"),
        ("c", 0, f"{TALE}?"),  # shares 8 words with a dropped row only
    ]
    out = run(rows, tmp_path, "abc", policy="faithful:s1")
    assert kept(out) == {("a", 0), ("a", 1), ("c", 0)}
    found = told(out)
    assert found["a", 2]["reason"] == "exact_duplicate"
    near = found["b", 0]
    assert (near["reason"], near["kept_source"], near["kept_row"]) == ("near_duplicate", "a", 0)
    assert (near["method"], near["rule"], near["score"]) == ("published", "faithful:s1", 1.0)
    assert near["kept_problem"] == rows[0][2]


def test_the_first_source_stays(tmp_path: Path) -> None:
    rows: list[Row] = [("b", 0, TALE), ("a", 0, TALE)]
    keys = {"policy": "faithful:s1"}
    assert kept(run(rows, tmp_path, "ba", **keys)) == {("b", 0)}
    assert kept(run(rows, tmp_path, "ab", **keys)) == {("a", 0)}
    assert kept(run(rows, tmp_path, "ab", source_order=["b"], **keys)) == {("b", 0)}


def test_rows_of_other_sources_than_those_compared_stay(tmp_path: Path) -> None:
    rows: list[Row] = [("a", 0, f"{TALE}?"), ("b", 0, f"Tell: {TALE}?"), ("c", 0, f"Say: {TALE}?"), ("c", 1, TALE)]
    out = run(rows, tmp_path, "abc", policy="faithful:s1", compared=["c"])
    assert kept(out) == {("a", 0), ("b", 0)}


def test_open_thoughts_compares_inside_a_domain_and_chains(tmp_path: Path) -> None:
    text = "abcdefghij" * 6  # two letters more: ratio 98; four: 96.8; six: 95.2; eight: 93.8
    rows: list[Row] = [
        ("a", 0, text, "math"),
        ("a", 1, text + "WXYZUV", "math"),
        ("a", 2, text + "WXYZUVRSTQ", "math"),  # near the second, which is dropped for the first
        ("a", 3, text, "code"),
        ("a", 4, "WXYZUVRS" + text, "math"),
    ]
    out = run(rows, tmp_path, "a", policy="faithful:open-thoughts")
    assert kept(out) == {("a", 0), ("a", 3), ("a", 4)}
    found = told(out)
    assert found["a", 1]["score"] == pytest.approx(120 / 126, abs=1e-4)
    assert "via_row" not in found["a", 1]
    assert (found["a", 2]["via_row"], found["a", 2]["kept_row"]) == (1, 0)


@settings(max_examples=60, deadline=None)
@given(drawn=st.data())
def test_open_thoughts_finds_what_comparing_all_pairs_finds(drawn: st.DataObject) -> None:
    from rapidfuzz import fuzz

    base = drawn.draw(st.text(alphabet="abcdé1 ", min_size=15, max_size=60))
    edits = st.lists(st.tuples(st.integers(0, 60), st.sampled_from(["", "x", "ab"])), max_size=5)
    texts = [base]
    for changes in drawn.draw(st.lists(edits, min_size=1, max_size=8)):
        text = drawn.draw(st.sampled_from(texts))
        for place, new in changes:
            text = text[:place] + new + text[place + 1 :]
        texts.append(text or "-")
    rows: list[Row] = [("a", number, text) for number, text in enumerate(texts)]
    out = run(rows, Path("unused"), "a", policy="faithful:open-thoughts")
    wanted = {("a", j) for j, text in enumerate(texts) if not any(fuzz.ratio(text, other) >= 95 for other in texts[:j])}
    assert kept(out) == wanted


def test_openthoughts3_is_exact_and_leaves_code_alone(tmp_path: Path) -> None:
    rows: list[Row] = [
        ("a", 0, TALE, "math"),
        ("b", 0, TALE, "math"),
        ("b", 1, f"{TALE}?", "math"),
        ("b", 2, TALE, "science"),
        ("c", 0, TALE, "code"),
        ("c", 1, TALE, "code"),
    ]
    out = run(rows, tmp_path, "abc", policy="faithful:openthoughts3")
    assert kept(out) == {("a", 0), ("b", 1), ("b", 2), ("c", 0), ("c", 1)}


SQUARE = "Find the area of a square whose side has length 5."
NEAR: list[Row] = [
    ("a", 0, SQUARE),
    ("a", 1, "Find the area of a square whose sides have length 5."),  # near, but of the same source
    ("b", 0, "Find the length of a square whose side has area 5."),
    ("b", 1, "How many primes are there below one hundred?"),
    ("c", 0, "Find the area of a square whose diagonal has length 5."),  # cosine 0.905, and another problem
]


def test_deepscaler_by_cosine_with_earlier_sources(tmp_path: Path) -> None:
    low = run(NEAR, tmp_path, "abc", policy="faithful:deepscaler-0.90")
    high = run(NEAR, tmp_path, "abc", policy="faithful:deepscaler-0.93")
    assert {("a", 0), ("a", 1), ("b", 1)} <= kept(low) <= kept(high)
    assert kept(high) - kept(low) == {("c", 0)}
    found = told(low)["c", 0]
    assert 0.90 <= float(str(found["score"])) < 0.93
    assert found["kept_source"] == "a"
    back = run(NEAR[::-1], tmp_path, "abc", policy="faithful:deepscaler-0.90")
    assert told(back) == told(low)


def test_big_math_reads_problem_and_answer_together(tmp_path: Path) -> None:
    rows: list[Row] = [("a", 0, SQUARE), ("b", 0, SQUARE + " "), ("b", 1, "How many primes are below one hundred?")]
    out = run(rows, tmp_path, "ab", policy="faithful:big-math")
    assert kept(out) == {("a", 0), ("b", 1)}
    one = table(rows[:2]).with_columns(answer=pl.Series(["25", "twenty-seven apples and a pear"]))
    step = Dedup.model_validate({"step": "dedup", "policy": "faithful:big-math"})
    assert step.run({Problem: one}, StepContext(0, tmp_path, tmp_path)).kept.height == 2


POOL: list[Row] = [
    ("b", 0, f"{LONG}. How many?"),
    ("b", 1, TALE),
    ("b", 2, TALE),
    ("b", 3, f"{TALE}."),
    ("a", 0, f"{TALE}?"),
    ("a", 1, f"{LONG}. Why?"),
    ("a", 2, f"{LONG}. Why??"),
    ("c", 0, f"{LONG}. How many?"),
    ("c", 1, f"{TALE}?", "code"),
    ("c", 2, f"{TALE}?", "code"),
]


@settings(max_examples=25, deadline=None)
@given(st.permutations(POOL), st.sampled_from(["s1", "open-thoughts", "openthoughts3"]))
def test_shuffling_the_table_changes_nothing(rows: list[Row], rule: str) -> None:
    folder = Path("unused")
    keys = {"policy": f"faithful:{rule}", "source_order": ["c"]}
    first, second = run(POOL, folder, "ba", **keys), run(rows, folder, "ba", **keys)
    assert told(first) == told(second)
    assert kept(first) == kept(second)
    assert first.kept.height + first.dropped.height == len(POOL)
    assert first.dropped.height > 0


@pytest.mark.parametrize(
    ("keys", "word"),
    [
        ({"policy": "faithful:s1", "prefer": ["longest"]}, "prefer"),
        ({"policy": "faithful:open-thoughts", "embedding": None}, "embedding"),
        ({"policy": "faithful:s1", "exact": False}, "exact"),
        ({"policy": "faithful:open-thoughts", "compared": ["mine"]}, "compared"),
        ({"compared": ["mine"]}, "compared"),
        ({"policy": "faithful:s1", "compared": ["min"]}, "'min'"),
        ({"policy": "faithful:s1", "source_order": ["min"]}, "'min'"),
    ],
)
def test_a_key_that_the_rule_does_not_read_is_refused(tmp_path: Path, keys: dict[str, object], word: str) -> None:
    path = tmp_path / "r.yaml"
    sources = [{"kind": "file", "name": "mine", "path": "problems.jsonl"}]
    steps = [{"step": "pull", "sources": sources}, {"step": "dedup", **keys}]
    path.write_text(json.dumps({"name": "r", "steps": steps}))
    with pytest.raises(RecipeError, match=word):
        load(str(path))


def test_there_is_no_such_rule() -> None:
    with pytest.raises(ValidationError, match="faithful:open-thoughts"):
        Dedup.model_validate({"step": "dedup", "policy": "faithful:light-r1"})
