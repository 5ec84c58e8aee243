"""The extract step: a teacher finds the final answer in solutions that are prose, several times, and must agree.

The one module of this room that asks a teacher; every reply lies in the distill journal and is paid once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from cotkit.config import LocalPath
from cotkit.curate.extract_prompt import NONE, PROOF, fill, read_answer
from cotkit.curate.reference import AnswerKind, kind_of, option_text
from cotkit.distill import asks
from cotkit.distill.engine import Tally
from cotkit.distill.teacher import Limits, Sampling, Teacher, read_key
from cotkit.distill.traces import Told, distill_prompts
from cotkit.records import Problem, dropped_frame, frame, question, rows
from cotkit.source import not_pulled
from cotkit.steps import Step, StepContext, StepOutput, Tables

if TYPE_CHECKING:
    from cotkit.distill.estimate import Asking, Prompt

# The journal of the run's distill step, by its default name.
JOURNAL_FILE = "journal.sqlite"
# For an estimate, where the journal has no such answers yet: an answer, and a few words before it.
_USUAL_TOKENS = 200


@dataclass(frozen=True, slots=True)
class Reply:
    """One sample. `answer` is None where none could be read, NONE or PROOF where the teacher says so."""

    answer: str | None
    reason: str
    usd: float | None = None
    passing: bool = False


@dataclass(frozen=True, slots=True)
class Extracted:
    """A row of extracted.parquet: every problem that was asked about, or could have been.

    Attributes:
        was: the kind of its reference before.
        answer: what the samples agree on; None where they do not.
        reason: agreed, disagreed, none_stated, too_few_replies, or why it was not asked.
        candidates: what each sample named, in order; "" for one without a readable answer.
        verbatim: whether the answer stands in the solution letter for letter; where not, look at it.
    """

    problem_id: str
    source: str
    source_row: int
    was: str | None
    answer: str | None
    reason: str
    candidates: list[str]
    verbatim: bool | None
    usd: float | None


class Extract(Step):
    """Ask a teacher for the final answer of solutions in prose, where the rules found none.

    A problem gets an answer only where enough samples name the same one (by `verify`) and so few another that it
    could not win; else it stays without, and extracted.parquet has what each sample said.
    """

    step: Literal["extract"] = "extract"
    teacher: Teacher = Field(description="Who reads the solutions.")
    sampling: Sampling = Field(default_factory=Sampling, description="Sampling keys; unset ones are not sent.")
    limits: Limits = Field(default_factory=Limits, description="How hard it is asked.")
    journal: LocalPath | None = Field(
        None, description="The journal of paid answers; journal.sqlite in the run directory when unset."
    )
    samples: int = Field(3, ge=2, le=16, description="How often each solution is read.")
    agree: int | None = Field(
        None, ge=2, description="How many samples must name the same answer, more than half; all of them when unset."
    )
    kinds: tuple[AnswerKind, ...] = Field(
        ("empty", "needs_judge"),
        min_length=1,
        description="Problems whose reference is of these kinds are asked about.",
    )
    of: tuple[str, ...] = Field((), description="Ask about problems of these sources alone; of all when left out.")
    option_text: bool = Field(
        False, description="Where the samples agree on a letter, take the text of that option as the answer."
    )

    room: ClassVar[str] = "curate"
    reads: ClassVar[tuple[type, ...]] = (Problem,)
    writes: ClassVar[type] = Problem
    by_problem: ClassVar[bool] = True
    alone: ClassVar[bool] = True
    code: ClassVar[tuple[str, ...]] = (
        "cotkit.curate.extract_prompt",
        "cotkit.curate.reference",
        "cotkit.distill",
        "cotkit.verify",
        "cotkit.records",
    )
    excluded: ClassVar[Mapping[str, str]] = asks.exclusions("teacher")

    @model_validator(mode="after")
    def _more_than_half(self) -> Extract:
        if self.agree is not None and not self.samples / 2 < self.agree <= self.samples:
            raise PydanticCustomError(
                "agree", "agree must be more than half of samples and at most samples: two answers could win else"
            )
        return self

    def materials(self, pins: Mapping[str, str]) -> dict[str, str]:
        return asks.recordings({"recording": self.teacher})

    def check(self) -> list[str]:
        return asks.ignored(self.teacher, self.sampling)

    def check_after(self, before: Sequence[Step]) -> list[str]:
        return not_pulled("of", self.of, before)

    def ready(self) -> None:
        if self.teacher.replay is None:
            read_key(self.teacher)

    def _is_about(self, problem: Problem) -> bool:
        return problem.answer_kind in self.kinds and (not self.of or problem.source in self.of)

    def asking(self, problems: Sequence[Problem]) -> list[Asking]:
        """What `run` would ask about these problems, for an estimate."""
        from cotkit.distill.estimate import Asking

        asked = [p for p in problems if self._is_about(p) and _can_be_read(p)]
        prompts = list(_prompts(asked))
        return [Asking(self.name, self.teacher, self.sampling, self.samples, prompts, self.journal, _USUAL_TOKENS)]

    def run(self, tables: Tables, context: StepContext) -> StepOutput:
        """Every problem comes out once, with an answer where one was agreed on; none is dropped."""
        problems = rows(Problem, tables[Problem])
        wanted = [i for i, p in enumerate(problems) if self._is_about(p)]
        asked = [i for i in wanted if _can_be_read(problems[i])]
        with context.progress.task("extract", len(asked) * self.samples) as task:
            replies, tally = ask(
                [problems[i] for i in asked],
                self,
                self.journal or context.run / JOURNAL_FILE,
                lambda reply: task.advance(1, usd=reply.usd or 0.0),
            )
        heard = dict(zip(asked, replies, strict=True))
        told = {i: settle(problems[i], heard.get(i), self.agree or self.samples) for i in wanted}
        kept = [_answered(p, told[i], self.option_text) if i in told else p for i, p in enumerate(problems)]
        return StepOutput(
            kept=frame(Problem, kept),
            dropped=dropped_frame(tables[Problem], [], [], []),
            counters=_counters(told.values(), tally),
            incomplete=sum(any(r.passing for r in group) for group in replies),
            secondary={"extracted": frame(Extracted, told.values())},
        )


def _can_be_read(problem: Problem) -> bool:
    return bool((problem.solution or "").strip())


def _prompts(problems: Sequence[Problem]) -> Iterator[Prompt]:
    for i, p in enumerate(problems):
        yield str(i), [{"role": "user", "content": fill(question(p.problem, p.choices), p.solution or "")}]


def ask(
    problems: Sequence[Problem], step: Extract, journal: Path, on_reply: Callable[[Reply], None] = lambda _: None
) -> tuple[list[list[Reply]], Tally]:
    """`step.samples` replies for every problem, in order; what `journal` holds is not asked again.

    Raises TeacherError where the teacher refuses for good, StorageError or InputError as distill_prompts.
    """
    if not problems:
        return [], Tally()
    found: list[Reply | None] = [None] * (len(problems) * step.samples)

    def hear(told: Told) -> None:
        reply = found[told.index] = _reply(told)
        on_reply(reply)

    tally = distill_prompts(
        _prompts(problems), step.teacher.for_answers(), step.sampling, step.limits, journal, hear, step.samples
    )
    heard = [reply for reply in found if reply is not None]
    return [heard[i : i + step.samples] for i in range(0, len(heard), step.samples)], tally


def settle(problem: Problem, replies: Sequence[Reply] | None, agree: int) -> Extracted:
    """What comes of the replies to one problem."""

    def row(answer: str | None, reason: str, verbatim: bool | None = None) -> Extracted:
        costs = [Decimal(str(r.usd)) for r in replies or () if r.usd is not None]
        return Extracted(
            problem_id=problem.problem_id,
            source=problem.source,
            source_row=problem.source_row,
            was=problem.answer_kind,
            answer=answer,
            reason=reason,
            candidates=[r.answer or "" for r in replies or ()],
            verbatim=verbatim,
            usd=float(sum(costs)) if costs else None,
        )

    if replies is None:
        return row(None, "no_solution")
    named = [r.answer for r in replies if r.answer is not None]
    if len(named) < agree:
        return row(None, "too_few_replies")
    groups = _equal(named, problem)
    best = max(groups, key=len)
    if len(best) < agree:
        return row(None, "disagreed")
    if best[0] == NONE:
        return row(None, "none_stated")
    if best[0] == PROOF:
        return row("proof", "agreed", False)
    return row(best[0], "agreed", _squeezed(best[0]) in _squeezed(problem.solution or ""))


def _equal(answers: Sequence[str], problem: Problem) -> list[list[str]]:
    """Answers in groups that `verify` calls the same; a word of the protocol equals only itself."""
    from cotkit.verify import grade

    groups: list[list[str]] = []
    for answer in answers:
        for group in groups:
            words = {answer, group[0]} & {NONE, PROOF}
            if answer == group[0] or (
                not words
                and grade(group[0], f"\\boxed{{{answer}}}", question=problem.problem, choices=problem.choices).value
                == "correct"
            ):
                group.append(answer)
                break
        else:
            groups.append([answer])
    return groups


def _squeezed(text: str) -> str:
    return "".join(text.replace("$", "").replace("\\,", "").split())


def _reply(told: Told) -> Reply:
    trace, failure = told.trace, told.failure
    if failure is not None:
        return Reply(None, failure.reason, passing=failure.passing)
    answer = read_answer(trace.response or "") if trace.status == "done" else None
    return Reply(answer, "read" if answer is not None else "unreadable", trace.cost_usd)


def _answered(problem: Problem, found: Extracted, takes_text: bool) -> Problem:
    if found.answer is None:
        return problem
    answer = found.answer
    if takes_text:
        from cotkit.verify.question import facts

        answer = option_text(answer, problem.choices or facts(problem.problem).choices) or answer
    return replace(problem, answer=answer, answer_from="teacher", answer_kind=kind_of(answer))


def _counters(told: Iterable[Extracted], tally: Tally) -> dict[str, float]:
    table = list(told)
    reasons = Counter(row.reason for row in table)
    counters: dict[str, float] = {
        **{reason: float(count) for reason, count in sorted(reasons.items())},
        "not verbatim": sum(row.verbatim is False for row in table),
        "requests": tally.requests,
        "journaled": tally.journaled,
    }
    costs = [Decimal(str(row.usd)) for row in table if row.usd is not None]
    if costs:
        counters["usd"] = float(sum(costs))
    return counters
