"""The engine `local`: this process, or some processes of this machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from pydantic import Field

from cotkit.engine import AnyJob, Engine
from cotkit.run.engines.errand import alone


class Local(Engine):
    """Shards in processes of this machine, one at a time in each."""

    kind: Literal["local"] = "local"
    workers: int = Field(
        1,
        ge=1,
        le=256,
        description="Processes that work on shards, each with its share of the processors; 1: the run's own process "
        "alone. It changes no byte of the result.",
    )

    def run(self, jobs: Sequence[AnyJob], ended: Callable[[AnyJob], None]) -> None:
        from cotkit.run.engines.pool import run_all

        count = min(self.workers, len(jobs))
        if count > 1 and not any(job.step.alone for job in jobs):
            run_all(jobs, count, ended)
        else:
            alone(jobs, ended)
