"""The columns of s1K-1.1: an earlier trace, kept from the source, beside the new one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from cotkit.curate.exporters import Refusals
from cotkit.curate.exporters.shaped import Row, Shaped, asked

if TYPE_CHECKING:
    import polars as pl

# A verdict in the words of s1K-1.1, which knows no third one.
_GRADES = {"correct": "Yes", "incorrect": "No"}


class S1K11(Shaped):
    """Both traces of a problem side by side, each with a grade, as s1K-1.1 has Gemini's and DeepSeek's.

    The earlier trace is in `metadata`, where `keep` of the source put it; a row without one is dropped as
    no_earlier_trace. Grades are Yes, No, or null for undecided: of the new trace its verdict, of the earlier one what
    the rules of `verify` say (simplescaling/s1, data/grading.ipynb asked Claude of both). `solution`, `cot_type`,
    `source_type` and `metadata` are the source's own where they were kept.
    """

    kind: Literal["s1k_1_1"] = "s1k_1_1"
    earlier: str = Field("gemini", min_length=1, description="First part of the names of the earlier trace's columns.")
    later: str = Field("deepseek", min_length=1, description="First part of the names of the new trace's columns.")
    trace_from: str = Field(
        "thinking_trajectories", description="Column kept from the source with the earlier reasoning: a text or a list."
    )
    attempt_from: str = Field("attempt", description="Column kept from the source with the earlier answer.")

    row: ClassVar[str] = "a problem and two reasoning traces of different teachers"
    held: ClassVar[frozenset[str]] = frozenset({"domain", "source", "metadata"})
    code: ClassVar[tuple[str, ...]] = ("cotkit.verify",)

    @model_validator(mode="after")
    def _two_names(self) -> S1K11:
        if self.earlier == self.later:
            raise PydanticCustomError("names", "earlier and later name the same columns; give each its own")
        return self

    def refused(self, examples: pl.DataFrame) -> Refusals:
        found = dict(super().refused(examples))
        for number, text in enumerate(examples["metadata"].to_list()):
            if number not in found and not any(self._before(json.loads(text))):
                found[number] = "no_earlier_trace", {"columns": [self.trace_from, self.attempt_from]}
        return found

    def shape(self, row: Row) -> dict[str, Any]:
        from cotkit.verify.grade import grade

        kept = json.loads(row["metadata"])
        reasoning, attempt = self._before(kept)
        graded = grade(row["answer"], attempt, question=row["problem"])
        return {
            "solution": kept.get("solution") or row["answer"],
            "question": asked(row),
            "cot_type": kept.get("cot_type") or row["domain"],
            "source_type": kept.get("source_type") or row["source"],
            "metadata": kept.get("metadata") or row["metadata"],
            f"{self.earlier}_thinking_trajectory": reasoning,
            f"{self.earlier}_attempt": attempt,
            f"{self.later}_thinking_trajectory": row["reasoning"] or "",
            f"{self.later}_attempt": row["response"] or "",
            f"{self.earlier}_grade": _GRADES.get(graded.value),
            f"{self.earlier}_grade_reason": graded.reason or graded.method,
            f"{self.later}_grade": _GRADES.get(row["verdict"]),
            f"{self.later}_grade_reason": row["verdict_method"],
        }

    def own(self) -> dict[str, Any]:
        import polars as pl

        parts = ("thinking_trajectory", "attempt")
        traces = [f"{who}_{part}" for who in (self.earlier, self.later) for part in parts]
        grades = [f"{who}_{part}" for who in (self.earlier, self.later) for part in ("grade", "grade_reason")]
        names = ("solution", "question", "cot_type", "source_type", "metadata", *traces, *grades)
        return dict.fromkeys(names, pl.String())

    def describe(self) -> str:
        return (
            f"The columns are those of s1K-1.1: `{self.earlier}_…` holds the trace that the source had, "
            f"`{self.later}_…` the new one. A grade is Yes or No, and empty where it could not be decided."
        )

    def _before(self, kept: Row) -> tuple[str, str]:
        """Reasoning and answer of the earlier trace; empty where there is none."""
        trace, attempt = kept.get(self.trace_from), kept.get(self.attempt_from)
        parts = trace if isinstance(trace, list) else [trace]
        reasoning = "\n\n".join(part for part in parts if isinstance(part, str))
        return reasoning, attempt if isinstance(attempt, str) else ""
