"""The features step: how hard a problem is, and what it is about.

The one module of this room that asks a teacher; every answer lies in the distill journal and is paid once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from cotkit.config import Config, LocalPath
from cotkit.curate import rating
from cotkit.curate.choose import embed
from cotkit.curate.direct import Direct, measure
from cotkit.curate.msc import CLASSES
from cotkit.curate.weak import Weak, graded_digest, solved
from cotkit.dedup.step import EMBEDDINGS
from cotkit.distill.engine import Tally
from cotkit.distill.recording import recording_digest
from cotkit.distill.teacher import Batch, Limits, Sampling, Teacher, read_key
from cotkit.distill.traces import Told, distill_prompts
from cotkit.records import Domain, Problem, dropped_frame, frame, question, rows
from cotkit.steps import Step, StepContext, StepOutput, Tables

JOURNAL_FILE = "journal.sqlite"


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


class Features(Step):
    """Fill the columns solved_by and unsolved_by, direct_tokens, difficulty and subject; no problem is dropped."""

    step: Literal["features"] = "features"
    weak: tuple[Weak, ...] = Field((), description="Graded attempts of weaker models.")
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
        "cotkit.curate.weak",
        "cotkit.verify.judge_prompt",
        "cotkit.dedup.embed",
        "cotkit.distill",
        "cotkit.records",
    )
    excluded: ClassVar[Mapping[str, str]] = {
        "limits": "how fast a teacher is asked does not change what it answers",
        "journal": "where answers are kept does not change them",
        "batch": "the way an answer takes does not change it",
        "weak.*.path": "the digest of the graded answers stands for their path",
        "subject.weights": "the digest of the weights is in the key instead",
        **{
            f"{part}.teacher.{key}": why
            for part in ("direct", "difficulty", "subject")
            for key, why in (
                ("api_key_env", "who pays does not change the answer"),
                ("ignores", "it only decides which recipes are refused"),
                ("replay", "the digest of the recording stands for its path"),
            )
        },
    }

    @model_validator(mode="after")
    def _something(self) -> Features:
        if not (self.weak or self.direct or self.difficulty or self.subject):
            raise PydanticCustomError("features", "nothing is asked for: set weak, direct, difficulty or subject")
        names = [weak.model for weak in self.weak]
        if len(set(names)) < len(names):
            raise PydanticCustomError("features", "two entries of 'weak' have one model name; give each its own")
        return self

    def teachers(self) -> dict[str, Teacher]:
        """Who is asked, by what for."""
        asked = {"direct": self.direct, "difficulty": self.difficulty, "subject": self.subject}
        return {what: part.teacher for what, part in asked.items() if part is not None and part.teacher is not None}

    def materials(self, pins: Mapping[str, str]) -> dict[str, str]:
        found = {f"weak {weak.model}": graded_digest(weak) for weak in self.weak}
        found |= {
            f"recording of {what}": recording_digest(teacher.replay)
            for what, teacher in self.teachers().items()
            if teacher.replay is not None
        }
        if self.subject is not None and self.subject.minilm:
            from cotkit.dedup.weights import weights_digest

            found["MiniLM weights"] = weights_digest(self.subject.weights)
        return found

    def check(self) -> list[str]:
        asked = {"direct": self.direct, "difficulty": self.difficulty, "subject": self.subject}
        return [
            f"{what}.sampling.{key} is set, but the teacher {part.teacher.model} ignores it (teacher.ignores); write "
            f"`{what}: {{sampling: {{}}}}` to send nothing"
            for what, part in asked.items()
            if part is not None and part.teacher is not None
            for key in part.teacher.ignores
            if getattr(part.sampling, key) is not None
        ]

    def ready(self) -> None:
        for teacher in self.teachers().values():
            if teacher.replay is None:
                read_key(teacher)

    def run(self, tables: Tables, context: StepContext) -> StepOutput:
        table = tables[Problem]
        every = rows(Problem, table)
        problems = [p for p in every if self._covers(p)]
        counters: dict[str, float] = {}
        told = [Feature(p.problem_id, p.source, p.source_row, None, None, None, None, None) for p in problems]
        failed = 0
        if self.weak:
            problems = with_weak(problems, self.weak, counters)
        if self.direct is not None:
            journal = self.journal or context.run / JOURNAL_FILE
            measured = measure(self.direct, problems, self.limits, journal, context.progress, self.batch)
            failed += measured.passing
            _count(counters, measured.tally, measured.usd)
            problems = [replace(p, direct_tokens=n) for p, n in zip(problems, measured.tokens, strict=True)]
            counters["measured"] = sum(n is not None for n in measured.tokens)
        if self.difficulty is not None:
            asked = _Asked(self.difficulty.teacher, self.difficulty.sampling, self.difficulty.samples)
            replies = self._ask(asked, "rate", rating.ask_difficulty, problems, context)
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
                asked = _Asked(self.subject.teacher, self.subject.sampling, 1)
                replies = self._ask(asked, "label", rating.ask_subject, problems, context)
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

    def _ask(
        self,
        asked: _Asked,
        label: str,
        prompt: Callable[[str], str],
        problems: Sequence[Problem],
        context: StepContext,
    ) -> _Replies:
        """Every sample's reply, by problem. Raises as distill_prompts does."""
        replies = _Replies([[] for _ in problems])
        with context.progress.task(label, len(problems) * asked.samples) as task:

            def hear(told: Told) -> None:
                task.advance(1, usd=told.trace.cost_usd or 0.0)
                replies.usd += told.trace.cost_usd or 0.0
                replies.passing += told.failure is not None and told.failure.passing
                if told.failure is None and told.trace.status == "done":
                    replies.texts[told.index // asked.samples].append(told.trace.response or "")

            texts = (prompt(question(p.problem, p.choices)) for p in problems)
            prompts = ((str(i), [{"role": "user", "content": text}]) for i, text in enumerate(texts))
            journal = self.journal or context.run / JOURNAL_FILE
            replies.tally = distill_prompts(
                prompts, asked.teacher, asked.sampling, self.limits, journal, hear, asked.samples, batch=self.batch
            )
        return replies


@dataclass(frozen=True, slots=True)
class _Asked:
    teacher: Teacher
    sampling: Sampling
    samples: int


@dataclass
class _Replies:
    texts: list[list[str]]
    passing: int = 0
    usd: float = 0.0
    tally: Tally | None = None

    def count(self, counters: dict[str, float]) -> None:
        """Add what was asked to the step's counters."""
        _count(counters, self.tally, self.usd)


def _count(counters: dict[str, float], tally: Tally | None, usd: float) -> None:
    told = tally or Tally()
    for name, value in (("requests", told.requests), ("journaled", told.journaled), ("replayed", told.replayed)):
        counters[name] = counters.get(name, 0) + value
    if usd:
        counters["usd"] = counters.get("usd", 0.0) + usd


def with_weak(problems: Sequence[Problem], weak: Sequence[Weak], counters: dict[str, float]) -> list[Problem]:
    """The problems with solved_by and unsolved_by; a model that did not try one is in neither."""
    found = {one.model: solved(one) for one in weak}
    for model, verdicts in found.items():
        tried = [verdicts[p.problem_id] for p in problems if p.problem_id in verdicts]
        counters[f"tried by {model}"], counters[f"solved by {model}"] = len(tried), sum(tried)
    return [
        replace(
            p,
            solved_by=[model for model, verdicts in found.items() if verdicts.get(p.problem_id) is True],
            unsolved_by=[model for model, verdicts in found.items() if verdicts.get(p.problem_id) is False],
        )
        for p in problems
    ]


def nearest_classes(problems: Sequence[Problem], weights: Path | None, context: StepContext) -> list[tuple[str, float]]:
    """The class whose name and description are nearest to each problem, and their cosine."""
    codes = list(CLASSES)
    texts = [f"{name}: {about}" for name, about in CLASSES.values()]
    vectors = embed([*texts, *(p.problem for p in problems)], weights, context.run / EMBEDDINGS, context.progress)
    cosines = vectors[len(texts) :] @ vectors[: len(texts)].T
    return [(codes[int(row.argmax())], round(float(row.max()), 4)) for row in cosines]


def _compared(told: Feature, label: str | None) -> Feature:
    both = label is not None and told.subject_minilm is not None
    return replace(told, subject_teacher=label, agreed=label == told.subject_minilm if both else None)
