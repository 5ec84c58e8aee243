"""Which of several good traces of one problem to publish."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field

from cotkit.config import Config
from cotkit.curate.limo import limo_score
from cotkit.records import Trace, provenance_of, score_of
from cotkit.registry import Registered

# More characters than a trace has.
_BESIDE = 10**15


class Chooser(Config):
    """Base of all choosers. A subclass adds `by: Literal["its-name"]`."""

    by: str

    def rank(self, trace: Trace) -> float:
        """Smaller is better; equal ranks go by the sample's number."""
        raise NotImplementedError


def length_of(trace: Trace) -> int:
    """Length of a trace in characters of reasoning and response: the same for every teacher's tokenizer."""
    return len(trace.reasoning or "") + len(trace.response or "")


class First(Chooser):
    """The lowest sample number."""

    by: Literal["first"] = "first"

    def rank(self, trace: Trace) -> float:
        return trace.sample


class Shortest(Chooser):
    """The shortest reasoning plus response."""

    by: Literal["shortest"] = "shortest"

    def rank(self, trace: Trace) -> float:
        return length_of(trace)


class Picked(Chooser):
    """What a strategy picked before what it left beside it, then the shortest; without a strategy, the shortest."""

    by: Literal["picked"] = "picked"

    def rank(self, trace: Trace) -> float:
        left = provenance_of(trace.provenance).get("picked") is False
        return length_of(trace) + (_BESIDE if left else 0)


class Longest(Chooser):
    """The longest reasoning plus response."""

    by: Literal["longest"] = "longest"

    def rank(self, trace: Trace) -> float:
        return -length_of(trace)


class Limo(Chooser):
    """The highest score of LIMO: long, with many words of checking, doubt and conclusion (cotkit.curate.limo)."""

    by: Literal["limo"] = "limo"

    def rank(self, trace: Trace) -> float:
        return -limo_score(f"{trace.reasoning or ''}\n{trace.response or ''}")


class ByScore(Chooser):
    """The highest (or lowest) of a score that a score step gave; attempts without it come last."""

    by: Literal["score"] = "score"
    of: str = Field(min_length=1, description="The score's name, such as cosine.")
    lowest: bool = Field(False, description="Take the lowest instead of the highest.")

    def rank(self, trace: Trace) -> float:
        value = score_of(trace.scores, self.of)
        return math.inf if value is None else value if self.lowest else -value


AnyChooser = Annotated[Chooser, Registered("choosers", "by")]
