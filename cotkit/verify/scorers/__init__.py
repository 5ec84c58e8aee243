"""Scorers: numbers for the attempts at one problem; one small module each, registered by name in cotkit/registry.py.

A scorer sees all attempts at a problem at once, since some numbers compare them. The `score` step (cotkit.verify.score)
asks it for a table of traces, cotkit.verify.reward for what a trainer has just sampled: the same object, the same sum.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from cotkit.config import Config
from cotkit.registry import Registered
from cotkit.steps import StepContext

# What a length is counted in: the provider's or the trainer's tokens, or characters of reasoning and response.
Unit = Annotated[
    Literal["tokens", "chars"],
    Field(
        description="What lengths are counted in: tokens as the provider (or the trainer) counts them, or chars, the "
        "characters of reasoning and response."
    ),
]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a problem, from the tables or from a trainer.

    Attributes:
        verdict: correct, incorrect or undecided.
        reasoning: None where it stands in the response, between tags, or there is none.
        tokens: length of reasoning and response; None where nobody counted.
        is_cut: it ran into a length limit before its end.
        is_empty: it ended by itself and wrote nothing.
        scores: what earlier scorers gave it.
    """

    problem: str
    response: str
    verdict: str = "undecided"
    reasoning: str | None = None
    reference: str | None = None
    tokens: int | None = None
    is_cut: bool = False
    is_empty: bool = False
    scores: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_right(self) -> bool | None:
        """None where the grader is in doubt; what was cut off, or is empty, has not solved the problem."""
        if self.is_cut or self.is_empty:
            return False
        return {"correct": True, "incorrect": False}.get(self.verdict)

    @property
    def text(self) -> str:
        """Reasoning, then response."""
        return "\n".join(part for part in (self.reasoning, self.response) if part)

    @property
    def tagged(self) -> str:
        """The text as a model writes it: reasoning that a reader has taken out is put back between its tags."""
        reasoning = (self.reasoning or "").strip()
        return f"<think>\n{reasoning}\n</think>\n{self.response.strip()}" if reasoning else self.response.strip()

    def length(self, unit: str) -> int | None:
        return self.tokens if unit == "tokens" else len(self.reasoning or "") + len(self.response)


@dataclass(frozen=True, slots=True)
class Scored:
    """What one scorer says of one attempt.

    Attributes:
        values: score name -> finite number; a score that could not be had is not in it.
        why: where one could not be had, a short snake_case reason; "" otherwise.
        evidence: what decided that, as JSON values.
        steps: one number for each step of the text, for scorers that judge steps.
        is_passing: a later run may get the score that could not be had.
    """

    values: Mapping[str, float] = field(default_factory=dict)
    why: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    steps: tuple[float, ...] | None = None
    is_passing: bool = False


UNDECIDED = Scored(why="undecided")


class Scorer(Config):
    """Base of all scorers. A subclass adds `by: Literal["its-name"]` and its own keys.

    Class attributes:
        reward: the score that stands for the scorer where a trainer wants one number; "" where it is no reward.
        compares: whether an attempt's score depends on the others at its problem.
        alone: it asks a server, so only one process of a run may use it at a time.
        code: further modules whose source decides its scores.
        excluded: key -> why it changes no score, and so is left out of the cache key.
    """

    by: str

    reward: ClassVar[str] = ""
    compares: ClassVar[bool] = False
    alone: ClassVar[bool] = False
    code: ClassVar[tuple[str, ...]] = ()
    excluded: ClassVar[Mapping[str, str]] = {}

    def names(self) -> tuple[str, ...]:
        """All scores that it may give."""
        raise NotImplementedError

    def needs(self) -> tuple[str, ...]:
        """Scores of earlier scorers that it reads."""
        return ()

    def materials(self) -> dict[str, str]:
        """Digest by name of files that decide its scores."""
        return {}

    def ready(self) -> None:
        """Raises a CotkitError for what it needs and does not have (a key in the environment, say)."""

    def posts(self, attempt: Attempt) -> Sequence[int]:
        """What it would send to a server of its own for an attempt: characters of each request, for an estimate."""
        return ()

    def score(self, group: Sequence[Attempt]) -> list[Scored]:
        """One answer for each of the attempts at one problem, in their order."""
        raise NotImplementedError

    def score_all(self, groups: Sequence[Sequence[Attempt]], context: StepContext) -> Iterator[list[Scored]]:
        """`score` of every group in order; a scorer that asks a server asks for several at once."""
        yield from map(self.score, groups)


AnyScorer = Annotated[Scorer, Registered("scorers", "by")]
