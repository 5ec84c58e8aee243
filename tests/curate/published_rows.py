"""Examples, a recipe and a funnel for the tests of publishing: small, but with everything awkward in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from cotkit import records
from cotkit.curate.publish import Publish
from cotkit.records import Example, Message
from cotkit.steps import StepContext, Tables

HOSTILE = "a | b <script>alert(1)</script> [x](http://evil) `c`\n## no heading"


def example(number: int, **changes: Any) -> Example:
    """Row `number`; every third problem has two rows."""
    problem = f"What is {number} + {number}?"
    values: dict[str, Any] = {
        "problem_id": records.problem_id(problem),
        "messages": [Message("user", problem), Message("assistant", "old")],
        "problem": problem,
        "answer": str(2 * number),
        "reasoning": f"Adding {number} twice. A literal </think> stays.",
        "response": f"The answer is \\boxed{{{2 * number}}}.",
        "verdict": "correct",
        "verdict_method": "exact",
        "pass_rate": 0.5,
        "attempts": 2,
        "domain": "math",
        "source": "sums",
        "source_row": number,
        "license": "mit",
        "language": "en",
        "teacher": "echo-1",
        "sample": 0,
        "completion_tokens": 100 + number,
        "reasoning_kind": "raw",
    }
    return Example(**{**values, **changes})


def table(count: int = 5, **changes: Any) -> pl.DataFrame:
    return records.frame(Example, [example(number, **changes) for number in range(count)])


RECIPE: dict[str, Any] = {
    "name": "sums",
    "description": "Sums that were asked.",
    "seed": 7,
    "steps": [
        {
            "step": "pull",
            "name": "pull",
            "sources": [{"kind": "file", "path": "/home/alice/secret project/sums.jsonl"}],
        },
        {"step": "decontaminate", "name": "decontaminate", "benchmarks": [{"name": "AIME24"}, {"name": "MATH-500"}]},
        {"step": "distill", "name": "distill", "system": "/no_think Is a/b prime?", "url": "http://me:pw@host/v1"},
        {"step": "select", "name": "select", "choose": {"by": "shortest"}},
        {"step": "publish", "name": "publish", "weights": "cotkit:recipes/data/x.bin"},
        {"step": "push", "name": "push", "to": "/home/alice/out"},
    ],
}


def _entry(kind: str, unit: str, rows_in: int, reasons: dict[str, int], **counters: float) -> dict[str, Any]:
    dropped = sum(reasons.values())
    counts = {"rows_in": rows_in, "kept": rows_in - dropped, "dropped": dropped}
    return {"step": kind, "kind": kind, "unit": unit, **counts, "reasons": reasons, "counters": counters}


# As cotkit.dedup.leaks counts them.
LEAKS = {
    "AIME24: rows": 1234.0,
    "AIME24: items met": 5.0,
    "AIME24 by exact": 4.0,
    "AIME24 by embedding": 12.0,
    "MATH-500: rows": 0.0,
    "MATH-500: items met": 0.0,
    "look-alikes kept": 3.0,
    "leaks but for the answer, kept": 1.0,
    "unclear look-alikes kept": 18.0,
}
FUNNEL = (
    _entry("pull", "rows", 1234, {"empty": 34}),
    _entry("decontaminate", "problems", 1200, {"leak": 19}, **LEAKS),
    _entry("distill", "attempts", 2362, {}),
    _entry("verify", "attempts", 2362, {}, correct=2000, incorrect=300, undecided=62),
    _entry("select", "attempts", 2362, {"incorrect": 300, "not_chosen": 2057}),
)


def publish(work: Path, rows: pl.DataFrame | Tables, **keys: Any) -> Path:
    """The dataset folder that a publish step leaves of a table of Examples, or of all tables of a run."""
    work.mkdir(parents=True, exist_ok=True)
    tables = {Example: rows} if isinstance(rows, pl.DataFrame) else rows
    context = StepContext(seed=7, work=work, run=work, recipe=RECIPE, funnel=FUNNEL)
    output = Publish.model_validate({"step": "publish", **keys}).run(tables, context)
    assert output.kept.equals(tables[Example])
    assert output.dropped.is_empty()
    return work / "dataset"
