"""The command line: fast to start, data on stdout, talk on stderr, one sentence and an exit code for mistakes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from teacher import FakeTeacher

HEAVY = {
    "aiohttp", "datasets", "faiss", "huggingface_hub", "numpy", "openai", "pandas", "polars", "pyarrow", "pydantic",
    "sentence_transformers", "sympy", "tenacity", "torch", "transformers", "yaml",
}  # fmt: skip
VERBS = [
    "run",
    "validate",
    "curate",
    "dedup",
    "distill",
    "verify",
    "select",
    "push",
    "status",
    "report",
    "recipes",
    "journal",
    "estimate",
    "teachers",
]


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom cotkit.cli.app import main\nsys.argv = ['cotkit', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(sorted({m.partition('.')[0] for m in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stderr.strip().splitlines()[-1].replace("'", '"')))
    assert "typer" in loaded
    assert loaded & HEAVY == set()


@pytest.mark.parametrize("verb", VERBS)
def test_every_command_has_help(cli: Any, verb: str) -> None:
    done = cli(verb, "--help")
    assert done.returncode == 0
    assert "Usage" in done.stdout


def test_version(cli: Any) -> None:
    assert cli("--version").stdout.startswith("cotkit 0.")


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (["run", "quickstar"], 2, "did you mean 'quickstart'"),
        (["run", "none.yaml"], 2, "no such recipe file"),
        (["run", "quickstart", "--set", "nonsense"], 2, "key=value"),
        (["run", "quickstart", "--only", "verfy", "--out", "x"], 2, "has no step 'verfy'"),
        (["validate", "quickstart", "--set", "select.per_problm=2"], 2, "did you mean 'per_problem'"),
        (["report", "."], 3, "not a run directory"),
        (["status", "nowhere"], 3, "not a run directory"),
        (["verify", "none.jsonl"], 3, "no such file"),
        (["distill", "none.jsonl"], 2, "--base-url"),
        (["curate", "none.jsonl", "--filter", "lenght"], 3, "no such file"),
        (["recipes", "copy", "nothing"], 2, "no recipe 'nothing'"),
        (["journal", "show", "nowhere.sqlite"], 3, "no journal there"),
        (["nonsense"], 2, "No such command"),
        (["curate", "a.jsonl", "--out", "a.txt"], 2, "cannot write this kind of file"),
        (["curate", "a.jsonl", "--out", "./a.jsonl"], 2, "this is the input"),
        (
            ["curate", "a.jsonl", "--out", "b.jsonl", "--dropped", "./b.jsonl"],
            2,
            "b.jsonl: two outputs would be written",
        ),
        (["curate", "a.jsonl", "--out", "no/dir/b.jsonl"], 2, "no/dir/b.jsonl: there is no folder no/dir; make it"),
        (["dedup", "a.jsonl", "--against", "aime25,b.jsonl", "--out", "b.jsonl"], 2, "b.jsonl: this is the input"),
        (["verify", "a.jsonl", "--cpu", "inf"], 2, "--cpu: Input should be a finite number"),
        (["verify", "a.jsonl", "--workers", "0"], 2, "--workers: Input should be greater than or equal to 1"),
        (["verify", "a.jsonl", "--tolerance", "2"], 2, "--tolerance: 'tolerance'"),
        (["verify", "a.jsonl", "--policy", "none.yaml"], 2, "--policy none.yaml: the file cannot be read"),
        (["verify", "quickstart", "--tolerance", "0.1"], 2, "--tolerance does not work on a recipe"),
        (["verify", "quickstart", "--reference", "gold"], 2, "--reference does not work on a recipe"),
        (["verify"], 2, "needs a recipe or a file"),
        (["verify", "--explain", "--reference", "1"], 2, "--explain needs --reference TEXT and --response TEXT"),
        (["verify", "a.jsonl", "--explain"], 2, "does not go with a recipe or file"),
        (["verify", "--explain", "--out", "x.jsonl"], 2, "does not go with --out"),
        (["verify", "audit", "none.jsonl", "--out", "a.csv"], 3, "no such file"),
        (["verify", "audit", ".", "--out", "a.csv"], 3, "not a run directory"),
        (["curate", "quickstart", "--filter", "length"], 2, "--filter does not work on a recipe"),
        (["run", "quickstart", "--only", "pull", "--dry-run"], 2, "--only runs one step by itself"),
        (
            ["run", "quickstart", "--engine", "dask"],
            2,
            "--engine dask: unknown kind of engine; it is one of local, ray",
        ),
        (
            ["validate", "quickstart", "--set", "engine.workers=4"],
            2,
            "--set engine.workers=4: the recipe names no kind",
        ),
        (["validate", "quickstart", "--set", "distill.samples=yes"], 2, "'samples' must be a number"),
        (["validate", "quickstart", "--set", "filter.filters.length.max_chars=3"], 2, "no problem could stay"),
        (["validate", "quickstart", "--set", "description=2024-99-99"], 2, "not valid YAML"),
    ],
)
def test_mistakes_get_one_sentence_and_a_code(cli: Any, arguments: list[str], code: int, expected: str) -> None:
    done = cli(*arguments)
    assert done.returncode == code, done.stderr
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_recipes(cli: Any, tmp_path: Path) -> None:
    assert "quickstart" in cli("recipes", "list").stdout
    assert "step: pull" in cli("recipes", "show", "quickstart").stdout
    assert cli("recipes", "copy", "quickstart").returncode == 0
    assert cli("validate", "quickstart.yaml").returncode == 0
    assert cli("recipes", "copy", "quickstart").returncode == 2
    assert json.loads(cli("recipes", "list", "--json").stdout)[0]["name"]


def test_further_columns_are_kept(cli: Any, jsonl: Any) -> None:
    jsonl("raw.jsonl", [{"id": "x-1", "problem": "What is 2+2?", "answer": "4", "tags": ["a"]}])
    row = json.loads(cli("curate", "raw.jsonl").stdout)
    assert json.loads(row["metadata"]) == {"id": "x-1", "tags": ["a"]}


@pytest.mark.parametrize("ending", ["jsonl", "json", "csv", "parquet"])
def test_a_chain_of_verbs_keeps_what_is_known_of_a_row(cli: Any, jsonl: Any, tmp_path: Path, ending: str) -> None:
    jsonl("raw.jsonl", [{"id": "x-1", "problem": "Which is odd?", "answer": "B", "choices": ["2", "3"]}])
    assert cli("curate", "raw.jsonl", "--out", f"c.{ending}").returncode == 0
    done = cli("dedup", f"c.{ending}", "--no-embedding")
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout)
    assert (row["source"], row["source_row"], row["choices"]) == ("raw", 0, ["2", "3"])
    assert json.loads(row["metadata"]) == {"id": "x-1"}


def test_an_edited_row_without_a_problem_is_dropped_not_lost(cli: Any, jsonl: Any, tmp_path: Path) -> None:
    jsonl("raw.jsonl", [{"problem": "What is 1+1?", "answer": "2"}, {"problem": "What is 2+2?", "answer": "4"}])
    assert cli("curate", "raw.jsonl", "--out", "c.jsonl").returncode == 0
    rows = [json.loads(line) for line in (tmp_path / "c.jsonl").read_text().splitlines()]
    jsonl("c.jsonl", [rows[0], {**rows[1], "problem": " ", "source_row": "two"}])
    done = cli("dedup", "c.jsonl", "--no-embedding", "--dropped", "gone.jsonl")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1
    assert json.loads((tmp_path / "gone.jsonl").read_text())["reason"] == "no_problem_text"


def test_a_reader_that_leaves_is_no_error(tmp_path: Path, jsonl: Any) -> None:
    jsonl("many.jsonl", [{"problem": f"What is {i}+2?", "answer": str(i + 2)} for i in range(20_000)])
    command = f"{sys.executable} -m cotkit curate many.jsonl --quiet | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0"
    assert done.stderr == ""


def test_a_full_disk_on_stdout_is_exit_code_4(tmp_path: Path, jsonl: Any) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    jsonl("a.jsonl", [{"problem": "What is 1+2?", "answer": "3"}])
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "cotkit", "curate", "a.jsonl"],
            cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 4
    assert "No space left on device" in done.stderr


def test_curate_a_file(cli: Any, jsonl: Any, tmp_path: Path) -> None:
    jsonl("raw.jsonl", [{"q": "What is 2+2?", "a": "4"}, {"q": "Prove it.", "a": "proof"}])
    done = cli("curate", "raw.jsonl", "--column", "problem=q", "--column", "answer=a", "--dropped", "gone.jsonl")
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["answer"] for line in done.stdout.splitlines()] == ["4"]
    gone = json.loads((tmp_path / "gone.jsonl").read_text())
    assert gone["reason"] == "ungradable"


@pytest.mark.parametrize("ending", ["jsonl", "json", "csv", "parquet"])
def test_verify_a_file(cli: Any, jsonl: Any, ending: str) -> None:
    rows: Iterable[Mapping[str, Any]] = [
        {"id": 1, "response": "so \\boxed{\\frac{1}{2}}", "gold": "0.5"},
        {"id": 2, "response": "\\boxed{3}", "gold": "4"},
        {"id": 3, "response": "I give up", "gold": "4"},
    ]
    jsonl("answers.jsonl", rows)
    done = cli("verify", "answers.jsonl", "--column", "answer=gold", "--out", f"graded.{ending}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"graded.{ending}"
    assert "1 correct, 1 incorrect, 1 undecided" in done.stderr
    read = cli("verify", f"graded.{ending}", "--column", "answer=gold")
    assert [json.loads(line)["verdict"] for line in read.stdout.splitlines()] == ["correct", "incorrect", "undecided"]


def test_the_whole_chain_on_files(cli: Any, jsonl: Any, tmp_path: Path) -> None:
    rows = [{"problem": f"What is {i} + {i}?", "answer": str(2 * i)} for i in range(4)]
    jsonl("p.jsonl", [*rows, rows[0]])
    jsonl("bench.jsonl", [{"problem": "What is 3  + 3?", "answer": "6"}])
    with FakeTeacher() as teacher:
        steps = [
            ["curate", "p.jsonl", "--out", "c.jsonl"],
            ["dedup", "c.jsonl", "--against", "bench.jsonl", "--no-embedding", "--out", "d.parquet"],
            ["distill", "d.parquet", "--base-url", teacher.url, "--model", "m", "--samples", "2", "--out", "a.jsonl"],
            ["verify", "a.jsonl", "--out", "g.jsonl"],
            ["select", "g.jsonl", "--out", "s.jsonl"],
        ]
        for step in steps:
            done = cli(*step)
            assert done.returncode == 0, done.stderr
        assert teacher.asked == 6
        again = cli(*steps[2])
        assert again.returncode == 0
        assert teacher.asked == 6
    chosen = [json.loads(line) for line in (tmp_path / "s.jsonl").read_text().splitlines()]
    assert [row["answer"] for row in chosen] == ["0", "2", "4"]


@pytest.mark.parametrize("command", [["validate", "s1k"], ["run", "s1k", "--dry-run"]])
def test_a_look_without_a_network_tells_what_was_not_checked(cli: Any, command: list[str]) -> None:
    done = cli(*command)
    assert done.returncode == 0, done.stderr
    assert "pull: not checked, the Hub cannot be reached" in done.stderr
    assert "decontaminate" in done.stdout
    assert cli("validate", "s1k", "--set", "distill.samplse=3").returncode == 2


def test_an_estimate_without_a_network_says_how_to_get_one(cli: Any) -> None:
    done = cli("estimate", "s1k")
    assert done.returncode == 3
    assert "--rows N" in done.stderr
    assert cli("estimate", "s1k", "--rows", "10").returncode == 0
