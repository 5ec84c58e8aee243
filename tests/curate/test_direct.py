"""The length of a direct answer: asked once, of some domains, in tokens, and what selectors do with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from teacher import FakeTeacher

from cotkit.curate.features import Features
from cotkit.curate.sample import Sample
from cotkit.records import Problem, frame, problem_id, rows
from cotkit.steps import StepContext, StepOutput

TEXTS = {"Easy one": "math", "A long hard one": "math", "Why is it so": "science", "Sort a list": "code"}
PROBLEMS = [Problem(problem_id(t), t, domain=d, source="s", source_row=i) for i, (t, d) in enumerate(TEXTS.items())]


def run(tmp_path: Path, problems: list[Problem], **keys: Any) -> StepOutput:
    step = Features.model_validate({"step": "features", "limits": {"timeout_s": 60, "retries": 0}, **keys})
    out = step.run({Problem: frame(Problem, problems)}, StepContext(seed=1, work=tmp_path, run=tmp_path))
    assert out.kept["source_row"].to_list() == list(range(len(problems)))
    return out


def test_answers_are_measured_in_the_domains_that_are_asked_and_paid_once(tmp_path: Path) -> None:
    with FakeTeacher() as teacher:
        whom = {"base_url": teacher.url, "model": "m"}
        keys = {"direct": {"teacher": whom}, "domains": ["math", "science"]}
        rated = [replace(p, difficulty=7.0) if p.domain == "code" else p for p in PROBLEMS]
        out = run(tmp_path, rated, **keys)
        again = run(tmp_path, rated, **keys)
        sent = sorted(r["body"]["messages"][0]["content"] for r in teacher.log()["requests"])
    assert sent == sorted(t for t, d in TEXTS.items() if d != "code")
    found = rows(Problem, out.kept)
    assert [p.direct_tokens is None for p in found] == [False, False, False, True]
    assert min(p.direct_tokens for p in found[:3]) > 0
    assert found[3].difficulty == 7.0
    assert (out.counters["measured"], out.counters["requests"], again.counters["requests"]) == (3, 3, 0)
    assert again.kept.equals(out.kept)


def test_an_answer_that_does_not_come_is_no_length_and_is_asked_again(tmp_path: Path) -> None:
    with FakeTeacher() as teacher:
        whom = {"base_url": teacher.url, "model": "m"}
        teacher.fault("503", "Easy one")
        out = run(tmp_path, PROBLEMS[:2], direct={"teacher": whom})
        assert [p.direct_tokens is None for p in rows(Problem, out.kept)] == [True, False]
        assert out.incomplete == 1
        teacher.state.faults.clear()
        assert run(tmp_path, PROBLEMS[:2], direct={"teacher": whom}).incomplete == 0


def test_the_longest_answers_and_the_hardest_programs_are_sampled(tmp_path: Path) -> None:
    made = [
        replace(PROBLEMS[0], direct_tokens=10),
        replace(PROBLEMS[1], direct_tokens=90),
        replace(PROBLEMS[2], direct_tokens=None),
        replace(PROBLEMS[3], difficulty=3.0),
    ]
    by = {"by": "openthoughts3", "shares": {"math": 1, "code": 1}, "longest": "direct_tokens"}
    step = Sample.model_validate({"rows": 2, "by": by})
    out = step.run({Problem: frame(Problem, made)}, StepContext(seed=1, work=tmp_path, run=tmp_path))
    assert out.kept["problem"].to_list() == ["A long hard one", "Sort a list"]
    assert dict(zip(out.dropped["problem"], out.dropped["reason"], strict=True)) == {
        "Easy one": "not_chosen",
        "Why is it so": "refused",
    }


def test_a_domain_that_is_none_is_refused() -> None:
    with pytest.raises(ValidationError, match="domains"):
        Features.model_validate({"subject": {}, "domains": ["c"]})
