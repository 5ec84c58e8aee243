"""Traces whose reasoning comes to another answer than their response."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from cotkit.curate.trace_filters import TraceFilter
from cotkit.records import Problem, Trace

# A final answer stands at the end of a text.
_END = 4_000


class AnswerMismatch(TraceFilter):
    """Drop a trace whose reasoning ends with one answer and whose response gives another, as `verify` compares them.

    Only a box or a sentence that states the answer counts in the reasoning; where one side has none, or the two
    cannot be compared, the trace stays.
    """

    name: Literal["answer_mismatch"] = "answer_mismatch"

    reason: ClassVar[str] = "answer_mismatch"

    def reject(self, trace: Trace, problem: Problem) -> dict[str, Any] | None:
        from cotkit.verify import grade
        from cotkit.verify.extract import beside, extract_answer

        said = extract_answer((trace.reasoning or "")[-_END:])
        given = extract_answer(beside((trace.response or "")[-_END:], trace.reasoning))
        if said.answer is None or given.answer is None or said.method not in ("boxed", "tag", "hashes", "phrase"):
            return None
        if given.method == "trailing":
            return None
        verdict = grade(said.answer, f"\\boxed{{{given.answer}}}", question=problem.problem, choices=problem.choices)
        if verdict.value != "incorrect":
            return None
        return {"reasoning": said.answer[:200], "response": given.answer[:200], "method": verdict.method}
