"""Which of several good traces of one problem to publish."""

from __future__ import annotations

from typing import Annotated, Literal

from cotkit.config import Config
from cotkit.curate.limo import limo_score
from cotkit.records import Trace
from cotkit.registry import Registered


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


AnyChooser = Annotated[Chooser, Registered("choosers", "by")]
