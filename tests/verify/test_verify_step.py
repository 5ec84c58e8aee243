"""The verify step: a verdict for every trace."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from cotkit.records import Problem, Trace, Verdict, frame, rows, schema
from cotkit.steps import NoProgress, StepContext, StepOutput
from cotkit.verify import grade, grade_many
from cotkit.verify.step import Verify


def trace(problem: str, sample: int, response: str | None, status: str = "done") -> Trace:
    return Trace(problem, sample, "teacher", f"{problem}-{sample}", status, response=response)


PROBLEMS = [
    Problem("half", "What is half of one?", answer="0.5"),
    Problem("solved", "What is it?", solution="It is \\boxed{7}."),
    Problem("choice", "Which?", answer="B", choices=["3", "4"]),
    Problem("open", "Prove it.", answer="proof"),
]
TRACES = [
    trace("half", 0, "<think>\\boxed{9}</think>\\boxed{\\frac12}"),
    trace("half", 1, "\\boxed{\\frac13}"),
    trace("half", 2, "\\boxed{\\frac12", "length"),
    trace("half", 3, None, "failed"),
    trace("half", 4, None, "empty"),
    trace(
        "half",
        5,
        "Let me think about this a little more first, and then I will go through the cases one by one and see",
        "done",
    ),
    trace("half", 6, "<think>\\boxed{0.5}", "unclosed"),
    trace("solved", 0, "The answer is 7."),
    trace("choice", 0, "The answer is 4."),
    trace("open", 0, "\\boxed{proof}"),
    trace("gone", 0, "\\boxed{5}"),
]


def run(tmp_path: Path, traces: list[Trace], **keys: float) -> StepOutput:
    tables = {Trace: frame(Trace, traces), Problem: frame(Problem, PROBLEMS)}
    return Verify(**keys).run(tables, StepContext(seed=0, work=tmp_path, run=tmp_path))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("question", "verdict"),
    [
        ("Let \\[ f(x) \\ge 0. \\] Prove that $a \\leq 2$ and $b \\leq 1$.", "undecided"),
        ("Find the largest $a$ and prove that it is the largest.", "incorrect"),
        ("How large can $a$ be?", "incorrect"),
    ],
)
def test_what_a_proof_boxes_is_never_incorrect(question: str, verdict: str) -> None:
    found = grade("2", "\\boxed{3}", question=question)
    assert (found.value, found.reason == "question_asks_a_proof") == (verdict, verdict == "undecided")
    (among_many,) = grade_many([("2", "\\boxed{3}", question)], 1)
    assert (among_many.value, among_many.reason) == (found.value, found.reason)
    assert grade("5", "\\boxed{5}", question=question).value == "correct"


@pytest.mark.parametrize(
    ("reasoning", "response", "verdict", "extracted"),
    [
        ("so 9", "a\n</think>\n\nb it is \\boxed{9}", "correct", "9"),
        ("so 9", "It is \\boxed{9}; I close with </think>, not with <think>.", "correct", "9"),
        ("so 9", "b it is \\boxed{9}.a\n</think>\n\nb", "correct", "9"),
        ("so 9", "<think>\\boxed{8}</think>It is \\boxed{9}", "correct", "9"),
        (None, "a\n</think>\n\nb it is \\boxed{9}", "correct", "9"),
        (None, "<think>a</think>\\boxed{3} x</think>\\boxed{9}", "correct", "9"),
        (None, "a\n</think>\n\nb it is \\boxed{9}.a\n</think>\n\nb", "undecided", None),
        ("", "so 9 <think>\\boxed{9}", "undecided", None),
    ],
)
def test_tags_hide_nothing_in_a_response_that_stands_beside_its_reasoning(
    tmp_path: Path, reasoning: str | None, response: str, verdict: str, extracted: str | None
) -> None:
    one = replace(trace("nine", 0, response), reasoning=reasoning)
    tables = {Trace: frame(Trace, [one]), Problem: frame(Problem, [Problem("nine", "How many?", answer="9")])}
    out = Verify().run(tables, StepContext(seed=0, work=tmp_path, run=tmp_path))  # type: ignore[call-arg]
    (found,) = rows(Verdict, out.kept)
    assert (found.verdict, found.extracted) == (verdict, extracted)


def test_every_trace_gets_a_verdict(tmp_path: Path) -> None:
    out = run(tmp_path, TRACES)
    got = [(v.problem_id, v.sample, v.verdict, v.reason) for v in rows(Verdict, out.kept)]
    assert [key[:3] for key in got] == [
        ("half", 0, "correct"),
        ("half", 1, "incorrect"),
        ("half", 2, "undecided"),
        ("half", 3, "undecided"),
        ("half", 4, "undecided"),
        ("half", 5, "undecided"),
        ("half", 6, "undecided"),
        ("solved", 0, "correct"),
        ("choice", 0, "correct"),
        ("open", 0, "undecided"),
        ("gone", 0, "undecided"),
    ]
    reasons = [key[3] for key in got]
    assert reasons[2:7] == ["trace_length", "trace_failed", "trace_empty", "no_answer_found", "trace_unclosed"]
    assert reasons[9:] == ["reference_proof", "no_problem"]
    assert out.dropped.height == 0
    assert out.counters == {"correct": 3.0, "incorrect": 1.0, "undecided": 7.0}


def test_evidence_is_in_the_row(tmp_path: Path) -> None:
    (verdict,) = rows(Verdict, run(tmp_path, [trace("solved", 0, "\\boxed{14/2}")]).kept)
    assert (verdict.extracted, verdict.reference, verdict.method) == ("14/2", "7", "typed")


def test_no_traces(tmp_path: Path) -> None:
    out = run(tmp_path, [])
    assert dict(out.kept.schema) == schema(Verdict)
    assert out.counters["correct"] == 0


def test_more_workers_give_the_same_verdicts(tmp_path: Path) -> None:
    traces = [trace("half", n, f"\\boxed{{{n}/{2 * n}}}") for n in range(1, 30)]
    assert run(tmp_path, traces).kept.equals(run(tmp_path, traces, workers=3).kept)


def test_keys_are_checked() -> None:
    with pytest.raises(ValidationError, match="did you mean 'cpu_s'"):
        Verify(cpus=3)  # type: ignore[call-arg]
    with pytest.raises(ValidationError):
        Verify(cpu_s=0)


def test_programs_are_judged_by_the_tests_of_their_problem(tmp_path: Path) -> None:
    doubled = json.dumps([{"input": "3", "output": "6"}, {"input": "-1", "output": "-2"}])
    problem = Problem("double", "Print twice the number.", tests=doubled, domain="code")
    traces = [
        trace("double", 0, "```python\nprint(2 * int(input()))\n```"),
        trace("double", 1, "```python\nprint(6)\n```"),
        trace("double", 2, "There is no program here, and I would rather explain it."),
        trace("double", 3, "```python\nprint(", "length"),
    ]
    tables = {Trace: frame(Trace, traces), Problem: frame(Problem, [problem])}
    out = Verify().run(tables, StepContext(seed=0, work=tmp_path, run=tmp_path))
    got = [(v.verdict, v.reason.split(";")[0]) for v in rows(Verdict, out.kept)]
    assert got[:2] == [("correct", "passed"), ("incorrect", "wrong_answer (test 1)")]
    assert [verdict for verdict, _ in got[2:]] == ["undecided", "undecided"]
    assert rows(Verdict, out.kept)[0].method.startswith("tests in ")


class Listener(NoProgress):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)


def test_many_undecided_answers_warn_and_cut_off_ones_do_not(tmp_path: Path) -> None:
    def said(traces: list[Trace], bound: float) -> list[str]:
        listener = Listener()
        tables = {Trace: frame(Trace, traces), Problem: frame(Problem, PROBLEMS)}
        context = StepContext(seed=0, work=tmp_path, run=tmp_path, progress=listener)
        Verify(warn_undecided=bound).run(tables, context)
        return listener.said

    unclear = [trace("half", n, "\\boxed{5 or 6}") for n in range(3)] + [trace("half", 3, "\\boxed{1/2}")]
    assert ["75%" in line for line in said(unclear, 0.5)] == [True]
    assert said(unclear, 0.8) == []
    assert said([trace("half", n, "\\boxed{", "length") for n in range(5)], 0.1) == []
