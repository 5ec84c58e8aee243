"""openthoughts-114k over four domains with real code problems: each program meets its reason."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import golden
import pytest

from cotkit.distill.scripted.scenario import Scenario
from cotkit.recipe.load import load
from cotkit.run.directory import RunDirectory
from cotkit.run.runner import run_recipe
from cotkit.verify.code import read_tests, sandbox_levels

pytestmark = pytest.mark.usefixtures("no_program_left")

RECIPE = "openthoughts-114k"
# Real LeetCode problems with their own solutions, and such whose solution is spoilt.
RIGHT, SPOILT = range(9), range(9, 12)
SPOILT_TAIL = "\n\nSolution.{name} = lambda self, *args, **more: None"

# Number of a real Codeforces problem -> (program, reason). Those that pass are our own.
ON_STDIN: Mapping[int, tuple[str, str]] = {
    0: ("for _ in range(int(input())):\n    print(*sorted(map(int, input().split())))", "passed"),
    2: (
        "for _ in range(int(input())):\n    a, b, c, d = map(int, input().split())\n    low, high = sorted((a, b))\n"
        "    print('YES' if (low < c < high) != (low < d < high) else 'NO')",
        "passed",
    ),
    22: (
        "for _ in range(int(input())):\n    input()\n    text = input()\n    letters = sorted(set(text))\n"
        "    turned = dict(zip(letters, letters[::-1]))\n    print(''.join(turned[c] for c in text))",
        "passed",
    ),
    4: ("for _ in range(int(input())):\n    print(0)", "wrong_answer"),
    5: ("def lattice(:\n    return 0", "compile_error"),
    6: ("print(int(input()) / 0)", "runtime_error"),
    8: ("n = 0\nwhile True:\n    n += 1", "time_limit"),
    10: ("import time\ntime.sleep(10**6)", "time_limit"),
    13: ("print(len(bytearray(2**34)))", "memory_limit"),
    14: ("import os\nwhile True:\n    os.fork()", "runtime_error"),
    15: ("open({outside!r}, 'w').write('here')", "runtime_error"),
    16: ("import socket\nsocket.create_connection(('127.0.0.1', {port})).sendall(b'here')", "runtime_error"),
    19: ("while True:\n    print('0' * 2**20)", "output_limit"),
    21: ("print('PASSED')\nraise SystemExit(0)", "wrong_answer"),
}


def in_a_block(program: str) -> str:
    return f"I am sure of it.\n\n```python\n{program}\n```"


def called_row(row: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A LeetCode row in the columns of APPS."""
    tests = read_tests(row["tests"])
    inputs = [[value for _, value in call.kwargs] for call in tests.calls]
    outputs = [call.expected for call in tests.calls]
    return {
        "_id": name,
        "problem_id": name,
        "question": row["problem"],
        "solutions": json.dumps([row["solutions"]]),
        "input_output": json.dumps({"inputs": inputs, "outputs": outputs, "fn_name": tests.entry}),
        "difficulty": "interview",
        "url": "",
        "starter_code": "",
    }


def printed_row(row: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A Codeforces row in the columns of TACO; a statement there has to have a solution, whatever it is."""
    cases = read_tests(row["tests"]).stdin
    tests = {"inputs": [case.input for case in cases], "outputs": [case.outputs[0] for case in cases]}
    return {
        "_id": name,
        "question": row["problem"],
        "solutions": '["pass"]',
        "starter_code": "",
        "input_output": json.dumps(tests),
        "difficulty": "EASY",
        "url": "",
    }


def with_real_code(data: Path, right: range, spoilt: range, outside: Path, port: int) -> tuple[golden.Miniature, Any]:
    """The golden miniature of the recipe with real code problems, and the reason that each of them must get."""
    mini = golden.read(golden.FOLDER / f"{RECIPE}.yaml")
    leetcode = json.loads((data / "code" / "leetcode_test.json").read_text(encoding="utf-8"))
    codeforces = json.loads((data / "code" / "codeforces_test.json").read_text(encoding="utf-8"))
    called, printed, replies, reasons = [], [], [], {}
    for number in (*right, *spoilt):
        row, name = leetcode[number], f"leetcode-{number}"
        called.append(called_row(row, name))
        tail = "" if number in right else SPOILT_TAIL.format(name=read_tests(row["tests"]).entry)
        replies.append({"match": row["problem"].strip(), "content": in_a_block(row["solutions"] + tail)})
        reasons[name] = "passed" if number in right else "wrong_answer"
    for number, (program, reason) in ON_STDIN.items():
        row, name = codeforces[number], f"codeforces-{number}"
        printed.append(printed_row(row, name))
        hostile = (
            program.format(outside=str(outside), port=port) if "{outside" in program or "{port" in program else program
        )
        replies.append({"match": row["problem"].strip(), "content": in_a_block(hostile)})
        reasons[name] = reason
    teacher = mini.models["deepseek-v4-pro"]
    said = teacher.model_dump()
    said["replies"] = [*replies, *said["replies"]]
    return (
        replace(
            mini,
            sources={
                **mini.sources,
                "apps": [*mini.sources["apps"], *called],
                "taco": [*mini.sources["taco"], *printed],
            },
            models={**mini.models, "deepseek-v4-pro": Scenario.model_validate(said)},
        ),
        reasons,
    )


def run(mini: golden.Miniature, folder: Path, *more: str) -> tuple[golden.Outcome, RunDirectory]:
    with golden.prepared(mini, RECIPE, folder) as options:
        loaded = load(RECIPE, [*options, *more])
        run_recipe(loaded.recipe, folder / "run")
    done = RunDirectory(folder / "run")
    return golden.outcome(mini, loaded, done), done


@pytest.mark.skipif(not sandbox_levels(), reason="no sandbox here")
@pytest.mark.timeout(600)
def test_real_programs_pass_or_fail_for_their_reason_beside_three_other_domains(data: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    tmp_path.chmod(0o777)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        mini, reasons = with_real_code(data, RIGHT, SPOILT, outside, listener.getsockname()[1])
        # CPU time less than the recipe's four seconds: the late ones take everybody's time. What sleeps is waited for
        # so long by the clock, but no right program is late where others want the processors, too.
        found, done = run(mini, tmp_path, "verify.programs.cpu_s=2", "verify.programs.wall_s=20")
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert not outside.exists()
    told = {name: found.columns["verify"][name]["reason"].split(" (")[0].split(";")[0] for name in reasons}
    assert told == reasons
    assert {name: found.verdicts[name] for name in reasons} == {
        name: "correct" if reason == "passed" else "incorrect" for name, reason in reasons.items()
    }
    assert {name for name in reasons if name in found.rows} == {n for n, why in reasons.items() if why == "passed"}
    # The three other domains, and the code problems made by hand, are as in the golden miniature.
    planted = mini.expect[RECIPE]
    assert [name for name in found.rows if name not in reasons] == planted["rows"]
    assert {name: verdict for name, verdict in found.verdicts.items() if name not in reasons} == planted["verdicts"]
    assert set(done.kept("publish")["domain"]) == {"math", "code", "science", "puzzle"}
