"""`cotkit dedup check`: the stand-alone leak check, as a user runs it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cotkit.dedup.benchmarks import KNOWN, named
from cotkit.dedup.step import Decontaminate

BENCH = [
    {"id": "b1", "question": "A farmer has 12 cows and 30 sheep. How many legs are there on the whole farm?"},
    {"id": "b2", "question": "Find the remainder when $7^{2026}$ is divided by $1000$."},
]
ROWS = [
    {"uid": "r1", "prompt": "What is 7 times 8?"},
    {"uid": "r2", "prompt": "Read carefully. " * 40 + BENCH[0]["question"] + " Answer in a box."},
    {"uid": "r3", "prompt": BENCH[0]["question"].replace("12", "14").replace("30", "36")},
    {"uid": "r4", "prompt": "find the remainder when 7^2026 is divided by 1000"},
    {"uid": "r5", "prompt": "  "},
]
Write = Callable[..., Path]
Cli = Callable[..., Any]


def test_flagged_rows_are_told_one_by_one_and_the_exit_code_is_3(cli: Cli, jsonl: Write) -> None:
    jsonl("train.jsonl", ROWS)
    jsonl("held.jsonl", BENCH)
    asked = ("dedup", "check", "train.jsonl", "--against", "held.jsonl", "--no-embedding", "--id-column", "uid")
    done = cli(*asked, "--text-column", "prompt", "--json")
    assert done.returncode == 3, done.stderr
    found = {row["id"]: row for row in map(json.loads, done.stdout.splitlines())}
    assert {key: (row["kind"], row["item"]) for key, row in found.items()} == {
        "r2": ("same", "b1"),
        "r3": ("same-template", "b1"),
        "r4": ("same", "b2"),
    }
    assert found["r2"].keys() >= {"row", "id", "benchmark", "item", "method", "score", "kind", "text", "item_text"}
    assert "1 rows have no text" in done.stderr
    person = cli(*asked, "--text-column", "prompt")
    assert person.returncode == 3
    assert "2 of 5 rows are leaks" in person.stderr
    assert BENCH[1]["question"] in person.stdout


def test_a_clean_file_ends_with_0_and_columns_are_found(cli: Cli, jsonl: Write, tmp_path: Path) -> None:
    pl.DataFrame([{"id": 1, "problem": "What is 7 times 8?"}]).write_parquet(tmp_path / "train.parquet")
    jsonl("held.jsonl", BENCH)
    done = cli("dedup", "check", "train.parquet", "--against", "held.jsonl", "--no-embedding", "--json")
    assert (done.returncode, done.stdout) == (0, "")


def test_a_chat_is_checked_by_what_the_user_says(cli: Cli, jsonl: Write) -> None:
    chat = [{"role": "user", "content": BENCH[1]["question"]}, {"role": "assistant", "content": "It is 649."}]
    jsonl("chat.jsonl", [{"messages": chat}])
    jsonl("held.jsonl", BENCH)
    done = cli("dedup", "check", "chat.jsonl", "--against", "held.jsonl", "--no-embedding", "--json")
    assert (done.returncode, json.loads(done.stdout)["kind"]) == (3, "same")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.jsonl", "--against", "held.jsonl"], "missing.jsonl: no such file"),
        (["train.jsonl", "--against", "aime42"], "no benchmark is called 'aime42'; did you mean 'aime"),
        (["train.jsonl", "--against", "held.jsonl"], "no column problem, question or text"),
        (["train.jsonl", "--against", "held.jsonl", "--text-column", "x"], "no column 'x'"),
        (["train.jsonl", "--against", "held.jsonl", "--policy", "lax"], "--policy lax"),
        (["train.jsonl", "--against", "held.jsonl", "--precision", "int4"], "--precision int4"),
        (["train.jsonl", "--against", "held.jsonl", "--precision", "bf16", "--no-embedding"], "drop one of them"),
        (["train.jsonl", "--against", "held.jsonl,held.jsonl"], "two benchmarks are called 'held'"),
    ],
)
def test_what_cannot_be_checked_is_one_sentence_and_exit_code_2(
    cli: Cli, jsonl: Write, arguments: list[str], message: str
) -> None:
    jsonl("train.jsonl", [{"x1": "?"}])
    jsonl("held.jsonl", BENCH)
    done = cli("dedup", "check", *arguments)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_benchmark_that_cannot_be_fetched_stops_unless_told_otherwise(cli: Cli, jsonl: Write) -> None:
    jsonl("train.jsonl", [{"problem": BENCH[0]["question"]}])
    jsonl("held.jsonl", BENCH)
    asked = ("dedup", "check", "train.jsonl", "--against", "aime24,held.jsonl", "--no-embedding")
    env = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "1"}
    assert cli(*asked, env=env).returncode == 2
    going_on = cli(*asked, "--skip-missing", env=env)
    assert going_on.returncode == 3, going_on.stderr
    assert "leaks of 'aime24' are not looked for" in going_on.stderr


def test_a_recipe_names_a_benchmark_in_one_word() -> None:
    step = Decontaminate.model_validate({"benchmarks": ["math500", {"kind": "file", "name": "own", "path": "x.jsonl"}]})
    assert [b.name for b in step.benchmarks] == ["math500", "own"]
    assert step.benchmarks[0].model_dump()["id"] == "HuggingFaceH4/MATH-500"
    with pytest.raises(ValueError, match="did you mean 'math500'"):
        Decontaminate.model_validate({"benchmarks": ["math50"]})
    assert all(named(name)["name"] == name for name in KNOWN)


def test_a_published_rule_stands_alone() -> None:
    source = {"kind": "file", "name": "own", "path": "x.jsonl"}
    step = Decontaminate.model_validate({"benchmarks": [source], "policy": "faithful:s1", "containment": None})
    assert "containment" in step.check()[0]


def test_a_file_without_any_text_is_not_clean(cli: Cli, jsonl: Write) -> None:
    jsonl("held.jsonl", BENCH)
    jsonl("empty.jsonl", [{"problem": None}, {"problem": {"text": "nested"}}])
    done = cli("dedup", "check", "empty.jsonl", "--against", "held.jsonl", "--no-embedding")
    assert done.returncode == 2
    assert "no row has a text to check" in done.stderr
