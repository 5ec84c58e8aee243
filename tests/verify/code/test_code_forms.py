"""Reading tests, finding programs, comparing outputs: the parts that run nothing."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotkit.verify.code import CallCase, CodePolicy, CodeTests, Linked, StdinCase, Tree, extract_program, read_tests
from cotkit.verify.code.cases import Bag, Pairs
from cotkit.verify.code.compare import Rules, holds, same_output, same_value
from cotkit.verify.code.wire import BadAnswer, unpack


def by(compare: str = "tokens", **more: Any) -> Rules:
    return Rules(compare, **{"abs_tol": 1e-6, "rel_tol": 1e-6, "ignore_case": False, **more})  # type: ignore[arg-type]


def test_stdin_forms_are_one() -> None:
    wanted = (StdinCase("1\n2", ("3",)), StdinCase("4", ("5",)))
    apps = {"inputs": ["1\n2", "4"], "outputs": ["3", "5"]}
    rows = [{"input": "1\n2", "output": "3"}, {"input": "4", "output": "5"}]
    for raw in (apps, rows, json.dumps(apps), json.dumps(rows), repr(apps), repr(rows)):
        assert read_tests(raw).stdin == wanted
    assert read_tests({"inputs": [["1", "2"], "4"], "outputs": ["3", 5]}).stdin == wanted


def test_several_outputs_and_a_named_checker() -> None:
    tests = read_tests({"inputs": ["1"], "outputs": ["b\na"], "checker": "sorted"})
    assert tests.compare == "sorted"
    assert read_tests([{"input": "1", "outputs": ["x", "y"]}]).stdin[0].outputs == ("x", "y")
    assert "unknown checker 'magic'" in read_tests({"inputs": [], "outputs": [], "checker": "magic"}).unreadable


def test_called_forms() -> None:
    tests = read_tests({"inputs": [[[1, 2], 3]], "outputs": [[[4]]], "fn_name": "f"})
    assert (tests.entry, tests.calls) == ("f", (CallCase(([1, 2], 3), (), [[4], [[4]]], "member"),))
    live = [{"input": '[1,2]\n"x"', "output": "5", "testtype": "functional", "metadata": {"func_name": "g"}}]
    assert read_tests(live).calls == (CallCase(([1, 2], "x"), (), 5),)
    assert read_tests(live).entry == "g"


LEETCODE = """
METADATA = {}

def check(candidate):
    assert candidate(nums = [3,-1], k = 2) == [4, None]
    assert candidate("a", 2) is True
    assert not candidate(-1)
    assert candidate(()) in (1, 2)
    assert abs(candidate(2) - 0.5) < 1e-3
    assert sorted(candidate({1: 'x'})) == [1.5]
    assert candidate(list_node([1, 2])) == tree_node([1, None, 2])
    assert is_same_list(candidate([]), list_node([1]))

check(Solution().solve)
"""


def test_asserts_become_calls() -> None:
    tests = read_tests({"functional": LEETCODE})
    assert (tests.entry, tests.script) == ("solve", "")
    assert tests.calls == (
        CallCase((), (("nums", [3, -1]), ("k", 2)), [4, None]),
        CallCase(("a", 2), (), True),
        CallCase((-1,), (), None, "false"),
        CallCase(((),), (), (1, 2), "member"),
        CallCase((2,), (), 0.5, "close", tolerance=1e-3),
        CallCase(({1: "x"},), (), [1.5], "equal", "sorted"),
        CallCase((Linked((1, 2)),), (), Tree((1, None, 2))),
        CallCase(([],), (), Linked((1,))),
    )


def test_lists_of_asserts_and_named_entries() -> None:
    assert read_tests(["assert f(1) == 2", "assert f(2) == 3"]).entry == "f"
    human = {"test": "def check(candidate):\n    assert candidate(1) == 2", "entry_point": "inc"}
    assert (read_tests(human).entry, len(read_tests(human).calls)) == ("inc", 1)


@pytest.mark.parametrize(
    "code",
    [
        "x = f(1)\nassert x == 2",
        "for n in range(3):\n    assert f(n) == n + 1",
        "assert f(f(1)) == 3",
        "assert f(1) == g(1)",
        "import math\nassert math.isclose(f(2), 0.5)",
        "def check(c):\n    assert c(1) == 2\n    assert c(1) != 3\ncheck(f)",
    ],
)
def test_what_is_more_than_calls_stays_code(code: str) -> None:
    tests = read_tests(code)
    assert (tests.calls, tests.script, "f" in tests.asked) == ((), code, True)


@pytest.mark.parametrize(
    "raw",
    [
        "{'inputs': [1",
        "{" * 10_000,
        "[" * 100_000,
        {"inputs": ["1"], "outputs": []},
        {"something": 1},
        [1, 2],
        5,
        "assert f(",
        "x = " + "(" * 5_000,
        "__import__('os').system('true')[",
        "assert 1 == 1",
        {"inputs": [b"x"], "outputs": [b"x"]},
        [{"input": "1"}],
        "assert f(1) == 1\0",
    ],
)
def test_unreadable_tests_say_so(raw: Any) -> None:
    tests = read_tests(raw)
    assert (tests.unreadable != "", tests.total) == (True, 0)


def test_brackets_in_strings_nest_nothing() -> None:
    deep = "(" * 1000
    assert read_tests(f"assert f({deep!r}) == 0").calls == (CallCase((deep,), (), 0),)


@given(
    st.text()
    | st.recursive(st.none() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x))
)
def test_reading_never_raises(raw: Any) -> None:
    assert isinstance(read_tests(raw), CodeTests)


def test_all_codeforces_rows_are_read(data: Path) -> None:
    rows = json.loads((data / "code" / "codeforces_test.json").read_text())
    read = [read_tests(row["tests"]) for row in rows]
    assert [tests.unreadable for tests in read] == [""] * 408
    assert [len(tests.stdin) for tests in read] == [len(row["tests"]) for row in rows]


FENCED = "Text\n```python\na = 1\n```\nmore\n```python\ndef f():\n    return 2\n```\nEnd.\n```text\nout\n```"


@pytest.mark.parametrize(
    ("text", "entry", "program", "note"),
    [
        (FENCED, None, "def f():\n    return 2", "block"),
        ("<think>```python\nwrong = 1\n```</think>\n```py\nright = 1\n```", None, "right = 1", "block"),
        ("<think>```python\nwrong = 1\n```", None, None, "unclosed_reasoning"),
        ("```python\ndef f(): pass\n```\nUse:\n```python\nprint(f())\n```", "f", "def f(): pass", "block"),
        ("```\nx = 1\n```", None, "x = 1", "block"),
        ("```cpp\nint x;\n```\n", None, None, "other_language"),
        (
            "1. Like this:\n   ```Python3\n   x = 1\n   if x:\n       x = 2\n   ```",
            None,
            "x = 1\nif x:\n    x = 2",
            "block",
        ),
        ("~~~python\nx = '```'\n~~~", None, "x = '```'", "block"),
        ("````python\nx = '''\n```\n'''\n````", None, "x = '''\n```\n'''", "block"),
        ("Here:\n```python\nx = 1\ny = 2", None, "x = 1\ny = 2", "unclosed_block"),
        ("import sys\nprint(1)", None, "import sys\nprint(1)", "bare"),
        ("# comment\nn = int(input())", None, "# comment\nn = int(input())", "bare"),
        ("I cannot solve this.", None, None, "no_code"),
        ("", None, None, "empty"),
        ("```python\n```", None, None, "other_language"),
        ("x = 1\n" * 200_000, None, None, "too_long"),
    ],
)
def test_programs_are_found(text: str, entry: str | None, program: str | None, note: str) -> None:
    found = extract_program(text, entry)
    assert (found.program, found.note) == (program, note)


@pytest.mark.parametrize(
    ("rules", "expected", "got", "same"),
    [
        (by(), "1 2\n3", "1  2 3\n\n", True),
        (by(), "1 2 3", "1 2", False),
        (by(), "1 2", "1 2 3", False),
        (by(), "0.5", "0.50000000001", True),
        (by(), "0.5", "0.51", False),
        (by(), "3", "3.0", False),
        (by("floats"), "3", "2.9999999999", True),
        (by(), "10000000", "10000001", False),
        (by(), "nan", "nan", True),
        (by(), "1.0", "nan", False),
        (by(), "YES", "yes", False),
        (by(ignore_case=True), "YES", "yes", True),
        (by("lines"), "1 2\n3", "1 2 \n3\n", True),
        (by("lines"), "1 2\n3", "1 2 3", False),
        (by("lines"), "0.5", "0.50", False),
        (by("sorted"), "a 1\nb\nb", "b\na  1\nb", True),
        (by("sorted"), "a\nb\nb", "b\na", False),
        (by("set"), "a\nb\nb", "b\na", True),
        (by(), "x" * 500, "x" * 499 + "y", False),
    ],
)
def test_printed_outputs(rules: Rules, expected: str, got: str, same: bool) -> None:
    assert same_output(expected, got, rules) is same


@pytest.mark.parametrize(
    ("rules", "expected", "got", "same"),
    [
        (by(), [1, (2, 3)], [1, [2, 3]], True),
        (by(), [1, 2], [2, 1], False),
        (by("sorted"), [[1, 2], [3]], [[3], [1, 2]], True),
        (by("sorted"), [1, 1, 2], [1, 2, 2], False),
        (by("set"), [1, 1, 2], [2, 1], True),
        (by(), 1, True, True),
        (by(), 1, "1", False),
        (by(), 1.0, 1.0000000001, True),
        (by(), 1, 1.0000000001, False),
        (by("floats"), 1, 1.0000000001, True),
        (by(), float("nan"), float("nan"), True),
        (by(), 1.0, float("nan"), False),
        (by(), float("inf"), float("inf"), True),
        (by(), 0.5, 10**400, False),
        (by(), {"a": [1.0]}, {"a": [1]}, True),
        (by(), {"a": 1}, {"a": 1, "b": 2}, False),
        (by(), {(1, 2)}, Bag(([1, 2],)), True),
        (by(), {1, 2}, Bag((2.0, True)), True),
        (by(), {1, 2}, Bag((2, 3)), False),
        (by(), {(1, 2): [0.5], "a": None}, Pairs((("a", None), ([1, 2], [0.5]))), True),
        (by(), {"1": 1}, Pairs(((1, 1),)), False),
        (by(), Linked((1, 2)), Linked((1, 2)), True),
        (by(), Linked((1, 2)), Tree((1, 2)), False),
        (by(), None, [], False),
    ],
)
def test_returned_values(rules: Rules, expected: Any, got: Any, same: bool) -> None:
    assert same_value(expected, got, rules) is same


def test_what_a_test_does_to_the_result() -> None:
    assert holds(CallCase((), (), {(1, 2)}, wrap="set"), [[1, 2]], by())
    assert holds(CallCase((), (), 3, wrap="len"), "abc", by())
    assert not holds(CallCase((), (), 3, wrap="len"), 3, by())
    assert not holds(CallCase((), (), [1], wrap="sorted"), [1, None], by())
    assert holds(CallCase((), (), None, "true"), [0], by())
    assert not holds(CallCase((), (), 0.5, "close", tolerance=0.1), float("nan"), by())


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda x: st.lists(x) | st.dictionaries(st.text(), x),
    max_leaves=20,
)


@given(PLAIN)
def test_a_value_equals_itself(value: Any) -> None:
    assert all(same_value(value, value, by(compare)) for compare in ("tokens", "set", "sorted", "floats"))


@given(st.binary() | st.text().map(str.encode) | PLAIN.map(lambda v: json.dumps({"v": v}).encode()))
def test_what_a_process_says_is_read_or_refused(line: bytes) -> None:
    with contextlib.suppress(BadAnswer):
        assert isinstance(unpack(line), dict)


def test_a_dict_made_to_hash_alike_costs_nothing() -> None:
    pairs = ",".join(f"[{n * (2**61 - 1)},0]" for n in range(100_000))  # hours, as a dict
    got = unpack(f'{{"v":{{"d":[{pairs}]}}}}'.encode())["v"]
    assert not same_value({1: 0}, got, by())
    keys = [n * (2**61 - 1) for n in range(100_000)]
    assert read_tests("assert f() == {" + ",".join(map(str, keys)) + "}").script


def test_every_key_of_the_policy_is_described() -> None:
    assert all(field.description for field in CodePolicy.model_fields.values())
