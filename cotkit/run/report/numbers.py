"""The headline figures and the funnel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from cotkit.run.funnel import Entry, totals
from cotkit.run.report.charts import escape, segments, share

if TYPE_CHECKING:
    import polars as pl

_SHOWN_ELSEWHERE = ("prompt_tokens", "completion_tokens", "usd")
_VERDICTS = ("correct", "incorrect", "undecided")


def tiles(funnel: Sequence[Entry], table: pl.DataFrame) -> str:
    """The few numbers to see first."""
    attempts = table.filter(table["sample"].is_not_null())
    kept, sums = (funnel[-1]["kept"], totals(funnel)) if funnel else (0, totals([]))
    graded = int(attempts["verdict"].is_not_null().sum())
    correct = int((attempts["verdict"] == "correct").sum())
    shown = [("rows read", f"{funnel[0]['rows_in']:,}" if funnel else "0", "")]
    if attempts.height:
        shown.append(("attempts", f"{attempts.height:,}", f"at {attempts['problem_id'].n_unique():,} problems"))
    if graded:
        shown.append(("correct", f"{correct:,}", f"{share(correct, graded)} of those graded"))
    shown.append((_end(funnel), f"{kept:,}", funnel[-1]["unit"] if funnel else ""))
    tokens = sums["prompt_tokens"] + sums["completion_tokens"]
    if tokens:
        shown.append(("tokens", _compact(tokens), f"{tokens / kept:,.0f} a {_end(funnel)} row" if kept else ""))
    if sums["usd"]:
        shown.append(
            ("spent", f"${sums['usd']:,.2f}", f"${sums['usd'] / kept:,.4f} a {_end(funnel)} row" if kept else "")
        )
    drawn = "".join(f"<div><dt>{name}</dt><dd>{value}<small>{note}</small></dd></div>" for name, value, note in shown)
    return f"<dl class='tiles'>{drawn}</dl>"


def _end(funnel: Sequence[Entry]) -> str:
    return "published" if any(line["kind"] == "publish" for line in funnel) else "kept"


def _compact(value: float) -> str:
    for size, mark in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= size:
            return f"{value / size:.3g}{mark}"
    return f"{value:,.0f}"


def funnel_table(funnel: Sequence[Entry]) -> str:
    """One line a step: what came in, what stayed, what went and why, and what it took."""
    widest: dict[str, int] = {}
    for line in funnel:
        widest[line["unit"]] = max(widest.get(line["unit"], 1), line["rows_in"])
    paid = any(line["counters"].get("usd") for line in funnel)
    lines = "".join(_funnel_line(line, widest[line["unit"]], paid) for line in funnel)
    usd = "<th class='n'>spent" if paid else ""
    return (
        "<table class='funnel'><thead><tr><th>step<th class='flow'><th class='n'>in<th class='n'>kept"
        "<th class='n'>dropped"
        f"<th class='why'>why<th class='n'>tokens{usd}<th class='n'>time<tbody>{lines}</table>"
    )


def _funnel_line(line: Entry, widest: int, paid: bool) -> str:
    counters: Mapping[str, float] = line["counters"]
    chips = "".join(filter_button(r, {"step": line["step"], "reason": r}, n) for r, n in line["reasons"].items())
    chips += "".join(filter_button(v, {"verdict": v}, int(counters[v]), v) for v in _VERDICTS if v in counters)
    others = [f"{escape(k)} {v:,.6g}" for k, v in counters.items() if k not in (*_VERDICTS, *_SHOWN_ELSEWHERE) and v]
    if line["incomplete"]:
        others.append(f"{line['incomplete']:,} to be asked again")
    more = f"<small>{' · '.join(others)}</small>" if others else ""
    tokens = counters.get("prompt_tokens", 0) + counters.get("completion_tokens", 0)
    usd = f"<td class='n usd'>{'$' + format(counters['usd'], ',.2f') if counters.get('usd') else ''}" if paid else ""
    bar = segments({"kept": line["kept"], "dropped": line["dropped"]}, max(widest, line["kept"] + line["dropped"], 1))
    gone = f"{line['dropped']:,}" if line["dropped"] else ""
    return (
        f"<tr><th scope='row'>{escape(line['step'])}<small>{escape(line['unit'])}</small><td class='flow'>{bar}"
        f"<td class='n in'>{line['rows_in']:,}<td class='n kept'>{line['kept']:,}<td class='n gone'>{gone}"
        f"<td class='why'>{chips}{more}<td class='n tokens'>{_compact(tokens) if tokens else ''}{usd}"
        f"<td class='n time'>{line['seconds']:,.1f} s"
    )


def filter_button(label: str, filters: Mapping[str, str], count: int, kind: str = "dropped") -> str:
    """A word with a count that shows its rows in the browser below."""
    data = "".join(f" data-{name}='{escape(value)}'" for name, value in filters.items())
    return f"<button class='chip {kind}'{data}>{escape(label)}<b>{count:,}</b></button>"
