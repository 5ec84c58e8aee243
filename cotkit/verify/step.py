"""The recipe step: one verdict for every trace, by its answer or by its problem's tests."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from cotkit.cores import processes
from cotkit.records import Problem, Trace, Verdict, dropped_frame, frame, rows
from cotkit.steps import Step, StepContext, StepOutput, Tables
from cotkit.verify.code.policy import CodePolicy
from cotkit.verify.extract import beside, extract_reference
from cotkit.verify.grade import Verdict as Grade
from cotkit.verify.many import Pair, grade_many
from cotkit.verify.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cotkit.verify.code import CodeVerdict


class Verify(Step):
    """Grade every trace: its program by the problem's tests where it has any, else its final answer."""

    step: Literal["verify"] = "verify"
    policy: Policy = Field(default_factory=Policy, description="What counts as the same answer.")
    programs: CodePolicy = Field(
        default_factory=CodePolicy, description="Sandbox and limits for the programs of problems with tests."
    )
    cpu_s: float = Field(
        1.0, gt=0, le=60, description="Seconds of CPU that one answer may take; then it is undecided (timeout)."
    )
    workers: int | None = Field(
        None, ge=1, le=256, description="Processes that grade; one on each processor when unset."
    )
    memory_mb: int = Field(
        1024, ge=256, description="Memory of such a process in MiB; an answer that needs more is undecided."
    )
    warn_undecided: float = Field(
        0.1,
        ge=0,
        le=1,
        description="Share of undecided finished answers above which the run warns; 1: never.",
    )

    room: ClassVar[str] = "verify"
    reads: ClassVar[tuple[type, ...]] = (Trace, Problem)
    writes: ClassVar[type] = Verdict
    by_problem: ClassVar[bool] = True
    code: ClassVar[tuple[str, ...]] = ("cotkit.verify", "cotkit.records")
    excluded: ClassVar[Mapping[str, str]] = {
        "workers": "a pair has a clock of its own, so the number of processes changes no verdict",
        "warn_undecided": "it only decides when to warn",
    }

    def run(self, tables: Tables, context: StepContext) -> StepOutput:
        """Every trace gets a verdict row; none is dropped."""
        traces = rows(Trace, tables[Trace])
        problems = {problem.problem_id: problem for problem in rows(Problem, tables[Problem])}
        judged = [
            (trace, problem)
            for trace in traces
            if trace.status == "done" and (problem := problems.get(trace.problem_id)) is not None
        ]
        coded = [(trace, problem) for trace, problem in judged if problem.tests]
        answered = [(trace, problem) for trace, problem in judged if not problem.tests]
        with context.progress.task("verify", len(judged)) as task:

            def hear(verdicts: Sequence[Grade]) -> None:
                for value, n in Counter(verdict.value for verdict in verdicts).items():
                    task.advance(n, **{value: n})

            found = iter(
                grade_many(
                    [_pair(trace, problem) for trace, problem in answered],
                    self.workers,
                    policy=self.policy,
                    cpu_s=self.cpu_s,
                    memory_mb=self.memory_mb,
                    on_verdicts=hear,
                )
            )
            ran = iter(self._run_programs(coded, hear))
        verdicts = [_row(trace, problems.get(trace.problem_id), found, ran) for trace in traces]
        counters = _counters(verdicts)
        self._warn(verdicts, context)
        return StepOutput(
            kept=frame(Verdict, verdicts),
            dropped=dropped_frame(tables[Trace], [], [], []),
            counters=counters,
        )

    def _run_programs(
        self, coded: Sequence[tuple[Trace, Problem]], hear: Callable[[Sequence[Grade]], None]
    ) -> list[Grade]:
        """One verdict for each program; the method names the sandbox that was in force."""
        from cotkit.verify.code import grade_code_many, read_tests

        size = max(1, processes(self.workers) * 8)
        found: list[Grade] = []
        for start in range(0, len(coded), size):
            items = [
                (trace.response or "", read_tests(problem.tests)) for trace, problem in coded[start : start + size]
            ]
            part = [_tested(v) for v in grade_code_many(items, self.workers, self.programs)]
            hear(part)
            found.extend(part)
        return found

    def _warn(self, verdicts: Sequence[Verdict], context: StepContext) -> None:
        """Of the finished attempts only: one that was cut off has nothing to decide."""
        finished = [verdict for verdict in verdicts if not verdict.reason.startswith("trace_")]
        share = sum(v.verdict == "undecided" for v in finished) / len(finished) if finished else 0.0
        if share > self.warn_undecided:
            context.progress.note(
                f"verify: {share:.0%} of the finished answers are undecided (bound {self.warn_undecided:.0%}); "
                "`cotkit report` lists their reasons"
            )


def _pair(trace: Trace, problem: Problem) -> Pair:
    reference = extract_reference(problem.answer, problem.solution).answer
    response = beside(trace.response or "", trace.reasoning)
    return Pair(reference, response, problem.problem, tuple(problem.choices or ()))


def _tested(verdict: CodeVerdict) -> Grade:
    """A program's verdict; `extracted` is the program, the reason also says how many tests passed."""
    failed = next((test for test in verdict.tests if test.value != "correct"), None)
    told = f" (test {failed.index})" if failed is not None else ""
    count = f"; {verdict.passed} of {verdict.total} tests passed" if verdict.total else ""
    method = f"tests in {verdict.sandbox}" if verdict.sandbox else "none"
    return Grade(verdict.value, verdict.program, None, method, f"{verdict.reason}{told}{count}")


def _row(trace: Trace, problem: Problem | None, found: Iterator[Grade], ran: Iterator[Grade]) -> Verdict:
    if trace.status != "done" or problem is None:
        reference = extract_reference(problem.answer, problem.solution).answer if problem is not None else None
        why = f"trace_{trace.status}" if trace.status != "done" else "no_problem"
        return Verdict(trace.problem_id, trace.sample, "undecided", None, reference, "none", why)
    verdict = next(ran if problem.tests else found)
    return Verdict(
        trace.problem_id,
        trace.sample,
        verdict.value,
        verdict.extracted,
        verdict.reference,
        verdict.method,
        verdict.reason,
    )


def _counters(verdicts: Sequence[Verdict]) -> dict[str, float]:
    """Verdicts by value; time-outs and errors, which are undecided too, also apart."""
    counts = Counter(verdict.verdict for verdict in verdicts)
    counters = {name: float(counts[name]) for name in ("correct", "incorrect", "undecided")}
    failed = Counter("timeouts" if v.reason == "timeout" else "errors" for v in verdicts if _FAILED.match(v.reason))
    return {**counters, **{name: float(n) for name, n in failed.items()}}


_FAILED = re.compile(r"timeout|worker_died|out_of_memory|error:|sympy_error|not_built|pool_closed")
