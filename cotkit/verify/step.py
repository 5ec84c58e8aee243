"""The recipe step: one verdict for every trace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from cotkit.records import Problem, Trace, Verdict, dropped_frame, frame, rows
from cotkit.steps import Step, StepContext, StepOutput, Tables
from cotkit.verify.extract import extract_answer, extract_reference
from cotkit.verify.grade import grade_answer
from cotkit.verify.pool import Pool
from cotkit.verify.scalars import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

# (reference, final answer, choices): graded once however often it comes
_Pair = tuple[str | None, str, tuple[str, ...]]


class Verify(Step):
    """Grade every trace's final answer against its problem's reference answer."""

    step: Literal["verify"] = "verify"
    timeout_s: float = Field(
        2.0, gt=0, le=60, description="Seconds of clock that sympy may spend on one pair; then it is undecided."
    )
    workers: int = Field(1, ge=1, le=64, description="Processes for the symbolic step.")
    memory_mb: int = Field(
        1024, ge=256, description="Memory of such a process in MiB; a pair that needs more is undecided."
    )

    room: ClassVar[str] = "verify"
    reads: ClassVar[tuple[type, ...]] = (Trace, Problem)
    writes: ClassVar[type] = Verdict
    code: ClassVar[tuple[str, ...]] = ("cotkit.verify", "cotkit.records")
    excluded: ClassVar[Mapping[str, str]] = {
        "workers": "a pair has a worker and a clock to itself, so their number changes no verdict"
    }

    def run(self, tables: Tables, context: StepContext) -> StepOutput:
        """Every trace gets a verdict row; none is dropped."""
        traces = rows(Trace, tables[Trace])
        problems = {problem.problem_id: problem for problem in rows(Problem, tables[Problem])}
        answers = [extract_answer(t.response or "") if t.status == "done" else None for t in traces]
        pairs: list[_Pair | None] = []
        for trace, found in zip(traces, answers, strict=True):
            problem = problems.get(trace.problem_id)
            if found is None or found.answer is None or problem is None:
                pairs.append(None)
                continue
            reference = extract_reference(problem.answer, problem.solution).answer
            pairs.append((reference, found.answer, tuple(problem.choices or ())))
        outcomes = self._grade(list(dict.fromkeys(pair for pair in pairs if pair is not None)), context)
        verdicts = []
        for trace, found, pair in zip(traces, answers, pairs, strict=True):
            if pair is not None:
                outcome = outcomes[pair]
            elif found is None:
                outcome = Outcome("undecided", "none", f"trace_{trace.status}")
            elif found.answer is None:
                outcome = Outcome("undecided", "none", found.note)
            else:
                outcome = Outcome("undecided", "none", "no_problem")
            verdicts.append(
                Verdict(
                    trace.problem_id,
                    trace.sample,
                    outcome.verdict,
                    found.answer if found is not None else None,
                    pair[0] if pair is not None else _reference(problems.get(trace.problem_id)),
                    outcome.method,
                    outcome.reason,
                )
            )
        counts = Counter(verdict.verdict for verdict in verdicts)
        kept = frame(Verdict, verdicts)
        dropped = dropped_frame(tables[Trace], [], [], [])
        counters = {name: float(counts[name]) for name in ("correct", "incorrect", "undecided")}
        return StepOutput(kept=kept, dropped=dropped, counters=counters)

    def _grade(self, pairs: Sequence[_Pair], context: StepContext) -> dict[_Pair, Outcome]:
        with (
            Pool(self.workers, self.timeout_s, self.memory_mb) as pool,
            ThreadPoolExecutor(self.workers) as threads,
            context.progress.task("verify", len(pairs)) as task,
        ):

            def one(pair: _Pair) -> Outcome:
                return grade_answer(pair[1], pair[0], choices=pair[2], pool=pool)

            outcomes = []
            try:
                for outcome in threads.map(one, pairs):
                    outcomes.append(outcome)
                    task.advance(1, **{outcome.verdict: 1})
            finally:  # Ctrl-C must not wait for the pairs still queued
                threads.shutdown(wait=False, cancel_futures=True)
        return dict(zip(pairs, outcomes, strict=True))


def _reference(problem: Problem | None) -> str | None:
    return extract_reference(problem.answer, problem.solution).answer if problem is not None else None
