"""Programs that read stdin and print: one sandbox a program, one process a test, outputs compared here."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from cotkit.verify.code.cases import StdinCase
from cotkit.verify.code.compare import same_output
from cotkit.verify.code.process import Child, End, Ended, Flood, Late, NotStarted
from cotkit.verify.code.trial import PASSED, NotLoaded, Outcome, Trial, accepts, from_end, from_error, from_line
from cotkit.verify.code.verdicts import TestVerdict, short
from cotkit.verify.code.wire import BadAnswer, pack, unpack

_SEALED = '{"sealed":1}\n'


class Reader:
    """A sandbox that runs one program on text after text, each time in a new process. A context manager.

    It is started anew after a test that ran into a limit or left files behind.
    """

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self.child: Child | None = None

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def run(self, text: str) -> tuple[Outcome, str, float, float]:
        """(outcome, printed text, CPU seconds, clock seconds) of the program on one input. Raises NotStarted."""
        policy = self.trial.policy
        start = time.monotonic()
        try:
            child = self._loaded()
            start = time.monotonic()
            child.allow(policy.cpu_s)
            answer = unpack(child.exchange(pack(text.encode("utf-8", "replace")), self.trial.deadline()))
            printed = child.take_printed()
            outcome, cpu_s = _ended(answer, policy.cpu_s)
        except (Late, Flood, Ended, BadAnswer, NotLoaded) as error:
            cpu_s = self.child.cpu() if self.child is not None else 0.0
            end = self._stop(wait=isinstance(error, Ended))
            cpu_s = min(cpu_s or end.cpu_s, end.cpu_s)
            outcome = from_error(error, End(end.code, cpu_s), policy.cpu_s, policy.output_mb)
            return outcome, "", cpu_s, time.monotonic() - start
        if not answer.get("clean"):
            self._stop()
        return outcome, printed.decode("utf-8", "replace"), cpu_s, time.monotonic() - start

    def _loaded(self) -> Child:
        if self.child is None:
            policy = self.trial.policy
            self.child = Child(self.trial.sandbox, policy, self.trial.job, policy.cpu_s)
            self.child.allow(policy.cpu_s)
            line = self.child.exchange(b"", self.trial.deadline())
            if b'"loaded"' not in line[:20]:
                raise NotLoaded(line)
        return self.child

    def _stop(self, *, wait: bool = False) -> End:
        child, self.child = self.child, None
        return child.finish(wait_s=0.5 if wait else 0) if child is not None else End(None, 0.0)


def _ended(answer: Mapping[str, Any], cpu_limit_s: float) -> tuple[Outcome, float]:
    """Outcome and CPU seconds of a process that has ended, as the one that started it says."""
    if "failed" in answer:
        raise NotStarted("no process or no memory for a test")
    code, cpu_s, said = answer.get("end"), answer.get("c"), answer.get("said")
    if not isinstance(code, int) or not isinstance(cpu_s, float) or not isinstance(said, str):
        raise BadAnswer("no end of a test")
    if not said.startswith(_SEALED):  # said before the program ran, which therefore cannot unsay it
        raise NotStarted("the process of a test did not start")
    if rest := said.removeprefix(_SEALED):
        return from_line(rest.partition("\n")[0].encode("latin-1", "replace")), cpu_s
    return (from_end(End(code, cpu_s), cpu_limit_s) if code else PASSED), cpu_s


def run_printed(trial: Trial) -> Iterator[TestVerdict]:
    """The verdicts in order, as the tests are run. Raises NotStarted, CheckerError."""
    with Reader(trial) as reader:
        for index, case in enumerate(trial.tests.stdin):
            outcome, got, cpu_s, wall_s = reader.run(case.input)
            if outcome is PASSED:
                outcome = _compared(trial, case, got)
            yield trial.verdict(index, outcome, cpu_s, wall_s)


def _compared(trial: Trial, case: StdinCase, got: str) -> Outcome:
    checker = trial.tests.checker
    for expected in case.outputs:
        if accepts(checker, case.input, expected, got) if checker else same_output(expected, got, trial.rules):
            return PASSED
    return Outcome("wrong_answer", _difference(case.outputs[0], got))


def _difference(expected: str, got: str) -> dict[str, str]:
    """Both texts from a little before where they part."""
    at = next((k for k, (a, b) in enumerate(zip(expected, got, strict=False)) if a != b), min(len(expected), len(got)))
    start = max(0, at - 40)
    lead = "…" if start else ""
    return {"expected": short(lead + expected[start:]), "got": short(lead + got[start:])}
