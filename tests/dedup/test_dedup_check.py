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
from cotkit.errors import InputError

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


def said(content: object) -> list[dict[str, object]]:
    return [{"role": "user", "content": content}, {"role": "assistant", "content": "It is 649."}]


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ({"messages": said(BENCH[1]["question"])}, "messages"),
        ({"messages": [*said("What is 7 times 8?"), *said(BENCH[1]["question"])]}, "messages"),
        ({"messages": said([{"type": "image_url"}, {"type": "text", "text": BENCH[1]["question"]}])}, "messages"),
        ({"prompt": said(BENCH[1]["question"])[:1]}, "prompt"),
        ({"conversations": [{"from": "human", "value": BENCH[1]["question"]}]}, "conversations"),
        ({"instruction": "Solve this and explain.", "input": BENCH[1]["question"]}, "instruction + input"),
    ],
)
def test_the_usual_shapes_of_training_rows_are_read(cli: Cli, jsonl: Write, row: object, column: str) -> None:
    jsonl("chat.jsonl", [row])
    jsonl("held.jsonl", BENCH)
    done = cli("dedup", "check", "chat.jsonl", "--against", "held.jsonl", "--no-embedding", "--json")
    assert (done.returncode, json.loads(done.stdout)["kind"]) == (3, "same")
    assert f"chat.jsonl: text read from '{column}'\n" in done.stderr


def test_rows_with_their_text_in_several_columns_are_all_read_and_it_is_said(cli: Cli, jsonl: Write) -> None:
    rows = [
        {"problem": "What is 7 times 8?", "prompt": "A system prompt."},
        {"question": BENCH[0]["question"]},
        {"problem": "", "question": BENCH[1]["question"]},
        {"title": "no text at all"},
    ]
    jsonl("train.jsonl", rows)
    jsonl("held.jsonl", [*BENCH, {"id": "b3"}])
    asked = ("dedup", "check", "train.jsonl", "--against", "held.jsonl", "--no-embedding", "--json")
    done = cli(*asked)
    assert [json.loads(line)["row"] for line in done.stdout.splitlines()] == [1, 2]
    assert "text read from 'problem' (1 rows), 'question' (2 rows); 'prompt' not read beside it" in done.stderr
    assert "train.jsonl: 1 rows have no text" in done.stderr
    assert "held.jsonl: 1 items have no text and are not looked for" in done.stderr
    one = cli(*asked, "--text-column", "question")
    assert [json.loads(line)["row"] for line in one.stdout.splitlines()] == [1, 2]
    assert "train.jsonl: 2 rows have no text" in one.stderr


def test_the_column_of_the_benchmark_is_named_on_its_own(cli: Cli, jsonl: Write) -> None:
    jsonl("train.jsonl", [{"problem": BENCH[0]["question"], "task": "What is 7 times 8?"}])
    jsonl("held.jsonl", [{"task": row["question"], "text": "a note"} for row in BENCH])
    asked = ("dedup", "check", "train.jsonl", "--against", "held.jsonl", "--no-embedding", "--against-column", "task")
    assert cli(*asked).returncode == 3


def test_dedup_of_a_file_takes_the_benchmarks_that_check_takes(cli: Cli, jsonl: Write) -> None:
    jsonl("train.jsonl", [{"problem": BENCH[0]["question"]}, {"problem": "What is 7 times 8?"}])
    jsonl("held.jsonl", BENCH)
    asked = ("dedup", "train.jsonl", "--no-embedding", "--against")
    done = cli(*asked, "math500,held.jsonl", "--skip-missing")
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["source_row"] for line in done.stdout.splitlines()] == [1]
    assert "leaks of 'math500' are not looked for" in done.stderr
    for wrong, message in (("math501", "did you mean 'math500'?\n"), ("math500", "--skip-missing")):
        refused = cli(*asked, wrong)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert message in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.jsonl", "--against", "held.jsonl"], "missing.jsonl: no such file"),
        (["train.jsonl", "--against", "aime42"], "no benchmark and no file is called 'aime42'; did you mean 'aime"),
        (["train.jsonl", "--against", "held.jsonl"], "no column problem, question or text"),
        (["train.jsonl", "--against", "held.jsonl", "--text-column", "x"], "no column 'x'"),
        (["train.jsonl", "--against", "held.jsonl", "--policy", "lax"], "--policy lax"),
        (["train.jsonl", "--against", "held.jsonl", "--precision", "int4"], "--precision int4"),
        (["train.jsonl", "--against", "held.jsonl", "--precision", "bf16", "--no-embedding"], "drop one of them"),
        (["train.jsonl", "--against", "held.jsonl,held.jsonl"], "two benchmarks are called 'held'"),
        (["train.jsonl", "--against", "held.jsonl", "--against-column", "x"], "right one with --against-column"),
        (["train.jsonl", "--against", "math500", "--against-column", "x"], "benchmarks by name know their column"),
        (["train.jsonl", "--against", "held.jsonl", "--cache", "held.jsonl"], "is a file"),
        (["train.jsonl", "--against", "bad.jsonl"], "bad.jsonl, line 1: not valid JSON"),
        (["held.txt", "--against", "held.jsonl"], "end it in one of .jsonl"),
    ],
)
def test_what_cannot_be_checked_is_one_sentence_and_exit_code_2(
    cli: Cli, jsonl: Write, arguments: list[str], message: str
) -> None:
    jsonl("train.jsonl", [{"x1": "?"}])
    jsonl("held.jsonl", BENCH)
    jsonl("held.txt", BENCH)
    jsonl("bad.jsonl", []).write_text("{")
    done = cli("dedup", "check", *arguments)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "malformed" not in done.stderr, "a key of recipes"
    assert "Traceback" not in done.stderr


def test_a_benchmark_that_cannot_be_fetched_stops_unless_told_otherwise(cli: Cli, jsonl: Write) -> None:
    jsonl("train.jsonl", [{"problem": BENCH[0]["question"]}])
    jsonl("held.jsonl", BENCH)
    asked = ("dedup", "check", "train.jsonl", "--against", "aime24,held.jsonl", "--no-embedding")
    env = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "1"}
    stopped = cli(*asked, env=env)
    assert stopped.returncode == 2
    assert "give a file of it, or go on without it with --skip-missing" in stopped.stderr
    assert "revision" not in stopped.stderr, "a key of recipes"
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


def test_a_recipe_is_told_how_to_go_on_without_a_benchmark() -> None:
    step = Decontaminate.model_validate({"benchmarks": ["math500"]})
    with pytest.raises(InputError, match="`missing: skip`"):
        step.materials({})


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
