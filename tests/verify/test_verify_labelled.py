"""Our own error rates: the labelled pairs of tests/verify/labelled, scored."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from labelled import FOLDER, Labelled, Rates, interval, load, rates, with_cotkit

Scored = list[tuple[Labelled, str]]


@pytest.fixture(scope="module")
def scored() -> Scored:
    pairs = list(load())
    return [(item, verdict.value) for item, verdict in zip(pairs, with_cotkit(pairs), strict=True)]


def of(scored: Scored, *files: str) -> Rates:
    return rates([(item, verdict) for item, verdict in scored if not files or item.file in files])


def test_the_set_is_as_large_as_it_says() -> None:
    pairs = list(load())
    files = Counter(item.file for item in pairs)
    assert len(pairs) - files["hostile"] >= 1_500
    assert files["hostile"] >= 300
    assert sum(item.lang == "zh" for item in pairs) >= 250
    assert len({item.kind for item in pairs}) >= 25
    unseen = len(list(load("unseen")))
    assert unseen + len(list(load("seen"))) == len(pairs)
    assert 0.2 < unseen / len(pairs) < 0.45


def test_false_corrects_are_rarer_than_three_in_a_thousand(scored: Scored) -> None:
    found = of(scored)
    assert found.false_correct / found.n <= 0.003


def test_decided_pairs_are_right(scored: Scored) -> None:
    assert of(scored).accuracy >= 0.99
    for name in sorted({item.file for item, _ in scored}):
        assert of(scored, name).accuracy >= 0.985, name


def test_few_pairs_are_undecided(scored: Scored) -> None:
    found = of(scored)
    assert found.undecided / found.n <= 0.04
    plain = of(scored, "scalars", "structures", "responses")
    assert plain.undecided / plain.n <= 0.03


def test_responses_without_an_answer_are_not_graded_right(scored: Scored) -> None:
    found = of(scored)
    assert found.held >= 0.98 * found.undecidable


def test_rates_count_what_they_say() -> None:
    one = next(load())
    labelled = [
        Labelled("f", "k", "en", label, one.pair) for label in ("right", "right", "wrong", "wrong", "undecidable")
    ]
    found = rates(zip(labelled, ["correct", "incorrect", "correct", "undecided", "correct"], strict=True))
    assert (found.n, found.right, found.false_correct, found.false_incorrect, found.undecided) == (4, 1, 1, 1, 1)
    assert (found.undecidable, found.held) == (1, 0)
    assert found.accuracy == pytest.approx(1 / 3)


def test_the_interval_is_wilsons() -> None:
    low, high = interval(0, 100)
    assert (low, round(high, 4)) == (0.0, 0.037)
    assert interval(5, 0) == (0.0, 1.0)


def test_no_pair_stands_twice() -> None:
    seen = Counter((json.dumps(item.pair.reference), item.pair.candidate, item.pair.question) for item in load())
    assert [key for key, n in seen.items() if n > 1] == []
    assert sorted(path.stem for path in FOLDER.glob("*.jsonl")) == ["hostile", "responses", "scalars", "structures"]
