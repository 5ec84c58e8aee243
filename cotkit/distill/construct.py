"""The recipe step of strategies: problems in, traces that were built out of several answers."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from cotkit.config import LocalPath
from cotkit.distill import asks
from cotkit.distill.asker import Asker, Ears
from cotkit.distill.built import attempts_of, outputs, packed
from cotkit.distill.converse import Ended, converse
from cotkit.distill.guard import settings_text
from cotkit.distill.needs import missing
from cotkit.distill.prompt import Prompt
from cotkit.distill.room import Room
from cotkit.distill.rounds import ONLY, Only, Pool, reads
from cotkit.distill.step import JOURNAL_FILE, confirmation, must_be_unique
from cotkit.distill.strategies import TEACHER, Case, Play, Role, Strategy
from cotkit.distill.teacher import Budget, Limits, Sampling, Teacher, read_key
from cotkit.distill.traces import Consent
from cotkit.pile import Pile
from cotkit.records import Problem, Trace, rows
from cotkit.registry import Registered
from cotkit.steps import Step, StepContext, StepOutput, gathered
from cotkit.table import Counted, Table

if TYPE_CHECKING:
    from cotkit.distill.estimate import Asking, Posted
    from cotkit.distill.rehearse import Rehearsed

BUILT_FILE = "built.pile"
AnyStrategy = Annotated[Strategy, Registered("strategies", "by")]


class Construct(Step):
    """Build long traces out of several answers of a teacher. What was paid for lies in the journal, as with distill.

    The raw trace of a strong reasoning model is better data than most of what this makes (OpenThoughts and others
    found so); it is for those who have no such teacher, or who want what a trace of one does not show.
    """

    step: Literal["construct"]
    strategy: AnyStrategy = Field(description="How traces are built (docs/strategies.md).")
    teacher: Teacher = Field(description="Who is asked.")
    prompt: Prompt = Field(default_factory=Prompt, description="What it is told of a problem.")
    sampling: Sampling = Field(default_factory=Sampling, description="Sampling keys; unset ones are not sent.")
    only: Only | None = Field(None, description=ONLY)
    budget: Budget | None = Field(
        None, description="Where the run stops by itself, over all models together; it can be continued."
    )
    limits: Limits = Field(default_factory=Limits, description="How hard each model is asked.")
    journal: LocalPath | None = Field(
        None, description="The journal of paid answers; journal.sqlite in the run directory when unset."
    )

    room: ClassVar[str] = "distill"
    writes: ClassVar[type] = Trace
    code: ClassVar[tuple[str, ...]] = ("cotkit.distill", "cotkit.tags", "cotkit.records")
    excluded: ClassVar[Mapping[str, str]] = {**asks.exclusions("teacher"), **asks.BUDGET}

    @property
    def reads(self) -> tuple[type, ...]:  # type: ignore[override]
        """Problems, and in a later round what the rounds before have made of them."""
        return reads(self.only)

    def roles(self) -> dict[str, Role]:
        """Every model that is asked, by its role."""
        return {TEACHER: Role(teacher=self.teacher, sampling=self.sampling), **self.strategy.roles()}

    def published(self) -> tuple[int, str]:
        rows, key = self.strategy.published()
        return rows, f"strategy.{key}"

    def code_modules(self) -> tuple[str, ...]:
        grader = ("cotkit.verify",) if self.strategy.uses_reference or self.strategy.compares else ()
        return (*self.code, type(self.strategy).__module__, *grader)

    def exclusions(self) -> Mapping[str, str]:
        roles = asks.exclusions(*(f"strategy.{name}.teacher" for name in self.strategy.roles()))
        scorers = self.strategy.scorers().items()
        own = {f"strategy.{name}.{key}": why for name, prm in scorers for key, why in prm.excluded.items()}
        strategy = {f"strategy.{key}": why for key, why in self.strategy.excluded.items()}
        return {**self.excluded, **roles, **own, **strategy}

    def materials(self, pins: Mapping[str, str]) -> dict[str, str]:
        recordings = asks.recordings({f"recording of {name}": role.teacher for name, role in self.roles().items()})
        scorers = self.strategy.scorers().items()
        own = {f"{name}: {part}": digest for name, prm in scorers for part, digest in prm.materials().items()}
        return {**recordings, **own, **self.strategy.materials()}

    def rows_in(self, tables: Mapping[type, Counted]) -> int | None:
        return None  # a strategy may build several traces of a problem

    def check(self) -> list[str]:
        found = missing(self.teacher, self.strategy.needed(), self.teacher.extra_body)
        if "logprobs" in self.strategy.needed() and self.teacher.stream:
            found.append("teacher.stream is set, but logprobs are not read from a stream; leave stream out")
        for name, role in self.strategy.roles().items():
            found += missing(role.teacher, self.strategy.role_needs(name), role.teacher.extra_body)
        for name, role in self.roles().items():
            found += asks.ignored(role.teacher, role.sampling, _place(name))
            if self.budget is not None and self.budget.usd is not None and role.teacher.unpriced():
                found.append(
                    f"budget.usd is set, but the price of {role.teacher.model} is unknown; give "
                    f"{_place(name)}teacher.price, or a budget.tokens"
                )
        return found

    def ready(self) -> None:
        for role in self.roles().values():
            if role.teacher.replay is None:
                read_key(role.teacher)
        for prm in self.strategy.scorers().values():
            prm.ready()

    def parts(self, tables: Mapping[type, Table], context: StepContext) -> Iterator[StepOutput]:
        pool = None if self.only is None else Pool.of(tables)
        problems = tables[Problem] if pool is None else pool.problems
        names = problems.columns(["problem_id"])
        must_be_unique(names)
        numbers = {name: number for number, name in enumerate(names["problem_id"])}
        with Pile(context.work / BUILT_FILE) as built:
            made = self._ask(problems, numbers, built, context)
            yield from gathered(made() if pool is None else pool.join(made))

    def _ask(
        self, problems: Table, numbers: Mapping[str, int], built: Pile, context: StepContext
    ) -> Callable[[], Iterator[StepOutput]]:
        """Have all problems played; what gives the parts of the output."""
        labels: dict[str, str | None] = {}
        # Kept texts: those of the teacher itself, and those of others.
        written = Counter[bool]()
        with context.progress.task(self.name or self.step, len(numbers)) as task:

            def hear(one: Ended) -> None:
                attempts = attempts_of(one)
                built.put(numbers[one.problem_id], packed(one, attempts, self.strategy.by, self.teacher))
                if attempts[0].reason is None:
                    labels[one.problem_id] = attempts[0].label
                written.update(attempt.author is None for attempt in attempts if attempt.reason is None)
                room.heard(one)
                task.advance(1)

            def heard(answer: Trace) -> None:
                task.advance(0, calls=1, tokens=answer.completion_tokens or 0, usd=answer.cost_usd or 0.0)

            asker = Asker(
                self.roles(),
                self.limits,
                self.journal or context.run / JOURNAL_FILE,
                self.budget,
                self._consent(len(numbers), context),
                Ears(context.progress.note, heard),
                self.strategy.scorers(),
            )
            if numbers:
                asker.check()
            room = Room(asker.left, self.limits)
            asked = chain.from_iterable(rows(Problem, batch) for batch in problems.batches())
            converse(self.plays(asked, context.seed), asker, hear, room)
        over = self.strategy.settle({name: labels[name] for name in numbers if name in labels})
        self._warn(written.total() - len(over), written[False], context)
        overruled = {numbers[name]: ruling for name, ruling in over.items()}
        return lambda: outputs(built, overruled, asker)

    def _consent(self, problems: int, context: StepContext) -> dict[str, Consent]:
        """What of each model must not change without a word. Each is asked about by itself: another judge changes none
        of the teacher's answers.
        """
        found = {}
        for name, role in self.roles().items():
            own = name == TEACHER
            apart = self.strategy.model_dump(mode="json", exclude=self._apart())
            settings = settings_text(
                role.teacher,
                role.sampling,
                self.prompt.systems() if own else None,
                strategy=apart if own else {"by": self.strategy.by, "role": name},
                later=None if self.only is None else self.name,
            )
            expected = f"the calls{'' if own else f' of the {name}'} for {problems:,} problems would be"
            found[name] = Consent(settings, confirmation(context), expected)
        return found

    def _warn(self, kept: int, others: int, context: StepContext) -> None:
        """Texts of others among the teacher's are told."""
        if others:
            context.progress.note(
                f"{others:,} of {kept:,} kept texts were not written by {self.teacher.model}: where it failed, "
                "the source's own stand in (strategy.fall_back), and the column `teacher` says so"
            )

    def plays(self, problems: Iterable[Problem], seed: int) -> Iterator[tuple[str, Play]]:
        """(problem_id, its play) of each problem."""
        for problem in problems:
            name = problem.problem_id
            shown = problem if self.strategy.uses_reference else _blind(problem)
            start = hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()
            yield name, self.strategy.play(Case(shown, self.prompt, random.Random(start)))

    def _apart(self) -> dict[str, Any]:
        """Parts of the strategy that change nothing that the teacher is asked."""
        scorers = {name: dict.fromkeys(prm.excluded, True) for name, prm in self.strategy.scorers().items()}
        return {**dict.fromkeys(self.strategy.roles(), True), **scorers}

    def asking(self, problems: Sequence[Problem], seed: int = 0) -> list[Asking | Posted]:
        """What `cotkit estimate` reckons with: the problems played as far as the journal's answers go."""
        from cotkit.distill.estimate import Asking, Posted
        from cotkit.distill.rehearse import once, rehearse

        roles, certain = self.roles(), self.only is None
        sampling = {name: role.sampling for name, role in roles.items()}
        sampling[TEACHER] = sampling[TEACHER].model_copy(update=dict(self.strategy.first_sampling()))

        def play(journal: Path) -> dict[str, Rehearsed]:
            limit = sampling[TEACHER].max_tokens
            return rehearse(self.strategy, roles, self.plays(problems, seed), journal, certain, limit)

        rehearsal = once(play)
        found: list[Asking | Posted] = []
        for count in self.strategy.counts():
            what, least = f"{self.name or self.step}: {count.role}", count.least if certain else 0
            if count.role in self.strategy.scorers():
                # One call more, before all others, sees that it answers.
                least, most = 1 + least * len(problems), 1 + count.most * len(problems)
                found.append(Posted(what, most, sum(len(p.problem) for p in problems) * count.most, least))
                continue
            who, usual = roles[count.role], self.strategy.usual_tokens
            how = sampling[count.role]
            asked = Asking(what, who.teacher, how, count.most, (), self.journal, usual)
            found.append(replace(asked, rehearsal=rehearsal, role=count.role))
        return found


def _blind(problem: Problem) -> Problem:
    """The problem without anything that tells its answer."""
    return replace(problem, answer=None, solution=None, metadata="{}", answer_from=None, answer_kind=None)


def _place(role: str) -> str:
    return "" if role == TEACHER else f"strategy.{role}."
