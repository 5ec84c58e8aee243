"""Process reward models: one score for each step of a trace, over the wire formats of four families and by a judge."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import ClassVar, Literal

from pydantic import Field

from cotkit.config import LocalPath
from cotkit.steps import StepContext
from cotkit.verify.scorers import Attempt, Scored
from cotkit.verify.scorers.prm_server import PrmServer
from cotkit.verify.scorers.prm_wires import Misaligned
from cotkit.verify.scorers.remote import Ask

Adapter = Literal["skywork", "qwen", "shepherd", "rlhflow", "llm_judge"]
_BREAKS: Mapping[str, re.Pattern[str]] = {"paragraphs": re.compile(r"\n[ \t\r]*\n"), "lines": re.compile(r"\n")}


class Prm(PrmServer):
    """`prm_last`, `prm_min`, `prm_mean`, `prm_prod` of the scores of a trace's steps, all from 0 to 1, and
    `prm_first_bad`, the number of the first step below `bad`, from 1; steps.parquet has every step.

    A reply with more or fewer scores than the trace has steps is no score: prm_misaligned. A PRM's scores lean on
    how long a step is (Liu et al. 2025, arXiv 2502.06703, Q3): the run says how much.
    """

    # A judge is one more way.
    adapter: Adapter = Field(  # type: ignore[assignment]
        description="How the model is asked: skywork (token values on /v1/embeddings), qwen (<extra_0> on /pooling), "
        "shepherd (ки on /pooling), rlhflow (a chat turn + or - for each step), llm_judge (any chat model rates them)."
    )
    steps: Literal["paragraphs", "lines"] = Field("paragraphs", description="Where a step ends.")
    of: Literal["reasoning", "response", "both"] = Field("both", description="Which text is judged.")
    bad: float = Field(0.5, ge=0, le=1, description="A step with less is bad.")
    journal: LocalPath | None = Field(
        None, description="llm_judge: the journal of paid answers; journal.sqlite in the run directory when unset."
    )

    excluded: ClassVar[Mapping[str, str]] = {
        **PrmServer.excluded,
        "journal": "where answers are kept does not change them",
    }

    def names(self) -> tuple[str, ...]:
        return "prm_last", "prm_min", "prm_mean", "prm_prod", "prm_first_bad"

    def steps_of(self, attempt: Attempt) -> list[str]:
        """The steps of an attempt's text, without white space around them."""
        texts = [getattr(attempt, part) or "" for part in ("reasoning", "response") if self.of in (part, "both")]
        return [step for text in texts for part in _BREAKS[self.steps].split(text) if (step := part.strip())]

    def posts(self, attempt: Attempt) -> Sequence[int]:
        if self.adapter == "llm_judge":
            return ()
        grown = list(accumulate(map(len, self.steps_of(attempt)), initial=len(attempt.problem)))[1:]
        return grown[len(grown) - self.requests(len(grown)) :] if grown else ()

    def score_all(self, groups: Sequence[Sequence[Attempt]], context: StepContext) -> Iterator[list[Scored]]:
        told: list[tuple[float, int]] = []
        if self.adapter == "llm_judge":
            from cotkit.verify.scorers.prm_judge import judged

            answers = judged(self, groups, context)
        else:
            answers = self.model_copy(update={"url": self.root})._asked_all(groups, context)
        for group, answer in zip(groups, answers, strict=True):
            for attempt, scored in zip(group, answer, strict=True):
                told += zip(scored.steps or (), map(len, self.steps_of(attempt)), strict=False)
            yield answer
        lean = correlation(told)
        if lean is not None:
            context.progress.note(
                f"prm: score and length of a step correlate with {lean:+.2f} over {len(told):,} steps"
            )

    def _asked_all(self, groups: Sequence[Sequence[Attempt]], context: StepContext) -> Iterator[list[Scored]]:
        return super().score_all(groups, context)

    def asked(self, attempt: Attempt, ask: Ask) -> Scored:
        steps = self.steps_of(attempt)
        if not steps:
            return Scored(why="no_text")
        try:
            return self.summed(steps, self.rate(ask, attempt.problem, steps))
        except Misaligned as found:
            return misaligned(steps, found.got)

    def summed(self, steps: Sequence[str], scores: Sequence[float]) -> Scored:
        """Scores of the steps as scores of the trace; never fewer or more than the steps."""
        if len(scores) != len(steps):
            return misaligned(steps, len(scores))
        values = {
            "prm_last": scores[-1],
            "prm_min": min(scores),
            "prm_mean": math.fsum(scores) / len(scores),
            "prm_prod": math.prod(scores),
        }
        first = next((place for place, score in enumerate(scores, start=1) if score < self.bad), None)
        return Scored(values if first is None else {**values, "prm_first_bad": float(first)}, steps=tuple(scores))


def misaligned(steps: Sequence[str], got: int | None) -> Scored:
    """The mark of a reply that cannot be laid beside the steps; `got` is None where there is nothing to count."""
    return Scored(why="prm_misaligned", evidence={"steps": len(steps), "scores": got})


def correlation(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Pearson's; None for fewer than three pairs, or where one side never changes."""
    if len(pairs) < 3:
        return None
    xs, ys = zip(*pairs, strict=True)
    mean_x, mean_y = math.fsum(xs) / len(xs), math.fsum(ys) / len(ys)
    spread = math.sqrt(math.fsum((x - mean_x) ** 2 for x in xs) * math.fsum((y - mean_y) ** 2 for y in ys))
    return math.fsum((x - mean_x) * (y - mean_y) for x, y in pairs) / spread if spread else None
