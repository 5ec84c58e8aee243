"""The recipe step: problems in, the teacher's traces out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from cotkit.config import LocalPath
from cotkit.distill.engine import Tally
from cotkit.distill.prompt import Message, Prompt
from cotkit.distill.recording import recording_digest
from cotkit.distill.teacher import Limits, Sampling, Teacher, read_key
from cotkit.distill.traces import Told, distill_prompts
from cotkit.errors import InputError
from cotkit.records import Problem, Trace, dropped_frame, frame
from cotkit.steps import Step, StepContext, StepOutput, Tables

if TYPE_CHECKING:
    import polars as pl

JOURNAL_FILE = "journal.sqlite"


class Distill(Step):
    """Ask a teacher for reasoning traces. What was paid for lies in the journal and is never asked again."""

    step: Literal["distill"]
    teacher: Teacher = Field(description="Who is asked.")
    prompt: Prompt = Field(default_factory=Prompt, description="What it is told.")
    sampling: Sampling = Field(default_factory=Sampling, description="Sampling keys; unset ones are not sent.")
    samples: int = Field(1, ge=1, description="Answers asked for each problem.")
    limits: Limits = Field(default_factory=Limits, description="How hard it is asked.")
    journal: LocalPath | None = Field(
        None, description="The journal of paid answers; journal.sqlite in the run directory when unset."
    )

    room: ClassVar[str] = "distill"
    reads: ClassVar[tuple[type, ...]] = (Problem,)
    writes: ClassVar[type] = Trace
    code: ClassVar[tuple[str, ...]] = ("cotkit.distill", "cotkit.records")
    excluded: ClassVar[Mapping[str, str]] = {
        "limits": "how fast a teacher is asked does not change what it answers",
        "journal": "where answers are kept does not change them",
        "teacher.api_key_env": "who pays does not change the answer",
        "teacher.ignores": "it only decides which recipes are refused",
        "teacher.replay": "the digest of the recording stands for its path",
    }

    def materials(self, pins: Mapping[str, str]) -> dict[str, str]:
        if self.teacher.replay is None:
            return {}
        return {"recording": recording_digest(self.teacher.replay)}

    def rows_in(self, tables: Tables) -> int | None:
        return tables[Problem].height * self.samples

    def check(self) -> list[str]:
        found = [
            f"sampling.{key} is set, but the teacher {self.teacher.model} ignores it (teacher.ignores); leave it out"
            for key in self.teacher.ignores
            if getattr(self.sampling, key) is not None
        ]
        fixed_seed = self.sampling.seed is None or "seed" in self.teacher.ignores
        if self.samples > 1 and self.sampling.temperature == 0 and fixed_seed:
            found.append(
                f"samples is {self.samples} at temperature 0 without a seed, so every sample would be the same "
                "answer paid again; raise sampling.temperature or set samples to 1"
            )
        return found

    def ready(self) -> None:
        if self.teacher.replay is None:
            read_key(self.teacher)

    def run(self, tables: Tables, context: StepContext) -> StepOutput:
        problems = tables[Problem]
        _must_be_unique(problems)
        told: list[Told | None] = [None] * (problems.height * self.samples)
        with context.progress.task("distill", len(told)) as task:

            def hear(one: Told) -> None:
                told[one.index] = one
                task.advance(1, tokens=one.trace.completion_tokens or 0, usd=one.trace.cost_usd or 0.0)

            tally = distill_prompts(
                self._prompts(problems),
                self.teacher,
                self.sampling,
                self.limits,
                self.journal or context.run / JOURNAL_FILE,
                hear,
                self.samples,
            )
        return _output([one for one in told if one is not None], tally)

    def _prompts(self, problems: pl.DataFrame) -> Iterator[tuple[str, Sequence[Message]]]:
        for name, problem, choices in problems.select("problem_id", "problem", "choices").iter_rows():
            yield name, self.prompt.messages(problem, choices)


def _must_be_unique(problems: pl.DataFrame) -> None:
    ids = problems["problem_id"]
    if ids.n_unique() == problems.height:
        return
    twice = ids.filter(ids.is_duplicated()).sort()
    raise InputError(
        f"{twice.n_unique()} problem_id(s) stand more than once in the problems to distill (such as {twice[0]}); "
        "add a dedup step before this one"
    )


def _output(told: Sequence[Told], tally: Tally) -> StepOutput:
    traces = [one.trace for one in told]
    table = frame(Trace, traces)
    failures = {i: one.failure for i, one in enumerate(told) if one.failure is not None}
    evidence = [{"error": f.message, "http_status": f.http_status, "attempts": f.attempts} for f in failures.values()]
    counters: dict[str, float] = {
        "requests": tally.requests,
        "journaled": tally.journaled,
        "replayed": tally.replayed,
        "prompt_tokens": sum(t.prompt_tokens or 0 for t in traces),
        "completion_tokens": sum(t.completion_tokens or 0 for t in traces),
        **Counter(t.status for t in traces),
    }
    costs = [t.cost_usd for t in traces if t.cost_usd is not None]
    if costs:
        counters["usd"] = float(sum(Decimal(str(usd)) for usd in costs))
    return StepOutput(
        kept=table[[i for i in range(len(told)) if i not in failures]],
        dropped=dropped_frame(table, list(failures), [f.reason for f in failures.values()], evidence),
        counters=counters,
        incomplete=sum(f.passing for f in failures.values()),
    )
