"""A filter step that is about some domains leaves the others alone."""

from __future__ import annotations

from pathlib import Path

from cotkit.curate.filter import FilterStep
from cotkit.records import Problem, frame
from cotkit.steps import StepContext

PROBLEMS = [
    Problem(name, f"In the figure, find {name}.", domain=name, source="s", source_row=i)
    for i, name in enumerate(("math", "code", "puzzle"))
]


def test_only_these_domains_are_filtered(tmp_path: Path) -> None:
    for domains, dropped in (([], {"math", "code", "puzzle"}), (["math", "puzzle"], {"math", "puzzle"})):
        step = FilterStep.model_validate({"filters": [{"name": "no_figure"}], "domains": domains})
        context = StepContext(seed=1, work=tmp_path, run=tmp_path)
        out = step.run({Problem: frame(Problem, PROBLEMS)}, context)
        assert set(out.dropped["problem_id"]) == dropped
        assert out.kept.height + out.dropped.height == len(PROBLEMS)
