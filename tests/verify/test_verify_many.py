"""grade_many, policies, questions and several accepted answers; threads and long runs leave nothing behind."""

from __future__ import annotations

import gc
import threading
import tracemalloc
from pathlib import Path

import pytest
from child_processes import children
from hypothesis import given, settings
from hypothesis import strategies as st

from cotkit.verify import Pair, Policy, Verdict, grade, grade_many
from cotkit.verify.question import facts

PAIRS = [
    ("1/2", "\\boxed{0.5}"),
    ("1/2", "\\boxed{0.6}"),
    (["six", "6"], "The answer is 6."),
    ("2\\sqrt{x-100}", "\\sqrt{4x-400}"),
    (None, "5"),
    ("5", None),
    ("5", "\ud800"),
    ("9^{9^{9^9}}", "9^{9^9}"),
    ("\\sin(\\cos(x)^{90}+\\tan(y)^{80})^{70}(x+y)^{150}", "\\cos(x+y)^{200}\\sin(y)^{100}"),
]


def test_many_pairs_get_the_verdicts_of_one_by_one() -> None:
    pairs = PAIRS * 30
    many = grade_many(pairs, 2)
    alone = [grade(reference, candidate) for reference, candidate in PAIRS]
    assert many == alone * 30


def test_a_pair_that_runs_out_of_cpu_is_undecided_and_the_others_are_not() -> None:
    before = children()
    slow = ("\\sin(\\cos(x)^{90}+\\tan(y)^{80})^{70}(x+y+z)^{150}", "\\cos(x+y)^{190}\\sin(z)^{100}+\\tan(x+z)^{60}")
    found = grade_many([("7", "7"), slow, ("x^2", "x \\cdot x"), ("2", "3")], 1, cpu_s=0.2)
    assert [verdict.value for verdict in found] == ["correct", found[1].value, "correct", "incorrect"]
    assert found[1].value in ("undecided", "incorrect")
    assert children() - before == set()


def test_progress_hears_of_every_distinct_pair() -> None:
    heard: list[Verdict] = []
    grade_many([("1", str(n % 10)) for n in range(500)], 2, on_verdicts=heard.extend)
    assert len(heard) == 10


def test_no_pairs() -> None:
    assert grade_many([]) == []


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=40), st.text(max_size=60)), max_size=30))
def test_any_text_gets_a_verdict(pairs: list[tuple[str, str]]) -> None:
    found = grade_many(pairs, 1)
    assert len(found) == len(pairs)
    assert {verdict.value for verdict in found} <= {"correct", "incorrect", "undecided"}


def test_two_trainer_threads_grade_at_once() -> None:
    wrong: list[object] = []

    def trainer(k: int) -> None:
        for n in range(30):
            same = grade(f"(x+{k})^2+{n}", f"\\boxed{{x^2+{2 * k}x+{k * k + n}}}")
            proved = grade(f"{k + 1}\\sqrt{{x-{n}}}", f"\\sqrt{{{(k + 1) ** 2}x-{(k + 1) ** 2 * n}}}")
            if (same.value, proved.value) != ("correct", "correct"):
                wrong.append((same, proved))

    threads = [threading.Thread(target=trainer, args=(k,)) for k in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert wrong == []


@pytest.mark.parametrize(
    ("policy", "reference", "candidate", "strict", "changed"),
    [
        (Policy(tolerance=0.01), "3.14159", "3.15", "incorrect", "correct"),
        (Policy(rounded_digits=3), "\\frac{1}{3}", "0.333", "incorrect", "correct"),
        (Policy(rounded_digits=None), "\\pi", "3.14159265", "correct", "incorrect"),
        (Policy(percent="value"), "50", "50\\%", "correct", "incorrect"),
        (Policy(units="required"), "5 cm", "5", "correct", "incorrect"),
        (Policy(order="kept"), "2, 3", "3, 2", "correct", "incorrect"),
        (Policy(answers="any"), "2, 3", "3", "incorrect", "correct"),
        (Policy(simplified=True), "\\frac12", "\\frac24", "correct", "incorrect"),
        (Policy(simplified=True), "2\\sqrt2", "\\sqrt8", "correct", "incorrect"),
        (Policy(simplified=True), "7", "3+4", "correct", "incorrect"),
    ],
)
def test_every_policy_changes_a_verdict(
    policy: Policy, reference: str, candidate: str, strict: str, changed: str
) -> None:
    assert grade(reference, candidate).value == strict
    assert grade(reference, candidate, policy=policy).value == changed


def test_the_question_gives_options_and_rounding() -> None:
    question = "What is 2/3, to two decimal places?"
    assert grade("0.67", "0.6667", question=question).value == "correct"
    assert grade("0.67", "0.6767", question=question).value == "incorrect"
    options = "Which is a prime? (A) 21 (B) 23 (C) 27 (D) 33"
    assert grade("B", "The answer is 23.", question=options).value == "correct"
    assert grade("B", "It must be option D, so I choose D.", question=options).value == "incorrect"
    assert grade("23", "(B)", question=options).value == "correct"


@pytest.mark.parametrize(
    ("question", "choices", "places"),
    [
        ("Pick one. A. red B. green C. blue", ("red", "green", "blue"), None),
        ("下列哪个是质数？（　　）\nA．4　B．7　C．9", ("4", "7", "9"), None),
        ("Round to the nearest tenth.", (), 1),
        ("Express your answer to three decimal places.", (), 3),
        ("结果保留两位小数。", (), 2),
        ("Let A. be a set.", (), None),
        ("", (), None),
    ],
)
def test_facts_of_a_question(question: str, choices: tuple[str, ...], places: int | None) -> None:
    found = facts(question)
    assert (found.choices, found.places) == (choices, places)


def test_of_several_accepted_answers_one_is_enough() -> None:
    found = grade(["10 m/s", "36 km/h"], "So it moves at \\boxed{36\\text{ km/h}}.")
    assert (found.value, found.reference) == ("correct", "10 m/s")
    assert grade(["1", "2"], "3").value == "incorrect"
    assert grade([], "3").reason == "no_reference"
    assert grade_many([Pair(("1", "2"), "2", None, ())], 1)[0].value == "correct"


def test_ten_thousand_hostile_pairs_leak_no_process_and_no_memory() -> None:
    shapes = [
        "9^{{9^{{{n}}}}}",
        "{n}!!!",
        "\\boxed{{{{{n}",
        "eval('{n}')",
        "\\sqrt{{x+{n}}}-\\sqrt{{{n}+x}}",
        "{n}/0",
        "(" * 200 + "{n}",
    ]
    before = children()
    held = []
    tracemalloc.start()
    try:
        for part in range(5):
            pairs = [(f"x+{n}", shapes[n % len(shapes)].format(n=n + part)) for n in range(2_000)]
            assert len(grade_many(pairs, 2)) == 2_000
            del pairs
            gc.collect()
            held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert children() - before == set()
    assert held[-1] - held[1] < 6_000 * 20, "bytes that 6,000 pairs leave"


def test_loading_units_is_not_on_the_clock_of_the_first_pair_that_needs_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loading pint takes the limit itself three times here: a module of its name works so long before it is pint."""
    (tmp_path / "pint.py").write_text(SLOW_PINT)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (verdict,) = grade_many([Pair("2 km", "\\boxed{2000\\text{ m}}")], workers=1, cpu_s=1.0)
    assert verdict.value == "correct", verdict


SLOW_PINT = """
import sys, time
until = time.process_time() + 3
while time.process_time() < until:
    pass
sys.path.remove(__file__.rpartition("/")[0])
del sys.modules["pint"]
import pint
"""
