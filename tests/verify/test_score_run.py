"""Scores in a whole run: R1-Zero's template asked of a scripted teacher, its rewards, and rows chosen by them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from cotkit.distill.scripted.scenario import Reply, Scenario
from cotkit.distill.scripted.server import ScriptedTeacher

RECIPE = """
name: zero
version: 1
steps:
  - step: pull
    sources: [{{kind: file, name: pool, path: pool.jsonl}}]
  - step: distill
    teacher: {{base_url: "{url}", model: base}}
    samples: 4
    prompt: {{include: blocks/prompt-r1-zero.yaml}}
    limits: {{concurrency: 1}}
  - step: verify
  - step: score
    scorers:
      - by: r1_zero
      - by: advantage
      - {{by: cosine, unit: chars, max_length: 400}}
      - by: repetition
  - step: select
    filters: [{{name: score, of: reward_format, least: 0.05}}]
    choose: {{by: score, of: cosine}}
  - step: choose
    rows: 1
    by: {{by: score, of: cosine}}
  - step: publish
    configs: [all-traces]
"""
REPLIES = {
    "2 + 3 * 4?": [
        "<think>5 * 4</think> <answer>20</answer>",
        "<think>2 + 12, and that is what the order of operations gives</think> <answer>14</answer>",
        "<answer>14</answer>",
        "<think>hm</think> <answer> 7<answer>",
    ],
    "1 + 1?": ["<think>two</think><answer>2</answer>"] * 4,
}


def test_from_the_template_to_rows_chosen_by_score(tmp_path: Path, cli: Any, jsonl: Any) -> None:
    jsonl("pool.jsonl", [{"problem": "2 + 3 * 4?", "answer": "14"}, {"problem": "1 + 1?", "answer": "2"}])
    replies = tuple(
        Reply(match=f"User: {problem}", attempt=attempt, content=text)
        for problem, texts in REPLIES.items()
        for attempt, text in enumerate(texts)
    )
    with ScriptedTeacher(Scenario(shape="openai", thinks=False, replies=replies)) as server:
        (tmp_path / "zero.yaml").write_text(RECIPE.format(url=server.url))
        done = cli("run", "zero.yaml", "--out", "out")
        assert done.returncode == 0, done.stderr
        assert len(server.log.requests) == 8
        assert all("<answer>" in one["body"]["messages"][-1]["content"] for one in server.log.requests)
        # A changed key of a scorer runs the scores again and asks nobody.
        (tmp_path / "zero.yaml").write_text(RECIPE.format(url=server.url).replace("max_length: 400", "max_length: 300"))
        again = cli("score", "zero.yaml", "--out", "out")
        assert again.returncode == 0, again.stderr
        assert len(server.log.requests) == 8
    scored = pl.read_parquet(tmp_path / "out" / "04-score" / "kept.parquet")
    values = [{s["name"]: s["value"] for s in scores} for scores in scored["scores"].to_list()]
    assert sorted(v["reward_total"] for v in values) == [0.0, 0.1, 1.0, 1.1, 1.1, 1.1, 1.1, 1.1]
    gains = sorted(round(v["advantage"], 4) for v in values)
    assert gains == [-1.0945, -0.8955, 0.0, 0.0, 0.0, 0.0, 0.8955, 1.0945]
    published = pl.read_parquet(next((tmp_path / "out" / "dataset" / "data").glob("*.parquet")))
    assert published["problem"].to_list() == ["1 + 1?"]
    assert {"cosine", "advantage", "compressed"} <= {s["name"] for s in published["scores"].to_list()[0]}
    every = pl.read_parquet(next((tmp_path / "out" / "dataset" / "all-traces").glob("*.parquet")))
    assert every["scores"].null_count() == 0
    assert "scores" in (tmp_path / "out" / "dataset" / "README.md").read_text()
    told = json.loads(cli("report", "out", "--patterns", "--reflection", "--json").stdout)
    assert told["attempts"] == 8
