"""Preference pairs: the rules on planted lengths, and for any attempts that every pair obeys its rule."""

from __future__ import annotations

from collections import Counter
from typing import Any

import polars as pl
import pytest
from export_rows import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from cotkit import records
from cotkit.curate.exporters.preference import Preference
from cotkit.curate.pairing import By, Candidate, broken_rule, pairs
from cotkit.records import Example, Message

RULES: list[By] = ["first", "long2short", "extremes"]


def made(by: By, *attempts: tuple[int, bool], ratio: float = 1.5) -> list[tuple[int, int, str]]:
    """Pairs of attempts (length, correct) as (number of the chosen, of the rejected, kind)."""
    candidates = [Candidate(n, length, correct) for n, (length, correct) in enumerate(attempts)]
    return [(p.chosen.number, p.rejected.number, p.kind) for p in pairs(candidates, by, ratio)]


def test_long2short_takes_the_shortest_correct_and_what_is_longer() -> None:
    attempts = ((100, True), (149, True), (150, True), (100, False), (101, False), (80, False), (300, True))
    assert made("long2short", *attempts) == [(0, 2, "longer"), (0, 4, "wrong"), (0, 6, "longer")]
    assert made("long2short", *attempts, ratio=1.4) == [
        *((0, 1, "longer"), (0, 2, "longer")),
        *((0, 4, "wrong"), (0, 6, "longer")),
    ]


def test_without_a_correct_one_or_with_one_length_there_is_no_pair() -> None:
    for by in RULES:
        assert made(by) == []
        assert made(by, (10, False), (20, False)) == []
        assert made(by, (10, True)) == []
    for by in ("long2short", "extremes"):
        assert made(by, (10, True), (10, True), (10, True)) == []  # type: ignore[arg-type]
    assert made("long2short", (10, True), (10, False)) == []


def test_ties_go_to_the_first() -> None:
    assert made("long2short", (20, False), (10, True), (10, True), (15, True)) == [(1, 0, "wrong"), (1, 3, "longer")]
    assert made("extremes", (10, True), (30, True), (10, True), (30, True)) == [(0, 1, "longer")]


@given(
    st.lists(st.tuples(st.integers(0, 12), st.booleans()), max_size=8),
    st.sampled_from(RULES),
    st.floats(1.01, 3),
)
def test_every_pair_obeys_every_rule_and_none_is_missed(attempts: list[tuple[int, bool]], by: By, ratio: float) -> None:
    found = made(by, *attempts, ratio=ratio)
    assert len(set(found)) == len(found)
    good = [length for length, correct in attempts if correct]
    for chosen, rejected, kind in found:
        assert attempts[chosen][1]
        assert attempts[rejected][1] == (kind == "longer")
        if by == "first":
            assert kind == "wrong"
        else:
            assert attempts[chosen][0] == min(good)
            assert attempts[rejected][0] > attempts[chosen][0]
        if by == "extremes":
            assert attempts[rejected][0] == max(good)
        if by == "long2short" and kind == "longer":
            assert attempts[rejected][0] >= ratio * attempts[chosen][0]
    if by == "long2short" and good:
        wrong = sum(not correct and length > min(good) for length, correct in attempts)
        longer = sum(correct and length > min(good) and length >= ratio * min(good) for length, correct in attempts)
        assert Counter(kind for _, _, kind in found) == Counter({"wrong": wrong, "longer": longer})


def table(*attempts: tuple[str, str, str | None], tokens: int | None = None) -> pl.DataFrame:
    """Examples of one problem: (verdict, response, reasoning)."""
    rows = [
        Example(
            *("p", [Message("user", "1+1?"), Message("assistant", response)], "1+1?", "2", reasoning, response),
            *(verdict, "exact", 0.5, len(attempts), "math", "sums", 0, None, None, "t", n, None, "raw"),
            reasoning_tokens=tokens,
            response_tokens=tokens,
        )
        for n, (verdict, response, reasoning) in enumerate(attempts)
    ]
    return records.frame(Example, rows)


def test_a_pair_says_its_lengths_its_unit_and_what_is_wrong() -> None:
    found = table(("correct", "2", "x" * 9), ("incorrect", "3", "x" * 14), ("correct", "2", "x" * 14))
    shape = Preference(by="long2short", pairs=2, columns=("verdict",))
    assert shape.refused(found) == {}
    wrong, longer = shape.export(found).rows(named=True)
    assert (wrong["chosen_length"], wrong["rejected_length"], wrong["length_unit"]) == (10, 15, "characters")
    assert (wrong["rejected_kind"], longer["rejected_kind"]) == ("wrong", "longer")
    assert [broken_rule(row, "long2short") for row in (wrong, longer)] == [None, None]
    assert "length is not" in str(broken_rule({**wrong, "rejected_length": 16}, "long2short"))
    assert shape.export(found).schema == shape.export(found.clear()).schema


def test_undecided_attempts_are_in_no_pair_whatever_their_length() -> None:
    found = table(("undecided", "2", "x"), ("correct", "2", "xx"), ("undecided", "2", "x" * 99))
    for by in RULES:
        assert {reason for reason, _ in Preference(by=by).refused(found).values()} == {"no_pair"}


def test_tokens_are_measured_where_they_are_asked_for_and_there() -> None:
    two = (("correct", "2", "x"), ("correct", "2", "x" * 50))
    shape = Preference(by="extremes", length="tokens")
    assert {reason for reason, _ in shape.refused(table(*two)).values()} == {"no_length"}
    assert {reason for reason, _ in shape.refused(table(*two, tokens=3)).values()} == {"no_pair"}


@settings(max_examples=20, deadline=None)
@given(examples(sides=True), st.sampled_from(RULES), st.integers(1, 3))
def test_what_is_published_obeys_its_rule_and_no_row_is_lost(found: pl.DataFrame, by: By, most: int) -> None:
    shape = Preference(by=by, pairs=most)
    refused = shape.refused(found)
    kept = found[[n for n in range(found.height) if n not in refused]]
    assert shape.refused(kept) == {}
    rows = shape.export(kept).rows(named=True)
    assert [why for row in rows if (why := broken_rule(row, by)) is not None] == []
    assert max(Counter(row["problem_id"] for row in rows).values(), default=0) <= most
    sides = {(row["problem_id"], row[f"{side}_sample"]) for row in rows for side in ("chosen", "rejected")}
    assert sides == set(kept.select("problem_id", "sample").rows())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"chosen_verdict": "undecided"}, "not correct"),
        ({"rejected_verdict": "undecided"}, "verdict is undecided"),
        ({"rejected_kind": "wrong"}, "called wrong"),
        ({"rejected_length": 14}, "less than 1.5 times"),
        ({"rejected_length": 10}, "not longer"),
        ({"chosen_length": None}, "length"),
        ({"length_unit": None}, "unit"),
    ],
)
def test_the_proof_finds_each_broken_rule(change: dict[str, Any], said: str) -> None:
    row = {"chosen_verdict": "correct", "rejected_verdict": "correct", "rejected_kind": "longer"}
    row |= {"chosen_length": 10, "rejected_length": 15, "length_unit": "tokens"}
    assert broken_rule(row, "long2short") is None
    assert said in str(broken_rule({**row, **change}, "long2short"))


def test_a_ratio_that_changes_nothing_is_refused() -> None:
    with pytest.raises(ValidationError, match="changes nothing"):
        Preference(by="extremes", ratio=2)
