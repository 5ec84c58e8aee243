"""What the distill tests share: the loopback teacher, prompts, a step ready to run."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from cotkit.distill.step import Distill
from cotkit.distill.teacher import Limits, Sampling, Teacher
from cotkit.distill.traces import Told, distill_prompts
from cotkit.records import Problem, frame, problem_id
from cotkit.steps import NoProgress, StepContext, StepOutput

sys.path.insert(0, str(Path(__file__).parents[1] / "servers"))
from teacher import FakeTeacher

__all__ = ["FakeTeacher", "Yes", "ask", "problems", "prompts", "run_step", "step", "texts"]


def prompts(names: Iterable[str]) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """A prompt for each name, with the name as its text."""
    return ((name, [{"role": "user", "content": name}]) for name in names)


def ask(
    server: FakeTeacher,
    names: Iterable[str],
    journal: Path,
    *,
    limits: Mapping[str, Any] | None = None,
    teacher: Mapping[str, Any] | None = None,
    sampling: Mapping[str, Any] | None = None,
    samples: int = 1,
) -> list[Told]:
    """Ask the server about each name; the outcomes in the order of the names."""
    told: list[Told] = []
    distill_prompts(
        prompts(names),
        Teacher.model_validate({"base_url": server.url, "model": "m", **(teacher or {})}),
        Sampling.model_validate(sampling or {}),
        Limits.model_validate({"timeout_s": 60, **(limits or {})}),
        journal,
        told.append,
        samples,
    )
    return sorted(told, key=lambda one: one.index)


def problems(texts: Iterable[str], choices: list[str] | None = None) -> pl.DataFrame:
    """A table of problems with these texts."""
    rows = [
        Problem(problem_id(text, choices), text, source="test", source_row=i, choices=choices)
        for i, text in enumerate(texts)
    ]
    return frame(Problem, rows)


def step(url: str, **more: Any) -> Distill:
    """A distill step that asks the model m at `url`; `teacher` keys are merged."""
    teacher = {"base_url": url, "model": "m", **more.pop("teacher", {})}
    keys = {"step": "distill", "teacher": teacher, "prompt": {"user": "{problem}"}, "limits": {"timeout_s": 60}}
    return Distill.model_validate({**keys, **more})


class Yes(NoProgress):
    """A user who is asked and says yes, or no."""

    def __init__(self, answer: bool = True) -> None:
        self.answer = answer
        self.asked: list[str] = []
        self.notes: list[str] = []

    def confirm(self, question: str) -> bool:
        self.asked.append(question)
        return self.answer

    def note(self, text: str) -> None:
        self.notes.append(text)


def run_step(distill: Distill, table: pl.DataFrame, folder: Path, progress: NoProgress | None = None) -> StepOutput:
    """Run it with `folder` as its run directory; in = kept + dropped is checked every time."""
    context = StepContext(seed=1, work=folder, run=folder, progress=progress or NoProgress())
    output = distill.run({Problem: table}, context)
    expected = distill.rows_in({Problem: table})
    assert output.kept.height + output.dropped.height == (output.rows_in if expected is None else expected)
    return output


def texts(server: FakeTeacher) -> list[str]:
    """The user texts that the server was asked, in order of arrival."""
    return [request["body"]["messages"][-1]["content"] for request in server.log()["requests"]]
