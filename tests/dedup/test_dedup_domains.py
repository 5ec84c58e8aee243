"""A dedup step that is about some domains compares only their problems and leaves the others where they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from cotkit.dedup.step import Dedup
from cotkit.records import Problem, frame, problem_id
from cotkit.steps import StepContext

ROWS = [("math", "Add 1 and 2."), ("code", "Sort a list."), ("math", "Add 1 and 2."), ("code", "Sort a list.")]
PROBLEMS = [Problem(problem_id(t), t, domain=d, source="s", source_row=i) for i, (d, t) in enumerate(ROWS)]
EXACT = {"renamed": False, "contained": False, "embedding": None}


@pytest.mark.parametrize(("domains", "kept"), [([], [0, 1]), (["code"], [0, 1, 2]), (["puzzle"], [0, 1, 2, 3])])
def test_only_these_domains_are_compared(domains: list[str], kept: list[int], tmp_path: Path) -> None:
    step = Dedup.model_validate({"step": "dedup", "domains": domains, **EXACT})
    out = step.run({Problem: frame(Problem, PROBLEMS)}, StepContext(seed=1, work=tmp_path, run=tmp_path))
    assert out.kept["source_row"].to_list() == kept
    assert out.kept.height + out.dropped.height == len(PROBLEMS)


def test_a_kept_row_answers_for_its_copies_in_some_domains_too(tmp_path: Path) -> None:
    """Else decontaminate would not see a leak that stands in a dropped copy alone."""
    texts = [("code", "Sort a list."), ("math", "Find the sum  of 1 and 2"), ("math", "Find the sum of $1$ and 2.")]
    problems = [Problem(problem_id(t), t, domain=d, source="s", source_row=i) for i, (d, t) in enumerate(texts)]
    context = StepContext(seed=1, work=tmp_path, run=tmp_path)
    for domains in ([], ["math"]):
        step = Dedup.model_validate({"step": "dedup", "domains": domains, **EXACT})
        out = step.run({Problem: frame(Problem, problems)}, context)
        assert out.kept["copies"].to_list() == [None, [texts[2][1]]]
        assert out.kept.schema == frame(Problem, problems).schema
