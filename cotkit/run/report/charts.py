"""Bars and histograms as HTML: numbers stand beside every bar, so nothing is told by length or colour alone."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Mapping, Sequence

# Order of the parts of a stacked bar; the style sheet has a colour for each.
VERDICTS = ("correct", "incorrect", "undecided", "not graded")
MOST_BARS = 12


def escape(text: object) -> str:
    """For element content and quoted attributes."""
    return html.escape(str(text), quote=True)


def breakable(name: str) -> str:
    """A name that may be broken where its words end."""
    return re.sub(r"([/_.:-])", r"\1<wbr>", escape(name))


def share(part: float, whole: float) -> str:
    """`12 %`, `0.4 %`, `< 0.1 %`; empty where there is no whole."""
    if not whole:
        return ""
    percent = 100 * part / whole
    if 0 < percent < 0.1:
        return "< 0.1 %"
    return f"{percent:.0f} %" if percent >= 10 or percent == round(percent) else f"{percent:.1f} %"


def segments(parts: Mapping[str, float], longest: float) -> str:
    """One stacked bar; `longest` is what fills the whole width."""
    drawn = "".join(
        f"<i class='{name.replace(' ', '-')}' style='width:{100 * value / longest:.3f}%'></i>"
        for name, value in parts.items()
        if value
    )
    return f"<span class='bar'>{drawn}</span>"


def bars(rows: Sequence[tuple[str, Mapping[str, float]]], ordered: bool = False) -> str:
    """Horizontal bars with label and count, the longest first unless `ordered`; the rest is added up in one line."""
    if not ordered:
        rows = sorted(rows, key=lambda row: -sum(row[1].values()))
    if len(rows) > MOST_BARS:
        rest: dict[str, float] = {}
        for _, parts in rows[MOST_BARS - 1 :]:
            for name, value in parts.items():
                rest[name] = rest.get(name, 0) + value
        rows = [*rows[: MOST_BARS - 1], (f"{len(rows) - MOST_BARS + 1} others", rest)]
    whole = sum(sum(parts.values()) for _, parts in rows)
    longest = max((sum(parts.values()) for _, parts in rows), default=0) or 1
    lines = "".join(
        f"<tr><th scope='row'><bdi>{escape(label)}</bdi><td class='flow'>{segments(parts, longest)}"
        f"<td class='n'>{sum(parts.values()):,.0f}<td class='n soft'>{share(sum(parts.values()), whole)}"
        for label, parts in rows
    )
    return f"<table class='bars'>{lines}</table>"


def histogram(groups: Mapping[str, Sequence[float]], unit: str) -> str:
    """Stacked columns of equal width; the last one also holds all that is larger."""
    values = sorted(value for group in groups.values() for value in group)
    if not values:
        return ""
    most = values[min(len(values) - 1, int(len(values) * 0.995))]
    step = _round_step(most / 20)
    count = int(most // step) + 1
    columns = [dict.fromkeys(groups, 0) for _ in range(count)]
    for name, group in groups.items():
        for value in group:
            columns[min(int(value // step), count - 1)][name] += 1
    tallest = max(sum(column.values()) for column in columns)
    drawn = "".join(_column(column, i * step, step, i == count - 1, tallest, unit) for i, column in enumerate(columns))
    marks = "".join(f"<span>{_short(i * step)}</span>" for i in range(0, count, max(1, math.ceil(count / 5))))
    middle = values[len(values) // 2]
    return (
        f"<div class='histogram'><div class='columns'>{drawn}</div><div class='axis'>{marks}</div></div>"
        f"<p class='soft'>{unit}; half of them below {middle:,.0f}, the longest {values[-1]:,.0f}</p>"
    )


def _column(column: Mapping[str, int], start: float, step: float, last: bool, tallest: int, unit: str) -> str:
    total = sum(column.values())
    told = ", ".join(f"{name} {value:,}" for name, value in column.items() if value)
    to = "and more" if last else f"to {start + step:,.0f}"
    parts = "".join(
        f"<i class='{name.replace(' ', '-')}' style='height:{100 * value / tallest:.2f}%'></i>"
        for name, value in column.items()
        if value
    )
    return f"<span title='{start:,.0f} {to} {escape(unit)}: {total:,} ({escape(told)})'>{parts}</span>"


def _round_step(least: float) -> float:
    power = 10.0 ** math.floor(math.log10(max(least, 1)))
    return next(power * m for m in (1, 2, 5, 10) if power * m >= least)


def _short(value: float) -> str:
    return f"{value / 1000:,.3g}k" if value >= 1000 else f"{value:,.0f}"


def legend(names: Sequence[str]) -> str:
    """Which colour means what."""
    return "<p class='legend'>" + "".join(f"<span><i class='{n.replace(' ', '-')}'></i>{n}</span>" for n in names)
