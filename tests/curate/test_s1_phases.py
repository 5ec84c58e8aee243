"""s1's selection on one features table: the notebook's algorithm and the paper's, side by side.

The choose step runs on a table of Examples as a recipe's features and select steps leave it; what is expected is
worked out by `plain_s1` of test_selectors.py, which shares nothing with the selector.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from published_rows import example
from test_selectors import NOTEBOOK, PAPER, plain_s1

from cotkit import records
from cotkit.curate.choose import Choose, example_item
from cotkit.records import Example
from cotkit.steps import StepContext

ROWS, WANTED, SEED = 600, 100, 4


@pytest.fixture(scope="module")
def features() -> pl.DataFrame:
    """Problems of four sources with class, length of the reasoning and verdict; few are forced."""
    rng = random.Random(59)
    rows = []
    for number in range(ROWS):
        source = rng.choices(["aime", "gpqa", "math", "olympiad"], [1, 1, 4, 6])[0]
        subject = rng.choice(["81", "92", "80"] if source == "gpqa" else ["05", "11", "11", "26", "51", "60"])
        verdict = rng.choices(["correct", "incorrect", "undecided"], [2, 6, 2])[0]
        tokens = int(rng.lognormvariate(8, 0.5))
        rows.append(example(number, source=source, subject=subject, verdict=verdict, reasoning_tokens=tokens))
    return records.frame(Example, rows)


def chosen(features: pl.DataFrame, tmp_path: Path, by: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Row -> why it was taken."""
    step = Choose.model_validate({"step": "choose", "rows": WANTED, "by": by})
    out = step.run({Example: features}, StepContext(seed=SEED, work=tmp_path, run=tmp_path))
    assert out.kept.height + out.dropped.height == features.height
    told = out.secondary["chosen"].iter_rows(named=True)
    return {f"{row['problem_id']}:{row['sample']}": json.loads(row["why"]) for row in told}


def test_both_variants_take_what_a_plain_reading_takes(features: pl.DataFrame, tmp_path: Path) -> None:
    items = [example_item(row) for row in records.rows(Example, features)]
    notebook, paper = (chosen(features, tmp_path, by) for by in (NOTEBOOK, PAPER))
    assert sorted(notebook) == plain_s1(items, WANTED, SEED, notebook=True)
    assert sorted(paper) == plain_s1(items, WANTED, SEED, notebook=False)


def test_side_by_side_they_part_where_the_notebook_turns_to_its_mixture(features: pl.DataFrame, tmp_path: Path) -> None:
    notebook, paper = (chosen(features, tmp_path, by) for by in (NOTEBOOK, PAPER))
    phases = {
        name: [sorted(row for row, why in taken.items() if why["phase"] == phase) for phase in ("forced", "uniform")]
        for name, taken in (("notebook", notebook), ("paper", paper))
    }
    forced, until = phases["notebook"][0], int(0.7 * WANTED)
    assert forced == phases["paper"][0]
    assert 0 < len(forced) < until
    # The same draws up to 70 %; from there the paper goes on as before, the notebook by the benchmarks' mixture.
    assert len(phases["notebook"][1]) == until - len(forced)
    assert set(phases["notebook"][1]) < set(phases["paper"][1])
    assert len(phases["paper"][1]) == WANTED - len(forced)
    mixture = [why["subject"] for why in notebook.values() if why["phase"] == "mixture"]
    assert len(mixture) == WANTED - until
    of_benchmarks = set(features.filter(pl.col("source").is_in(["aime", "gpqa"]))["subject"])
    assert set(mixture) <= of_benchmarks


def test_undecided_is_never_forced(features: pl.DataFrame, tmp_path: Path) -> None:
    verdicts = dict(zip(features["problem_id"], features["verdict"], strict=True))
    taken = chosen(features, tmp_path, NOTEBOOK)
    assert {verdicts[row.split(":")[0]] for row, why in taken.items() if why["phase"] == "forced"} == {"correct"}
