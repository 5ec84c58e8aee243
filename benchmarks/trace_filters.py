"""Precision and recall of each trace filter on labelled traces, and its speed.

    python benchmarks/trace_filters.py [--half dev|held] [--misses]

The fixture is ours: texts by hand, faults put in by machine. Thresholds were set on the half `dev`; the half `held`
has texts and phrases of its own (docs/choosing.md tells of the first look at it). A filter's recall is over the traces that carry
its label; its precision is over all traces that it drops.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cotkit.curate.trace_filters import TraceFilter
from cotkit.records import Problem, Trace
from cotkit.registry import BUILTIN, lookup

FIXTURE = Path(__file__).resolve().parent.parent / "tests" / "curate" / "labelled" / "traces.jsonl"


@dataclass
class Score:
    """Counts of one filter; `misses` are the rows it got wrong."""

    hits: int = 0
    false_drops: int = 0
    missed: int = 0
    misses: list[dict[str, Any]] = field(default_factory=list)

    @property
    def precision(self) -> float:
        return self.hits / (self.hits + self.false_drops) if self.hits else 0.0

    @property
    def recall(self) -> float:
        return self.hits / (self.hits + self.missed) if self.hits else 0.0


def rows(half: str) -> list[dict[str, Any]]:
    lines = FIXTURE.read_text(encoding="utf-8").splitlines()
    return [row for row in map(json.loads, lines) if row["half"] == half]


def evidence(name: str, row: dict[str, Any]) -> dict[str, Any] | None:
    """What the filter of this name, with its defaults, says of a labelled row."""
    config: TraceFilter = lookup("trace_filters", name)(name=name)
    trace = Trace(
        row["id"],
        0,
        "teacher",
        "hash",
        "done",
        reasoning=row["reasoning"],
        response=row["response"],
        finish_reason=row["finish_reason"],
    )
    return config.reject(trace, Problem(row["id"], row["problem"], domain=row["domain"]))


def score(name: str, labelled: Sequence[dict[str, Any]]) -> Score:
    found = Score()
    for row in labelled:
        said, meant = evidence(name, row), name in row["labels"]
        found.hits += said is not None and meant
        found.false_drops += said is not None and not meant
        found.missed += said is None and meant
        if (said is not None) != meant:
            found.misses.append({"id": row["id"], "kind": row["kind"], "labels": row["labels"], "evidence": said})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--half", choices=("dev", "held"), default="dev")
    parser.add_argument("--misses", action="store_true", help="print the rows that a filter got wrong")
    options = parser.parse_args()
    labelled = rows(options.half)
    clean = sum(not row["labels"] for row in labelled)
    print(f"{options.half}: {len(labelled)} traces, {clean} of them without a fault")
    print(f"{'filter':<20}{'labelled':>9}{'precision':>11}{'recall':>8}{'MB/s':>8}")
    megabyte = Trace(
        "x", 0, "t", "h", "done", reasoning="\n\n".join(r["reasoning"] for r in labelled) * 4, response="4"
    )
    size = len(megabyte.reasoning or "") / 1e6
    for name in BUILTIN["trace_filters"]:
        found = score(name, labelled)
        config: TraceFilter = lookup("trace_filters", name)(name=name)
        started = time.process_time()
        config.reject(megabyte, Problem("x", "x"))
        speed = size / max(time.process_time() - started, 1e-4)
        print(
            f"{name:<20}{found.hits + found.missed:>9}{found.precision:>11.3f}{found.recall:>8.3f}{min(speed, 999):>8.0f}"
        )
        for miss in found.misses if options.misses else ():
            print("   ", json.dumps(miss, ensure_ascii=False)[:300])


if __name__ == "__main__":
    main()
