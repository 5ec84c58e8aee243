"""How a run is told: a line a step, then the funnel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from cotkit.cli.output import Output

if TYPE_CHECKING:
    from cotkit.run.funnel import Entry
    from cotkit.run.plan import Planned


class Teller:
    """Tells each step of a run on stderr."""

    def __init__(self, output: Output) -> None:
        self.output = output

    def starts(self, planned: Planned) -> None:
        why = "; ".join(planned.why[:3]) + (f"; and {len(planned.why) - 3} more" if len(planned.why) > 3 else "")
        self.output.say(f"▸ {planned.step.name}: {why}", "dim")

    def ended(self, planned: Planned, line: Entry, seconds: float | None) -> None:
        mark, tail = ("=", "nothing to do") if seconds is None else ("✓", f"{seconds:.1f} s")
        self.output.say(f"{mark} {sentence(line)} · {tail}")
        if line["rows_in"] and not line["kept"]:
            self.output.warn(nothing_kept(f"step '{line['step']}'", line["rows_in"], line["reasons"]))


def sentence(line: Entry) -> str:
    """`filter: 112 problems → 105 kept, 7 dropped (ungradable 5, proof 2)`."""
    why = reasons_of(line)
    dropped = f", {line['dropped']:,} dropped ({why})" if line["dropped"] else ""
    verdicts = {k: v for k, v in line["counters"].items() if k in ("correct", "incorrect", "undecided")}
    said = ": " + ", ".join(f"{v:,.0f} {k}" for k, v in verdicts.items()) if verdicts else ""
    return f"{line['step']}: {line['rows_in']:,} {line['unit']} → {line['kept']:,} kept{dropped}{said}"


def nothing_kept(who: str, rows_in: int, reasons: Mapping[str, int]) -> str:
    """`step 'filter' kept none of 112 rows (too_easy 112)`: work that came to nothing is no success."""
    top = max(reasons.items(), key=lambda item: item[1], default=("", 0))
    return f"{who} kept none of {rows_in:,} rows" + (f" ({top[0]} {top[1]:,})" if top[1] else "")


def reasons_of(line: Entry) -> str:
    """`ungradable 5, proof 2`, the most frequent first."""
    ordered = sorted(line["reasons"].items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{reason} {count:,}" for reason, count in ordered)


def funnel_table(funnel: Sequence[Entry]) -> str:
    """The funnel as aligned text."""
    head = ("step", "in", "kept", "dropped", "", "why")
    rows = [head]
    for e in funnel:
        rows.append((e["step"], f"{e['rows_in']:,}", f"{e['kept']:,}", f"{e['dropped']:,}", e["unit"], reasons_of(e)))
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    lines = []
    for row in rows:
        cells = [c.rjust(w) if i in (1, 2, 3) else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def counted(funnel: Sequence[Entry]) -> str:
    """What the steps counted besides rows, a line each: `construct: solved 3, rationalized 2, calls 12`."""
    told = ((e["step"], ", ".join(f"{k} {_number(v)}" for k, v in e["counters"].items() if v)) for e in funnel)
    return "\n".join(f"{step}: {counts}" for step, counts in told if counts)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.4g}"
