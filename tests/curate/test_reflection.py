"""Reflection that changes nothing, told from reflection that does: four quadrants, traps, and the report."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cotkit.curate.reflection import Reflection, reflected
from cotkit.curate.tallies import pattern_table, reflection_table
from cotkit.verify.scorers import Attempt


def attempt(first: str, last: str, reference: str = "7", turn: str = "Wait, let me check that again.") -> Attempt:
    verdict = "correct" if last == reference else "incorrect"
    reasoning = f"I add them up. So the answer is {first}. {turn} Adding them once more gives {last}."
    return Attempt("How many?", f"The answer is \\boxed{{{last}}}.", verdict, reasoning, reference)


QUADRANTS = {
    "wrong_right": (attempt("5", "7"), {"reflection_was_right": 0, "reflection_changed": 1, "superficial": 0}),
    "right_right": (attempt("7", "7"), {"reflection_was_right": 1, "reflection_changed": 0, "superficial": 1}),
    "right_wrong": (attempt("7", "5"), {"reflection_was_right": 1, "reflection_changed": 1, "superficial": 1}),
    "wrong_wrong": (attempt("5", "5"), {"reflection_was_right": 0, "reflection_changed": 0, "superficial": 1}),
}


@pytest.mark.parametrize("name", QUADRANTS)
def test_the_four_quadrants(name: str) -> None:
    one, wanted = QUADRANTS[name]
    (found,) = Reflection().score([one])
    assert found.values == {"reflections": 2, **wanted}
    assert reflection_table([one])["transitions"][name] == 1


def test_chinese_without_spaces() -> None:
    text = "先求和,所以答案是 5。等等,这里算错了,重新计算得 7。"
    (found,) = Reflection().score([Attempt("多少?", "答案是 \\boxed{7}。", "correct", text, "7")])
    assert found.values == {"reflections": 3, "reflection_was_right": 0, "reflection_changed": 1, "superficial": 0}


def test_words_that_only_look_like_reflection() -> None:
    text = "So the answer is 7. They waited and re-evaluated nothing; awaiting, unchecked, rechecks-free."
    found = reflected(Attempt("p", "\\boxed{7}", "correct", text, "7"))
    assert (found.count, found.candidate) == (0, None)
    told = reflected(Attempt("p", "\\boxed{7}", "correct", f"{text} Hmm hmm.", "7"), more=["hmm hmm"])
    assert (told.count, told.candidate) == (1, "7")


def test_without_an_answer_before_it_nothing_is_said() -> None:
    (found,) = Reflection().score([Attempt("p", "\\boxed{7}", "correct", "Let x = 3. Wait, x = 4. So 7.", "7")])
    assert found.values == {"reflections": 1}
    assert found.why == "no_candidate"


def test_the_table_adds_up() -> None:
    attempts = [one for one, _ in QUADRANTS.values()]
    attempts += [attempt("5", "7", turn="Good."), Attempt("p", "hm", "undecided", "The answer is 7. Wait.", "7")]
    told = reflection_table(attempts)
    assert sum(n for side in told["reflection"].values() for n in side.values()) == len(attempts)
    assert sum(told["transitions"].values()) == sum(told["reflection"]["with"].values()) == 5
    assert told["reflection"] == {
        "with": {"correct": 2, "incorrect": 2, "undecided": 1},
        "without": {"correct": 1, "incorrect": 0, "undecided": 0},
    }
    assert told["transitions"]["unknown"] == 1
    assert told["answer_unchanged"] == 2


def test_patterns_by_language() -> None:
    rows = pattern_table([Attempt("p", "Wait, 12. " + "x " * 8), Attempt("p", "等等,验证一下。")])
    found = {(r["kind"], r["language"]): (r["places"], r["attempts"]) for r in rows}
    assert found["backtrack", "en"] == found["backtrack", "zh"] == found["verify", "zh"] == (1, 1)
    assert found["verify", "en"] == (0, 0)
    assert all(r["per_1000_words"] == pytest.approx(1000 * r["places"] / 18, abs=1e-3) for r in rows)


def test_the_report_reads_a_file(cli: Any, jsonl: Any) -> None:
    rows = [
        {"problem": "How many?", "answer": "7", "reasoning": a.reasoning, "response": a.response}
        for a, _ in QUADRANTS.values()
    ]
    done = cli("report", jsonl("rows.jsonl", rows), "--patterns", "--reflection")
    assert done.returncode == 0, done.stderr
    assert "wrong → right                      1" in done.stdout
    machine = json.loads(cli("report", "rows.jsonl", "--reflection", "--json").stdout)
    assert machine["reflections"]["reflection"]["with"] == {"correct": 2, "incorrect": 2, "undecided": 0}


def test_a_corpus_needs_no_answers(cli: Any, jsonl: Any) -> None:
    done = cli(
        "report",
        jsonl("corpus.jsonl", [{"text": "Wait, let me check."}]),
        "--patterns",
        "--column",
        "response=text",
        "--json",
    )
    assert done.returncode == 0, done.stderr
    assert {(r["kind"], r["places"]) for r in json.loads(done.stdout)["patterns"] if r["places"]} == {
        ("verify", 1),
        ("backtrack", 1),
    }
    assert "no column 'answer'" in cli("report", "corpus.jsonl", "--reflection", "--column", "response=text").stderr
