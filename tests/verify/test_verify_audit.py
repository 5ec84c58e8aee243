"""The audit: what is drawn, and whether what it says of all rows is true."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cotkit.verify.audit import Label, Labelled, Stratum, allocate, draw, score, wilson

EXACT, TYPED = Stratum("correct", "exact"), Stratum("correct", "typed")
WRONG, OPEN = Stratum("incorrect", "typed"), Stratum("undecided", "none")
STRATA = st.sampled_from([EXACT, TYPED, WRONG, OPEN, Stratum("correct", "symbolic")])


def labelled(counts: dict[Stratum, tuple[int, int, int]]) -> list[Labelled]:
    """Stratum -> (rows in all, labelled correct, labelled incorrect)."""
    return [
        Labelled(stratum, population, label)
        for stratum, (population, right, wrong) in counts.items()
        for label in ["correct"] * right + ["incorrect"] * wrong  # type: ignore[list-item]
    ]


@given(st.lists(STRATA, min_size=1, max_size=300), st.integers(5, 80), st.integers(0, 3))
def test_a_sample_covers_every_stratum_and_repeats_nothing(rows: list[Stratum], n: int, seed: int) -> None:
    drawn = draw(rows, n, seed)
    assert len(drawn) == min(n, len(rows))
    assert len({one.index for one in drawn}) == len(drawn)
    assert {one.stratum for one in drawn} == set(rows)
    sizes = Counter(rows)
    assert all(rows[one.index] == one.stratum and one.population == sizes[one.stratum] for one in drawn)
    assert drawn == draw(rows, n, seed)


def test_small_strata_are_sampled_more_densely() -> None:
    taken = allocate({EXACT: 10_000, WRONG: 100, OPEN: 2}, 60)
    assert sum(taken.values()) == 60
    assert taken[EXACT] > taken[WRONG] > taken[OPEN] >= 1
    assert taken[EXACT] / 10_000 < taken[WRONG] / 100 < taken[OPEN] / 2
    with pytest.raises(ValueError, match="2 rows cannot cover 3 strata"):
        allocate({EXACT: 5, WRONG: 5, OPEN: 5}, 2)


def test_another_seed_draws_other_rows() -> None:
    rows = [EXACT] * 500
    assert {one.index for one in draw(rows, 20, 0)} != {one.index for one in draw(rows, 20, 1)}


@pytest.mark.parametrize(
    ("share", "n", "low", "high"),
    # Values of statsmodels' proportion_confint(method="wilson").
    [(0.8, 10, 0.490162, 0.943318), (1.0, 20, 0.838875, 1.0), (0.0, 20, 0.0, 0.161125), (0.5, 100, 0.403832, 0.596168)],
)
def test_wilson(share: float, n: int, low: float, high: float) -> None:
    found = wilson(share, n)
    assert found.low == pytest.approx(low, abs=1e-6)
    assert found.high == pytest.approx(high, abs=1e-6)


def test_strata_are_weighted_back() -> None:
    found = score(
        labelled({EXACT: (900, 10, 0), TYPED: (100, 5, 5), WRONG: (400, 1, 9), OPEN: (200, 3, 1)})
    )  # correct rows: 900 + 50 of the accepted, 40 of the refused, 150 of the undecided
    assert found.precision.value == pytest.approx(950 / 1_000)
    assert found.recall.value == pytest.approx(950 / (950 + 40 + 150))
    assert found.accuracy.value == pytest.approx((950 + 360) / 1_400)
    assert found.undecided == pytest.approx(200 / 1_600)
    assert {s.stratum: s.right.value for s in found.strata} == {EXACT: 1.0, TYPED: 0.5, WRONG: 0.9, OPEN: None}
    for share in (found.precision, found.recall, found.accuracy):
        assert share.value is not None
        assert 0 < share.low < share.value < share.high <= 1


def test_one_stratum_is_plain_wilson() -> None:
    found = score(labelled({EXACT: (1_000, 8, 2)}))
    assert found.precision == wilson(0.8, 10)
    assert found.recall.value == 1.0


def test_rows_without_a_label_count_for_nothing_and_are_told() -> None:
    rows = labelled({EXACT: (10, 3, 1)})
    more: list[Label | None] = [None, "unsure"]
    found = score([*rows, *(Labelled(EXACT, 10, label) for label in more), Labelled(WRONG, 50, None)])
    assert found.open == 3
    assert found.precision == score(rows).precision
    assert found.accuracy.value == 0.75
    assert [s.labelled for s in found.strata] == [4, 0]


def test_nothing_correct_has_no_recall() -> None:
    found = score(labelled({WRONG: (10, 0, 5)}))
    assert found.precision.value is None
    assert found.recall.value is None
    assert found.accuracy.value == 1.0


@settings(max_examples=60)
@given(st.lists(st.tuples(STRATA, st.booleans()), min_size=1, max_size=80))
def test_a_whole_population_gives_the_true_shares(rows: list[tuple[Stratum, bool]]) -> None:
    sizes = Counter(stratum for stratum, _ in rows)
    found = score([Labelled(s, sizes[s], "correct" if truth else "incorrect") for s, truth in rows])
    accepted = [truth for stratum, truth in rows if stratum.verdict == "correct"]
    true = [stratum for stratum, truth in rows if truth]
    decided = [truth == (s.verdict == "correct") for s, truth in rows if s.verdict != "undecided"]
    for share, wanted in (
        (found.precision, accepted),
        (found.recall, [s.verdict == "correct" for s in true]),
        (found.accuracy, decided),
    ):
        if wanted:
            assert share.value == pytest.approx(sum(wanted) / len(wanted))
            assert -1e-9 <= share.low <= share.value + 1e-9
            assert share.value - 1e-9 <= share.high <= 1 + 1e-9
        else:
            assert share.value is None


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """800 audits of one population: 95 % of the intervals should hold the true share, and at least 93 % do."""
    rng = random.Random(7)
    shares = {EXACT: 0.995, TYPED: 0.9, WRONG: 0.05, OPEN: 0.4}
    sizes = {EXACT: 6_000, TYPED: 800, WRONG: 2_500, OPEN: 200}
    rows = [stratum for stratum, size in sizes.items() for _ in range(size)]
    truth = [rng.random() < shares[stratum] for stratum in rows]
    accepted = [t for s, t in zip(rows, truth, strict=True) if s.verdict == "correct"]
    precision = sum(accepted) / len(accepted)
    recall = sum(accepted) / sum(truth)
    decided = [t == (s.verdict == "correct") for s, t in zip(rows, truth, strict=True) if s != OPEN]
    accuracy = sum(decided) / len(decided)
    held = Counter[str]()
    for seed in range(800):
        drawn = draw(rows, 120, seed)
        found = score([Labelled(d.stratum, d.population, "correct" if truth[d.index] else "incorrect") for d in drawn])
        held["precision"] += found.precision.low <= precision <= found.precision.high
        held["recall"] += found.recall.low <= recall <= found.recall.high
        held["accuracy"] += found.accuracy.low <= accuracy <= found.accuracy.high
    assert min(held.values()) >= 0.93 * 800, held
