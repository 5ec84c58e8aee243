"""One recipe, every teacher: only preset and address differ."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cotkit.distill.scripted.scenario import Scenario
from cotkit.distill.scripted.server import ScriptedTeacher
from cotkit.recipe.load import load
from cotkit.run.runner import run_recipe

RECIPE = """\
name: any-teacher
vars: {preset: null, base_url: null, model: teacher}
steps:
  - step: pull
    sources: [{kind: file, name: sums, path: problems.jsonl}]
  - step: distill
    teacher: {preset: "${vars.preset}", base_url: "${vars.base_url}", model: "${vars.model}", api_key_env: null}
    samples: 2
    sampling: {max_tokens: 600}
  - step: verify
  - step: select
  - step: publish
"""
# preset -> the shape that it is rehearsed in; a local server may speak in more than one.
PAIRS = [
    *((name, name) for name in ("deepseek", "openrouter", "vllm", "sglang", "llamacpp", "ollama", "ktransformers")),
    *((name, name) for name in ("together", "fireworks", "gemini", "xai", "qwen", "mistral", "groq", "moonshot")),
    *(("vllm", "vllm-old"), ("vllm", "ktransformers"), ("llamacpp", "llamacpp-none"), ("sglang", "ktransformers")),
]


@pytest.mark.parametrize(("preset", "shape"), PAIRS)
def test_the_same_recipe_with_every_preset(tmp_path: Path, jsonl: Any, preset: str, shape: str) -> None:
    jsonl(
        "problems.jsonl",
        [{"problem": f"What is {n} + {n + 1}?", "answer": str(2 * n + 1), "solution": "GOLD"} for n in range(6)],
    )
    (tmp_path / "r.yaml").write_text(RECIPE)
    with ScriptedTeacher(Scenario.model_validate({"shape": shape})) as server:
        server.fault("429_ms", times=1, after=3)
        chosen = [f"vars.preset={preset}", f"vars.base_url={server.url}"]
        result = run_recipe(load(str(tmp_path / "r.yaml"), chosen).recipe, tmp_path / "run")
        assert len(server.log.requests) == 13
        sent = json.dumps(server.log.requests)
    by_step = {entry["step"]: entry for entry in result.funnel}
    assert by_step["distill"]["kept"] == 12
    assert by_step["verify"]["counters"]["correct"] == 12
    assert by_step["publish"]["kept"] == 6
    assert "GOLD" not in sent
    rows = (tmp_path / "run").glob("*-distill/kept.parquet")
    import polars as pl

    traces = pl.read_parquet(next(rows))
    assert set(traces["reasoning_kind"]) == {"summary" if preset == "gemini" else "raw"}
    assert traces["reasoning"].str.contains("Let me think").all()


@pytest.mark.parametrize("preset", ["openai-reasoning", "openai-chat"])
def test_a_teacher_that_hides_its_reasoning_is_refused_before_any_request(
    tmp_path: Path, cli: Any, preset: str
) -> None:
    (tmp_path / "problems.jsonl").write_text('{"problem": "What is 1 + 1?", "answer": "2"}\n')
    (tmp_path / "r.yaml").write_text(RECIPE)
    with ScriptedTeacher(Scenario(shape="openai")) as server:
        done = cli("run", "r.yaml", "--set", f"vars.preset={preset}", "--set", f"vars.base_url={server.url}")
        assert done.returncode == 2
        assert "reasoning" in done.stderr
        assert server.log.requests == []
