"""The recipe step of strategies: problems in, traces that were built out of several answers."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from cotkit.config import LocalPath
from cotkit.distill import asks
from cotkit.distill.asker import Asker, Ears
from cotkit.distill.converse import Ended, Made, converse
from cotkit.distill.guard import settings_text
from cotkit.distill.needs import missing
from cotkit.distill.prompt import Prompt
from cotkit.distill.request import canonical
from cotkit.distill.room import Room
from cotkit.distill.rounds import ONLY, Only, Pool, reads
from cotkit.distill.step import JOURNAL_FILE, confirmation, must_be_unique
from cotkit.distill.strategies import TEACHER, Attempt, Case, Play, Reply, Role, Strategy
from cotkit.distill.teacher import Budget, Limits, Sampling, Teacher, read_key
from cotkit.distill.traces import Consent
from cotkit.records import Problem, Trace, dropped_frame, frame, rows, scores_from
from cotkit.registry import Registered
from cotkit.steps import Step, StepContext, StepOutput, Tables
from cotkit.table import Counted

if TYPE_CHECKING:
    from cotkit.distill.estimate import Asking, Posted
    from cotkit.distill.rehearse import Rehearsed

AnyStrategy = Annotated[Strategy, Registered("strategies", "by")]


@dataclass(frozen=True, slots=True)
class Tree:
    """The tree that a strategy searched, as JSON."""

    problem_id: str
    tree: str


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

    def run(self, tables: Tables, context: StepContext) -> StepOutput:
        pool = None if self.only is None else Pool.of(tables)
        table = tables[Problem] if pool is None else pool.problems
        must_be_unique(table)
        ended: dict[str, Ended] = {}
        with context.progress.task(self.name or self.step, table.height) as task:

            def hear(one: Ended) -> None:
                ended[one.problem_id] = one
                room.heard(one)
                task.advance(1)

            def heard(answer: Trace) -> None:
                task.advance(0, calls=1, tokens=answer.completion_tokens or 0, usd=answer.cost_usd or 0.0)

            asker = Asker(
                self.roles(),
                self.limits,
                self.journal or context.run / JOURNAL_FILE,
                self.budget,
                self._consent(table.height, context),
                Ears(context.progress.note, heard),
                self.strategy.scorers(),
            )
            if table.height:
                asker.check()
            room = Room(asker.left, self.limits)
            converse(self.plays(rows(Problem, table), context.seed), asker, hear, room)
        for name, played in self.strategy.settle({n: e.played for n, e in ended.items() if e.played}).items():
            ended[name].played = played
        self._warn(ended.values(), context)
        output = _output([ended[name] for name in table["problem_id"]], self, asker)
        return output if pool is None else pool.join(output)

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

    def _warn(self, ended: Iterable[Ended], context: StepContext) -> None:
        """Texts of others among the teacher's are told."""
        kept = [a for one in ended if one.played for a in one.played.attempts if a.reason is None]
        others = sum(attempt.author is not None for attempt in kept)
        if others:
            context.progress.note(
                f"{others:,} of {len(kept):,} kept texts were not written by {self.teacher.model}: where it failed, "
                "the source's own stand in (strategy.fall_back), and the column `teacher` says so"
            )

    def plays(self, problems: Sequence[Problem], seed: int) -> Iterator[tuple[str, Play]]:
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


def _output(ended: Sequence[Ended], step: Construct, asker: Asker) -> StepOutput:
    traces, reasons, evidence, labels = [], [], [], Counter[str]()
    for one in ended:
        for sample, attempt in enumerate(_attempts(one)):
            traces.append(_trace(one, sample, attempt, step))
            reasons.append(attempt.reason)
            evidence.append(dict(attempt.evidence))
            labels.update([attempt.label] if attempt.label else [])
    table = frame(Trace, traces)
    dropped = [i for i, reason in enumerate(reasons) if reason is not None]
    calls = [call for one in ended for call in one.calls]
    usd = sum(call.cost_usd or 0.0 for call in calls)
    counters: dict[str, float] = {
        "problems": len(ended),
        "calls": len(calls),
        "requests": asker.requests,
        "journaled": asker.journaled,
        "replayed": asker.replayed,
        "prompt_tokens": sum(call.prompt_tokens or 0 for call in calls),
        "completion_tokens": sum(call.completion_tokens or 0 for call in calls),
        **dict(sorted(labels.items())),
        **{f"calls_{role}": count for role, count in sorted(Counter(call.role for call in calls).items())},
        **({"usd": usd} if any(call.cost_usd is not None for call in calls) else {}),
    }
    trees = [
        Tree(one.problem_id, canonical(one.played.tree)) for one in ended if one.played and one.played.tree is not None
    ]
    return StepOutput(
        kept=table[[i for i, reason in enumerate(reasons) if reason is None]],
        dropped=dropped_frame(table, dropped, [str(reasons[i]) for i in dropped], [evidence[i] for i in dropped]),
        rows_in=len(traces),
        counters=counters,
        incomplete=sum(one.failure is not None and one.failure.passing for one in ended),
        secondary={"calls": frame(Made, calls), **({"trees": frame(Tree, trees)} if trees else {})},
    )


def _attempts(ended: Ended) -> Sequence[Attempt]:
    """What was built for a problem; at least one row says what became of it."""
    if ended.failure is not None:
        told: dict[str, Any] = {"error": ended.failure.message, "http_status": ended.failure.http_status}
        told["calls"] = len(ended.calls)
        if ended.failure.begun is not None:
            told["begun"] = dict(zip(("reasoning", "response"), ended.failure.begun, strict=True))
        return [Attempt(None, None, status="failed", reason=ended.failure.reason, evidence=told)]
    attempts = ended.played.attempts if ended.played is not None else ()
    return attempts or [Attempt(None, None, status="failed", reason="nothing_built")]


def _trace(ended: Ended, sample: int, attempt: Attempt, step: Construct) -> Trace:
    made_of: list[Reply] = list({reply.request_hash: reply for reply in attempt.made_of}.values())
    # Every attempt bears an equal share of all that was asked for its problem, so that costs add up to the bill.
    shared = [call.cost_usd for call in ended.calls if call.cost_usd is not None]
    count = len(_attempts(ended))
    return Trace(
        problem_id=ended.problem_id,
        sample=sample,
        teacher=attempt.author or step.teacher.model,
        request_hash=made_of[-1].request_hash if made_of else "",
        status=attempt.status,
        reasoning=attempt.reasoning,
        response=attempt.response,
        reasoning_kind="none" if attempt.reasoning is None else attempt.kind,
        finish_reason=made_of[-1].finish_reason if made_of else None,
        prompt_tokens=sum(reply.prompt_tokens or 0 for reply in made_of) if made_of else None,
        completion_tokens=sum(reply.completion_tokens or 0 for reply in made_of) if made_of else None,
        cost_usd=sum(shared) / count if shared else None,
        strategy=step.strategy.by,
        scores=scores_from(attempt.scores),
        provenance=canonical({"base_url": step.teacher.base_url, "calls": len(ended.calls), **attempt.facts}),
    )
