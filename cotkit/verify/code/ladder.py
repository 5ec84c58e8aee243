"""Which level is in force: each is tried out on this machine before it is trusted."""

from __future__ import annotations

import os
import socket
import tempfile
import time
from dataclasses import replace
from functools import cache

from cotkit.verify.code.cases import CodeTests, StdinCase
from cotkit.verify.code.compare import rules
from cotkit.verify.code.levels import LEVELS, Sandbox, candidate, interpreter
from cotkit.verify.code.policy import CodePolicy
from cotkit.verify.code.printed import Reader
from cotkit.verify.code.process import NotStarted
from cotkit.verify.code.trial import Trial

GUARDS = frozenset({"files", "network", "processes", "signals"})

# Prints the name of every guard that let it through, and `done`.
_ATTEMPTS = """
import os
def attempt(name, act):
    try:
        act()
    except OSError:
        return
    print(name, end=" ")
def connect():
    import _socket
    _socket.socket().connect(("127.0.0.1", {port}))
def fork():
    if os.fork() == 0:
        os._exit(0)
attempt("files", lambda: open({secret!r}).close())
attempt("network", connect)
attempt("processes", fork)
attempt("signals", lambda: os.kill({parent}, 0))
print("done")
"""


@cache
def _tried(level: str, python: str) -> Sandbox | None:
    """The level with what it was seen to hold; None where it does not run here. Kept, as the machine is."""
    known = interpreter(python)
    tried = candidate(level, known) if known is not None else None
    if tried is None:
        return None
    with tempfile.NamedTemporaryFile(prefix="cotkit-probe-") as secret, socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        program = _ATTEMPTS.format(port=listener.getsockname()[1], secret=secret.name, parent=os.getpid())
        os.chmod(secret.name, 0o644)
        printed = _run(tried, program)
    if "done" not in printed:
        return None
    return replace(tried, holds=GUARDS - set(printed))


def _run(sandbox: Sandbox, program: str) -> list[str]:
    """The words that a program prints there; none where it does not run."""
    job = {"program": program, "prelude": "", "mode": "stdin", "name": "__main__", "packages": {}}
    tests = CodeTests(stdin=(StdinCase("", ()),))
    policy = CodePolicy()
    trial = Trial(sandbox, policy, tests, rules(policy, None), job, time.monotonic() + 60)
    try:
        with Reader(trial) as reader:
            return reader.run("")[1].split()
    except NotStarted:
        return []


def available(python: str = "") -> dict[str, Sandbox]:
    """Every level that runs on this machine, strongest first, with what it holds."""
    found = {level: _tried(level, python) for level in LEVELS}
    return {level: sandbox for level, sandbox in found.items() if sandbox is not None}


def choose(policy: CodePolicy) -> Sandbox | None:
    """The level that the policy names, or for `auto` the first that holds everything; None where there is none."""
    if policy.sandbox != "auto":
        return _tried(policy.sandbox, policy.python)
    tried = (_tried(level, policy.python) for level in LEVELS if level != "rlimits")
    return next((sandbox for sandbox in tried if sandbox is not None and sandbox.holds >= GUARDS), None)
