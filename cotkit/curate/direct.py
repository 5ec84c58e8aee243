"""How long a model's direct answer to a problem is: a measure of difficulty that needs no reference answer.

OpenThoughts3 (Guha et al. 2025, arXiv 2506.04178) kept the math and science questions with the longest answers of
GPT-4.1-mini, before its teacher was asked.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from cotkit.config import Config
from cotkit.distill.prompt import Prompt
from cotkit.distill.teacher import Sampling, Teacher
from cotkit.records import Trace


class Direct(Config):
    """One answer of a model to each problem; its length is kept, the answer itself lies in the journal."""

    teacher: Teacher = Field(description="Who answers.")
    prompt: Prompt = Field(Prompt(user="{problem}"), description="What it is told; the problem alone when unset.")
    sampling: Sampling = Field(default_factory=Sampling, description="Sampling keys; unset ones are not sent.")


def tokens(traces: Sequence[Trace]) -> int | None:
    """Tokens of the one answer by the provider's count; None where none came or none was counted.

    An answer that was cut off counts with the length it had.
    """
    return next((trace.completion_tokens for trace in traces if trace.status in ("done", "length")), None)
