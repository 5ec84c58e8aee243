"""The funnel: counts, reasons and cost of each step, in one file that the report, card and CLI read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cotkit.steps import Step

if TYPE_CHECKING:
    import polars as pl

    from cotkit.run.shards import Made

Entry = dict[str, Any]

UNITS: Mapping[str, str] = {
    "Problem": "problems",
    "Trace": "attempts",
    "Verdict": "attempts",
    "Example": "examples",
}


def entry(step: Step, made: Made) -> Entry:
    """One step's line. `unit` says what is counted: rows of what the step reads (pull: of the sources)."""
    reads = step.reads[0].__name__ if step.reads and step.writes.__name__ != "Trace" else None
    unit = UNITS[reads] if reads else "attempts" if step.writes.__name__ == "Trace" else "rows"
    return {
        "step": step.name,
        "kind": step.step,
        "unit": unit,
        "rows_in": made.rows_in,
        "kept": made.kept,
        "dropped": made.dropped,
        "reasons": dict(made.reasons),
        "counters": dict(made.counters),
        "incomplete": made.incomplete,
    }


def reasons(dropped: pl.DataFrame) -> dict[str, int]:
    """Reason -> number of dropped rows, most frequent first."""
    if dropped.is_empty():
        return {}
    counted = dropped["reason"].value_counts(sort=True).sort(["count", "reason"], descending=[True, False])
    return dict(counted.iter_rows())


# How a run went, not what it made: a run that was killed and continued counts these differently.
_PASSING = ("requests", "journaled", "replayed")


def told(line: Entry) -> Entry:
    """A funnel line without what differs between two runs of one recipe: what a card may show."""
    counters = {name: value for name, value in line["counters"].items() if name not in _PASSING}
    return {**{name: value for name, value in line.items() if name != "seconds"}, "counters": counters}


def totals(entries: Sequence[Entry]) -> dict[str, float]:
    """Sums over all steps of the counters that mean money or tokens."""
    names = ("prompt_tokens", "completion_tokens", "usd")
    return {n: sum(e["counters"].get(n, 0.0) for e in entries) for n in names}
