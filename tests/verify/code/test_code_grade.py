"""Right and wrong programs in every form of tests, on every level that this machine has."""

from __future__ import annotations

import ast
import gc
import json
import os
import threading
import tracemalloc
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest

from cotkit.verify.code import CodePolicy, CodeVerdict, grade_code, grade_code_many, process, read_tests, runner

pytestmark = pytest.mark.usefixtures("nothing_left")

CALLS = read_tests(["assert add(1, 2) == 3", "assert add(2, b=2) == 4", "assert add('a', 'b') == 'ab'"])


def test_stdin_and_calls(level: str, python: str) -> None:
    policy = CodePolicy(sandbox=level, python=python)
    rows = [{"input": "2 3\n", "output": "5"}, {"input": "10 -4", "output": "6\n"}]
    right = grade_code("print(sum(map(int, input().split())))", read_tests(rows), policy=policy)
    assert (right.value, right.reason, right.passed, right.total, right.sandbox) == ("correct", "passed", 2, 2, level)
    wrong = grade_code("a, b = map(int, input().split())\nprint(a + abs(b))", read_tests(rows), policy=policy)
    assert [test.reason for test in wrong.tests] == ["passed", "wrong_answer"]
    assert wrong.tests[1].evidence == {"expected": "6\n", "got": "14\n"}
    called = grade_code("def add(a, b):\n    return a + b", CALLS, policy=policy)
    assert (called.reason, called.passed) == ("passed", 3)
    assert grade_code("def add(a, b):\n    return 3", CALLS, policy=policy).tests[-1].index == 1


SCRIPT = """
import math
def check(f):
    for n in range(5):
        assert f(n) == n * n
    assert math.isclose(f(0.5), 0.25)
    assert f(f(2)) == 16
check(square)
"""


@pytest.mark.parametrize(
    ("program", "script", "reason"),
    [
        ("def square(x):\n    return x * x", SCRIPT, "passed"),
        ("def square(x):\n    return x * 2", SCRIPT, "wrong_answer"),
        ("def square(x):\n    raise ValueError", SCRIPT, "runtime_error"),
        ("import os\ndef square(x):\n    os._exit(0)", SCRIPT, "runtime_error"),
        (
            "class E:\n    __eq__ = lambda *a: True\n    __float__ = lambda s: 0.25\ndef square(x):\n    return E()",
            SCRIPT,
            "wrong_answer",
        ),
        ("def square(x):\n    return None", SCRIPT.replace("f(n) ==", "f(n) + 0 =="), "wrong_answer"),
        ("def square(x):\n    return x * x", SCRIPT.replace("check(square)", "check(square, 1)"), "tests_unreadable"),
        ("def square(x):\n    return x * x", "def check(f):\n    assert f(2) == 4\n\nsquare", "tests_unreadable"),
        ("def square(x):\n    return x * x", "while True:\n    len([square])", "tests_unreadable"),
        ("class Solution:\n    def go(self, x):\n        return [x]",
         "s = Solution()\nassert s.go(1) + [2] == [1, 2]", "passed"),
        ("def f(node):\n    return node.next", "a = f(list_node([1, 2]))\nassert a.val == 2 and not a.next", "passed"),
        ("def f():\n    return {(1, 2): {3}}", "assert f()[(1, 2)] == {3} and f() is not 1", "passed"),
    ],
)  # fmt: skip
def test_test_code_runs_apart_from_the_program(program: str, script: str, reason: str) -> None:
    tests = read_tests(script)
    assert tests.script
    endless = script.startswith("while True")
    verdict = grade_code(program, tests, policy=CodePolicy(cpu_s=20, wall_s=1 if endless else 60))
    assert verdict.reason == reason, verdict
    assert (verdict.value == "undecided") == (reason == "tests_unreadable")


def test_hostile_test_code_reaches_nothing(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("42")
    script = f"x = f(1)\nassert open({str(tmp_path / 'secret')!r}).read() == '42'"
    assert grade_code("def f(x):\n    return 1", read_tests(script)).reason == "wrong_answer"


def test_nodes_and_declared_names() -> None:
    tree = read_tests(
        "def check(candidate):\n    assert candidate(tree_node([3, 9, 20, None, None, 15, 7])) == 3\n"
        "    assert is_same_tree(candidate(None), None)\n\ncheck(Solution().f)"
    )
    depth = (
        "class Solution:\n    def f(self, root: Optional[TreeNode]) -> int:\n"
        "        return root and 1 + max(self.f(root.left) or 0, self.f(root.right) or 0)"
    )
    assert grade_code(depth, tree).reason == "passed"
    assert grade_code(depth, tree, policy=CodePolicy(prelude=False)).reason == "runtime_error"
    reverse = (
        "class Solution:\n    def f(self, head: Optional[ListNode]) -> Optional[ListNode]:\n        last = None\n"
        "        while head:\n            head.next, last, head = last, head, head.next\n        return last"
    )
    assert (
        grade_code(reverse, read_tests("assert Solution().f(list_node([1, 2])) == list_node([2, 1])")).value
        == "correct"
    )
    names = (
        "@cache\ndef g(n): return n\ndef f(x: List[int]) -> Dict[str, Any]:\n"
        "    h = []; heappush(h, inf); bisect.insort(x, 2); q = deque(accumulate(x)); s = SortedList(x)\n"
        "    return [g(1), Counter('aab')['a'], gcd(4, 6), bisect_left(x, 2), len(q), s[0]]"
    )
    pytest.importorskip("sortedcontainers")
    assert grade_code(names, read_tests("assert f([1, 3]) == [1, 2, 2, 1, 3, 1]")).reason == "passed"


def test_deep_recursion_is_no_crime() -> None:
    program = "import functools\n@functools.cache\ndef f(n):\n    return n and 1 + f(n - 1)"
    assert grade_code(program, read_tests("assert f(20000) == 20000")).reason == "passed"
    template = (
        "import sys, threading\nsys.setrecursionlimit(10**6)\nthreading.stack_size(2**27)\n"
        "def f(n): return n and 1 + f(n - 1)\n"
        "t = threading.Thread(target=lambda: print(f(10**5)))\nt.start()\nt.join()"
    )
    assert grade_code(template, read_tests([{"input": "", "output": "100000"}])).reason == "passed"


def test_input_is_read_in_every_way() -> None:
    tests = read_tests([{"input": "ä\n" * 50_000, "output": "50000"}])
    for reader in ("sys.stdin.read()", "open(0).read()", "''.join(sys.stdin)", "os.read(0, 10**6).decode()",
                   "open('/dev/stdin').read()", "sys.stdin.buffer.read().decode()"):  # fmt: skip
        assert grade_code(f"import os, sys\nprint({reader}.count('ä'))", tests).reason == "passed", reader


WAYS_TO_PRINT = {
    "open": "f = open(1, 'w')\nf.write('42')",
    "fdopen": "import os\nf = os.fdopen(1, 'w')\nf.write('42')",
    "buffer": "import sys\nsys.stdout.buffer.write(b'42')",
    "wrapper": "import io, sys\nsys.stdout = io.TextIOWrapper(sys.stdout.buffer)\nprint(42)",
    "own wrapper": (
        "import io, os, sys\nclass Fast(io.IOBase):\n    def __init__(self):\n        self.held = []\n"
        "        self.write = self.held.append\n    def flush(self):\n"
        "        os.write(1, ''.join(self.held).encode())\n        self.held.clear()\nsys.stdout = Fast()\nprint(42)"
    ),
    "at the end": "import atexit\natexit.register(print, 42)",
    "held back": (
        "import atexit, io, sys\nheld = sys.stdout = io.StringIO()\n"
        "atexit.register(lambda: sys.__stdout__.write(held.getvalue()))\nprint(42)"
    ),
    "thread": "import threading, time\nthreading.Thread(target=lambda: (time.sleep(0.05), print(42))).start()",
    "finaliser": "class A:\n    def __del__(self):\n        print(42)\na = A()",
    "sys.exit": "import sys\nprint(42)\nsys.exit()",
    "exit": "print(42)\nexit(0)",
    "quit": "print(42)\nquit()",
    "main": "def main():\n    print(42)\nif __name__ == '__main__':\n    main()",
    "left in a function": "import os\ndef main():\n    print(42, flush=True)\n    os._exit(0)\nmain()",
}


@pytest.mark.parametrize("way", WAYS_TO_PRINT)
def test_what_is_printed_in_any_way_arrives(way: str) -> None:
    tests = read_tests([{"input": "", "output": "42"}])
    assert grade_code(f"```python\n{WAYS_TO_PRINT[way]}\n```", tests).reason == "passed"


def test_every_test_finds_a_fresh_process_and_folder() -> None:
    program = (
        "import os\nn = int(input())\nprint(os.listdir('.'), 'seen' in vars(os), len(str(os.getpid())))\n"
        "os.seen = 1\nif n == 1:\n    open('left', 'w').close()"
    )
    tests = read_tests([{"input": str(n), "output": "[] False 1"} for n in range(4)])
    verdict = grade_code(program, tests, policy=CodePolicy(stop_early=False))
    if verdict.sandbox != "bwrap":
        pytest.skip("no other level has a folder to write to")
    assert verdict.reason == "passed", verdict


def test_state_lasts_as_the_policy_says() -> None:
    program = "seen = []\ndef f(x):\n    seen.append(x)\n    return len(seen)"
    tests = read_tests(["assert f(0) == 1", "assert f(0) == 1"])
    assert grade_code(program, tests).reason == "wrong_answer"
    assert grade_code(program, tests, policy=CodePolicy(fresh_process="test")).reason == "passed"


def test_all_tests_run_where_asked() -> None:
    program = "import os\ndef f(x):\n    if x == 1: os._exit(1)\n    if x == 2:\n        while True: pass\n    return x"
    tests = read_tests([f"assert f({n}) == {n}" for n in range(5)])
    policy = CodePolicy(cpu_s=1, wall_s=60)
    assert len(grade_code(program, tests, policy=policy).tests) == 2
    verdict = grade_code(program, tests, policy=policy.model_copy(update={"stop_early": False}))
    assert [test.reason for test in verdict.tests] == ["passed", "runtime_error", "time_limit", "passed", "passed"]
    assert (verdict.reason, verdict.passed) == ("runtime_error", 3)


def test_total_time_leaves_undecided() -> None:
    tests = read_tests([{"input": "", "output": ""}] * 50)
    verdict = grade_code("import time\ntime.sleep(0.3)", tests, policy=CodePolicy(total_s=0.5))
    assert (verdict.value, verdict.reason) == ("undecided", "total_time")
    assert len(verdict.tests) < 50


def test_checkers() -> None:
    tests = read_tests([{"input": "10", "output": "any divisor"}])
    divides = replace(tests, checker=lambda given, _, got: int(given) % int(got) == 0)
    assert grade_code("print(5)", divides).reason == "passed"
    assert grade_code("print(3)", divides).reason == "wrong_answer"
    assert grade_code("print('x')", divides).reason == "checker_error"
    assert grade_code("print('x')", divides).value == "undecided"


@pytest.mark.parametrize(
    ("text", "tests", "reason"),
    [
        ("print(1)", read_tests("{'broken"), "tests_unreadable"),
        ("print(1)", read_tests([]), "no_tests"),
        ("I do not know.", CALLS, "no_code"),
        ("<think>```python\nx = 1\n```", CALLS, "unclosed_reasoning"),
        ("x = 1\n" * 200_000, CALLS, "too_long"),
    ],
)
def test_what_is_not_the_programs_fault_is_undecided(text: str, tests: Any, reason: str) -> None:
    verdict = grade_code(text, tests)
    assert (verdict.value, verdict.reason, verdict.tests) == ("undecided", reason, ())


def test_a_sandbox_that_is_not_there_is_undecided() -> None:
    verdict = grade_code("print(1)", read_tests([{"input": "", "output": "1"}]), policy=CodePolicy(python="/no/python"))
    assert (verdict.value, verdict.reason, verdict.sandbox) == ("undecided", "sandbox_missing", "")


def test_a_sandbox_that_can_start_no_test_is_undecided_however_slowly_it_ends(
    level: str, python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = Path(runner.__file__).read_text(encoding="utf-8").replace("child = os.fork()", "raise OSError")
    far_side, finish = process.far_side, process.Child.finish
    monkeypatch.setattr(process, "far_side", lambda name, ours: refused if name == "runner" else far_side(name, ours))
    # On a busy machine the sandbox is not gone in time, and its exit status is never known.
    monkeypatch.setattr(process.Child, "finish", lambda self, wait_s=0: finish(self))  # noqa: ARG005
    tests = read_tests([{"input": "", "output": "1"}])
    verdict = grade_code("print(1)", tests, policy=CodePolicy(sandbox=level, python=python))
    assert (verdict.value, verdict.reason) == ("undecided", "sandbox_failed")


def returns_none(code: str) -> str:
    class Mutate(ast.NodeTransformer):
        def visit_Return(self, node: ast.Return) -> ast.Return:
            return ast.Return(value=None)

    return ast.unparse(Mutate().visit(ast.parse(code)))


def test_all_leetcode_solutions_pass_and_mutants_fail(data: Path) -> None:
    rows = json.loads((data / "code" / "leetcode_test.json").read_text())
    tests = [read_tests(row["tests"]) for row in rows]
    assert all(t.calls and not t.script for t in tests)
    pytest.importorskip("sortedcontainers", reason="one of the solutions uses it")
    verdicts = grade_code_many([(row["solutions"], t) for row, t in zip(rows, tests, strict=True)], workers=2)
    assert Counter(verdict.reason for verdict in verdicts) == {"passed": 200}
    mutants = [(returns_none(row["solutions"]), t) for row, t in zip(rows, tests, strict=True)]
    assert {verdict.value for verdict in grade_code_many(mutants, workers=2)} == {"incorrect"}


def test_many_keep_their_order_and_leave_memory_flat() -> None:
    tests = read_tests("assert f(1) == 1")
    items = [(f"def f(x):\n    return {n % 3}", tests) for n in range(60)]
    held = []
    tracemalloc.start()
    try:
        for times in (1, 2):  # the first time makes what is made once
            verdicts = grade_code_many(items * times, workers=3)
            assert [v.value for v in verdicts] == ["correct" if n % 3 == 1 else "incorrect" for n in range(60)] * times
            del verdicts
            gc.collect()
            held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert held[1] - held[0] < 120 * 1_000, "bytes that 120 programs leave; a message to one is 30,000"


def test_two_threads_grade_at_once() -> None:
    got: list[CodeVerdict] = []

    def work() -> None:
        for _ in range(5):
            got.append(grade_code("def add(a, b):\n    return a + b", CALLS))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [verdict.reason for verdict in got] == ["passed"] * 10


def test_a_killed_parent_leaves_no_program(level: str, python: str) -> None:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:  # the process that dies while a program sleeps
        _grade_and_tell(writer, CodePolicy(sandbox=level, python=python, wall_s=3600, total_s=3600))
    os.close(writer)
    told = os.read(reader, 1)
    os.close(reader)
    os.kill(child, 9)
    os.waitpid(child, 0)  # nothing_left looks for the program
    assert told == b"x", "the program was never running"


def _grade_and_tell(writer: int, policy: CodePolicy) -> NoReturn:
    """Grade a program that sleeps for ever, and write when it is heard of. For a process of its own."""
    read = process.Child._read

    def heard(self: process.Child, fd: int) -> bool:
        found = read(self, fd)
        if self.printed:
            os.write(writer, b"x")
        return found

    try:
        process.Child._read = heard  # type: ignore[method-assign]
        program = "import time\nprint(42, flush=True)\ntime.sleep(10**6)"
        grade_code(program, read_tests([{"input": "", "output": ""}]), policy=policy)
    finally:
        os._exit(0)
