"""Tests as data sets store them -> CodeTests. Nothing here runs anything."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, get_args

from cotkit.verify.code.asserts import MAX_SCRIPT, literal, read_asserts, too_deep
from cotkit.verify.code.cases import CallCase, CodeTests, StdinCase
from cotkit.verify.code.policy import Comparison

MAX_TEXT = 64_000_000
_COMPARISONS = get_args(Comparison)


def read_tests(raw: Any, *, entry: str | None = None) -> CodeTests:
    """Tests from a table's cell: a dict, a list, or either as JSON or Python-literal text, or test code.

    Forms: `{"inputs": […], "outputs": […], "fn_name": …}` (APPS, TACO), `[{"input": …, "output": …}]`
    (Codeforces; an item with `testtype: functional` and LiveCodeBench's `metadata.func_name`),
    `{"functional": code}` (LeetCode), `{"test": code, "entry_point": name}` (HumanEval), `["assert …"]` (MBPP).
    An item may name several accepted `outputs`; a dict may name a `checker`: one of tokens, lines, floats,
    set, sorted.

    Args:
        entry: the function that is called, where the tests do not name it.

    What cannot be read gives CodeTests whose `unreadable` says why; no error is raised.
    """
    try:
        return _read(_loaded(raw), entry)
    except (ValueError, TypeError, KeyError, SyntaxError, MemoryError, RecursionError) as error:
        return CodeTests(unreadable=f"{type(error).__name__}: {str(error)[:150]}")


def _loaded(raw: Any) -> Any:
    if not isinstance(raw, str):
        return raw
    text = raw.strip()
    if len(text) > MAX_TEXT:
        raise ValueError(f"tests of {len(text)} characters")
    if not text.startswith(("{", "[")):
        return text
    try:
        return json.loads(text)
    except ValueError:
        if len(text) > MAX_SCRIPT or too_deep(text):
            raise ValueError("tests that are no JSON, and too long or too deep for a Python literal") from None
        return literal(ast.parse(text, mode="eval").body)  # no names, no calls


def _read(tests: Any, entry: str | None) -> CodeTests:
    if tests is None or tests in ("", [], {}):
        return CodeTests()
    if isinstance(tests, str):
        return read_asserts(tests, entry)
    if isinstance(tests, Mapping):
        return _with_checker(_from_mapping(tests, entry), tests)
    if isinstance(tests, Sequence):
        if all(isinstance(item, str) for item in tests):
            return read_asserts("\n".join(tests), entry)
        if all(isinstance(item, Mapping) for item in tests):
            return _from_rows(tests, entry)
    raise ValueError(f"tests of no known form: {type(tests).__name__}")


def _with_checker(tests: CodeTests, raw: Mapping[str, Any]) -> CodeTests:
    name = raw.get("checker")
    if name is None:
        return tests
    if name not in _COMPARISONS:
        raise ValueError(f"unknown checker {name!r}; known: {', '.join(_COMPARISONS)}")
    return replace(tests, compare=name)


def _from_mapping(tests: Mapping[str, Any], entry: str | None) -> CodeTests:
    for key in ("functional", "test"):
        if isinstance(tests.get(key), str):
            return read_asserts(tests[key], tests.get("entry_point") or entry)
    if "inputs" not in tests or "outputs" not in tests:
        raise ValueError(f"neither inputs and outputs nor test code, only {', '.join(map(str, tests))[:100]}")
    inputs, outputs = tests["inputs"], tests["outputs"]
    if len(inputs) != len(outputs):
        raise ValueError(f"{len(inputs)} inputs and {len(outputs)} outputs")
    name = tests.get("fn_name") or entry
    if name:
        calls = tuple(_apps_call(given, wanted) for given, wanted in zip(inputs, outputs, strict=True))
        return CodeTests(calls=calls, entry=str(name))
    return CodeTests(stdin=tuple(StdinCase(_text(i), (_text(o),)) for i, o in zip(inputs, outputs, strict=True)))


def _text(value: Any) -> str:
    """A text, or a list of its lines; a bare number is a text too."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(map(str, value))
    if isinstance(value, int | float):
        return str(value)
    raise ValueError(f"an input or output is a {type(value).__name__}, not a text")


def _apps_call(given: Any, wanted: Any) -> CallCase:
    """APPS wraps many outputs in a list of one: both readings are accepted, as its own tester does."""
    args = tuple(given) if isinstance(given, list | tuple) else (given,)
    if isinstance(wanted, list) and len(wanted) == 1:
        return CallCase(args, (), [wanted[0], wanted], "member")
    return CallCase(args, (), wanted)


def _from_rows(rows: Sequence[Mapping[str, Any]], entry: str | None) -> CodeTests:
    if any(row.get("testtype") == "functional" for row in rows):
        name = entry or next((m["func_name"] for row in rows if (m := row.get("metadata")) and "func_name" in m), None)
        if not name:
            raise ValueError("functional tests that do not name their function")
        calls = tuple(
            CallCase(
                tuple(json.loads(line) for line in row["input"].splitlines() if line), (), json.loads(row["output"])
            )
            for row in rows
        )
        return CodeTests(calls=calls, entry=str(name))
    return CodeTests(stdin=tuple(_row(row) for row in rows))


def _row(row: Mapping[str, Any]) -> StdinCase:
    outputs = row.get("outputs")
    accepted = tuple(map(_text, outputs)) if isinstance(outputs, list | tuple) else (_text(row["output"]),)
    return StdinCase(_text(row["input"]), accepted)
