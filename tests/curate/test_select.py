"""Selection: every attempt comes out once, for the reason that the table says."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from cotkit.curate.select import Attempt, Select, pass_rate, select
from cotkit.records import Problem, Trace, Verdict


def attempt(problem: str, sample: int, verdict: str, status: str = "done", text: str = "x") -> Attempt:
    return Attempt(
        Problem(problem, f"problem {problem}", "1", source="s"),
        Trace(problem, sample, "t", "h", status, reasoning=text, response="\\boxed{1}"),
        Verdict(problem, sample, verdict, "1", "1", "exact", ""),
    )


ATTEMPTS = st.lists(
    st.tuples(
        st.sampled_from("abcd"),
        st.sampled_from(["correct", "incorrect", "undecided"]),
        st.sampled_from(["done", "done", "length", "unclosed", "empty"]),
        st.integers(1, 9),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(ATTEMPTS, st.integers(1, 3), st.sampled_from(["first", "shortest", "longest"]))
def test_in_is_kept_plus_dropped(rows: list[tuple[str, str, str, int]], most: int, by: str) -> None:
    seen: dict[str, int] = {}
    attempts = []
    for problem, verdict, status, size in rows:
        seen[problem] = seen.get(problem, -1) + 1
        attempts.append(attempt(problem, seen[problem], verdict, status, "x" * size))
    config = Select.model_validate({"step": "select", "choose": {"by": by}, "per_problem": most})
    out = select(attempts, config)
    keys = sorted((a.problem.problem_id, a.trace.sample) for a in attempts)
    got = [*out.kept.select("problem_id", "sample").rows(), *out.dropped.select("problem_id", "sample").rows()]
    assert sorted(got) == keys
    assert set(out.kept["verdict"].to_list()) <= {"correct"}
    counts = out.kept["problem_id"].value_counts()["count"].to_list()
    assert all(count <= most for count in counts)


def test_reasons_and_evidence() -> None:
    attempts = [
        attempt("a", 0, "correct", text="long long"),
        attempt("a", 1, "correct", text="short"),
        attempt("a", 2, "incorrect"),
        attempt("b", 0, "undecided"),
        attempt("b", 1, "undecided", status="length"),
    ]
    out = select(attempts, Select(step="select"))
    assert out.kept.select("problem_id", "sample").rows() == [("a", 1)]
    assert out.dropped["reason"].to_list() == ["not_chosen", "incorrect", "undecided", "length"]
    assert json.loads(out.dropped["evidence"][0]) == {"chosen_samples": [1]}
    assert out.kept["pass_rate"].to_list() == [2 / 3]


def test_pass_rate_counts_truncation_but_not_the_graders_doubt() -> None:
    right, doubt, cut = attempt("a", 0, "correct"), attempt("a", 1, "undecided"), attempt("a", 2, "undecided", "length")
    assert pass_rate([right, doubt]) == 1.0
    assert pass_rate([right, cut]) == 0.5
    assert pass_rate([doubt]) is None


def test_pass_rate_bounds() -> None:
    attempts = [attempt("easy", 0, "correct"), attempt("hard", 0, "correct"), attempt("hard", 1, "incorrect")]
    config = Select.model_validate({"step": "select", "max_pass_rate": 0.9})
    out = select(attempts, config)
    assert out.kept["problem_id"].to_list() == ["hard"]
    assert out.dropped["reason"].to_list() == ["pass_rate", "incorrect"]


def test_a_domain_may_keep_other_verdicts() -> None:
    attempts = [
        replace(a, problem=replace(a.problem, domain=domain))
        for domain, a in (
            ("science", attempt("s", 0, "undecided")),
            ("science", attempt("t", 0, "incorrect")),
            ("science", attempt("u", 0, "undecided", status="length")),
            ("math", attempt("m", 0, "undecided")),
            ("math", attempt("n", 0, "correct")),
        )
    ]
    config = Select.model_validate({"by_domain": {"science": ["correct", "undecided"]}})
    out = select(attempts, config)
    assert out.kept.select("problem_id", "verdict").rows() == [("s", "undecided"), ("n", "correct")]
    assert out.dropped.select("problem_id", "reason").rows() == [
        ("t", "incorrect"),
        ("u", "length"),
        ("m", "undecided"),
    ]
    # Never counted as right.
    assert out.kept["pass_rate"].to_list() == [None, 1.0]
    assert out.counters["problems solved"] == 1
    strict = Select.model_validate({"verdicts": ["correct", "undecided"], "by_domain": {"science": ["correct"]}})
    assert select(attempts, strict).kept["problem_id"].to_list() == ["m", "n"]


@pytest.mark.parametrize("value", [{"sciences": ["correct"]}, {"science": []}, {"science": ["right"]}])
def test_a_domain_without_verdicts_is_refused(value: dict[str, list[str]]) -> None:
    with pytest.raises(ValidationError):
        Select.model_validate({"by_domain": value})
