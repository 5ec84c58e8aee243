"""The steps that docs/searches.md shows: each runs in a recipe, within the calls that are told before."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from cotkit.cli.app import app
from cotkit.distill.construct import Construct
from cotkit.distill.estimate import estimate
from cotkit.distill.scripted.scenario import Reply, Scenario
from cotkit.distill.scripted.server import ScriptedTeacher
from cotkit.recipe.load import load
from cotkit.records import Problem, rows
from cotkit.run.runner import run_recipe

PAGE = Path(__file__).parents[2] / "docs" / "searches.md"
STEPS = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
NAMES = [re.findall(r"by: (\w+)", step)[0] for step in STEPS]
RECIPE = """\
name: searches
steps:
  - step: pull
    sources: [{kind: file, name: sums, path: problems.jsonl}]
%s%s  - step: publish
"""


def speak(body: Mapping[str, Any]) -> Reply:
    """Mostly right answers, sometimes wrong ones, by the hash of the request."""
    text = str(body["messages"])
    digest = sha256(json.dumps([body["messages"], body.get("seed")]).encode()).digest()
    verdict = "WRONG" if digest[0] < 90 else "RIGHT"
    if "BEGIN STEP TO CHECK" in text:
        return Reply(match="", content=f"Look at it.\nVERDICT: {verdict}")
    if "SCORES:" in text:
        return Reply(match="", content=f"SCORES: {digest[1] % 11}")
    box = f"So it is \\boxed{{{13 if digest[2] < 60 else 14}}}."
    step = f"Step {digest[3] % 7}."
    if body.get("max_tokens") == 64:
        content = f"{step} " * 40
    elif body.get("stop") or "only the next step" in text:
        content = box if digest[4] < 100 else step
    else:
        content = f"{step}\n\n{box}"
    return Reply(match="", reasoning=step, content=content, logprobs=((-0.1 * (digest[5] % 9), -0.5, -1.0),))


def test_the_page_shows_every_search() -> None:
    shown = {
        "journey",
        "critique_loop",
        "best_of_n",
        "dvts",
        "rstar",
        "mutual_consistency",
        "marco_o1",
        "truncate_recomplete",
    }
    assert set(NAMES) == shown


@pytest.mark.parametrize("step", STEPS, ids=NAMES)
def test_a_shown_step_runs_from_problems_to_a_dataset(tmp_path: Path, jsonl: Any, step: str) -> None:
    jsonl("problems.jsonl", [{"problem": f"Compute {n}+{14 - n}.", "answer": "14"} for n in range(3)])
    with ScriptedTeacher(Scenario(shape="vllm"), speak=speak) as server:
        server.scenario = server.scenario.model_copy(update={"thinks": "mutual_consistency" in step})
        # Where a page shows no choice, the usual one must do.
        rest = "" if "step: select" in step else "  - step: verify\n  - step: select\n"
        text = RECIPE % (re.sub(r"http://127\.0\.0\.1:800\d/v1", server.url, step), rest)
        (tmp_path / "r.yaml").write_text(text, encoding="utf-8")
        recipe = load(str(tmp_path / "r.yaml"), ["construct.sampling.seed=0"]).recipe
        result = run_recipe(recipe, tmp_path / "run")
        asked = Counter(entry["body"]["model"] for entry in server.log.requests)
    (construct,) = [one for one in recipe.steps if isinstance(one, Construct)]
    (table,) = (tmp_path / "run").glob("*-pull/kept.parquet")
    problems = list(rows(Problem, pl.read_parquet(table)))
    told = [estimate(one, tmp_path / "none.sqlite") for one in construct.asking(problems)]
    names = {"policy": ["teacher"], "judge": ["judge", "writer", "discriminator"]}
    for model, roles in names.items():
        counts = [count for count in construct.strategy.counts() if count.role in roles]
        assert 3 * sum(count.least for count in counts) <= asked[model] <= 3 * sum(count.most for count in counts)
    assert sum(one.requests for one in told) == 3 * sum(count.most for count in construct.strategy.counts())
    by_step = {entry["step"]: entry for entry in result.funnel}
    made = by_step["construct"]
    assert made["counters"]["problems"] == 3
    assert made["kept"] > 0
    assert by_step["verify"]["kept"] + by_step["verify"]["dropped"] == made["kept"]
    assert by_step["publish"]["kept"] > 0
    (kept,), (graded,) = ((tmp_path / "run").glob(f"*-{name}/kept.parquet") for name in ("select", "verify"))
    traces = pl.read_parquet(next((tmp_path / "run").glob("*-construct/kept.parquet")))
    told = {(t["problem_id"], t["sample"]): json.loads(t["provenance"]) for t in traces.to_dicts()}
    right = set(pl.read_parquet(graded).filter(pl.col("verdict") == "correct").select("problem_id", "sample").rows())
    meant = {key for key in right if told[key].get("picked", True)}
    assert set(pl.read_parquet(kept).select("problem_id", "sample").rows()) == meant
    (calls,) = (tmp_path / "run").glob("*-construct/calls.parquet")
    assert pl.read_parquet(calls).height == made["counters"]["calls"] >= sum(asked.values())


def test_the_report_of_a_run_prints_the_outcomes_of_its_strategy(tmp_path: Path, jsonl: Any) -> None:
    jsonl("problems.jsonl", [{"problem": f"Compute {n}+{14 - n}.", "answer": "14"} for n in range(3)])
    step = "  - step: construct\n    strategy: {by: self_correct}\n    teacher: {base_url: '%s', model: m}\n"
    with ScriptedTeacher(Scenario(answers={"Go over": "14"})) as server:
        (tmp_path / "r.yaml").write_text(
            RECIPE % (step % server.url, "  - step: verify\n  - step: select\n"), encoding="utf-8"
        )
        run_recipe(load(str(tmp_path / "r.yaml")).recipe, tmp_path / "run")
    told = CliRunner().invoke(app, ["report", str(tmp_path / "run")])
    assert told.exit_code == 0, told.output
    (line,) = [line for line in told.output.splitlines() if line.startswith("construct: ")]
    assert "right_to_right 3" in line
    assert "calls 6" in line
