"""Local files: four formats, one sentence for each way of being wrong."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import polars as pl
import pytest

from cotkit.curate.pull import pull
from cotkit.curate.sources.file import FileSource
from cotkit.errors import InputError
from cotkit.records import Problem, schema
from cotkit.source import Columns
from cotkit.steps import NoProgress, StepOutput

ROWS = [
    {"problem": "What is $1+1$?", "answer": "2"},
    {"problem": "What is $2+2$?", "solution": "It is $\\boxed{4}$."},
    {"problem": "What is $3+3$?", "solution": "3+3=6\n#### 6"},
]


def pulled(path: Path, **more: object) -> StepOutput:
    source = FileSource(name="s", path=path, **more)  # type: ignore[arg-type]
    return pull((source,), source.materials({}), NoProgress())


@pytest.mark.parametrize("form", ["jsonl", "json", "csv", "parquet", "jsonl.gz"])
def test_all_formats_give_the_same_problems(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"rows.{form}"
    if form == "jsonl":
        path.write_text("\n".join(json.dumps(r) for r in ROWS) + "\n\n")
    elif form == "jsonl.gz":
        path.write_bytes(gzip.compress("\n".join(json.dumps(r) for r in ROWS).encode()))
    elif form == "json":
        path.write_text(json.dumps(ROWS))
    elif form == "csv":
        pl.DataFrame(ROWS, schema=["problem", "answer", "solution"]).write_csv(path)
    else:
        pl.DataFrame(ROWS, schema=["problem", "answer", "solution"]).write_parquet(path)
    found = pulled(path)
    assert found.kept["answer"].to_list() == ["2", "4", "6"]
    assert dict(found.kept.schema) == schema(Problem)
    assert found.rows_in == 3


def test_typed_even_where_all_is_null(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"problem": "p"}\n')
    found = pulled(tmp_path / "a.jsonl")
    assert dict(found.kept.schema) == schema(Problem)
    assert found.kept["answer"].to_list() == [None]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.jsonl", '{"problem": "x"}\n{"problem": \n', "line 2: not valid JSON"),
        ("a.jsonl", '{"problem": "x", "answer": "1", "answer": "2"}', "line 1: .*'answer' stands twice"),
        ("a.json", '[{"problem": "x", "m": {"k": 1, "k": 2}}]', "'k' stands twice"),
        ("a.csv", "problem,answer,answer\nx,1,2\n", "two columns are named 'answer'"),
        ("a.jsonl", '{"problem": "x"}\n[1]\n', "line 2: a JSON object is expected"),
        ("a.jsonl", "\n\n", "has no rows"),
        ("a.json", '{"problem": "x"}', "a JSON list of rows is expected"),
        ("a.json", "[", "not valid JSON"),
        ("a.csv", "problem,answer\na,b,c\n", "line 2: the row has not as many cells"),
        ("a.csv", "problem,answer\n", "has no rows"),
        ("a.parquet", "not parquet", "not a readable Parquet file"),
        ("a.txt", "x", "cannot tell the format"),
        ("a.jsonl", '{"question": "x"}\n', "has no column 'problem'"),
    ],
)
def test_bad_files_are_told_in_one_sentence(tmp_path: Path, name: str, content: str, expected: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(InputError, match=expected) as caught:
        pulled(path)
    assert "\n" not in str(caught.value)


def test_a_folder_without_rows_is_called_a_folder(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(InputError, match=r"the folder has no rows in files \.jsonl"):
        pulled(tmp_path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        pulled(tmp_path / "none.jsonl")


def test_a_named_column_must_exist(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"question": "What?", "gold": "1"}\n')
    with pytest.raises(InputError, match="no column 'golden' for the answer; its columns are gold, question"):
        pulled(path, columns=Columns(problem="question", answer="golden"))
    assert pulled(path, columns=Columns(problem="question", answer="gold")).kept["answer"].to_list() == ["1"]


def test_malformed_rows_can_be_dropped_with_their_place(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"problem": "x"}\n{oops\n{"problem": "  "}\n{"problem": "\\ud800 y"}\n')
    found = pulled(path, malformed="drop")
    assert found.kept["problem"].to_list() == ["x", "? y"]
    assert found.dropped["reason"].to_list() == ["unreadable_row", "no_problem_text"]
    assert "line 2" in json.loads(found.dropped["evidence"][0])["place"]
    assert found.rows_in == found.kept.height + found.dropped.height == 4


def test_kept_columns_land_in_metadata(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"problem": "x", "level": 3, "tags": ["a"]}\n')
    assert json.loads(pulled(path, keep=("level", "tags")).kept["metadata"][0]) == {"level": 3, "tags": ["a"]}
    with pytest.raises(InputError, match="no column 'levl' to keep"):
        pulled(path, keep=("levl",))


def test_a_repeated_key_drops_its_row_alone_and_nameless_columns_are_none(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"problem": "x", "answer": "1", "answer": "2"}\n{"problem": "y", "answer": "3"}\n')
    found = pulled(path, malformed="drop")
    assert (found.kept["answer"].to_list(), found.dropped["reason"].to_list()) == (["3"], ["unreadable_row"])
    (tmp_path / "a.csv").write_text("problem,answer,,\nx,1,,\n")
    assert pulled(tmp_path / "a.csv").kept["answer"].to_list() == ["1"]


def test_rows_that_lose_characters_are_counted(tmp_path: Path) -> None:
    rows = [
        {"problem": "What is \x0crac{1}{2}+1?"},
        {"problem": "x", "solution": "\x08oxed{2}", "answer": "\x07"},
        {"problem": "a\tb\r\nc"},
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    found = pulled(tmp_path / "a.jsonl")
    assert found.counters["rows with control characters removed"] == 2
    (tmp_path / "b.jsonl").write_text(json.dumps(rows[2]))
    assert "rows with control characters removed" not in pulled(tmp_path / "b.jsonl").counters
