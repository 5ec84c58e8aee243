"""The explanation says what grading does, for any text."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cotkit.verify import Policy, grade
from cotkit.verify.explain import MAX_SHOWN, explain, lines
from cotkit.verify.pool import Pool

PAIRS = [
    ("1/2", "so \\boxed{0.5}"),
    ("1/2", "so \\boxed{1/3}"),
    ("{1, 2}", "\\boxed{\\{2, 1\\}}"),
    ("x^2-1", "\\boxed{(x-1)(x+1)}"),
    ("\\frac{\\sqrt{3}}{2}", "\\boxed{\\sin 60^\\circ}"),
    ("proof", "\\boxed{5}"),
    ("", "\\boxed{5}"),
    ("4", "I do not know"),
    ("4", "<think>\\boxed{4}"),
    ("5 m", "\\boxed{500 cm}"),
    ("2", "\\boxed{9^{9^{9^9}}}"),
    ("2", "\\boxed{" + "(" * 5_000 + "2" + ")" * 5_000 + "}"),
    ("2", "\\boxed{" + "9" * 100_000 + "}"),
    ("2", "\\boxed{__import__('os').system('true')}"),
]


@pytest.mark.parametrize(("reference", "response"), PAIRS)
def test_it_ends_in_the_verdict_of_grade(reference: str, response: str) -> None:
    told = explain(reference, response)
    assert told.verdict == grade(reference, response)
    text = lines(told)
    assert text[-1].startswith(f"verdict    {told.verdict.value}")
    assert all(len(line) < 2 * MAX_SHOWN + 50 for line in text)
    json.dumps(asdict(told))


@pytest.mark.parametrize(
    ("reference", "answer", "rungs"),
    [
        ("x+1", "x + 1", ["exact"]),
        ("1/2", "0.5", ["exact", "typed"]),
        ("x^2-1", "(x-1)(x+1)", ["exact", "typed", "points"]),
        (r"\sqrt{4x-400}", r"2\sqrt{x-100}", ["exact", "typed", "numeric", "symbolic"]),
    ],
)
def test_the_deciding_rung_is_told_last(reference: str, answer: str, rungs: list[str]) -> None:
    with Pool(1) as pool:
        told = explain(reference, f"It is \\boxed{{{answer}}}.", pool=pool)
    (attempt,) = told.attempts
    assert told.extraction.method == "boxed"
    assert [rung for rung, _ in attempt.rungs] == rungs
    assert attempt.rungs[-1][1].startswith("correct")
    assert attempt.forms == (reference, answer)


def test_values_are_told_by_their_type() -> None:
    assert explain("1/2", "\\boxed{0.50}").attempts[0].values == ("rational 1/2", "rational 1/2, decimals 2")
    assert explain("x^2", "\\boxed{x}").attempts[0].values == ("expr pow(x, 2)", "expr x")


def test_parts_of_a_list_are_told() -> None:
    (attempt,) = explain("(1, 2)", "\\boxed{(1, 3)}").attempts
    assert ("rational 2", "rational 3", "incorrect") in {
        (p.reference, p.candidate, p.outcome.verdict) for p in attempt.parts
    }


def test_policy_and_question_are_heeded() -> None:
    assert explain("10", "\\boxed{10.4}", policy=Policy(tolerance=0.1)).verdict.value == "correct"
    told = explain("B", "The answer is 3.", question="Which is odd? (A) 2 (B) 3")
    assert told.facts.choices == ("2", "3")
    assert told.verdict.value == "correct"
    assert any(line.startswith("options") for line in lines(told))


def test_several_references_are_tried_until_one_is_right() -> None:
    told = explain(["3", "4", "5"], "\\boxed{4}")
    assert [a.reference for a in told.attempts] == ["3", "4"]
    assert told.verdict == grade(["3", "4", "5"], "\\boxed{4}")


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_can_be_explained(reference: str, response: str) -> None:
    told = explain(reference, response)
    assert told.verdict.value in ("correct", "incorrect", "undecided")
    assert lines(told)
