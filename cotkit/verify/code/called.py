"""Programs whose function is called: the judged process returns plain values, and they are compared here."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from cotkit.verify.code.cases import CallCase
from cotkit.verify.code.compare import holds
from cotkit.verify.code.process import Child, End, Ended, Flood, Late
from cotkit.verify.code.trial import PASSED, NotLoaded, Outcome, Trial, accepts, from_answer, from_error
from cotkit.verify.code.verdicts import TestVerdict, short
from cotkit.verify.code.wire import BadAnswer, has_nodes, pack, sendable, unpack


class Caller:
    """A judged process that answers calls, started anew where the last one has ended. A context manager."""

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self.child: Child | None = None

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def ask(self, name: str, args: Any, kwargs: Any) -> tuple[Outcome, Any, float, float]:
        """(outcome, value, CPU seconds, clock seconds) of one call. Raises NotStarted."""
        policy = self.trial.policy
        outcome, value, cpu_s = PASSED, None, 0.0
        try:
            message = _message(name, args, kwargs)
        except (ValueError, RecursionError) as error:
            return Outcome("tests_unreadable", {"error": f"arguments: {str(error)[:150]}"}), None, 0.0, 0.0
        child = self.child or self._start()
        start = time.monotonic()
        deadline = self.trial.deadline()
        child.allow(policy.cpu_s)
        try:
            if not child.loaded:
                self._load(child, deadline)
            answer = unpack(child.exchange(message, deadline))
            spent = answer.get("c")
            cpu_s = spent if isinstance(spent, float) else 0.0
            if "v" in answer:
                value = answer["v"]
            else:
                outcome = from_answer(answer)
        except (Late, Flood, Ended, BadAnswer, NotLoaded) as error:
            end = self._stop(wait=isinstance(error, Ended))
            cpu_s = end.cpu_s
            outcome = from_error(error, end, policy.cpu_s, policy.output_mb)
        if policy.fresh_process == "test":
            self._stop()
        return outcome, value, cpu_s, time.monotonic() - start

    def _start(self) -> Child:
        policy = self.trial.policy
        most = policy.cpu_s if policy.fresh_process == "test" else policy.total_s
        self.child = Child(self.trial.sandbox, policy, self.trial.job, most)
        return self.child

    def _load(self, child: Child, deadline: float) -> None:
        line = child.exchange(b"", deadline)
        if b'"loaded"' not in line[:20]:
            raise NotLoaded(line)
        child.loaded = True

    def _stop(self, *, wait: bool = False) -> End:
        """End the process; `wait`: it is ending by itself, and its exit code is wanted."""
        child, self.child = self.child, None
        return child.finish(wait_s=0.5 if wait else 0) if child is not None else End(None, 0.0)


def _message(name: str, args: Any, kwargs: Any) -> bytes:
    if has_nodes(args) or has_nodes(kwargs):
        return pack((name, sendable(args), sendable(kwargs), True))
    return pack((name, args, kwargs, False))


def run_called(trial: Trial) -> Iterator[TestVerdict]:
    """The verdicts in order, as the calls are made. Raises NotStarted, CheckerError."""
    with Caller(trial) as caller:
        for index, case in enumerate(trial.tests.calls):
            outcome, got, cpu_s, wall_s = caller.ask(trial.tests.entry or "", case.args, dict(case.kwargs))
            if outcome is PASSED:
                outcome = _compared(trial, case, got)
            yield trial.verdict(index, outcome, cpu_s, wall_s)


def _compared(trial: Trial, case: CallCase, got: Any) -> Outcome:
    try:
        if trial.tests.checker is not None:
            good = accepts(trial.tests.checker, (case.args, dict(case.kwargs)), case.expected, got)
        else:
            good = holds(case, got, trial.rules)
    except RecursionError:
        return Outcome("tests_unreadable", {"error": "values nest too deep to compare"})
    return PASSED if good else Outcome("wrong_answer", {"expected": short(_wanted(case)), "got": short(got)})


def _wanted(case: CallCase) -> Any:
    if case.relation == "equal" and not case.wrap:
        return case.expected
    if case.relation in ("true", "false"):
        return f"{case.wrap}(…) {case.relation}" if case.wrap else case.relation
    return f"{case.wrap}(…) {case.relation} {short(case.expected)}"
