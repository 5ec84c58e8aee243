"""Trimming: golden efficiencies, prefixes that verify again, and what stays as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import segments as benchmark
from hypothesis import given, settings
from hypothesis import strategies as st

from cotkit import records
from cotkit.curate.overthinking import (
    Solution,
    Thinking,
    clusters,
    means,
    outcome_efficiency,
    process_efficiency,
)
from cotkit.curate.trim import Trim, trimmed
from cotkit.records import Problem, Trace, Verdict
from cotkit.steps import NoProgress, StepContext, StepOutput
from cotkit.verify import grade

FIXTURE = [*benchmark.read("english"), *benchmark.read("chinese")]


def trim(rows: list[tuple[Problem, Trace, str]], **keys: Any) -> StepOutput:
    """`rows`: problem, trace, verdict."""
    tables = {
        Problem: records.frame(Problem, [problem for problem, _, _ in rows]),
        Trace: records.frame(Trace, [trace for _, trace, _ in rows]),
        Verdict: records.frame(
            Verdict,
            [Verdict(t.problem_id, t.sample, v, p.answer, p.answer, "exact", "") for p, t, v in rows],
        ),
    }
    step = Trim.model_validate({"step": "trim", "name": "trim", **keys})
    return step.run(tables, StepContext(0, Path(), Path(), progress=NoProgress()))


def attempt(reasoning: str | None, response: str, answer: str = "12", verdict: str = "correct", **keys: Any) -> Any:
    number = str(abs(hash((reasoning, response))))
    problem = Problem(number, keys.pop("problem", "How many ways are there?"), answer, **keys)
    return problem, Trace(number, 0, "t", "h", "done", reasoning, response, completion_tokens=99), verdict


def fates(result: StepOutput) -> list[str]:
    return result.secondary["overthinking"]["fate"].to_list()


THREE = (
    "3 + 4 is 7, twice that is 14, so the answer is 14.\n\nWait, 3 * 4 = 12. So the answer is 12.\n\n"
    "Let me verify: 12 / 4 = 3. Yes, so the answer is 12.\n\nAlternatively, 2 * 6 = 12, so the answer is 12.\n\nDone."
)


def test_golden_efficiencies() -> None:
    four = [Solution(10, False, 0), Solution(20, True, 1), Solution(30, True, 1), Solution(40, True, 2)]
    assert outcome_efficiency(four) == pytest.approx(0.30)
    assert process_efficiency(four) == pytest.approx(0.70)
    assert outcome_efficiency(four[:1]) == 0.0
    assert outcome_efficiency([]) is None
    assert process_efficiency([Solution(0, True, 0)]) is None


def test_averages_count_a_trace_once_however_many_attempts_it_has() -> None:
    def row(solutions: int, outcome: float) -> Thinking:
        return Thinking("p", 0, solutions, 1, outcome, 1.0, 10, 10, "characters", "")

    found = means([row(1, 1.0), row(9, 0.5), row(0, 0.0)])
    assert found["outcome efficiency"] == 0.75
    assert found["solutions a trace"] == 5


def test_attempts_with_the_same_words_are_one_way() -> None:
    texts = ["Using pairs: 1 with 12, 2 with 6.", "Using pairs again: 1 with 12, 2 with 6.", "By the formula 7 * 8"]
    assert clusters(texts) == [0, 0, 1]


@pytest.mark.parametrize(
    ("mode", "ends"),
    [
        ("first-correct", "3 * 4 = 12. So the answer is 12."),
        ("first-correct+reflection", "Yes, so the answer is 12."),
    ],
)
def test_cuts_behind_the_attempt_that_the_mode_names(mode: str, ends: str) -> None:
    result = trim([attempt(THREE, "\\boxed{12}")], mode=mode)
    (row,) = records.rows(Trace, result.kept)
    assert (row.reasoning or "").endswith(ends)
    assert THREE.startswith(row.reasoning or "?")
    assert row.response == "\\boxed{12}"
    assert row.strategy == "trim"
    assert row.completion_tokens is None
    told = json.loads(row.provenance)["trim"]
    assert told["kept"] == [0, len(row.reasoning or "")]
    assert told["completion_tokens_before"] == 99
    (thinking,) = result.secondary["overthinking"].rows(named=True)
    assert (thinking["solutions"], thinking["first_correct"], thinking["fate"]) == (4, 2, "trimmed")


def test_diverse_stops_before_an_attempt_that_says_the_same_again() -> None:
    again = "Wait, let me recompute: 3 * 4 = 12, so the answer is 12."
    other = "Alternatively, 24 halves give 24 / 2 = 12, so 12."
    text = f"Counting rows, 3 * 4 = 12, so the answer is 12.\n\n{other}\n\n{again}"
    (row,) = records.rows(Trace, trim([attempt(text + "\n\nDone.", "12")], mode="diverse").kept)
    assert (row.reasoning or "").endswith("24 / 2 = 12, so 12.")


def test_a_trace_that_is_all_response_gets_a_closing_in_its_own_words() -> None:
    text = THREE + " " + "I am sure about all of this. " * 3
    (row,) = records.rows(Trace, trim([attempt(None, text, answer="\\frac{24}{2}")], mode="first-correct").kept)
    assert (row.response or "").endswith("So the answer is 12.\n\n\\boxed{12}")
    assert "frac" not in (row.response or "")


def test_what_cannot_be_trimmed_stays_with_its_reason() -> None:
    rows = [
        attempt(THREE, "12", verdict="undecided"),
        attempt(THREE, "13", verdict="incorrect"),
        attempt(THREE, "12 ", tests="{}"),
        attempt(THREE, " 12", answer=None),
        attempt("3 * 4 = 12, so the answer is 12.", "12"),
        attempt("I thought about it for a while.\n\nThen I stopped.", "It is 12."),
        attempt(THREE.replace("12", "15"), "12"),
        attempt("3 * 4 = 12, so the answer is 12.\n\nHmm, that is all there is to say about it.", "12"),
    ]
    result = trim(rows)
    assert result.kept.equals(records.frame(Trace, [trace for _, trace, _ in rows]))
    assert fates(result) == [
        *("not_correct", "not_correct", "has_tests", "no_reference"),
        *("no_reflection", "no_answer_found", "no_correct_attempt", "no_reflection"),
    ]


@pytest.mark.parametrize(
    ("provenance", "kept"),
    [('{"a": 1}', {"a": 1}), ("not json", {"provenance": "not json"}), ("[1]", {"provenance": "[1]"})],
)
def test_what_was_known_of_a_trace_stays_in_its_provenance(provenance: str, kept: dict[str, Any]) -> None:
    trace = Trace("p", 0, "t", "h", "done", THREE, "12", provenance=provenance, strategy="star")
    after = trimmed(trace, 40, "", "diverse")
    told = json.loads(after.provenance)
    assert told.pop("trim")["kept"] == [0, 40]
    assert told == kept
    assert after.strategy == "star+trim"
    assert trimmed(trace, None, "", "diverse") == trace


def test_an_unfinished_trace_stays() -> None:
    problem, trace, _ = attempt(THREE, "12")
    cut = Trace(trace.problem_id, 0, "t", "h", "length", THREE, "12")
    assert fates(trim([(problem, cut, "undecided")])) == ["not_finished"]


@settings(max_examples=6, deadline=None)
@given(
    st.lists(st.sampled_from(FIXTURE), min_size=6, max_size=12, unique_by=lambda t: t.id),
    st.sampled_from(["first-correct", "first-correct+reflection", "diverse"]),
    st.booleans(),
    st.sampled_from(["", "\n\nI hope this helps, and I could say a lot more about it.", "\n\nWait. Is it 99? No."]),
)
def test_trimming_yields_a_prefix_plus_closing_and_verifies_again(
    marked: list[benchmark.Marked], mode: str, as_response: bool, tail: str
) -> None:
    rows = []
    for trace in marked:
        problem = Problem(trace.id, trace.problem, trace.reference)
        text, response = trace.text + tail, f"The answer is \\boxed{{{trace.reference}}}."
        parts = (None, f"{text}\n\n{response}") if as_response else (text, response)
        rows.append((problem, Trace(trace.id, 0, "t", "h", "done", *parts), "correct"))
    result = trim(rows, mode=mode)
    kept = records.rows(Trace, result.kept)
    assert [t.problem_id for t in kept] == [t.problem_id for _, t, _ in rows]
    for (problem, before, _), after, fate in zip(rows, kept, fates(result), strict=True):
        if fate != "trimmed":
            assert after == before
            continue
        start, end = json.loads(after.provenance)["trim"]["kept"]
        old = before.response if as_response else before.reasoning
        new = after.response if as_response else after.reasoning
        assert start == 0
        assert new is not None
        assert old is not None
        assert new[:end] == old[:end]
        assert len(new) < len(old)
        assert grade(problem.answer, after.response, question=problem.problem).value == "correct"
        assert grade(problem.answer, new, question=problem.problem).value == "correct"


def test_lengths_in_tokens_of_a_named_tokenizer(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    path = tmp_path / "tokenizer.json"
    tokenizer.save(str(path))
    table = trim([attempt(THREE, "12")], tokenizer=str(path)).secondary["overthinking"]
    assert table["unit"].to_list() == ["tokens"]
    assert 0 < table["trimmed_length"][0] < table["length"][0] < len(THREE)
    assert isinstance(table, pl.DataFrame)
