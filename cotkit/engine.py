"""Engines: who runs the shards of a step, and where. They decide nothing about the result.

An engine gets jobs that need nothing but themselves and the disk, and is done when each has left its result there;
those that it did not come to are run next time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from cotkit.config import Config


class Job(Protocol):
    """One shard's work (cotkit.run.shards.Job); it can be pickled."""

    @property
    def step(self) -> Any: ...

    @property
    def place(self) -> str:
        """How errors name it."""

    def run(self) -> None:
        """Do it and leave the result on the disk, whole or not at all. Raises what the step raises."""


AnyJob = TypeVar("AnyJob", bound=Job)


class Engine(Config):
    """Base of all engines. A subclass adds `kind: Literal["its-kind"]` and its own keys."""

    kind: str

    def run(self, jobs: Sequence[AnyJob], ended: Callable[[AnyJob], None]) -> None:
        """Run every job, in any order, those of a step that is `alone` one after another; `ended` hears of each.

        Raises what a shard raises, and EngineError where a worker is lost.
        """
        raise NotImplementedError
