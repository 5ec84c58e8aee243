"""Filters with published rules, quirks and all, and cotkit's own next to them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cotkit.curate.filters import Filter
from cotkit.curate.filters.s1_quality import bold_with_digit
from cotkit.curate.prose import without_formulas, words_of
from cotkit.records import Problem
from cotkit.registry import BUILTIN, lookup

BOX = "so $\\boxed{4}$."
LONG = "Read a number and print it doubled. " * 8
TESTS = json.dumps({"inputs": ["1"], "outputs": ["2"]})


def rejected(name: str, text: str, keys: dict[str, Any] | None = None, **columns: Any) -> dict[str, Any] | None:
    config: Filter = lookup("filters", name).model_validate({"name": name, **(keys or {})})  # type: ignore[attr-defined]
    return config.reject(Problem("id", text, **columns))


@pytest.mark.parametrize(
    ("name", "text", "columns", "rule"),
    [
        ("s1_quality", "See [asy] draw(A--B); [/asy]", {}, "asy"),
        ("s1_quality", "See [asy] draw(A--B); [/asy] and ![Image]", {"source": "AIME_1983_2024"}, None),
        ("s1_quality", "Look at ![Image] here", {}, "image"),
        ("s1_quality", "As on p12. of the book", {}, "page_number"),
        ("s1_quality", "As on p0. or p1000. of the book", {}, None),
        ("s1_quality", "Let **x** be 3", {}, "bold"),
        ("s1_quality", "Let **x y** be 3", {}, None),
        ("s1_quality", "Let **x** be three\n3", {}, None),
        ("openthoughts_math", "A reconfigured lock", {"solution": BOX}, "word"),
        ("openthoughts_math", "Six Figures are needed", {"solution": BOX}, "word"),
        ("openthoughts_math", "A) find x b) find y", {"solution": BOX}, "multi_part"),
        ("openthoughts_math", "1. a) find x b) find y", {"solution": BOX}, None),
        ("openthoughts_math", "Find x", {"solution": ""}, "no_solution"),
        ("openthoughts_math", "Find x", {"solution": "thus \\boxed{}"}, "empty_box"),
        ("openthoughts_math", "Find x", {"solution": "x=4"}, "no_box"),
        ("openthoughts_code", "Print 1", {}, "short"),
        ("openthoughts_code", LONG + "http://x.y", {"tests": TESTS, "solution": "p"}, "markup"),
        ("openthoughts_code", LONG + "https://x.y", {"tests": TESTS, "solution": "p"}, None),
        ("openthoughts_code", LONG, {"tests": "[" * 9999, "solution": "p"}, "no_tests"),
        ("openthoughts_code", LONG, {"tests": TESTS}, "no_solution"),
        ("deepscaler", "Find x", {"answer": "\\frac{\\sqrt{3}\\pi}{2}"}, None),
        ("deepscaler", "Find x", {"answer": "north"}, "letters"),
        ("deepscaler", "Find x", {"answer": "x^{2}"}, None),
        ("deepscaler", "Find x", {"answer": "x^{12}"}, "power"),
        ("deepscaler", "Find x", {"answer": "\\dfrac{t^2}{2}"}, None),
        ("deepscaler", "Find x", {"answer": "60^\\circ"}, None),
        ("deepscaler", "Find x", {"answer": "18\\text{ square feet}"}, "letters"),
        ("deepscaler", "Find x", {"answer": "18\\text{ feet}^2"}, None),
        ("deepscaler", "Find x", {"answer": "\\left(-\\infty, \\frac{\\pi}{2}\\right) \\cup [2, 3]"}, None),
        ("deepscaler", "Find x", {"answer": "\\begin{pmatrix} 3 \\\\ 1 \\end{pmatrix}"}, None),
        ("deepscaler", "Find x", {"answer": "\\sin x"}, "letters"),
        ("deepscaler", "Find x", {"answer": "x + y - z"}, "letters"),
        ("deepscaler", "Find x", {"answer": "2^12"}, "power"),
        ("deepscaler", "Find x", {"answer": "2^3"}, None),
        ("deepscaler", "Find x", {"answer": None}, "no_answer"),
        ("big_math", "See \\url{x}", {}, "hyperlink"),
        ("big_math", "Is it A) 1 B) 2 C) 3 D) 4", {}, "multiple_choice"),
        ("big_math", "The square ABCD has side 5", {}, None),
        ("big_math", "Take (1) all x and (2) all y", {}, "multi_part"),
        ("big_math", "Take (1) all x\nand (2) all y", {}, None),
        ("big_math", "From 1.5 to 2.5", {}, "multi_part"),
        ("big_math", "(I) find x (II) find y", {}, None),
        ("big_math", "Which?", {"answer": "False"}, "true_false"),
        ("big_math", "Which?", {"answer": "No"}, "yes_no"),
        ("big_math", "Which?", {"answer": "north"}, None),
        ("big_math", "Let x be 3.\nIs x odd?", {}, "yes_no"),
        ("big_math", "Let x be 3. Prove that x is odd", {}, "proof"),
        ("big_math", "Let x be 3. Show x is odd", {"source": "olympiads"}, "proof"),
        ("big_math", "Let x be 3. Show x is odd", {"source": "other"}, None),
        ("big_math", "Find x", {"solution": "hence \\boxed{ }"}, "empty_box"),
    ],
)
def test_published_rules(name: str, text: str, columns: dict[str, Any], rule: str | None) -> None:
    found = rejected(name, text, **columns)
    assert (found or {}).get("rule") == rule


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="**a1 ]\n", max_size=24))
def test_the_bold_rule_is_the_published_pattern(text: str) -> None:
    match = re.search(r"\*\*(?=.*\d)[^\s\]]*\*\*", text)
    assert (bold_with_digit(text) is not None) == (match is not None)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="(1,). \n2i", max_size=20))
def test_the_multi_part_rule_is_the_published_one(text: str) -> None:
    lower = text.lower()
    numbered = re.search(r"\([1-9][^\)]*\).*\([1-9][^\)]*\)", lower)
    spaced = re.search(r"\([\s,\.]\).*\([\s,\.]\)", lower)
    dotted = re.search(r"\d+\..*\d+\.", lower)
    mixed = re.search(r"(?:^|\s)(?:1[.\)]|i[.\)]|①).*(?:\s|$)(?:2[.\)]|ii[.\)]|②)", lower)
    found = rejected("big_math", text, {"rules": ["multi_part"]})
    assert (found is not None) == any((numbered, spaced, dotted, mixed))


@pytest.mark.parametrize(
    ("name", "text", "columns", "dropped"),
    [
        ("no_multi_part", "Let $x>0$. (a) Find $x$. (b) Find $y$.", {}, True),
        ("no_multi_part", "i) Is it odd? ii) Is it prime?", {}, True),
        ("no_multi_part", "Find x such that a) x divided by 2 gives 1. b) x divided by 3 gives 2.", {}, False),
        ("no_multi_part", "Let f(a) be odd and f(b) be even. Find f(a)+f(b).", {}, False),
        ("no_options", "Which? (A) 3 (B) 4 (C) 5 (D) 6", {}, True),
        ("no_options", "Which? $\\textbf{(A)}\\ 3 \\qquad \\textbf{(B)}\\ 4 \\qquad \\textbf{(C)}\\ 5$", {}, True),
        ("no_options", "Which? \\[x\\](A) Line (B) Circle (C) Parabola", {}, True),
        ("no_options", "Which? $\\textbf{(A)}3\\qquad\\textbf{(B)}4\\qquad\\mathrm{\\textbf{(C)} \\ }5$", {}, True),
        ("no_options", "Which one?", {"choices": ["3", "4"]}, True),
        ("no_options", "Points A, B, C and D lie on a circle.", {}, False),
        ("no_url", "Take the list at www.example.org and sum it.", {}, True),
        ("no_url", "Let f(x) = [x](x+1).", {}, False),
        ("integer_answer", "Find x", {"answer": "$1,024$"}, False),
        ("integer_answer", "Find x", {"answer": "-7."}, False),
        ("integer_answer", "Find x", {"answer": "1/2"}, True),
        ("integer_answer", "Find x", {"answer": None}, True),
        ("integer_answer", "Find x", {"answer": "9" * 10_000}, True),
        ("language", "Trouvez tous les nombres premiers tels que la somme des chiffres soit paire.", {}, True),
        ("language", "求所有满足条件的正整数的个数，并说明理由，其中每个数都是素数。", {}, True),
        ("language", "أوجد جميع الأعداد الصحيحة التي تحقق المعادلة التالية", {}, True),
        ("language", "Let $\\mathcal{X}$ be a set. Find $\\sum_{i} x_i$ for $x \\in \\mathcal{X}$.", {}, False),
        ("language", "$\\frac{1}{2}+\\frac{1}{3}=$", {}, False),
        ("language", "How many ways can Đorđe and Łukasz seat 王小明 and François at a round table?", {}, False),
        ("numina_valid", "x", {"metadata": '{"problem_is_valid": "Incomplete"}'}, True),
        ("numina_valid", "x", {"metadata": '{"question_type": "proof"}'}, True),
        ("numina_valid", "x", {"metadata": '{"problem_is_valid": true, "solution_is_valid": false}'}, True),
        ("numina_valid", "x", {"metadata": '{"problem_is_valid": true, "solution_is_valid": true}'}, False),
        ("numina_valid", "x", {"answer": "3", "metadata": '{"problem_is_valid": true}'}, False),
        ("numina_valid", "x", {"answer": "3", "metadata": '{"solution_is_valid": false}'}, True),
        ("numina_valid", "x", {"answer": "notfound"}, True),
        ("numina_valid", "x", {"answer": "3"}, False),
    ],
)
def test_own_filters(name: str, text: str, columns: dict[str, Any], dropped: bool) -> None:
    assert (rejected(name, text, **columns) is not None) == dropped


def test_bounds_of_integer_answers() -> None:
    keys = {"least": 0, "most": 999}
    assert rejected("integer_answer", "x", keys, answer="999") is None
    assert rejected("integer_answer", "x", keys, answer="1000") == {"answer": "1000", "out_of_bounds": True}


HOSTILE = [
    "",
    "\x00\x1b[2J\u202e\u200b" * 9,
    "(1" * 500_000,
    "**" * 500_000,
    "$" * 1_000_001,
    "\\(" * 500_000,
    "a) " * 300_000,
    "(A) (B) (" * 100_000,
    "1" * 1_000_000 + ".",
    "```\n" * 200_000,
    "boxed{" + " " * 1_000_000,
    "שלום עולם " * 100_000,
    "\ud7ff\U0010ffff" * 100_000,
]

# Keys without a default.
NEEDED: dict[str, dict[str, Any]] = {
    "unsolved": {"models": ["m"]},
    "band": {"key": "rate", "least": 0.1},
    "weak_rate": {"model": "m", "least": 0.1},
    "mentions": {"words": ["AIME"]},
}


@pytest.mark.parametrize("name", sorted(BUILTIN["filters"]))
def test_a_row_of_a_megabyte_is_read_in_linear_time(name: str) -> None:
    """A quadratic rule would run into the suite's time limit here."""
    for text in HOSTILE:
        found = rejected(name, text, NEEDED.get(name), answer=text[:2000], solution=text)
        if found is not None:
            assert len(json.dumps(found)) < 20_000
            json.dumps(found, allow_nan=False).encode()


def test_words_of_leaves_formulas_and_code_out() -> None:
    text = "So $x$ costs \\$5, and\n```python\nimport os\n```\n\\[ y \\text{ if } z \\] then \\(q\\) holds $$r$$ here."
    assert words_of(text).split() == ["So", "costs", "\\$5,", "and", "then", "holds", "here."]
    assert without_formulas("$a$$b$ c $5").split() == ["c", "$5"]


def test_few_english_contest_problems_are_dropped_as_foreign(data: Path) -> None:
    rows = json.loads((data / "problems" / "aime_1983_2023.json").read_text(encoding="utf-8"))
    assert [r["problem"] for r in rows if rejected("language", r["problem"])] == []


def test_the_gate_of_deepscaler_may_look_at_answers_as_they_are_written() -> None:
    assert rejected("deepscaler", "Find x", answer="60^\\circ") is None
    written = rejected("deepscaler", "Find x", {"normal_form": False}, answer="60^\\circ")
    assert written is not None
    assert written["rule"] == "letters"
