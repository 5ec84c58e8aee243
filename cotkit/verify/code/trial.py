"""What judging one program needs, and how the end of its process reads as a reason."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cotkit.verify.code.cases import Checker, CodeTests
from cotkit.verify.code.compare import Rules
from cotkit.verify.code.levels import Sandbox
from cotkit.verify.code.policy import CodePolicy
from cotkit.verify.code.process import End, Flood, Late
from cotkit.verify.code.verdicts import TestVerdict, short, value_of
from cotkit.verify.code.wire import BadAnswer, unpack

# What the far side may name as its reason; anything else it says is a bad answer.
_ITS_REASONS = frozenset({"compile_error", "runtime_error", "memory_limit", "missing_function", "output_limit"})


class CheckerError(Exception):
    """The caller's checker raised."""


class NotLoaded(Exception):
    """The program's module did not run to its end; `line` is what it said."""

    def __init__(self, line: bytes) -> None:
        super().__init__("not loaded")
        self.line = line


@dataclass(frozen=True)
class Outcome:
    """A reason with its evidence."""

    reason: str
    evidence: dict[str, str] = field(default_factory=dict)


PASSED = Outcome("passed")


@dataclass(frozen=True)
class Trial:
    """One program before its tests; `until` is the end of its total time on the monotonic clock."""

    sandbox: Sandbox
    policy: CodePolicy
    tests: CodeTests
    rules: Rules
    job: Mapping[str, Any]
    until: float

    def deadline(self) -> float:
        """The end, by the clock, of a test that starts now."""
        return min(time.monotonic() + self.policy.wall_s, self.until)

    def verdict(self, index: int, outcome: Outcome, cpu_s: float, wall_s: float) -> TestVerdict:
        """A test's verdict; a limit that was the total's and not the test's own leaves it undecided."""
        reason = outcome.reason
        used_up = cpu_s >= self.policy.cpu_s or wall_s >= self.policy.wall_s
        if reason == "time_limit" and not used_up and time.monotonic() >= self.until:
            reason = "total_time"
        return TestVerdict(index, value_of(reason), reason, round(cpu_s, 4), round(wall_s, 4), outcome.evidence)


def accepts(checker: Checker, given: Any, expected: Any, got: Any) -> bool:
    """What the caller's checker says. Raises CheckerError where it raises."""
    try:
        return bool(checker(given, expected, got))
    except Exception as error:
        raise CheckerError(f"{type(error).__name__}: {str(error)[:150]}") from error


def from_line(line: bytes) -> Outcome:
    """The reason that a judged process gives itself, if it is one that it may give."""
    try:
        answer = unpack(line)
    except BadAnswer as error:
        return Outcome("bad_answer", {"error": short(str(error))})
    return from_answer(answer)


def from_answer(answer: Mapping[str, Any]) -> Outcome:
    """As from_line, of an answer that is read already."""
    reason = answer.get("e")
    if not isinstance(reason, str) or reason not in _ITS_REASONS:
        return Outcome("bad_answer", {"error": short(dict(answer))})
    return Outcome(reason, {"error": short(str(answer.get("m", "")))})


def from_end(end: End, cpu_limit_s: float) -> Outcome:
    """The reason of a process that ended without its answer."""
    if end.cpu_s >= cpu_limit_s:
        return Outcome("time_limit", {"error": f"{end.cpu_s:.1f} s of CPU"})
    code = end.code
    if code is None:
        return Outcome("runtime_error", {"error": "closed its output and went on"})
    if code < 0 or code > 128:
        return Outcome("runtime_error", {"error": f"signal {-code if code < 0 else code - 128}"})
    return Outcome("runtime_error", {"error": f"exit code {code}" if code else "ended before it answered"})


def from_error(error: Exception, end: End, cpu_limit_s: float, output_mb: int) -> Outcome:
    """The reason behind an exception of process.py or wire.py."""
    if isinstance(error, NotLoaded):
        return from_line(error.line)
    if isinstance(error, Late):
        return Outcome("time_limit", {"error": f"{end.cpu_s:.1f} s of CPU"})
    if isinstance(error, Flood):
        return Outcome("output_limit", {"error": f"more than {output_mb} MiB"})
    if isinstance(error, BadAnswer):
        return Outcome("bad_answer", {"error": short(str(error))})
    return from_end(end, cpu_limit_s)
