"""Whether a trace's reflection changes anything: the answer it had before, and the one it ends with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import Field

from cotkit.curate.segments import statements
from cotkit.verify.extract import extract_answer
from cotkit.verify.grade import grade
from cotkit.verify.scorers import Attempt, Scored, Scorer
from cotkit.verify.scorers.phrases import LANGUAGES, REFLECTION, pattern


@dataclass(frozen=True, slots=True)
class Reflected:
    """The reflections of one attempt.

    Attributes:
        count: phrases of reflection in it.
        candidate: the answer stated before the first reflection that has one before it; None where none has.
        was_right: whether that answer is correct; None where it is not known.
        is_changed: whether the attempt ends with another answer; None where that cannot be told.
    """

    count: int
    candidate: str | None = None
    was_right: bool | None = None
    is_changed: bool | None = None


class Reflection(Scorer):
    """Superficial self-reflection (Liu et al. 2025, sail-sg/oat-zero): `reflections`, how many phrases look back;
    where an answer was stated before one of them, `reflection_was_right` and `reflection_changed` (0 or 1); and
    `superficial`, 1 where the answer stayed the same or a right one became wrong.

    What counts as stated is found by cotkit.curate.segments. No candidate before, no score.
    """

    by: Literal["reflection"] = "reflection"
    words: tuple[str, ...] = Field((), description="Further phrases of reflection, beside cotkit's own.")

    code: ClassVar[tuple[str, ...]] = ("cotkit.curate.segments", "cotkit.curate.segment_words", "cotkit.verify")

    def names(self) -> tuple[str, ...]:
        return "reflections", "reflection_was_right", "reflection_changed", "superficial"

    def score(self, group: Sequence[Attempt]) -> list[Scored]:
        return [self._one(attempt) for attempt in group]

    def _one(self, attempt: Attempt) -> Scored:
        found = reflected(attempt, self.words)
        values = {"reflections": float(found.count)}
        if found.was_right is not None:
            values["reflection_was_right"] = float(found.was_right)
        if found.is_changed is not None:
            values["reflection_changed"] = float(found.is_changed)
            spoilt = found.was_right is True and attempt.is_right is False
            values["superficial"] = float(not found.is_changed or spoilt)
        return Scored(values, "" if "superficial" in values else "no_candidate")


def reflected(attempt: Attempt, more: Sequence[str] = ()) -> Reflected:
    """The reflections of an attempt, in its reasoning or, where it has none, in its response."""
    text = attempt.reasoning if (attempt.reasoning or "").strip() else attempt.response
    final = extract_answer(attempt.response).answer
    patterns = [pattern(REFLECTION, language, tuple(more)) for language in LANGUAGES]
    places = sorted({match.start() for one in patterns for match in one.finditer(text or "")})
    said = statements(text or "", attempt.problem, final) if places else []
    # The answer that stood when the trace looked back for the first time after stating one.
    looked = next((place for place in places if said and said[0][0] <= place), -1)
    candidate = next((answer for end, answer in reversed(said) if end <= looked), None)
    if candidate is None:
        return Reflected(len(places))
    question = attempt.problem or None
    before = grade(attempt.reference, f"\\boxed{{{candidate}}}", question=question).value if attempt.reference else ""
    was_right = {"correct": True, "incorrect": False}.get(before)
    same = grade(candidate, f"\\boxed{{{final}}}", question=question).value if final is not None else ""
    return Reflected(len(places), candidate, was_right, {"correct": False, "incorrect": True}.get(same))
