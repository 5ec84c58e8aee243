"""The trim step in a recipe: verify, trim, select, publish; the report says what was found."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from cotkit.distill.scripted.scenario import Scenario
from cotkit.distill.scripted.server import ScriptedTeacher

Cli = Callable[..., Any]
Jsonl = Callable[..., Path]

LONG = (
    "3 + 4 is 7, so the answer is 14.\n\nWait, 3 * 4 = 12. So the answer is 12.\n\n"
    "Let me verify: 12 / 4 = 3. Yes, so the answer is 12.\n\nAlternatively, 2 * 6 = 12, so the answer is 12."
)


def test_a_recipe_trims_selects_and_publishes(cli: Cli, jsonl: Jsonl, tmp_path: Path) -> None:
    jsonl(
        "problems.jsonl", [{"problem": "What is 3 * 4?", "answer": "12"}, {"problem": "What is 6 + 6?", "answer": "13"}]
    )
    replies = [{"match": "What", "reasoning": LONG, "answer": "12"}]
    with ScriptedTeacher(Scenario.model_validate({"replies": replies})) as server:
        recipe: dict[str, Any] = {
            "name": "short",
            "version": 1,
            "steps": [
                {"step": "pull", "sources": [{"kind": "file", "name": "own", "path": "problems.jsonl"}]},
                {"step": "distill", "teacher": {"base_url": server.url, "model": "m"}},
                {"step": "verify"},
                {"step": "trim", "mode": "first-correct"},
                {"step": "select"},
                {"step": "publish"},
            ],
        }
        (tmp_path / "short.yaml").write_text(yaml.safe_dump(recipe))
        done = cli("run", "short.yaml", "--out", "run")
        assert done.returncode == 0, done.stderr
        again = cli("run", "short.yaml", "--out", "run")
    assert "every step is up to date" in again.stderr
    (row,) = pl.read_parquet(tmp_path / "run/dataset/data/*.parquet").rows(named=True)
    assert row["reasoning"].endswith("3 * 4 = 12. So the answer is 12.")
    told = json.loads(cli("report", "run", "--overthinking", "--json").stdout)
    assert told[0]["traces"] == 2
    assert told[0]["trimmed"] == 1
    assert told[0]["not_correct"] == 1
    assert told[0]["characters after"] < told[0]["characters before"]
    assert told[0]["solutions a trace"] == 4
