"""The closer look: the same problem reworded, or the same template with something changed."""

from __future__ import annotations

from collections import Counter

import pytest

from cotkit.dedup.confirm import confirm_duplicate, confirm_leak
from cotkit.dedup.facts import answer_value, facts, numbers, same_answer, variable_form


def test_numbers_are_a_multiset_of_digits_and_small_words() -> None:
    assert numbers("Three of the 12 boys, and 3 girls, weigh 2.50 kg") == Counter({"3": 2, "12": 1, "2.5": 1})
    assert numbers("Compute $\\arcsin(-1)$ and 5-3") == Counter({"-1": 1, "5": 1, "3": 1})
    assert numbers("five hundred and one thousand") == Counter({"500": 1, "1000": 1})
    assert numbers("draw it [asy] draw((0,0)--(7,9)); [/asy]") == Counter()


SAME = [
    (
        "Three boys share 12 apples. How many does each get?",
        "12 apples are shared by 3 boys. How many does each get?",
        "same_problem",
    ),
    ("Find the smallest $x$ with $x^2 > 50$.", "What is the least $x$ such that $x^2 > 50$?", "same_problem"),
    ("Solve $x^2 - 5x + 6 = 0$ for $x$.", "Solve $t^2 - 5t + 6 = 0$ for $t$.", "renamed"),
    (
        "How many of these 60 numbers have exactly 3 divisors?",
        "How many of these 60 numbers have 3 divisors?",
        "same_problem",
    ),
    (
        "Find the median if it is a natural number that is not in the list of 9 items.",
        "Find the median if it is a positive integer that is not in the list of 9 items.",
        "same_problem",
    ),
    (
        "She walks $s+0.5$ km each hour for one hour.",
        "She walks $s+\\frac{1}{2}$ km each hour for $1$ hour.",
        "same_problem",
    ),
    ("In triangle $ABC$, $AB = 5$ and $BC = 7$.", "In triangle $PQR$, $PQ = 5$ and $QR = 7$.", "renamed"),
]
OTHER = [
    ("She walks $s+0.25$ km each hour.", "She walks $s+\\frac{1}{2}$ km each hour.", "other_numbers"),
    (
        "An octagon has four sides of length $2$ and four of length $\\frac{\\sqrt{3}}{3}$. determine its area.",
        "What is the area of an octagon if four sides have length $1$ and four have length $\\frac{\\sqrt{2}}{2}$?",
        "other_numbers",
    ),
    (
        "The square of one number is $4$ and the other is $3$. Add them.",
        "What is the sum, if one number is $3$ and the square of the other is $2$?",
        "other_numbers",
    ),
    ("Compute $\\arcsin 1$.", "Compute $\\arcsin(-1)$.", "other_numbers"),
    ("Find the sum of the first 10 primes.", "Find the sum of the first 12 primes.", "other_numbers"),
    ("How many three-digit numbers are even?", "How many four-digit numbers are even?", "other_numbers"),
    ("Find $\\sin 60^\\circ$.", "Find $\\cos 60^\\circ$.", "other_question"),
    ("Solve $x + 1 = 5$.", "Solve $x - 1 = 5$.", "other_question"),
    ("Find the least prime factor of 91.", "Find the greatest prime factor of 91.", "other_question"),
    ("Find the center of $9x^2 + 9y^2 = 4$.", "Find the radius of $9x^2 + 9y^2 = 4$.", "other_question"),
    ("Find the $x$-intercept of $3x+5y=20$, please.", "Find the $y$-intercept of $3x+5y=20$.", "other_question"),
    ("If $x+y=12$ and $x-y=6$, find $x$.", "If $x+y=12$ and $x-y=6$, find $y$.", "other_question"),
    ("If $x+y=12$ and $x-y=6$, find $x$.", "If $x+y=6$ and $x-y=12$, find $x$.", "other_numbers"),
    ("Had 3 clips, doubled daily, over 100.", "Had 3 clips, tripled daily, over 100.", "other_question"),
    ("Convert $AB_{16}$ to base 10.", "Convert $CD_{16}$ to base 10.", "other_question"),
    (
        "How many of the numbers 1 to 60 are divisible by 7?",
        "How many of the numbers 1 to 60 are not divisible by 7?",
        "other_question",
    ),
    (
        "Find the chance that a roll of two dice gives a sum of 9.",
        "Find the chance that a roll of two dice gives a sum of at least 9.",
        "other_question",
    ),
    (
        "In how many ways can 4 books be put on 9 shelves?",
        "In how many ways can 4 distinct books be put on 9 shelves?",
        "other_question",
    ),
    (
        "How many divisors of 720 are there below 100?",
        "How many odd divisors of 720 are there below 100?",
        "other_question",
    ),
    ("See [asy] draw((0,0)--(1,2)); [/asy] Find x.", "See [asy] draw((0,0)--(3,4)); [/asy] Find x.", "other_question"),
]


@pytest.mark.parametrize(("one", "other", "kind"), SAME)
def test_rewordings_are_the_same_problem(one: str, other: str, kind: str) -> None:
    assert confirm_duplicate(facts(one), facts(other))(1.0).kind == kind
    assert confirm_leak(facts(one), facts(other))(0.9).kind == kind


@pytest.mark.parametrize(("one", "other", "kind"), OTHER)
def test_templates_with_something_changed_are_not(one: str, other: str, kind: str) -> None:
    found = confirm_duplicate(facts(one), facts(other))(1.0)
    assert found.kind == kind
    assert not found.same
    assert found.detail
    assert confirm_duplicate(facts(other), facts(one))(1.0).kind == kind


def test_a_remark_with_words_like_not_and_even_is_no_condition() -> None:
    item = facts("A box holds 14 red and 9 blue balls. How many balls must be drawn to be sure of 3 red ones?")
    remark = (
        "A box holds 14 red and 9 blue balls. The box is not heavy, even though it is large. "
        "How many balls must be drawn to be sure of 3 red ones?"
    )
    assert confirm_leak(facts(remark), item)(0.9).same
    assert confirm_leak(facts("Do not guess. " + remark), item)(0.9).same


def test_a_condition_that_only_moved_is_the_same() -> None:
    item = facts("Find the sum of all even positive divisors of $500$.")
    moved = facts("Compute the sum of those positive divisors of $500$ that are even.")
    assert confirm_leak(moved, item)(0.95).same


def test_clearly_different_answers_make_two_problems_and_equal_ones_allow_more_numbers() -> None:
    one, other = facts("A farmer has 12 cows."), facts("A farmer has 12 cows. It is the year 1990.")
    assert confirm_duplicate(one, other)(1.0).kind == "other_numbers"
    assert confirm_duplicate(one, other, ("7", "7"))(1.0).kind == "same_problem"
    assert confirm_duplicate(one, one, ("7", "8"))(1.0).kind == "answers_differ"


def test_a_leak_may_say_more_but_not_something_else() -> None:
    item = facts("A farmer has 12 cows and 30 sheep. How many legs are there?")
    assert confirm_leak(facts("On a farm of 7 fields are 12 cows and 30 sheep. Count the legs."), item)(0.85).same
    assert confirm_leak(facts("A farmer has 12 cows and 31 sheep. How many legs?"), item)(0.0).kind == "other_numbers"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("\\frac{1}{2}", "0.5", True),
        ("$x = 3$", "3", True),
        ("12", "13", False),
        ("(0, 4)", "(\\frac{20}{3}, 0)", False),
        ("3\\sqrt{2}", "\\sqrt{18}", None),
        ("50\\%", "0.5", None),
        ("12 cm", "12", True),
        (None, "3", None),
    ],
)
def test_answers_differ_only_where_that_is_clear(one: str | None, other: str, same: bool | None) -> None:
    assert same_answer(one, other) is same


def test_absurd_answers_are_no_values() -> None:
    assert answer_value("9" * 5000) is None
    assert answer_value("1/0") is None
    assert answer_value("") is None


def test_renaming_keeps_structure_and_leaves_words_alone() -> None:
    assert variable_form("Find $xy$ if $x + y = 3$") == variable_form("Find $ab$ if $a + b = 3$")
    assert variable_form("Find $xy$ if $x + x = 3$") != variable_form("Find $ab$ if $a + b = 3$")
    assert variable_form("See a dog") == "see an dog"
    assert variable_form("Arrange the letters A and B") != variable_form("Arrange the letters C and D")
    assert variable_form("$e^x$") != variable_form("$a^x$")


def test_the_answer_speaks_for_a_translation_that_shares_a_few_numbers() -> None:
    item = facts("Convert $90$ kilometres per hour to metres per second.")
    same, no_number = facts("将 $90$ 千米/小时换算为米/秒。"), facts("将千米/小时换算为米/秒。")
    assert confirm_leak(same, item, ("25", "25"))(0.3).same
    assert not confirm_leak(same, item)(0.3).same
    assert not confirm_leak(same, item, ("25", "24"))(0.3).same
    assert not confirm_leak(no_number, item, ("25", "25"))(0.3).same
    assert not confirm_leak(facts("What is $90$ plus $-65$?"), item, ("25", "25"))(0.3).same


@pytest.mark.parametrize(
    ("answers", "kind"),
    [(("225", "225"), "same_problem"), (("2", "2"), "other_question"), ((None, "225"), "other_question")],
)
def test_other_words_with_the_same_rare_answer_are_a_rewording(answers: tuple[str | None, str], kind: str) -> None:
    item = (
        "Each morning Aya takes a $9$-kilometer-long walk and stops at a coffee shop afterwards. When she walks at a "
        "constant speed of $s$ kilometers per hour, the walk takes her 4 hours. Find $s$ times 100."
    )
    text = item.replace("Each morning Aya takes", "Every morning Aya goes for").replace("When she walks at", "At")
    assert confirm_leak(facts(text), facts(item), answers)(0.99).kind == kind


SHIFTED = [
    (
        "Denote by $x$ and $y$ positive reals so that $\\log_3(x/y) = 2/3$ and $\\log_3(y^2/x) = 2/4$. Determine "
        "the value of $|\\log_3(x^5 y^4)|$, a positive rational number.",
        "Let $x$ and $y$ be positive real numbers such that $\\log_2(x/y) = 1/2$ and $\\log_2(y^2/x) = 1/3$. What is "
        "the value of $|\\log_2(x^4 y^3)|$?",
    ),
    (
        "Let an octagon with equal angles have four sides of length $2$ and four of length $\\frac{\\sqrt{3}}{3}$. "
        "Determine how large it is, if no two sides in a row are alike.",
        "An equiangular octagon has four sides of length $1$ and four sides of length $\\frac{\\sqrt{2}}{2}$, arranged "
        "so that no two consecutive sides have the same length. What is its area?",
    ),
]


@pytest.mark.parametrize(("one", "other"), SHIFTED)
def test_other_numbers_in_other_words_are_no_rewording(one: str, other: str) -> None:
    assert confirm_leak(facts(one), facts(other))(0.95).kind == "other_numbers"
    assert confirm_leak(facts(one), facts(one.replace("Determine", "Find")))(0.95).same
