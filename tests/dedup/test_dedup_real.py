"""Real problems against real benchmarks, with the cheap methods."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from cotkit import records
from cotkit.dedup.leaks import decontaminate_table
from cotkit.dedup.step import Decontaminate
from cotkit.records import Problem


def cheap() -> Decontaminate:
    source = {"kind": "file", "name": "unused", "path": "unused.json"}
    return Decontaminate.model_validate({"step": "decontaminate", "benchmarks": [source], "embedding": None})


def load(path: Path) -> list[dict[str, Any]]:
    text = path.read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()] if path.suffix == ".jsonl" else json.loads(text)


def problems(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return records.frame(
        Problem,
        [
            Problem(records.problem_id(r["problem"]), r["problem"], answer=r.get("answer"), source="pool", source_row=i)
            for i, r in enumerate(rows)
        ],
    )


def benchmark(path: Path) -> pl.DataFrame:
    return pl.DataFrame([{"problem": r["problem"], "answer": r.get("answer")} for r in load(path)])


def test_every_math500_item_in_half_of_the_math_test_set_is_found(data: Path) -> None:
    pool = problems(load(data / "problems" / "math_test_half.jsonl"))
    math500 = benchmark(data / "benchmarks" / "math500.json")
    planted = set(pool["problem"]) & set(math500["problem"])
    assert len(planted) > 200
    out = decontaminate_table(pool, {"math500": math500}, cheap())
    assert planted <= set(out.dropped["problem"])
    # What else is dropped are near copies; other questions about the same formula among them.
    assert out.dropped.height - len(planted) <= 10


def test_aime_boilerplate_costs_no_aime_problem(data: Path) -> None:
    pool = problems(load(data / "problems" / "aime_1983_2023.json"))
    benchmarks = {
        "aime24": benchmark(data / "benchmarks" / "aime24.json"),
        "aime25": benchmark(data / "benchmarks" / "aime25.jsonl"),
    }
    # A published 8-gram rule drops 227 of these 975 problems for their boilerplate; none is in AIME 24 or 25.
    assert decontaminate_table(pool, benchmarks, cheap()).dropped.is_empty()
    # Ten MATH-500 items are AIME problems; the tenth has another drawing and asks otherwise, so it takes embeddings.
    out = decontaminate_table(pool, {"math500": benchmark(data / "benchmarks" / "math500.json")}, cheap())
    assert out.dropped.height == 9
