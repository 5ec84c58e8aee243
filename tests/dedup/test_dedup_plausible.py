"""Which benchmark items a judge is asked about."""

from __future__ import annotations

from collections.abc import Sequence

from cotkit.dedup.facts import answer_key, facts
from cotkit.dedup.plausible import Plausible

ITEMS = [
    ("A theatre has 20 rows. The first has 14 seats, each further row 2 more. How many seats are there?", "660"),
    ("What is the sum of all divisors of 96?", "252"),
    ("How many handshakes are there among 12 people?", "66"),
    ("In how many ways can 4 of 5 books be arranged?", "120"),
    ("Find the smallest number with 16 divisors.", "120"),
    ("Simplify $\\sqrt{18}$.", "3\\sqrt{2}"),
]
STORY = "Someone saves 14 coins in a week, and 2 more than the week before in each of the next 19. How many has she?"


def ranked(text: str, answer: str | None, items: Sequence[tuple[str, str | None]] = ITEMS) -> list[tuple[int, float]]:
    """With a cosine that says nothing."""
    index = Plausible([facts(t) for t, _ in items], [a for _, a in items])
    return index.find(facts(text), answer, range(len(items)), lambda _: 0.3)


def test_the_same_answer_and_the_same_numbers_make_an_item_plausible() -> None:
    (first, score), *others = ranked(STORY, "660")
    assert first == 0
    assert score > 0.6
    assert all(other < 0.5 for _, other in others)
    assert ranked(STORY, None)[0][0] == 0, "numbers alone"
    assert ranked("Words only.", "252")[0][0] == 1, "the answer alone"


def test_an_item_with_another_value_is_out_and_one_that_may_be_spelled_otherwise_is_not() -> None:
    assert [item for item, _ in ranked(STORY, "660")] == [0, 5]
    assert len(ranked(STORY, "3\\sqrt{2}")) == len(ITEMS)
    assert [item for item, _ in ranked(STORY, "12\\%")] == [0, 1, 2, 3, 4, 5], "12 % may be 0.12"


def test_a_rare_answer_says_more_than_a_common_one() -> None:
    rare, common = dict(ranked("Words only.", "252"))[1], dict(ranked("Words only.", "120"))[3]
    assert rare > common > 0.3


def test_a_missing_answer_stands_for_a_common_one() -> None:
    known = dict(ranked("Words only.", None))
    assert set(known.values()) == {known[0]}
    unknown = [(text, None) for text, _ in ITEMS]
    assert dict(ranked("Words only.", "660", unknown)) == known


def test_answers_of_one_value_have_one_key() -> None:
    assert answer_key("0.5") == answer_key("\\frac{1}{2}") != answer_key("50\\%")
    assert answer_key("$x = 3$") == answer_key("3 cm") != answer_key("(3, 4)")
    assert answer_key(" ") is answer_key(None) is None
