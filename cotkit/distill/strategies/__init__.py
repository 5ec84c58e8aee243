"""Strategies: traces that are built out of several answers instead of being one teacher's own.

A strategy is a generator for one problem. It yields the calls that it wants made, hears their replies in the same
order, and returns the attempts that it built. It sends nothing itself: whoever runs it (cotkit.distill.converse) keeps
the journal, the budget and the limits, so a strategy repeats no paid call after a kill, and its tests need no server.
"""

from __future__ import annotations

import random
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pydantic import Field

from cotkit.config import Config
from cotkit.distill.presets import Capability
from cotkit.distill.prompt import Message, Prompt
from cotkit.distill.teacher import Sampling, Teacher
from cotkit.records import Problem
from cotkit.verify.scorers.prm_server import PrmServer

# The role of the step's own teacher.
TEACHER = "teacher"


class Role(Config):
    """A second model that a strategy asks: a judge, a writer, a checker."""

    teacher: Teacher = Field(description="Who it is.")
    sampling: Sampling = Field(default_factory=Sampling, description="Sampling keys; unset ones are not sent.")


@dataclass(frozen=True, slots=True)
class Rated:
    """Steps that a process reward model is to score: those from number `start` on, which follow on those before."""

    problem: str
    steps: Sequence[str]
    start: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """One request that a strategy wants made.

    Attributes:
        messages: the chat so far.
        role: who is asked: "teacher", or one of the strategy's own roles.
        purpose: what for, a word ("step", "rollout", "judge"); stands in the table of calls.
        sampling: keys that differ from the role's own.
        sample: tells calls with equal messages apart; equal ones with equal numbers are one paid call.
        begun: text that the answer begins with and the model continues (capability `prefix`); None for a fresh answer.
        exact: the reply keeps the white space at both its ends, as a continued one does: for a first piece.
        extra: further keys of the request (stop, logprobs).
        rated: what a process reward model is asked instead of a chat; `role` is its name in `scorers`.
        json: schema of the JSON object that the answer is to be (capability `json`); None for text.
    """

    messages: Sequence[Message]
    role: str = TEACHER
    purpose: str = "answer"
    sampling: Mapping[str, Any] = field(default_factory=dict)
    sample: int = 0
    begun: str | None = None
    exact: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)
    rated: Rated | None = None
    json: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. A continued answer holds only what is new, with the white space that it begins with.

    Attributes:
        status: as Trace.status; "failed" where the teacher refuses this one call for good.
        error: why it failed.
        logprobs: of each token: its own log probability and those of the likeliest tokens there; None if not asked for.
        kind: as Trace.reasoning_kind.
        scores: of the steps that were to be scored, one each; None where there are none.
    """

    request_hash: str
    status: str
    reasoning: str | None = None
    response: str | None = None
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost_usd: float | None = None
    error: str | None = None
    logprobs: Sequence[tuple[float, Sequence[float]]] | None = None
    kind: str = "none"
    scores: Sequence[float] | None = None

    @property
    def text(self) -> str:
        """The visible answer; empty where there is none."""
        return self.response or ""

    @property
    def done(self) -> bool:
        """Ended by itself."""
        return self.status == "done"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One trace that a strategy built, or why there is none.

    Attributes:
        made_of: the replies that it stands on; their tokens are its tokens.
        kind: "synthetic", but the reply's own `kind` where every word is one reply's thinking.
        facts: what a reader may want to know (spans as offsets into `reasoning`, counts); JSON values.
        scores: name -> number that people may sort or filter by; docs/scores.md names them.
        label: what the funnel counts it under, besides kept or dropped ("wrong_to_right").
        reason: why this is dropped, a fixed word; None to keep it.
        evidence: beside the reason.
        author: who wrote it, where that is not the step's teacher; the row names it as its teacher.
    """

    reasoning: str | None
    response: str | None
    made_of: Sequence[Reply] = ()
    status: str = "done"
    kind: str = "synthetic"
    facts: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)
    label: str | None = None
    reason: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    author: str | None = None


@dataclass(frozen=True, slots=True)
class Played:
    """All attempts at one problem, and the tree they are from, if there is one (JSON values)."""

    attempts: Sequence[Attempt]
    tree: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Overruled:
    """Why a trace that would be kept is dropped after all; what stands here replaces what its Attempt says."""

    reason: str
    label: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)


Play = Generator[Sequence[Call], Sequence[Reply], Played]


@dataclass(frozen=True)
class Case:
    """One problem as a strategy may see it.

    Attributes:
        problem: without answer, solution and metadata, unless the strategy declares that it uses the reference.
        prompt: what the teacher is told.
        rng: of this problem alone; the same in every run with one seed.
    """

    problem: Problem
    prompt: Prompt
    rng: random.Random

    def messages(self) -> list[Message]:
        """The problem as the step's prompt puts it."""
        p = self.problem
        return self.prompt.about(p.problem, p.choices, p.domain, p.tests)


@dataclass(frozen=True, slots=True)
class Count:
    """Calls of one role for one problem: never fewer than `least`, never more than `most`.

    A problem that lacks what the strategy works on (a reference, a solution) takes none.
    """

    role: str
    least: int
    most: int


class Strategy(Config):
    """Base of all strategies. A subclass adds `by: Literal["its_name"]`, its keys, and `play`.

    Class attributes:
        needs: what the teacher must be able to do.
        uses_reference: it reads the reference answer. All others never see it: what they choose cannot depend on it.
        excluded: own keys that are left out of the cache key, and why.
        builds_reasoning: its traces have reasoning even where the teacher shows none.
        compares: it asks cotkit.verify which answers are the same.
        usual_tokens: a usual reply, for an estimate where the journal has none; None for a whole trace.
    """

    by: str

    needs: ClassVar[tuple[Capability, ...]] = ()
    uses_reference: ClassVar[bool] = False
    excluded: ClassVar[Mapping[str, str]] = {}
    builds_reasoning: ClassVar[bool] = True
    compares: ClassVar[bool] = False
    usual_tokens: ClassVar[int | None] = None

    def needed(self) -> tuple[Capability, ...]:
        """`needs` of this very config."""
        return self.needs

    def materials(self) -> Mapping[str, str]:
        """Digest by name of the files and weights that it reads, as Step.materials."""
        return {}

    def roles(self) -> Mapping[str, Role]:
        """Other models that it asks, by name."""
        return {}

    def scorers(self) -> Mapping[str, PrmServer]:
        """Process reward models that it asks, by name."""
        return {}

    def role_needs(self, role: str) -> tuple[Capability, ...]:
        """What the model of a role must be able to do."""
        return ()

    def first_sampling(self) -> Mapping[str, Any]:
        """Sampling keys of the first call that the strategy's own keys set instead of the step's."""
        return {}

    def counts(self) -> Sequence[Count]:
        """How many calls one problem takes, by role."""
        raise NotImplementedError

    def carried(self, role: str) -> float:
        """Earlier replies that a prompt of this role carries, on average over its calls, at most; for estimates."""
        return max((count.most for count in self.counts() if count.role == TEACHER), default=0)

    def traces(self) -> int:
        """How many traces of one problem are kept at most."""
        return 1

    def published(self) -> tuple[int, str]:
        """How many traces of a problem are all meant to be published, at most, and the key that says so.

        What stands beside them (a twin, candidates that lost) has `picked: false` in its facts.
        """
        return 1, ""

    def play(self, case: Case) -> Play:
        """Build traces for one problem: yield calls, hear their replies in order, return what was built."""
        raise NotImplementedError

    def settle(self, labels: Mapping[str, str | None]) -> Mapping[str, Overruled]:
        """Once all problems are through: which traces are dropped after all, by problem.

        Args:
            labels: problem -> label of its first attempt, where that is kept.
        """
        return {}


def unpaid(problem: Problem) -> Played | None:
    """For strategies that grade as they go: a problem without a reference is dropped before anything is asked."""
    if (problem.answer or "").strip():
        return None
    return Played([Attempt(None, None, status="failed", label="no_reference", reason="no_reference")])


def grade(problem: Problem, response: str | None) -> str:
    """correct, incorrect or undecided; for strategies that declare `uses_reference`."""
    from cotkit.verify import grade as graded

    return graded(problem.answer, response, question=problem.problem, choices=problem.choices).value
