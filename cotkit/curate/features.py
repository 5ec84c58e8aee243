"""The features step: how hard a problem is, and what it is about.

The one module of this room that asks a teacher; every answer lies in the distill journal and is paid once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from cotkit.config import Config, LocalPath
from cotkit.curate import rating
from cotkit.curate.direct import Direct, tokens
from cotkit.curate.nearest import nearest_classes
from cotkit.curate.weak import Tried, Weak, graded_digest, rate_of, read_graded, tried_from, with_rates
from cotkit.distill import asks
from cotkit.distill.engine import Tally
from cotkit.distill.prompt import Message
from cotkit.distill.teacher import Batch, Limits, Sampling, Teacher, read_key
from cotkit.distill.traces import Told, distill_prompts
from cotkit.records import Domain, Problem, Trace, Verdict, WeakRate, dropped_frame, frame, question, rows
from cotkit.steps import Step, StepContext, StepOutput, Tables
from cotkit.verify.judge import Judge
from cotkit.verify.step import Verify

if TYPE_CHECKING:
    from cotkit.distill.estimate import Asking

JOURNAL_FILE = "journal.sqlite"
# For an estimate, where the journal has no such answers yet: a worked answer, a few sentences and a rating, a line.
_USUAL_TOKENS = {"direct": 800, "difficulty": 400, "subject": 100}


class Difficulty(Config):
    """A model's rating from 1 to 10, the mean of several samples.

    DeepScaleR took 8 samples at temperature 0.7 and the mean of those it could read (difficulty_judge.py).
    """

    teacher: Teacher = Field(description="Who rates.")
    sampling: Sampling = Field(default_factory=lambda: Sampling(temperature=0.7), description="Sampling keys.")
    samples: int = Field(8, ge=1, le=64, description="How often each problem is rated.")


class Subject(Config):
    """A two-digit class of MSC 2020: by a model, else the class whose description is nearest by MiniLM."""

    teacher: Teacher | None = Field(None, description="Who labels; without one, MiniLM does.")
    sampling: Sampling = Field(default_factory=lambda: Sampling(temperature=0.0), description="Sampling keys.")
    minilm: bool = Field(True, description="Label by MiniLM too; with a teacher only to report how often both agree.")
    weights: LocalPath | None = Field(None, description="Folder of MiniLM weights.")

    @model_validator(mode="after")
    def _somebody(self) -> Subject:
        if self.teacher is None and not self.minilm:
            raise PydanticCustomError("subject", "nobody labels: give a teacher, or set minilm to true")
        return self


@dataclass(frozen=True, slots=True)
class Feature:
    """A row of features.parquet: what was found out about one problem, whoever said it."""

    problem_id: str
    source: str
    source_row: int
    ratings: list[float] | None
    subject_teacher: str | None
    subject_minilm: str | None
    cosine: float | None
    agreed: bool | None
    attempts: list[Tried] | None


class Features(Step):
    """Fill the columns solved_by, unsolved_by, weak_rates, direct_tokens, difficulty and subject; none is dropped."""

    step: Literal["features"] = "features"
    weak: tuple[Weak, ...] = Field((), description="Attempts of weaker models.")
    direct: Direct | None = Field(None, description="The length of a model's direct answer; null: none.")
    difficulty: Difficulty | None = Field(None, description="A rating by a model; null: none.")
    subject: Subject | None = Field(None, description="A class of mathematics; null: none.")
    domains: tuple[Domain, ...] = Field(
        (), description="Only problems of these domains; the others pass as they are. Empty: all."
    )
    limits: Limits = Field(default_factory=Limits, description="How hard teachers are asked.")
    journal: LocalPath | None = Field(
        None, description="The journal of paid answers; journal.sqlite in the run directory when unset."
    )
    batch: Batch | None = Field(None, description="Ask through the provider's batch files instead of one by one.")

    room: ClassVar[str] = "curate"
    reads: ClassVar[tuple[type, ...]] = (Problem,)
    writes: ClassVar[type] = Problem
    code: ClassVar[tuple[str, ...]] = (
        "cotkit.curate.features",
        "cotkit.curate.direct",
        "cotkit.curate.rating",
        "cotkit.curate.msc",
        "cotkit.curate.nearest",
        "cotkit.curate.weak",
        "cotkit.verify.judge_prompt",
        "cotkit.dedup.embed",
        "cotkit.distill",
        "cotkit.records",
    )
    excluded: ClassVar[Mapping[str, str]] = {
        **asks.exclusions("weak.*.teacher", "weak.*.judge", "direct.teacher", "difficulty.teacher", "subject.teacher"),
        **asks.BATCH,
        "weak.*.path": "the digest of the graded answers stands for their path",
        "subject.weights": "the digest of the weights is in the key instead",
    }

    @model_validator(mode="after")
    def _something(self) -> Features:
        if not (self.weak or self.direct or self.difficulty or self.subject):
            raise PydanticCustomError("features", "nothing is asked for: set weak, direct, difficulty or subject")
        names = [weak.model for weak in self.weak]
        if len(set(names)) < len(names):
            raise PydanticCustomError("features", "two entries of 'weak' have one model name; give each its own")
        return self

    def asked(self) -> dict[str, Asked]:
        """What is asked, by what for; what a judge will have to decide is not known before."""
        found = {
            f"weak {weak.model}": Asked(weak.teacher, weak.sampling, weak.samples)
            for weak in self.weak
            if weak.teacher is not None
        }
        if self.direct is not None:
            found["direct"] = Asked(self.direct.teacher, self.direct.sampling, 1)
        if self.difficulty is not None:
            found["difficulty"] = Asked(self.difficulty.teacher, self.difficulty.sampling, self.difficulty.samples)
        if self.subject is not None and self.subject.teacher is not None:
            found["subject"] = Asked(self.subject.teacher, self.subject.sampling, 1)
        return found

    def teachers(self) -> dict[str, Teacher]:
        """Who is asked, by what for."""
        judges = {f"judge of {weak.model}": weak.judge for weak in self.weak if weak.judge is not None}
        return {what: asked.teacher for what, asked in self.asked().items()} | judges

    def code_modules(self) -> tuple[str, ...]:
        return (*self.code, "cotkit.verify") if any(weak.teacher is not None for weak in self.weak) else self.code

    def materials(self, pins: Mapping[str, str]) -> dict[str, str]:
        found = {
            f"weak {weak.model}": graded_digest(weak.model, weak.path) for weak in self.weak if weak.path is not None
        }
        found |= asks.recordings({f"recording of {what}": teacher for what, teacher in self.teachers().items()})
        if self.subject is not None and self.subject.minilm:
            from cotkit.dedup.weights import weights_digest

            found["MiniLM weights"] = weights_digest(self.subject.weights)
        return found

    def check(self) -> list[str]:
        found = [
            sentence
            for what, asked in self.asked().items()
            for sentence in asks.ignored(
                asked.teacher, asked.sampling, f"{what}: ", "write `sampling: {}` to send nothing"
            )
        ]
        return found + [
            f"{what}: samples is {asked.samples} at temperature 0 without a seed, so every sample would be the same "
            "answer paid again; raise sampling.temperature or set samples to 1"
            for what, asked in self.asked().items()
            if asked.samples > 1 and asked.sampling.temperature == 0 and asked.sampling.seed is None
        ]

    def ready(self) -> None:
        for teacher in self.teachers().values():
            if teacher.replay is None:
                read_key(teacher)

    def asking(self, problems: Sequence[Problem]) -> list[Asking]:
        """What `run` would ask about these problems, for an estimate."""
        from cotkit.distill.estimate import Asking

        found = []
        covered = [p for p in problems if self._covers(p)]
        for what, asked in self.asked().items():
            prompts = list(self._prompts(what, covered))
            told, usual, batch = f"{self.name}: {what}", _USUAL_TOKENS.get(what), self.batch is not None
            found.append(
                Asking(told, asked.teacher, asked.sampling, asked.samples, prompts, self.journal, usual, batch)
            )
        for weak in self.weak:
            if weak.judge is not None:
                judge = self._judge(weak, weak.judge)
                found += judge.asking(covered, weak.samples, f"{self.name}: judge of weak {weak.model}")
        return found

    def _judge(self, weak: Weak, teacher: Teacher) -> Judge:
        sampling = Sampling(temperature=None if "temperature" in teacher.ignores else 0.0)
        return Judge(
            step="judge",
            teacher=teacher,
            sampling=sampling,
            limits=self.limits,
            journal=self.journal,
            when=weak.judge_when,
        )

    def run(self, tables: Tables, context: StepContext) -> StepOutput:
        table = tables[Problem]
        every = rows(Problem, table)
        problems = [p for p in every if self._covers(p)]
        counters: dict[str, float] = {}
        told = [Feature(p.problem_id, p.source, p.source_row, None, None, None, None, None, None) for p in problems]
        failed = 0
        if self.weak:
            tried, rates, failed = self._weak(problems, counters, context)
            models = [weak.model for weak in self.weak]
            problems = [with_rates(p, models, r) for p, r in zip(problems, rates, strict=True)]
            told = [replace(t, attempts=a) for t, a in zip(told, tried, strict=True)]
        if self.direct is not None:
            replies = self._ask("direct", problems, context)
            failed += replies.passing
            replies.count(counters)
            lengths = [tokens(traces) for traces in replies.traces]
            problems = [replace(p, direct_tokens=n) for p, n in zip(problems, lengths, strict=True)]
            counters["measured"] = sum(n is not None for n in lengths)
        if self.difficulty is not None:
            replies = self._ask("difficulty", problems, context)
            failed += replies.passing
            replies.count(counters)
            ratings = [sorted(filter(None, map(rating.read_difficulty, texts))) for texts in replies.texts]
            problems = [replace(p, difficulty=rating.mean(r)) for p, r in zip(problems, ratings, strict=True)]
            told = [replace(t, ratings=r) for t, r in zip(told, ratings, strict=True)]
            counters["rated"] = sum(bool(r) for r in ratings)
        if self.subject is not None:
            if self.subject.minilm:
                nearest = nearest_classes(problems, self.subject.weights, context)
                told = [
                    replace(t, subject_minilm=code, cosine=cosine)
                    for t, (code, cosine) in zip(told, nearest, strict=True)
                ]
            if self.subject.teacher is not None:
                replies = self._ask("subject", problems, context)
                failed += replies.passing
                replies.count(counters)
                labels = [rating.read_subject(texts[0]) if texts else None for texts in replies.texts]
                told = [_compared(t, label) for t, label in zip(told, labels, strict=True)]
                counters["agreed"] = sum(t.agreed is True for t in told)
                counters["disagreed"] = sum(t.agreed is False for t in told)
            by_teacher = self.subject.teacher is not None
            labels = [t.subject_teacher if by_teacher else t.subject_minilm for t in told]
            problems = [replace(p, subject=label) for p, label in zip(problems, labels, strict=True)]
            counters["labelled"] = sum(label is not None for label in labels)
        done = iter(problems)
        return StepOutput(
            kept=frame(Problem, [next(done) if self._covers(p) else p for p in every]),
            dropped=dropped_frame(table, [], [], []),
            counters=counters,
            incomplete=failed,
            secondary={"features": frame(Feature, told)},
        )

    def _covers(self, problem: Problem) -> bool:
        return not self.domains or problem.domain in self.domains

    def _weak(
        self, problems: Sequence[Problem], counters: dict[str, float], context: StepContext
    ) -> tuple[list[list[Tried]], list[list[WeakRate]], int]:
        """Every model's attempts and rates, by problem, and how many could not be had for a passing reason."""
        tried: list[list[Tried]] = [[] for _ in problems]
        rates: list[list[WeakRate]] = [[] for _ in problems]
        failed = 0
        for weak in self.weak:
            found, missed = self._attempts(weak, problems, counters, context)
            failed += missed
            own = [rate_of(weak.model, attempts) for attempts in found]
            for i, (attempts, rate) in enumerate(zip(found, own, strict=True)):
                tried[i] += attempts
                if rate is not None:
                    rates[i].append(rate)
            counters[f"tried by {weak.model}"] = sum(rate is not None for rate in own)
            counters[f"solved by {weak.model}"] = sum(rate is not None and rate["rate"] > 0 for rate in own)
        return tried, rates, failed

    def _attempts(
        self, weak: Weak, problems: Sequence[Problem], counters: dict[str, float], context: StepContext
    ) -> tuple[list[list[Tried]], int]:
        """The attempts at each problem, and how many could not be had for a passing reason."""
        if weak.path is not None:
            found = read_graded(weak.model, weak.path)
            return [found.get(p.problem_id, []) for p in problems], 0
        replies = self._ask(f"weak {weak.model}", problems, context)
        replies.count(counters)
        # Each row is graded against its own reference, also where two rows have one text.
        own = [replace(p, problem_id=str(i)) for i, p in enumerate(problems)]
        traces = [trace for row in replies.traces for trace in row]
        graded, passing = self._graded(weak, traces, own, counters, context)
        tried: list[list[Tried]] = [[] for _ in problems]
        for trace, verdict in zip(traces, graded, strict=True):
            tried[int(trace.problem_id)].append(tried_from(weak.model, trace, verdict))
        return tried, replies.passing + passing

    def _graded(
        self,
        weak: Weak,
        traces: Sequence[Trace],
        problems: Sequence[Problem],
        counters: dict[str, float],
        context: StepContext,
    ) -> tuple[list[Verdict], int]:
        """A verdict for each trace, in order, and how many the judge owes for a passing reason."""
        tables = {Trace: frame(Trace, traces), Problem: frame(Problem, problems)}
        graded = Verify(step="verify", warn_undecided=1).run(tables, context)
        if weak.judge is None:
            return rows(Verdict, graded.kept), 0
        judge = self._judge(weak, weak.judge)
        judged = judge.run({**tables, Verdict: graded.kept}, context)
        for name in ("judged", "requests", "journaled", "replayed", "usd"):
            if name in judged.counters:
                counters[name] = counters.get(name, 0) + judged.counters[name]
        return rows(Verdict, judged.kept), judged.incomplete

    def _prompts(self, what: str, problems: Sequence[Problem]) -> Iterator[tuple[str, Sequence[Message]]]:
        """What is sent about each problem."""
        own = {f"weak {weak.model}": weak.prompt for weak in self.weak}
        prompt = own.get(what, self.direct.prompt if what == "direct" and self.direct is not None else None)
        ask = rating.ask_difficulty if what == "difficulty" else rating.ask_subject
        for i, p in enumerate(problems):
            if prompt is not None:
                yield str(i), prompt.about(p.problem, p.choices, p.domain, p.tests)
            else:
                yield str(i), [{"role": "user", "content": ask(question(p.problem, p.choices))}]

    def _ask(self, what: str, problems: Sequence[Problem], context: StepContext) -> _Replies:
        """Every sample's reply, by problem. Raises as distill_prompts does."""
        asked = self.asked()[what]
        replies = _Replies([[] for _ in problems])
        with context.progress.task(what, len(problems) * asked.samples) as task:

            def hear(told: Told) -> None:
                task.advance(1, usd=told.trace.cost_usd or 0.0)
                replies.usd += told.trace.cost_usd or 0.0
                replies.passing += told.failure is not None and told.failure.passing
                if told.failure is None:
                    replies.traces[told.index // asked.samples].append(told.trace)

            prompts = self._prompts(what, problems)
            journal = self.journal or context.run / JOURNAL_FILE
            replies.tally = distill_prompts(
                prompts, asked.teacher, asked.sampling, self.limits, journal, hear, asked.samples, batch=self.batch
            )
        for row in replies.traces:
            row.sort(key=lambda trace: trace.sample)
        return replies


@dataclass(frozen=True, slots=True)
class Asked:
    """Who is asked, how, and how often each problem."""

    teacher: Teacher
    sampling: Sampling
    samples: int


@dataclass
class _Replies:
    """The answers that came, by problem."""

    traces: list[list[Trace]]
    passing: int = 0
    usd: float = 0.0
    tally: Tally | None = None

    @property
    def texts(self) -> list[list[str]]:
        """The whole ones, as text."""
        return [[t.response or "" for t in row if t.status == "done"] for row in self.traces]

    def count(self, counters: dict[str, float]) -> None:
        """Add what was asked to the step's counters."""
        tally = self.tally or Tally()
        for name, value in (("requests", tally.requests), ("journaled", tally.journaled), ("replayed", tally.replayed)):
            counters[name] = counters.get(name, 0) + value
        if self.usd:
            counters["usd"] = counters.get("usd", 0.0) + self.usd


def _compared(told: Feature, label: str | None) -> Feature:
    both = label is not None and told.subject_minilm is not None
    return replace(told, subject_teacher=label, agreed=label == told.subject_minilm if both else None)
