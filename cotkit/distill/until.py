"""Resample until correct: verify is asked between the attempts, so that money goes where it is still needed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType

from pydantic import Field

from cotkit.config import Config
from cotkit.distill.traces import Told

Reference = tuple[str | None, str, tuple[str, ...]]  # answer, question, options


class Until(Config):
    """Ask a problem again until so many of its answers are correct."""

    correct: int = Field(1, ge=1, description="Correct answers wanted of each problem.")
    max: int = Field(16, ge=1, description="Most attempts at a problem.")


def verdict_of(response: str, reference: Reference) -> str:
    """correct, incorrect or undecided; the one place where this room asks verify."""
    from cotkit.verify import grade

    answer, question, options = reference
    return grade(answer, response, question=question or None, choices=options or None).value


@dataclass
class Attempts:
    """One problem so far."""

    asked: int
    open: int
    correct: int = 0
    incorrect: int = 0
    undecided: int = 0

    @property
    def pass_rate(self) -> float | None:
        """Correct ones of those that were decided."""
        decided = self.correct + self.incorrect
        return self.correct / decided if decided else None


class Resampler:
    """Decides after each attempt whether there is another; a context manager, for its thread.

    Args:
        references: problem id -> its reference answer, question and options.
        first: attempts that are asked of each problem from the start.
    """

    def __init__(self, until: Until, references: Mapping[str, Reference], first: int) -> None:
        self._until = until
        self._references = references
        self.problems = {name: Attempts(first, first) for name in references}
        # Grading takes CPU: beside the loop, one at a time.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="cotkit-until")

    async def __call__(self, told: Told) -> int | None:
        """The number of the sample to ask next, or None."""
        problem, trace = self.problems[told.trace.problem_id], told.trace
        problem.open -= 1
        if told.failure is not None:
            return None
        if trace.status == "done" and trace.response is not None:
            loop, reference = asyncio.get_running_loop(), self._references[trace.problem_id]
            verdict = await loop.run_in_executor(self._thread, verdict_of, trace.response, reference)
            setattr(problem, verdict, getattr(problem, verdict) + 1)
        else:
            problem.incorrect += 1
        missing = self._until.correct - problem.correct
        if missing <= problem.open or problem.asked >= self._until.max:
            return None
        problem.asked += 1
        problem.open += 1
        return problem.asked - 1

    def __enter__(self) -> Resampler:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)
