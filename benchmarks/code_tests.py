"""Code tests per CPU second of `cotkit.verify.code`, at every level of isolation that this machine has, against
the bare way: a temporary file and `subprocess.run([python, file])`, which isolates nothing.

    python benchmarks/code_tests.py [leetcode.json] [--programs 100]

Loads: small programs on stdin with 1 and with 20 tests, a process a test in both ways; and functions that are
called, where the bare way appends the asserts to the program and believes the exit code, as most graders do.
`leetcode.json` is a list of rows
with `solutions` and `tests` ({"functional": …}); without it an own function is called. CPU seconds are those of
this process and its children; ratios mean something, absolute numbers depend on the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cotkit.verify.code import CodePolicy, grade_code, grade_code_many, read_tests, sandbox_levels

Load = list[tuple[str, str | list[dict[str, str]]]]

ADD = "a, b = map(int, input().split())\nprint(a + b)\n"
GIVEN = (
    "from typing import *\nfrom collections import *\nfrom functools import *\nfrom heapq import *\n"
    "from itertools import *\nfrom bisect import *\nfrom math import *\npow = __builtins__.pow\n"
)
FIB = "class Solution:\n    def fib(self, n: int) -> int:\n        a, b = 0, 1\n        for _ in range(n):\n"
FIB += "            a, b = b, a + b\n        return a\n"
FIB_TESTS = "def check(candidate):\n    assert candidate(n=10) == 55\n    assert candidate(n=20) == 6765\n    "
FIB_TESTS += "assert candidate(n=30) == 832040\n\n\ncheck(Solution().fib)"


def printed(programs: int, tests: int) -> Load:
    """Programs on stdin."""
    return [(ADD, [{"input": f"{n} {k}\n", "output": str(n + k)} for k in range(tests)]) for n in range(programs)]


def called(path: Path | None, programs: int) -> Load:
    """Functions with their asserts."""
    if path is None:
        return [(FIB, FIB_TESTS)] * programs
    rows = json.loads(path.read_text(encoding="utf-8"))[:programs]
    return [(row["solutions"], row["tests"]["functional"]) for row in rows]


def bare(load: Load) -> int:
    """Programs that pass, the bare way."""
    return sum(map(_bare, load))


def _bare(item: tuple[str, str | list[dict[str, str]]]) -> bool:
    program, tests = item
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "program.py"
        if isinstance(tests, str):
            file.write_text(f"{GIVEN}\n{program}\n\n{tests}\n", encoding="utf-8")
            return subprocess.run([sys.executable, file], capture_output=True, timeout=15, check=False).returncode == 0
        file.write_text(program, encoding="utf-8")
        for test in tests:
            done = subprocess.run(
                [sys.executable, file], input=test["input"], capture_output=True, text=True, timeout=15, check=False
            )
            if done.stdout.split() != test["output"].split():
                return False
    return True


def ours(policy: CodePolicy) -> Callable[[Load], int]:
    """Programs that pass, in a sandbox, one at a time as the bare way does it."""

    def run(load: Load) -> int:
        return sum(grade_code(program, read_tests(tests), policy=policy).value == "correct" for program, tests in load)

    return run


def cpu() -> float:
    """CPU seconds of this process and of its children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def measure(name: str, load: Load, run: Callable[[Load], int], against: float | None = None) -> float:
    """Print and return tests per CPU second; tests of called programs are its asserts."""
    tests = sum(read_tests(t).total for _, t in load)
    start, clock = cpu(), time.perf_counter()
    passed = run(load)
    spent, wall = cpu() - start, time.perf_counter() - clock
    ratio = "" if against is None else f"   {tests / spent / against:5.2f} x the bare way"
    print(
        f"  {name:22} {tests / spent:8.0f} tests/CPU s {tests / wall:8.0f} tests/s "
        f"{1000 * spent / len(load):7.1f} CPU ms/program   {passed}/{len(load)} pass{ratio}"
    )
    return tests / spent


def main() -> None:
    """Run both loads through everything there is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("leetcode", type=Path, nargs="?")
    parser.add_argument("--programs", type=int, default=100)
    options = parser.parse_args()
    workers = os.cpu_count() or 1
    for title, load in (
        ("on stdin, 1 test each", printed(options.programs, 1)),
        ("on stdin, 20 tests each", printed(options.programs // 10, 20)),
        ("called", called(options.leetcode, options.programs)),
    ):
        print(f"{len(load)} programs {title}")
        rival = measure("bare subprocess.run", load, bare)
        for level in sandbox_levels():
            measure(level, load, ours(CodePolicy(sandbox=level)), rival)
        policy = CodePolicy()

        def many(load: Load, policy: CodePolicy = policy) -> int:
            items = [(program, read_tests(tests)) for program, tests in load]
            return sum(verdict.value == "correct" for verdict in grade_code_many(items, workers, policy))

        measure(f"{workers} workers", load, many, rival)


if __name__ == "__main__":
    main()
