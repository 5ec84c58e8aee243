"""The figures of the report: funnel, distributions, reasons by source, cost."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cotkit.run.funnel import Entry, totals
from cotkit.run.report.charts import VERDICTS, bars, escape, histogram, legend, segments, share
from cotkit.run.report.fates import Fates, columns_of

if TYPE_CHECKING:
    import polars as pl

# A matrix wider than this is no longer looked at; further sources are added up.
MOST_SOURCES = 12
_SHOWN_ELSEWHERE = ("prompt_tokens", "completion_tokens", "usd")
_VERDICTS = ("correct", "incorrect", "undecided")
_DIFFICULTY = ("difficulty", "level")


def tiles(funnel: Sequence[Entry], table: pl.DataFrame) -> str:
    """The few numbers to see first."""
    attempts = table.filter(table["sample"].is_not_null())
    kept, sums = (funnel[-1]["kept"], totals(funnel)) if funnel else (0, totals([]))
    graded = attempts["verdict"].is_not_null().sum()
    correct = (attempts["verdict"] == "correct").sum()
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
        shown.append(("spent", f"${sums['usd']:,.2f}", f"${sums['usd'] / kept:,.4f} a {_end(funnel)} row" if kept else ""))
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
        "<table class='funnel'><thead><tr><th>step<th class='flow'><th class='n'>in<th class='n'>kept<th class='n'>dropped"
        f"<th class='why'>why<th class='n'>tokens{usd}<th class='n'>time<tbody>{lines}</table>"
    )


def _funnel_line(line: Entry, widest: int, paid: bool) -> str:
    counters: Mapping[str, float] = line["counters"]
    chips = "".join(filter_button(r, {"step": line["step"], "reason": r}, n) for r, n in line["reasons"].items())
    chips += "".join(
        filter_button(v, {"verdict": v}, int(counters[v]), v) for v in _VERDICTS if v in counters
    )
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


def distributions(fates: Fates) -> str:
    """Small charts, those that the run has data for."""
    import polars as pl

    table = fates.table
    attempts = table.filter(pl.col("sample").is_not_null()).with_columns(pl.col("verdict").fill_null("not graded"))
    charts = []
    if attempts.height:
        unit, sized = _lengths(fates, attempts)
        groups = {v: sized.filter(pl.col("verdict") == v)["size"].to_list() for v in VERDICTS}
        groups = {name: values for name, values in groups.items() if values}
        charts.append(_chart("Length of traces", histogram(groups, unit) + legend(list(groups))))
        charts.append(_chart("Pass rate of problems", _pass_rates(attempts)))
    if difficulty := _difficulty(table):
        charts.append(_chart("Difficulty, as its source tells", difficulty))
    for title, column in (("Domain", "domain"), ("Source", "source")):
        counted = table.group_by(column, maintain_order=True).agg(
            kept=pl.col("reason").is_null().sum(), dropped=pl.col("reason").is_not_null().sum()
        )
        rows = [(name or "unknown", {"kept": kept, "dropped": gone}) for name, kept, gone in counted.iter_rows()]
        charts.append(_chart(title, bars(rows) + legend(("kept", "dropped"))))
    return f"<div class='charts'>{''.join(charts)}</div>"


def _chart(title: str, drawn: str) -> str:
    return f"<figure><figcaption>{title}</figcaption>{drawn}</figure>"


def _lengths(fates: Fates, attempts: pl.DataFrame) -> tuple[str, pl.DataFrame]:
    """Tokens as the provider counted them; characters where it counted none."""
    import polars as pl

    counted = attempts.select("verdict", size="completion_tokens").drop_nulls("size")
    if counted.height:
        return "tokens of reasoning and response", counted
    texts = pl.col("reasoning").fill_null("").str.len_chars() + pl.col("response").fill_null("").str.len_chars()
    sizes = [
        pl.scan_parquet(path, glob=False)
        .with_row_index("text_at")
        .select(pl.col("text_at").cast(pl.Int64), text=pl.lit(number, pl.Int64), size=texts.cast(pl.Int64))
        .collect(engine="streaming")
        for number, path in enumerate(fates.places)
        if "reasoning" in columns_of(path)
    ]
    return "characters of reasoning and response", attempts.join(pl.concat(sizes), on=("text", "text_at"))


def _pass_rates(attempts: pl.DataFrame) -> str:
    """As selection counts it: an attempt cut off is not solved, one that nobody could grade does not count."""
    import polars as pl

    counts = (pl.col("verdict") != "undecided") | (pl.col("status") != "done")
    graded = attempts.filter((pl.col("verdict") != "not graded") & counts)
    rates = graded.group_by("problem_id").agg(rate=(pl.col("verdict") == "correct").mean())["rate"]
    if rates.is_empty():
        return "<p class='soft'>Nothing is graded yet.</p>"
    found = Counter(round(rate, 4) for rate in rates)
    if len(found) > 11:
        found = Counter(min(int(rate * 10), 9) / 10 for rate in rates)
        labels = {start: f"{start:.0%} – {start + 0.1:.0%}" for start in (i / 10 for i in range(10))}
    else:
        labels = {rate: f"{rate:.0%}" for rate in found}
    rows = [(labels[rate], {"kept": float(found.get(rate, 0))}) for rate in sorted(labels)]
    return bars(rows, ordered=True) + f"<p class='soft'>problems with a graded attempt: {rates.len():,}</p>"


def _difficulty(table: pl.DataFrame) -> str:
    """What the sources' own columns say; empty where they say nothing."""
    found: Counter[str] = Counter()
    for text in table.unique(("problem_id", "source"), keep="first", maintain_order=True)["metadata"].drop_nulls():
        if not any(f'"{key}"' in text for key in _DIFFICULTY):
            continue
        values = json.loads(text)
        value = next((values[k] for k in _DIFFICULTY if isinstance(values.get(k), str | int | float)), None)
        if value is not None:
            found[str(value)[:40]] += 1
    if not found:
        return ""
    return bars([(name, {"kept": float(n)}) for name, n in sorted(found.items(), key=_by_number)], ordered=True)


def _by_number(item: tuple[str, int]) -> tuple[float, str]:
    try:
        return float(item[0].removeprefix("Level ")), item[0]
    except ValueError:
        return float("inf"), item[0]


def matrix(table: pl.DataFrame) -> str:
    """Reasons by source: how many rows of each source ended where."""
    counted = table.group_by("step", "reason", "source", maintain_order=True).len()
    by_source: Counter[str] = Counter()
    cells: dict[tuple[str, str | None], Counter[str]] = defaultdict(Counter)
    for step, reason, source, count in counted.iter_rows():
        by_source[source or "unknown"] += count
        cells[step, reason][source or "unknown"] += count
    shown = [name for name, _ in by_source.most_common(MOST_SOURCES)]
    rest = [name for name in by_source if name not in set(shown)]
    head = "".join(f"<th class='n' scope='col'><bdi>{escape(name)}</bdi>" for name in shown)
    head += f"<th class='n' scope='col'>{len(rest)} others" if rest else ""
    head += "<th class='n' scope='col'>all" if len(by_source) > 1 else ""
    lines, before = "", None
    for (step, reason), counts in cells.items():
        if step != before:
            lines += f"<tr class='group'><th colspan='{len(shown) + 3}' scope='colgroup'>{escape(step)}"
        before = step
        inside = "".join(_cell(counts[name], by_source[name], step, reason, name) for name in shown)
        inside += f"<td class='n'>{sum(counts[name] for name in rest):,}" if rest else ""
        inside += f"<td class='n'>{counts.total():,}" if len(by_source) > 1 else ""
        lines += f"<tr><th scope='row'>{escape(reason or 'kept')}{inside}"
    return f"<div class='wide' tabindex='0'><table class='matrix'><thead><tr><td>{head}<tbody>{lines}</table></div>"


def _cell(count: int, of: int, step: str, reason: str | None, source: str) -> str:
    if not count:
        return "<td class='n soft'>·"
    data = {"step": step, "reason": reason or "", "source": source}
    given = "".join(f" data-{name}='{escape(value)}'" for name, value in data.items())
    title = f"{share(count, of)} of {escape(source)}"
    return f"<td class='n' style='--heat:{count / of:.3f}'><button class='cell'{given} title='{title}'>{count:,}</button>"


def cost(funnel: Sequence[Entry], table: pl.DataFrame) -> str:
    """Tokens and money by what became of the attempts they were spent on."""
    import polars as pl

    attempts = table.filter(pl.col("sample").is_not_null())
    if attempts.is_empty():
        return "<p class='soft'>No teacher was asked.</p>"
    tokens = pl.col("prompt_tokens").fill_null(0) + pl.col("completion_tokens").fill_null(0)
    spent = attempts.group_by("step", "reason", maintain_order=True).agg(
        pl.len(), tokens=tokens.sum(), usd=pl.col("cost_usd").fill_null(0.0).sum()
    )
    lines, priced = [], bool(spent["usd"].sum())
    measure = "usd" if priced else "tokens"
    whole = spent[measure].sum() or 1
    for line in spent.sort(pl.col("reason").is_not_null(), -pl.col(measure), "len", maintain_order=True).iter_rows(named=True):
        fate = escape(f"{line['reason']} ({line['step']})") if line["reason"] else "kept"
        usd = f"<td class='n'>${line['usd']:,.2f}" if priced else ""
        lines.append(
            f"<tr><th scope='row'>{fate}<td class='flow'>{segments({'dropped' if line['reason'] else 'kept': line[measure]}, whole)}"
            f"<td class='n soft'>{share(line[measure], whole)}<td class='n'>{line['len']:,}<td class='n'>{line['tokens']:,}{usd}"
        )
    usd = "<th class='n'>spent" if priced else ""
    return (
        f"<p>{_sentence(funnel, spent, priced)}</p><div class='wide'><table class='cost'><thead><tr><th>what became of it<th class='flow'>"
        f"<th class='n'><th class='n'>attempts<th class='n'>tokens{usd}<tbody>{''.join(lines)}</table></div>"
    )


def _sentence(funnel: Sequence[Entry], spent: Any, priced: bool) -> str:
    """What a kept row cost, and what share went into rows that nobody gets."""
    sums = totals(funnel)
    kept = spent.filter(spent["reason"].is_null())
    rows, all_tokens, kept_tokens = int(kept["len"].sum()), int(spent["tokens"].sum()), int(kept["tokens"].sum())
    each = f"; {all_tokens / rows:,.0f} for each of the {rows:,} kept" if rows else ""
    said = f"{all_tokens:,} tokens for {int(spent['len'].sum()):,} attempts{each}."
    if all_tokens:
        said += f" {share(all_tokens - kept_tokens, all_tokens)} of the tokens went into attempts that were dropped."
    if priced or sums["usd"]:
        per_row = f", ${sums['usd'] / rows:,.4f} a kept row" if rows else ""
        said += f" Spent in all steps: ${sums['usd']:,.2f}{per_row}."
    else:
        said += " No price is known for them."
    return said
