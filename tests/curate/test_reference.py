"""Reference answers: where they are found, what they are good for, and when their two sources disagree."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from cotkit import records
from cotkit.curate.pull import Pull, pull
from cotkit.curate.reference import kind_of, option_text, reference
from cotkit.records import Problem
from cotkit.source import Source
from cotkit.steps import NoProgress, StepOutput
from cotkit.verify import grade

Jsonl = Callable[[str, Iterable[Mapping[str, Any]]], Path]
ALL = Source.model_fields["answer_from"].default


def pulled(path: Path, conflicts: str = "flag", **source: Any) -> StepOutput:
    step = Pull.model_validate(
        {"conflicts": conflicts, "sources": [{"kind": "file", "name": "s", "path": str(path), **source}]}
    )
    return pull(step.sources, {}, NoProgress(), step.conflicts)


@pytest.mark.parametrize(
    ("answer", "solution", "ways", "expected"),
    [
        ("5", "\\boxed{6}", ALL, ("5", "column")),
        ("5", "\\boxed{6}", ("boxed", "column"), ("6", "boxed")),
        ("5", "nothing", ("boxed", "column"), ("5", "column")),
        ("5", None, ("boxed",), (None, "nowhere")),
        (None, "\\boxed{1} and then \\boxed{\\frac{1}{2}}", ALL, ("\\frac{1}{2}", "boxed")),
        (None, "\\boxed{6}\n#### 7", ("hashes", "boxed"), ("7", "hashes")),
        (None, "So the answer is 12.", ALL, ("12", "phrase")),
        ("\\boxed{4}", None, ALL, ("4", "boxed")),
        ("so it is\n#### 4", None, ALL, ("4", "hashes")),
        ("  ", "", ALL, (None, "nowhere")),
        (None, "\\boxed{} so the answer is 5", ALL, ("5", "phrase")),
        (None, "The answer is 4. $\\boxed{}$", ALL, ("4", "phrase")),
        (None, "Fill in $3+\\boxed{\\phantom{0}}=10$.\nThe answer is 7.", ALL, ("7", "phrase")),
        (None, "So \\boxed{7} fits in $\\boxed{\\quad}$.", ALL, ("7", "boxed")),
        (None, "So \\boxed{7}, typed as \\verb|\\boxed{x}|.", ALL, ("7", "boxed")),
        (None, "\\boxed{} and nothing else", ALL, (None, "nowhere")),
        (None, "#### Step 1: Setup\nLet x=3.\n#### Step 2: Conclusion\nSo.\n\nThe answer is 9.", ALL, ("9", "phrase")),
        (None, "#### 1. Setup\nLet x=3\n#### 2. Result\nSo the answer is $9$.", ALL, ("$9$", "phrase")),
        (None, "#### 2 Conclusion\nThe final answer is 9.", ALL, ("9", "phrase")),
        (None, "#### 2\nThe final answer is 9.", ALL, ("9", "phrase")),
        (None, "#### Conclusion\nAll is said.", ALL, (None, "nowhere")),
        (None, "It is\n#### 12\n\nAnother way: count.", ALL, ("12", "hashes")),
        (None, "It is\n#### twelve apples\n", ALL, ("twelve apples", "hashes")),
        (None, "The final answer is -5, as claimed.", ALL, ("-5", "phrase")),
        (None, "The answer is found below: 6", ALL, ("6", "phrase")),
        (None, "The answer is as follows:\n\n6", ALL, ("6", "phrase")),
        (None, "The answer is clearly positive.", ALL, ("positive", "phrase")),
        (None, "The answer is obtained by induction.", ALL, (None, "nowhere")),
        ("7", "\\boxed{} so the answer is 5", ("boxed", "column"), ("7", "column")),
    ],
)
def test_found_in_the_order_that_is_asked_for(
    answer: str | None, solution: str | None, ways: tuple[str, ...], expected: tuple[str | None, str]
) -> None:
    found = reference(answer, solution, "What?", None, ways)
    assert (found.answer, found.method) == expected


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("\\frac{1}{2}", "gradable"),
        ("proof", "proof"),
        ("\\blacksquare", "proof"),
        ("(a) 3 ; (b) 4", "multi_part"),
        ("The function is even for all n because it is a square.", "needs_judge"),
        ("n/a", "empty"),
    ],
)
def test_every_answer_has_a_kind(answer: str, kind: str) -> None:
    assert kind_of(answer) == kind


@pytest.mark.parametrize(
    "solution",
    [
        "(a) We get $\\boxed{3}$. (b) We get $\\boxed{4}$.",
        "(a) We get $\\boxed{3}$, and (b) $\\boxed{4}$.",
        "**(a)** We get $\\boxed{3}$.\n\n**(b)** We get $\\boxed{4}$.",
    ],
)
def test_boxes_of_several_parts_are_no_single_answer(solution: str) -> None:
    found = reference(None, solution, "Let x=1. (a) What is x+2? (b) What is x+3?", None, ALL)
    assert (found.answer, found.kind) == ("3, 4", "multi_part")
    # Two values of one answer, and a box after a step that is called (b), are not parts.
    assert reference(None, "$\\boxed{3}$ and $\\boxed{4}$", "Solve.", None, ALL).kind == "gradable"
    assert reference(None, "By (a) $\\boxed{3}$. By (b) it is $\\boxed{4}$", "Solve.", None, ALL).answer == "4"


def test_what_is_no_number_any_more_is_no_answer(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"problem": "p0", "answer": Infinity}\n{"problem": "p1", "answer": 1e400}\n{"problem": "p2"}')
    kept = pulled(path).kept
    assert kept["answer"].to_list() == [None, None, None]
    assert set(kept["answer_kind"]) == {"empty"}


def test_options_are_named_by_their_letter_and_their_text() -> None:
    options = ("ant", "bear", "cat")
    assert [option_text(a, options) for a in ("B", "(C)", "\\text{(A)}", "E", "bear", "12")] == [
        "bear",
        "cat",
        "ant",
        None,
        None,
        None,
    ]
    in_text = "Which is small? (A) 3 (B) 4 (C) 5"
    found = reference(None, "We count them one by one.\n(C)", in_text, None, ALL)
    assert (found.answer, found.method, found.option) == ("(C)", "letter", "5")
    assert reference(None, "We count them one by one.\n(C)", "How many?", None, ALL).answer is None


def test_the_option_can_be_the_answer(jsonl: Jsonl) -> None:
    rows = [{"problem": "Which?", "choices": ["ant", "bear"], "answer": "B"}]
    path = jsonl("a.jsonl", rows)
    letter, text = pulled(path), pulled(path, option_text=True)
    assert (letter.kept["answer"][0], text.kept["answer"][0]) == ("B", "bear")
    assert json.loads(text.kept["metadata"][0]) == {"option": {"letter": "B", "text": "bear"}}


CONFLICTS = [
    {"problem": "1+1?", "answer": "3", "solution": "It is \\boxed{2}."},
    {"problem": "A half?", "answer": "0.5", "solution": "It is \\boxed{\\frac{1}{2}}."},
    {"problem": "Which? (A) 2 (B) 3", "answer": "2", "solution": "It is \\boxed{\\text{(A)}}."},
    {"problem": "Two?", "answer": "2", "solution": "First the answer is 3, then we double."},
]


def test_a_solution_that_boxes_another_answer_is_flagged_with_both(jsonl: Jsonl) -> None:
    found = pulled(jsonl("a.jsonl", CONFLICTS))
    assert found.kept.height == 4
    assert found.counters["conflicts"] == 1
    table = found.secondary["conflicts"]
    assert table.select("source_row", "column", "solution").rows() == [(0, "3", "2")]
    assert json.loads(found.kept["metadata"][0]) == {"reference_conflict": {"column": "3", "solution": "2"}}
    dropped = pulled(jsonl("a.jsonl", CONFLICTS), conflicts="drop")
    assert dropped.dropped["reason"].to_list() == ["reference_conflict"]
    assert json.loads(dropped.dropped["evidence"][0]) == {"column": "3", "solution": "2"}
    assert dropped.rows_in == dropped.kept.height + dropped.dropped.height == 4


def test_a_conflict_shows_whatever_the_order_and_only_where_the_column_is_asked(jsonl: Jsonl) -> None:
    path = jsonl("a.jsonl", CONFLICTS)
    first = pulled(path, answer_from=["boxed", "column"])
    assert first.kept["answer"][0] == "2"
    assert first.secondary["conflicts"].select("column", "solution").rows() == [("3", "2")]
    assert pulled(path, answer_from=["boxed"]).secondary == {}


def test_a_program_is_no_place_for_answers(jsonl: Jsonl) -> None:
    row = {"problem": "Add one.", "solution": "# the answer is 5\nprint(6)", "tests": [{"input": "1", "output": "2"}]}
    kept = pulled(jsonl("a.jsonl", [row])).kept
    assert kept.select("answer", "answer_kind").row(0) == (None, "tests")


def test_kinds_are_counted_in_the_funnel(jsonl: Jsonl) -> None:
    rows = [
        {"problem": f"p{i}", "answer": a} for i, a in enumerate(["1", "proof", "", None, "a long tale of many words"])
    ]
    found = pulled(jsonl("a.jsonl", rows))
    assert {k: v for k, v in found.counters.items() if k.startswith("reference")} == {
        "reference gradable": 1,
        "reference proof": 1,
        "reference empty": 2,
        "reference needs_judge": 1,
    }
    assert found.kept["answer_kind"].to_list() == ["gradable", "proof", "empty", "empty", "needs_judge"]


def test_strange_rows_come_through_or_are_told(tmp_path: Path) -> None:
    """NaN, nothing, 10 MB, right to left, CJK, control characters: a problem or a dropped row, never a crash."""
    path = tmp_path / "a.jsonl"
    lines = [
        '{"problem": "x?", "answer": NaN, "extra": [NaN, Infinity]}',
        '{"problem": NaN, "answer": "1"}',
        '{"problem": "", "answer": "1"}',
        '{"problem": null}',
        '{"problem": ["a", "b"], "answer": {"a": 1}}',
        json.dumps({"problem": "long " + "x" * 10_000_000, "answer": "y" * 10_000_000, "solution": "{" * 5_000_000}),
        json.dumps({"problem": "ما هو ١+١؟", "answer": "٢"}, ensure_ascii=False),
        json.dumps({"problem": "1加1等于几？", "answer": "二"}, ensure_ascii=False),
        json.dumps({"problem": "be\x00ll\x07 \x1b[31m red\ttab\nline", "answer": "\x0012"}),
        json.dumps({"problem": "<script>alert(1)</script> {{x}} ${y}", "answer": "__import__('os')"}),
        "[" * 100_000,
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    found = pulled(path, malformed="drop", keep=["extra"])
    assert found.rows_in == found.kept.height + found.dropped.height == len(lines)
    assert Counter(found.dropped["reason"]) == {"no_problem_text": 4, "unreadable_row": 1}
    by_row = {row["source_row"]: row for row in found.kept.iter_rows(named=True)}
    assert json.loads(by_row[0]["metadata"]) == {"extra": [None, None]}
    assert by_row[0]["answer"] is None
    assert len(by_row[5]["problem"]) == 10_000_005
    assert by_row[6]["answer_kind"] == by_row[7]["answer_kind"] == "gradable"
    assert by_row[8]["problem"] == "bell [31m red\ttab\nline"
    assert by_row[8]["answer"] == "12"
    assert records.rows(Problem, found.kept)[0].problem_id


def test_aime_solutions_alone_agree_with_the_answer_column(data: Path) -> None:
    """973 of 975; the two others state no final answer (2023 I 13, 2023 II 6: docs/trials.md)."""
    path = data / "problems/aime_1983_2023.json"
    wanted = json.loads(path.read_text())
    step = Pull.model_validate(
        {
            "sources": [
                {"kind": "preset", "name": "aime", "path": str(path), "answer_from": ["boxed", "hashes", "phrase"]}
            ]
        }
    )
    found = pull(step.sources, {}, NoProgress()).kept["answer"].to_list()
    agree = [a is not None and grade(w["answer"], f"\\boxed{{{a}}}").value for w, a in zip(wanted, found, strict=True)]
    assert Counter(agree) == {"correct": 973, False: 2}
    assert [
        (w["year"], w["aime_number"], w["problem_number"]) for w, a in zip(wanted, agree, strict=True) if not a
    ] == [(2023, 1, 13), (2023, 2, 6)]


def test_math_solutions_all_have_an_answer(data: Path) -> None:
    path = data / "problems/math_test_half.jsonl"
    step = Pull.model_validate({"sources": [{"kind": "preset", "name": "math", "path": str(path)}]})
    found = pull(step.sources, {}, NoProgress())
    assert set(found.kept["answer_from"]) == {"boxed"}
    assert found.counters["reference gradable"] == 2_499
