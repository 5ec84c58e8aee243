"""The shipped filters: what each drops and what it must leave alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from cotkit.curate.filters.answered import Answered
from cotkit.curate.filters.band import Band
from cotkit.curate.filters.language import Language
from cotkit.curate.filters.length import Length
from cotkit.curate.filters.mentions import Mentions
from cotkit.curate.filters.no_figure import NoFigure
from cotkit.curate.filters.no_proof import NoProof
from cotkit.records import Problem


def problem(text: str) -> Problem:
    return Problem("id", text)


@pytest.mark.parametrize(
    ("text", "dropped"),
    [
        ("In the diagram below, find $x$.", True),
        ("A square is drawn as shown. Find its area.", True),
        ("Find $AB$. [asy] draw(A--B); [/asy]", True),
        ("See ![plot](a.png) and compute.", True),
        ("Compute the graph's number of edges.", False),
        ("How many figures are needed to write $2^{10}$?", False),
        ("A picture frame is 3 by 4.", False),
    ],
)
def test_no_figure(text: str, dropped: bool) -> None:
    assert (NoFigure().reject(problem(text)) is not None) == dropped


@pytest.mark.parametrize(
    ("text", "dropped"),
    [
        ("Prove that $n^2 \\ge 0$.", True),
        ("Let $a>0$. Show that $a+1>1$.", True),
        ("Find $n$ and prove that it is unique.", True),
        ("Let \\[ f(x) = x. \\] Prove that $f$ is odd.", True),
        ("The proof of a bakery's bread takes 3 hours. How long for two?", False),
        ("A TV show that lasts 3 hours starts at 4. When does it end?", False),
    ],
)
def test_no_proof(text: str, dropped: bool) -> None:
    assert (NoProof().reject(problem(text)) is not None) == dropped


def test_length_counts_characters() -> None:
    assert Length(min_chars=3, max_chars=4).reject(problem("ab")) == {"chars": 2}
    assert Length(min_chars=3, max_chars=4).reject(problem("abcd")) is None
    assert Length(min_chars=3, max_chars=4).reject(problem("abcde")) == {"chars": 5}


def test_answered_asks_for_an_answer_or_a_solution() -> None:
    assert Answered().reject(Problem("id", "x", answer="proof")) is None
    assert Answered().reject(Problem("id", "x", solution="By induction.")) is None
    assert Answered().reject(Problem("id", "x", answer=" ", tests="[]")) == {"has_tests": True}
    assert Answered().reject(Problem("id", "x")) == {"has_tests": False}


@pytest.mark.parametrize(
    ("value", "keys", "dropped"),
    [
        (0.5, {"least": 0.1, "most": 0.9}, None),
        (0.1, {"least": 0.1}, None),
        (0.05, {"least": 0.1}, {"rate": 0.05}),
        (0.95, {"most": 0.9}, {"rate": 0.95}),
        ("0.25", {"most": 0.2}, {"rate": 0.25}),
        ("n/a", {"least": 0.1}, {"rate": None}),
        (None, {"least": 0.1}, {"rate": None}),
        (True, {"least": 0.1}, {"rate": None}),
        (float("nan"), {"least": 0.1}, {"rate": None}),
        (None, {"least": 0.1, "missing": "keep"}, None),
    ],
)
def test_band(value: object, keys: dict[str, Any], dropped: object) -> None:
    row = Problem("id", "x", metadata=json.dumps({"rate": value}))
    assert Band.model_validate({"key": "rate", **keys}).reject(row) == dropped


@pytest.mark.parametrize("keys", [{}, {"least": 2.0, "most": 1.0}])
def test_a_band_has_bounds_in_order(keys: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Band.model_validate({"key": "rate", **keys})


def test_mentions_looks_at_problem_and_solution_of_its_sources() -> None:
    rows = [
        Problem("a", "From AIME 1999.", source="amc"),
        Problem("b", "Find x.", solution="As in AIME.", source="amc"),
        Problem("c", "Find AIM.", solution="aime", source="amc"),
        Problem("d", "From AIME 1999.", source="aime"),
    ]
    one = Mentions(words=("AIME",), of=("amc",))
    assert [one.reject(row) for row in rows] == [{"word": "AIME"}, {"word": "AIME"}, None, None]
    assert Mentions(words=("AIME",)).reject(rows[3]) == {"word": "AIME"}


def test_a_language_that_nothing_knows_is_refused_before_the_run() -> None:
    assert Language(languages=("en", "zh", "ace")).check_after([]) == []
    (said,) = Language(languages=("en", "xx")).check_after([])
    assert "keeps 'xx', which is no language" in said
