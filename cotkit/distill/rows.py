"""From what was told of each sample to the rows of the distill step, some at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from cotkit.distill.engine import Failure, Tally
from cotkit.distill.traces import Told
from cotkit.distill.until import Resampler
from cotkit.pile import Pile, cells, handfuls
from cotkit.records import Trace, dropped_frame, frame
from cotkit.steps import StepOutput

if TYPE_CHECKING:
    import polars as pl


def packed(one: Told) -> Any:
    """What was told, as a Pile takes it."""
    return [cells(one.trace), None if one.failure is None else cells(one.failure)]


def outputs(told: Pile, tally: Tally, resampler: Resampler | None) -> Iterator[StepOutput]:
    """The rows in the order of the samples, and then what was counted, in a part without rows."""
    sums = _Sums()
    unpacked = (
        Told(number, Trace(*trace), None if failure is None else Failure(*failure))
        for number, (trace, failure) in told.items()
    )
    for some in handfuls(unpacked, lambda one: characters(one.trace)):
        sums.add(some)
        yield _rows(some)
    secondary = {} if resampler is None else {"pass_rates": _pass_rates(resampler)}
    nothing = frame(Trace, [])
    dropped = dropped_frame(nothing, [], [], [])
    yield StepOutput(nothing, dropped, rows_in=0, counters=sums.counters(tally), secondary=secondary)


def characters(trace: Trace) -> int:
    """How long its texts are."""
    return len(trace.reasoning or "") + len(trace.response or "")


@dataclass
class _Sums:
    """What the funnel counts of all samples. Money is added as decimal numbers and rounded once."""

    prompt: int = 0
    completion: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    priced: bool = False
    usd: Decimal = Decimal(0)
    unfinished: Decimal = Decimal(0)
    unpriced: int = 0

    def add(self, told: Sequence[Told]) -> None:
        for one in told:
            trace = one.trace
            self.prompt += trace.prompt_tokens or 0
            self.completion += trace.completion_tokens or 0
            self.statuses[trace.status] += 1
            if trace.cost_usd is not None:
                usd = Decimal(str(trace.cost_usd))
                self.priced = True
                self.usd += usd
                self.unfinished += usd if trace.status != "done" else 0
            else:
                self.unpriced += trace.status != "failed"

    def counters(self, tally: Tally) -> dict[str, float]:
        return {
            "requests": tally.requests,
            "journaled": tally.journaled,
            "replayed": tally.replayed,
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            **self.statuses,
            **{f"attempts_{reason}": count for reason, count in sorted(tally.wasted.items())},
            **self._money(),
        }

    def _money(self) -> dict[str, float]:
        """usd spent, usd of unfinished answers, and how many answers have no price; nothing where none has one."""
        if not self.priced:
            return {}
        sums = {"usd": float(self.usd), "usd_unfinished": float(self.unfinished), "unpriced": self.unpriced}
        return {name: value for name, value in sums.items() if value or name == "usd"}


def _rows(told: Sequence[Told]) -> StepOutput:
    table = frame(Trace, [one.trace for one in told])
    failures = {i: one.failure for i, one in enumerate(told) if one.failure is not None}
    evidence = [{"error": f.message, "http_status": f.http_status, "attempts": f.attempts} for f in failures.values()]
    return StepOutput(
        kept=table[[i for i in range(len(told)) if i not in failures]],
        dropped=dropped_frame(table, list(failures), [f.reason for f in failures.values()], evidence),
        rows_in=len(told),
        incomplete=sum(f.passing for f in failures.values()),
    )


def _pass_rates(resampler: Resampler) -> pl.DataFrame:
    """A row a problem: attempts, correct, incorrect, undecided, pass_rate."""
    import polars as pl

    rows = [(name, p.asked, p.correct, p.incorrect, p.undecided, p.pass_rate) for name, p in resampler.problems.items()]
    schema = {
        "problem_id": pl.String,
        "attempts": pl.Int64,
        "correct": pl.Int64,
        "incorrect": pl.Int64,
        "undecided": pl.Int64,
        "pass_rate": pl.Float64,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")
