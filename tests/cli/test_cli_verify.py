"""`cotkit verify` as a user runs it: files with own columns, policies, one pair explained, audits, a judge in a run."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from teacher import FakeTeacher

ROWS = [
    {"q": "What is half of 1?", "gold": "0.5", "text": "so \\boxed{\\frac{1}{2}}"},
    {"q": "How much is it?", "gold": "50%", "text": "\\boxed{50}"},
    {"q": "Which is odd? (A) 2 (B) 3", "gold": "B", "text": "The answer is 3."},
    {"q": "What is 2+2?", "gold": "4", "text": "I do not know."},
    {"q": "What is 2/4?", "gold": "1/2", "text": "\\boxed{2/4}"},
    {"q": "What is pi?", "gold": "3.14159", "text": "\\boxed{3.2}"},
]
NAMES = ["--reference", "gold", "--response", "text", "--question", "q"]


def verdicts(text: str) -> list[str]:
    return [json.loads(line)["verdict"] for line in text.splitlines()]


def test_columns_are_named_by_options_or_by_key(cli: Any, jsonl: Any) -> None:
    jsonl("a.jsonl", ROWS)
    done = cli("verify", "a.jsonl", *NAMES)
    assert done.returncode == 0, done.stderr
    wanted = ["correct", "correct", "correct", "undecided", "correct", "incorrect"]
    assert verdicts(done.stdout) == wanted
    same = cli("verify", "a.jsonl", "--column", "answer=gold", "--column", "response=text", "--column", "problem=q")
    assert verdicts(same.stdout) == wanted
    # without the question, nobody knows what B is
    assert verdicts(cli("verify", "a.jsonl", *NAMES[:4]).stdout)[2] == "undecided"


@pytest.mark.parametrize(
    ("options", "row", "expected"),
    [
        (["--percent", "value"], 1, "incorrect"),
        (["--simplified"], 4, "incorrect"),
        (["--tolerance", "0.05"], 5, "correct"),
        (["--policy", "p.yaml"], 5, "correct"),
        (["--policy", "p.yaml", "--tolerance", "0"], 5, "incorrect"),
        (["--workers", "2", "--cpu", "2"], 0, "correct"),
    ],
)
def test_policies(cli: Any, jsonl: Any, tmp_path: Path, options: list[str], row: int, expected: str) -> None:
    jsonl("a.jsonl", ROWS)
    (tmp_path / "p.yaml").write_text("tolerance: 0.05\nsimplified: false\n")
    done = cli("verify", "a.jsonl", *NAMES, *options)
    assert done.returncode == 0, done.stderr
    assert verdicts(done.stdout)[row] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tolerence: 0.1\n", "p.yaml:1:1: unknown key 'tolerence'; did you mean 'tolerance'?"),
        ("units: yes\n", "p.yaml:1"),
    ],
)
def test_a_policy_file_with_mistakes(cli: Any, jsonl: Any, tmp_path: Path, text: str, expected: str) -> None:
    jsonl("a.jsonl", ROWS)
    (tmp_path / "p.yaml").write_text(text)
    done = cli("verify", "a.jsonl", *NAMES, "--policy", "p.yaml")
    assert done.returncode == 2
    assert expected in done.stderr


def test_a_named_column_must_be_there(cli: Any, jsonl: Any) -> None:
    jsonl("a.jsonl", ROWS)
    done = cli("verify", "a.jsonl", "--reference", "gold", "--response", "text", "--question", "problm")
    assert done.returncode == 3
    assert "no column 'problm' for the problem; it has gold, q, text; use --question NAME" in done.stderr


def test_explain_one_pair(cli: Any) -> None:
    done = cli("verify", "--explain", "--reference", "1/2", "--response", "so it is \\boxed{0.5}")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "extracted  0.5   [boxed]"
    assert lines[-1].startswith("verdict    correct   [typed]")
    told = json.loads(cli("verify", "--explain", "--reference", "1/2", "--response", "1/3", "--json").stdout)
    assert told["verdict"]["value"] == "incorrect"
    assert told["attempts"][0]["rungs"][-1][0] == "typed"


def test_explain_reads_a_long_response_from_stdin(cli: Any) -> None:
    text = "<think>" + "so \\boxed{9} " * 20_000 + "</think>\nThe answer is 3."
    arguments = ["--reference", "B", "--response", "-", "--question", "Which is odd? (A) 2 (B) 3", "--json"]
    done = cli("verify", "--explain", *arguments, input=text)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["extraction"]["answer"], told["verdict"]["value"]) == ("3", "correct")


def test_explain_heeds_the_policy(cli: Any) -> None:
    pair = ["verify", "--explain", "--reference", "10", "--response", "\\boxed{10.4}"]
    assert "verdict    incorrect" in cli(*pair).stdout
    assert "verdict    correct" in cli(*pair, "--tolerance", "0.1").stdout


def label(path: Path, truth: Any) -> None:
    """Fill the label column as a person would in a spreadsheet."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows({**row, "label": truth(row)} for row in rows)


def test_an_audit_from_drawing_to_scores(cli: Any, jsonl: Any, tmp_path: Path) -> None:
    rows = [{"answer": str(n % 7), "response": f"=1+1\nso \\boxed{{{n % 5}}}"} for n in range(200)]
    jsonl("a.jsonl", [*rows, {"answer": "4", "response": "I do not know"}])
    assert cli("verify", "a.jsonl", "--out", "g.jsonl").returncode == 0
    done = cli("verify", "audit", "g.jsonl", "--n", "30", "--out", "audit.csv")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "audit.csv"
    table = pl.read_csv(tmp_path / "audit.csv", infer_schema=False)
    assert table.height == 30
    assert table.columns[0] == "label"
    assert set(table["verdict"]) == {"correct", "incorrect", "undecided"}
    assert not table["response_end"].str.starts_with("=").any()  # no spreadsheet runs it
    assert cli("verify", "audit", "audit.csv").returncode == 3  # nothing is labelled yet
    # labels are the user's work: they are not written over
    assert "may hold labels" in cli("verify", "audit", "g.jsonl", "--out", "audit.csv").stderr

    label(tmp_path / "audit.csv", lambda row: "Correct" if row["verdict"] == "correct" else "incorrect ")
    done = cli("verify", "audit", "audit.csv")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^precision 100\.00%   \d", done.stdout, re.MULTILINE)
    found = json.loads(cli("verify", "audit", "audit.csv", "--json").stdout)
    assert found["accuracy"]["value"] == 1.0
    assert 0.7 < found["accuracy"]["low"] < 1.0
    assert sum(s["population"] for s in found["strata"]) == 201

    label(tmp_path / "audit.csv", lambda _: "yes")
    done = cli("verify", "audit", "audit.csv")
    assert done.returncode == 3
    assert "audit.csv, row 1: the label 'yes' is none of correct, incorrect, unsure" in done.stderr


def test_an_audit_must_cover_every_kind(cli: Any, jsonl: Any) -> None:
    jsonl("a.jsonl", ROWS)
    assert cli("verify", "a.jsonl", *NAMES, "--out", "g.jsonl").returncode == 0
    done = cli("verify", "audit", "g.jsonl", *NAMES, "--n", "1", "--out", "audit.csv")
    assert done.returncode == 2
    assert "kinds of verdicts (by verdict and method); give at least" in done.stderr
    assert "no column 'verdict_method'" in cli("verify", "audit", "a.jsonl", *NAMES, "--out", "b.csv").stderr


RECIPE = """
name: judged
version: 1
description: A run with a judge.
steps:
  - step: pull
    sources: [{{kind: file, name: p, path: p.jsonl}}]
  - step: distill
    teacher: {{base_url: "{url}", model: m}}
  - step: verify
    warn_undecided: 1
  - step: judge
    teacher: {{base_url: "{url}", model: j}}
    sampling: {{temperature: 0}}
    when: disagree-audit
    audit: 1
  - step: select
"""


def test_a_run_with_a_judge(cli: Any, jsonl: Any, tmp_path: Path) -> None:
    """pull → distill → verify → judge → select; what the judge was paid for is not asked twice."""
    jsonl("p.jsonl", [{"problem": "What colour is the sky?", "answer": "light blue"},
                      {"problem": "What is 2 + 3?", "answer": "5"}])  # fmt: skip

    def replies(text: str) -> str:
        if "VERDICT" in text:
            return "VERDICT: CORRECT"
        return "It is \\boxed{the colour azure}." if "sky" in text else "It is \\boxed{5}."

    with FakeTeacher(replies=replies) as teacher:
        (tmp_path / "r.yaml").write_text(RECIPE.format(url=teacher.url), encoding="utf-8")
        done = cli("run", "r.yaml")
        assert done.returncode == 0, done.stderr
        assert "agrees with the rules on 1 of 1" in done.stderr
        assert teacher.asked == 4
        (run,) = (tmp_path / "runs").iterdir()
        assert cli("verify", "r.yaml", "--set", "judge.audit=2").returncode == 0
        assert teacher.asked == 4
        again = cli("run", "r.yaml", "--set", "judge.when=undecided-only", "--set", "judge.limits.concurrency=1")
        assert again.returncode == 0, again.stderr
        assert teacher.asked == 4
    judged = {row["problem_id"]: row for row in pl.read_parquet(run / "04-judge" / "kept.parquet").to_dicts()}
    assert sorted((row["verdict"], row["method"]) for row in judged.values()) == [
        ("correct", "exact"), ("correct", "judge"),
    ]  # fmt: skip
    table = pl.read_parquet(run / "04-judge" / "judged.parquet")
    assert table["rule_verdict"].to_list() == ["undecided"]
    chosen = pl.read_parquet(run / "05-select" / "kept.parquet")
    assert sorted(chosen["verdict_method"]) == ["exact", "judge"]

    done = cli("verify", "audit", run, "--n", "2", "--out", "audit.csv")
    assert done.returncode == 0, done.stderr
    drawn = pl.read_csv(tmp_path / "audit.csv", infer_schema=False)
    assert sorted(drawn["method"]) == ["exact", "judge"]
    assert "What colour is the sky?" in drawn["problem"].to_list()
