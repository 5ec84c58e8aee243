"""`cotkit curate import`, and the verbs that run on what it writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest


def test_an_imported_set_is_verified_and_selected(cli: Callable[..., Any], jsonl: Callable[..., Path]) -> None:
    row = {"problem": "1+1?", "answer": "2", "generations": ["<think>\nAdd.\n</think>\n\n\\boxed{2}", "\\boxed{3}"]}
    source = jsonl("set.jsonl", [row, {"problem": "", "generations": []}])
    done = cli("curate", "import", source, "--out", "a.jsonl", "--problems", "p.parquet", "--dropped", "d.jsonl")
    assert done.returncode == 0, done.stderr
    assert "openr1: 1 problems, 2 attempts, 1 rows unreadable" in done.stderr
    folder = source.parent
    assert json.loads((folder / "d.jsonl").read_text())["reason"] == "unreadable_row"
    assert cli("verify", "a.jsonl", "--out", "g.jsonl").returncode == 0
    graded = [json.loads(line) for line in (folder / "g.jsonl").read_text().splitlines()]
    assert [g["verdict"] for g in graded] == ["correct", "incorrect"]
    assert cli("select", "g.jsonl", "--out", "s.jsonl").returncode == 0
    assert json.loads((folder / "s.jsonl").read_text())["reasoning"] == "Add."
    assert pl.read_parquet(folder / "p.parquet")["source"].to_list() == ["set"]
    assert cli("dedup", "p.parquet", "--no-embedding", "--out", "q.jsonl").returncode == 0


def test_an_import_reads_as_many_rows_as_asked_for(cli: Callable[..., Any], jsonl: Callable[..., Path]) -> None:
    jsonl("set.jsonl", [{"question": f"{i}+1?", "solution": "<think>x</think>2", "answer": "2"} for i in range(5)])
    done = cli("curate", "import", "set.jsonl", "--format", "limo", "--limit", "2", "--out", "a.jsonl", "--json")
    assert json.loads(done.stdout)["rows"] == 2, done.stderr


def test_mistakes_of_an_import_are_sentences(cli: Callable[..., Any], jsonl: Callable[..., Path]) -> None:
    source = jsonl("set.jsonl", [{"question": "1+1?", "solution": "2", "answer": "2"}])
    for arguments, expected, code in (
        (("set.jsonl",), "name one with --format", 2),
        (("set.jsonl", "--format", "parrot"), "there is no such format", 2),
        (("set.jsonl", "--format", "openr1"), "no row is in the format 'openr1'", 3),
        (("none.jsonl",), "no such file", 3),
        (("set.jsonl", "--format", "limo", "--out", "x.txt"), "cannot write this kind of file", 2),
    ):
        done = cli("curate", "import", *arguments)
        assert (done.returncode, expected in done.stderr) == (code, True), done.stderr
    assert source.exists()


@pytest.mark.parametrize("option", ["--out", "--problems", "--dropped"])
def test_an_import_never_writes_over_what_it_reads(
    cli: Callable[..., Any], jsonl: Callable[..., Path], option: str
) -> None:
    source = jsonl("set.jsonl", [{"problem": "1+1?", "answer": "2", "generations": ["\\boxed{2}"]}])
    before = source.read_bytes()
    done = cli("curate", "import", "set.jsonl", option, source)
    assert (done.returncode, "this is the input" in done.stderr) == (2, True), done.stderr
    other = "--problems" if option != "--problems" else "--out"
    twice = cli("curate", "import", "set.jsonl", option, "a.jsonl", other, "a.jsonl")
    assert (twice.returncode, "two outputs would be written" in twice.stderr) == (2, True), twice.stderr
    missing = cli("curate", "import", "set.jsonl", option, "no/a.jsonl")
    assert (missing.returncode, "there is no folder no; make it" in missing.stderr) == (2, True), missing.stderr
    assert source.read_bytes() == before
    assert [path.name for path in source.parent.iterdir()] == ["set.jsonl"]


def test_the_real_traces_come_in_whole(cli: Callable[..., Any], data: Path) -> None:
    for name, attempts in (("s1k_1.1_sample.parquet", 5), ("marco_o1_cot_demo.json", 125)):
        done = cli("curate", "import", data / "traces" / name, "--out", f"{name}.jsonl", "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["rows"] == attempts


def test_own_columns_are_read_by_their_roles(cli: Any, jsonl: Any, tmp_path: Path) -> None:
    rows = [
        {
            "frage": "1+1?",
            "gedanken": "Eins und eins.",
            "antwort": "\\boxed{2}",
            "ziel": 2,
            "answer": "no",
            "wer": "x",
        },
        {"frage": "2+2?", "gedanken": None, "antwort": "\\boxed{4}", "ziel": "4", "answer": None, "wer": None},
    ]
    given = ("--map", "problem=frage", "--map", "response=antwort", "--map", "answer=ziel", "--map", "teacher=wer")
    file = jsonl("own.jsonl", rows)
    done = cli("curate", "import", file, *given, "--map", "reasoning=gedanken", "--teacher", "web", "--out", "a.jsonl")
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert [(r["problem"], r["reasoning"], r["response"], r["answer"], r["teacher"]) for r in found] == [
        ("1+1?", "Eins und eins.", "\\boxed{2}", "2", "x"),
        ("2+2?", None, "\\boxed{4}", "4", "web"),
    ]
    assert json.loads(found[0]["provenance"])["published"]["answer"] == "no"
    for wrong, said in (
        (("--map", "problem=frage"), "say which column is the response"),
        ((*given, "--map", "grade=ziel"), "the roles are problem"),
        (("--map", "problem=nothing"), "there is no column 'nothing'"),
        ((*given, "--format", "alpaca"), "drop one of them"),
    ):
        refused = cli("curate", "import", file, *wrong)
        assert refused.returncode == 2
        assert said in " ".join(refused.stderr.split())
