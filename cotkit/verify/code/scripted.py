"""Tests that are code: they run in one sandbox, the program in another, and this process carries values between."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from cotkit.verify.code.called import Caller
from cotkit.verify.code.cases import Bag, Linked, Opaque, Pairs, Tree
from cotkit.verify.code.levels import far_side
from cotkit.verify.code.prelude import prelude
from cotkit.verify.code.process import Child, Ended, Flood, Late
from cotkit.verify.code.trial import PASSED, Outcome, Trial
from cotkit.verify.code.verdicts import TestVerdict, short
from cotkit.verify.code.wire import BadAnswer, has_nodes, pack, sendable, unpack


def run_scripted(trial: Trial) -> Iterator[TestVerdict]:
    """The one verdict of a script. Raises NotStarted."""
    tests = trial.tests
    job: dict[str, Any] = {
        **trial.job,
        "mode": "script",
        "program": "",
        "prelude": prelude(tests.script, frozenset()),
        "script": tests.script,
        "asked": list(tests.asked),
        "harness": far_side("harness", trial.sandbox.python.ours),
        "packages": {},
    }
    start = time.monotonic()
    with (
        Caller(trial) as caller,
        Child(trial.sandbox, trial.policy, job, trial.policy.total_s) as harness,
    ):
        outcome, cpu_s = _relay(trial, caller, harness)
    yield trial.verdict(0, outcome, cpu_s, time.monotonic() - start)


def _relay(trial: Trial, caller: Caller, harness: Child) -> tuple[Outcome, float]:
    """Carry calls until the test code ends. What fails before the program has answered is the test's fault."""
    reply, calls, cpu_s = b"", 0, 0.0
    while True:
        try:
            said = unpack(harness.exchange(reply, trial.deadline()))
        except (Late, Flood, Ended, BadAnswer) as error:
            return _unreadable(calls, f"test code: {type(error).__name__.lower()}"), cpu_s
        if "call" not in said:
            return _ended(said, calls), cpu_s
        args, kwargs = said.get("args"), said.get("kwargs")
        if _holds_objects(args) or _holds_objects(kwargs) or not isinstance(kwargs, Pairs):
            return _unreadable(0, "the test passes an object that is no plain value"), cpu_s
        outcome, value, spent, _ = caller.ask(str(said["call"]), args, kwargs)
        cpu_s += spent
        if outcome is not PASSED:
            return outcome, cpu_s
        calls += 1
        nodes = has_nodes(value)
        reply = pack((sendable(value) if nodes else value, nodes))


def _ended(said: dict[str, Any], calls: int) -> Outcome:
    if "failed" in said:
        message = short(str(said.get("m", "")))
        if said["failed"] == "assert" and calls:
            return Outcome("wrong_answer", {"error": message})
        return _unreadable(calls, message)
    if said.get("done") != 1 or not calls:
        return _unreadable(0, "the test code asked nothing of the program")
    return PASSED


def _unreadable(calls: int, message: str) -> Outcome:
    return Outcome("wrong_answer" if calls else "tests_unreadable", {"error": message})


def _holds_objects(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_holds_objects, value))
    if isinstance(value, Pairs | Bag | Linked | Tree):
        return _holds_objects(value.values if isinstance(value, Linked | Tree) else value.items)
    return isinstance(value, Opaque)
