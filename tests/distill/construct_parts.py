"""What the tests of strategies share: a step ready to run, problems with answers, what was asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from cotkit.distill.construct import Construct
from cotkit.distill.scripted.server import ScriptedTeacher
from cotkit.records import Problem, frame, problem_id
from cotkit.steps import StepContext, StepOutput


def play(problems: Sequence[tuple[str, str | None]]) -> list[Problem]:
    """Problems out of (text, answer)."""
    return [
        Problem(problem_id(text), text, answer=answer, solution="why", metadata='{"a": 1}', source="test", source_row=i)
        for i, (text, answer) in enumerate(problems)
    ]


def problem_table(problems: Sequence[tuple[str, str | None]]) -> pl.DataFrame:
    return frame(Problem, play(problems))


def construct(url: str, strategy: Mapping[str, Any], **more: Any) -> Construct:
    """A construct step that asks the model m at `url`; `teacher` keys are merged."""
    teacher = {"base_url": url, "model": "m", **more.pop("teacher", {})}
    keys = {"step": "construct", "teacher": teacher, "prompt": {"user": "{problem}"}, "limits": {"timeout_s": 5}}
    return Construct.model_validate({**keys, "strategy": strategy, **more})


def run_construct(step: Construct, table: pl.DataFrame, run: Path, seed: int = 0) -> StepOutput:
    """Run it as the runner does."""
    work = run / "work"
    work.mkdir(parents=True, exist_ok=True)
    return step.run({Problem: table}, StepContext(seed=seed, work=work, run=run))


def asked(server: ScriptedTeacher) -> list[list[dict[str, Any]]]:
    """The messages of each request, in order of arrival."""
    return [entry["body"]["messages"] for entry in server.log.requests]
