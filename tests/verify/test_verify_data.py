"""Real references against themselves, and answers found in real solutions."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from cotkit.verify import gradable, grade
from cotkit.verify.extract import extract_reference

FILES = [
    "problems/aime_1983_2023.json",
    "problems/math_train.json",
    "benchmarks/aime24.json",
    "benchmarks/amc.json",
    "benchmarks/math500.json",
    "benchmarks/olympiad_bench.json",
]


@pytest.mark.parametrize("name", FILES)
def test_every_gradable_reference_equals_itself_in_a_response(data: Path, name: str) -> None:
    rows = json.loads((data / name).read_text())
    references = [extract_reference(str(row["answer"]), None).answer for row in rows]
    reasons = Counter(gradable(reference) for reference in references)
    assert reasons[None] / len(references) > 0.99, reasons
    wrong = []
    for reference in references:
        if gradable(reference) is None:
            got = grade(reference, f"<think>\\boxed{{0}}</think>Hence \\[\\boxed{{{reference}}}\\]")
            if got.value != "correct":
                wrong.append((reference, got))
    assert wrong == []


def test_solutions_agree_with_the_answer_column(data: Path) -> None:
    rows = json.loads((data / "problems/aime_1983_2023.json").read_text())
    verdicts: Counter[str] = Counter()
    for row in rows:
        found = extract_reference(None, row["solution"]).answer
        verdicts[grade(row["answer"], found).value if found else "none"] += 1
    assert verdicts["correct"] / len(rows) > 0.99, verdicts
    assert verdicts["incorrect"] == 0


def test_math_solutions_have_an_answer(data: Path) -> None:
    lines = (data / "problems/math_test_half.jsonl").read_text().splitlines()
    found = [extract_reference(None, json.loads(line)["solution"]) for line in lines]
    reasons = Counter(gradable(reference.answer) for reference in found)
    assert {reference.method for reference in found} == {"boxed"}
    assert reasons[None] / len(found) > 0.99, reasons
