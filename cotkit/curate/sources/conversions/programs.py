"""Programming problems with tests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cotkit.curate.sources.conversions.shape import LeftOut, Row


def apps(row: Row) -> Row:
    """APPS and TACO: `input_output` is the tests, the first of `solutions` the solution, the starter code is shown."""
    tests = row.get("input_output")
    solutions = row.get("solutions")
    if isinstance(solutions, str):
        solutions = json.loads(solutions) if solutions.strip() else []
    starter = str(row.get("starter_code") or "").strip()
    question = str(row["question"]).strip()
    return {
        "problem": with_starter(question, starter),
        "tests": tests if tests not in (None, "", "{}") else None,
        "solution": solutions[0] if solutions else None,
        "language": "en",
    }


def code_contests(row: Row) -> Row | LeftOut:
    """code_contests: public, private and generated tests as one list; the first Python 3 solution."""
    inputs: list[str] = []
    outputs: list[str] = []
    for name in ("public_tests", "private_tests", "generated_tests"):
        group = row.get(name) or {"input": [], "output": []}
        inputs += group["input"]
        outputs += group["output"]
    solutions = row.get("solutions") or {"language": [], "solution": []}
    python = [s for n, s in zip(solutions["language"], solutions["solution"], strict=True) if n == 3]
    picture = "<image>" in str(row["description"])
    made = {
        "tests": {"inputs": inputs, "outputs": outputs} if inputs else None,
        "solution": python[0] if python else None,
    }
    return LeftOut("needs_picture", made) if picture else made


def codeforces(row: Row) -> Row | LeftOut:
    """open-r1/codeforces: statement, formats and examples as one text; interactive problems cannot be tested.

    A copy that has the whole statement in `problem` and its `tests` is taken as it is.
    """
    if "problem" in row and "description" not in row:
        return {}
    parts = [str(row["description"]).strip()]
    for title, column in (("Input", "input_format"), ("Output", "output_format"), ("Note", "note")):
        if text := str(row.get(column) or "").strip():
            parts.append(f"{title}\n{text}")
    examples = row.get("examples") or []
    parts += [f"Example input\n{e['input']}\nExample output\n{e['output']}" for e in examples]
    tests = row.get("official_tests") or examples
    made = {
        "problem": "\n\n".join(parts),
        "tests": [{"input": t["input"], "output": t["output"]} for t in tests] or None,
        "solution": row.get("editorial") or None,
    }
    return LeftOut("interactive", made) if row.get("interaction_format") else made


def codeforces_python(row: Row) -> Row | LeftOut:
    """Codeforces-Python-Submissions: one problem a row, with the code of one submission; only accepted ones stay."""
    statement = [str(row[part]).strip() for part in ("problem-description", "input-specification")]
    statement.append(str(row["output-specification"]).strip())
    given, wanted = row.get("demo-input") or [], row.get("demo-output") or []
    statement += [f"Example input\n{i}\nExample output\n{o}" for i, o in zip(given, wanted, strict=False)]
    made = {
        "problem": "\n\n".join(part for part in statement if part),
        "tests": paired(row["test_cases"]) if row.get("test_cases") else None,
        "solution": row.get("code"),
    }
    return made if row.get("verdict") == "OK" else LeftOut("not_accepted", made)


def leetcode(row: Row) -> Row:
    """LeetCodeDataset: description with its starter code; the test code calls `check(entry_point)`.

    A copy that has `problem` and `tests` is taken as it is.
    """
    if "problem" in row and "problem_description" not in row:
        return {}
    starter = str(row.get("starter_code") or "").strip()
    text = str(row["problem_description"]).strip()
    return {
        "problem": with_starter(text, starter),
        "tests": {"test": row["test"], "entry_point": row["entry_point"]},
        "solution": row.get("completion"),
    }


def paired(tests: Any) -> list[dict[str, Any]]:
    """[{input, output}] from a list of pairs, or from a pair of lists as `datasets` gives it."""
    if isinstance(tests, Mapping):
        return [{"input": i, "output": o} for i, o in zip(tests["input"], tests["output"], strict=True)]
    return [{"input": t["input"], "output": t["output"]} for t in tests]


def with_starter(text: str, code: str) -> str:
    return f"{text}\n\nStart from this code:\n```python\n{code}\n```" if code else text
