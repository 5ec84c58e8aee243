"""Grade programs by their tests."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import Any

from cotkit.cores import processes
from cotkit.verify.code.called import run_called
from cotkit.verify.code.cases import CodeTests
from cotkit.verify.code.compare import rules
from cotkit.verify.code.extract import Found, extract_program
from cotkit.verify.code.ladder import choose
from cotkit.verify.code.levels import Sandbox
from cotkit.verify.code.policy import CodePolicy
from cotkit.verify.code.prelude import prelude, words
from cotkit.verify.code.printed import run_printed
from cotkit.verify.code.process import NotStarted
from cotkit.verify.code.scripted import run_scripted
from cotkit.verify.code.trial import CheckerError, Trial
from cotkit.verify.code.verdicts import CodeVerdict, TestVerdict, value_of


def grade_code(response_or_program: str, tests: CodeTests, *, policy: CodePolicy | None = None) -> CodeVerdict:
    """Judge the program in a response (reasoning and all), or a bare program, by its tests.

    The program runs in the sandbox of the policy, and every output is compared in this process, so what it
    prints about itself counts for nothing. What is not the program's fault is undecided: no program found,
    tests that cannot be read, a sandbox that does not start, the total time. Never raises on any text.
    """
    policy = policy or CodePolicy()
    return _grade(response_or_program, tests, policy, choose(policy))


def grade_code_many(
    items: Iterable[tuple[str, CodeTests]], workers: int | None = None, policy: CodePolicy | None = None
) -> list[CodeVerdict]:
    """`grade_code` of every (response, tests), in order, with `workers` programs at a time (None: one a CPU)."""
    policy = policy or CodePolicy()
    sandbox = choose(policy)
    count = processes(workers)
    with ThreadPoolExecutor(count, thread_name_prefix="cotkit-code") as pool:
        return list(pool.map(lambda item: _grade(item[0], item[1], policy, sandbox), items))


def _grade(text: str, tests: CodeTests, policy: CodePolicy, sandbox: Sandbox | None) -> CodeVerdict:
    level = sandbox.level if sandbox is not None else ""
    if tests.unreadable:
        return _undecided("tests_unreadable", tests, level, note=tests.unreadable)
    if tests.total == 0:
        return _undecided("no_tests", tests, level)
    found = extract_program(text, tests.entry)
    if found.program is None:
        known = found.note in ("unclosed_reasoning", "too_long")
        return _undecided(found.note if known else "no_code", tests, level, note=found.note)
    if sandbox is None:
        note = f"the level '{policy.sandbox}' does not work here; see sandbox_levels()"
        return _undecided("sandbox_missing", tests, level, program=found.program, note=note)
    return _judged(found.program, found, tests, policy, sandbox)


def _judged(program: str, found: Found, tests: CodeTests, policy: CodePolicy, sandbox: Sandbox) -> CodeVerdict:
    packages = _packages(program, policy)
    called = not tests.stdin
    job: dict[str, Any] = {
        "program": program,
        "prelude": prelude(program, packages.keys()) if called and policy.prelude else "",
        "mode": "call" if called else "stdin",
        "name": "solution" if called else "__main__",
        "packages": packages,
    }
    by = rules(policy, tests.compare)
    trial = Trial(sandbox, policy, tests, by, job, time.monotonic() + policy.total_s)
    done: list[TestVerdict] = []
    try:
        for test in _run(trial):
            done.append(test)
            if (policy.stop_early and test.value != "correct") or test.reason == "total_time":
                break
    except (NotStarted, CheckerError) as error:
        reason = "checker_error" if isinstance(error, CheckerError) else "sandbox_failed"
        return CodeVerdict("undecided", reason, tuple(done), tests.total, sandbox.level, program, str(error))
    first = next((test for test in done if test.value != "correct"), None)
    reason = "passed" if first is None else first.reason
    return CodeVerdict(value_of(reason), reason, tuple(done), tests.total, sandbox.level, program, found.note)


def _run(trial: Trial) -> Iterator[TestVerdict]:
    if trial.tests.stdin:
        return run_printed(trial)
    return run_called(trial) if trial.tests.calls else run_scripted(trial)


def _packages(program: str, policy: CodePolicy) -> dict[str, str]:
    """Allowed packages that the program names -> their __init__.py here."""
    mentioned = words(program) & {*policy.packages, "SortedDict", "SortedList", "SortedSet"}
    found = {}
    for name in policy.packages if mentioned else ():
        spec = find_spec(name)
        if spec is not None and spec.origin is not None and spec.submodule_search_locations:
            found[name] = spec.origin
    return found


def _undecided(reason: str, tests: CodeTests, level: str, *, program: str | None = None, note: str = "") -> CodeVerdict:
    return CodeVerdict("undecided", reason, (), tests.total, level, program, note)
