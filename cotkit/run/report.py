"""report.html: the funnel and examples of what each step dropped, as one file without scripts."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from typing import Any

from cotkit.run.directory import RunDirectory
from cotkit.run.funnel import Entry, totals

EXAMPLES_PER_REASON = 3
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
table{border-collapse:collapse;width:100%}td,th{
padding:.3rem .6rem;border-bottom:1px solid #ddd;text-align:left;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}details{margin:.4rem 0}summary{cursor:pointer}
pre{white-space:pre-wrap;background:#f6f6f6;padding:.6rem;margin:.3rem 0;overflow-wrap:anywhere}small{color:#666}
"""


def render_report(name: str, funnel: Sequence[Entry], directory: RunDirectory) -> str:
    """The whole page. All text of datasets and teachers is escaped."""
    sums = totals(funnel)
    rows = "".join(_row(e) for e in funnel)
    details = "".join(_dropped(e, directory) for e in funnel if e["dropped"])
    tokens = f"{sums['prompt_tokens']:,.0f} prompt + {sums['completion_tokens']:,.0f} completion tokens"
    tokens += f", ${sums['usd']:,.4f}" if sums["usd"] else ""
    return (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
        f"<title>{html.escape(name)}</title><style>{_STYLE}</style><h1>{html.escape(name)}</h1><p>{tokens}</p>"
        f"<table><tr><th>step<th class='n'>in<th class='n'>kept<th class='n'>dropped<th>why, and what was counted"
        f"<th class='n'>seconds</tr>{rows}</table><h2>What was dropped</h2>{details or '<p>Nothing.</p>'}</html>\n"
    )


def _row(e: Entry) -> str:
    why = ", ".join(f"{reason} {count:,}" for reason, count in e["reasons"].items())
    counted = ", ".join(f"{label} {value:,.6g}" for label, value in e["counters"].items())
    return (
        f"<tr><td>{html.escape(e['step'])}<td class='n'>{e['rows_in']:,} <small>{html.escape(e['unit'])}</small>"
        f"<td class='n'>{e['kept']:,}<td class='n'>{e['dropped']:,}<td>{html.escape(why)}"
        f"<br><small>{html.escape(counted)}</small><td class='n'>{e['seconds']:,.1f}</tr>"
    )


def _dropped(e: Entry, directory: RunDirectory) -> str:
    table = directory.dropped(e["step"])
    parts = [f"<h3>{html.escape(e['step'])}</h3>"]
    for reason, count in e["reasons"].items():
        sample = table.filter(table["reason"] == reason).head(EXAMPLES_PER_REASON)
        shown = "".join(_example(row) for row in sample.iter_rows(named=True))
        parts.append(f"<details><summary>{html.escape(reason)}: {count:,}</summary>{shown}</details>")
    return "".join(parts)


def _example(row: Mapping[str, Any]) -> str:
    where = " · ".join(str(row[c]) for c in ("source", "source_row", "problem_id", "sample") if row.get(c) is not None)
    text = str(row.get("problem") or row.get("response") or row.get("error") or "")[:800]
    evidence = json.dumps(json.loads(row["evidence"]), indent=1, ensure_ascii=False)[:2000]
    shown = f"<pre>{html.escape(text)}</pre>" if text else ""
    return f"<p><small>{html.escape(where)}</small></p>{shown}<pre>{html.escape(evidence)}</pre>"
