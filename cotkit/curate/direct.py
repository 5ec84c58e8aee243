"""How long a model's direct answer to a problem is: a measure of difficulty that needs no reference answer.

OpenThoughts3 (Guha et al. 2025, arXiv 2506.04178) kept the math and science questions with the longest answers of
GPT-4.1-mini, before its teacher was asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from cotkit.config import Config
from cotkit.distill.engine import Tally
from cotkit.distill.prompt import Prompt
from cotkit.distill.teacher import Batch, Limits, Sampling, Teacher
from cotkit.distill.traces import Told, distill_prompts
from cotkit.records import Problem
from cotkit.steps import Progress


class Direct(Config):
    """One answer of a model to each problem; its length is kept, the answer itself lies in the journal."""

    teacher: Teacher = Field(description="Who answers.")
    prompt: Prompt = Field(Prompt(user="{problem}"), description="What it is told; the problem alone when unset.")
    sampling: Sampling = Field(default_factory=Sampling, description="Sampling keys; unset ones are not sent.")


@dataclass
class Measured:
    """Tokens of each answer by the provider's count; None where none came or none was counted."""

    tokens: list[int | None]
    passing: int = 0
    usd: float = 0.0
    tally: Tally | None = None


def measure(
    direct: Direct, problems: Sequence[Problem], limits: Limits, journal: Path, progress: Progress, batch: Batch | None
) -> Measured:
    """Ask once about each problem. An answer that was cut off counts with the length it had.

    Raises as distill_prompts does.
    """
    found = Measured([None] * len(problems))
    with progress.task("direct answers", len(problems)) as task:

        def hear(told: Told) -> None:
            task.advance(1, usd=told.trace.cost_usd or 0.0)
            found.usd += told.trace.cost_usd or 0.0
            found.passing += told.failure is not None and told.failure.passing
            if told.failure is None and told.trace.status in ("done", "length"):
                found.tokens[told.index] = told.trace.completion_tokens

        prompts = ((str(i), direct.prompt.of(p.domain).messages(p.problem, p.choices)) for i, p in enumerate(problems))
        found.tally = distill_prompts(prompts, direct.teacher, direct.sampling, limits, journal, hear, batch=batch)
    return found
