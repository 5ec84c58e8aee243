"""Who lost what: reasons by source, and tokens and money by what became of the attempts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cotkit.run.funnel import Entry, totals
from cotkit.run.report.charts import breakable, escape, segments, share

if TYPE_CHECKING:
    import polars as pl

# A matrix wider than this is no longer looked at; further sources are added up.
MOST_SOURCES = 12


def matrix(table: pl.DataFrame) -> str:
    """Reasons by source: how many rows of each source ended where."""
    counted = table.reverse().group_by("step", "reason", "source", maintain_order=True).len()
    by_source: Counter[str] = Counter()
    cells: dict[tuple[str, str | None], Counter[str]] = defaultdict(Counter)
    for step, reason, source, count in counted.iter_rows():
        by_source[source or "unknown"] += count
        cells[step, reason][source or "unknown"] += count
    shown = [name for name, _ in by_source.most_common(MOST_SOURCES)]
    rest = [name for name in by_source if name not in set(shown)]
    head = "".join(f"<th class='n' scope='col'><bdi>{breakable(name)}</bdi>" for name in shown)
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
    return (
        f"<td class='n' style='--heat:{count / of:.3f}'><button class='cell'{given} title='{title}'>{count:,}</button>"
    )


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
    whole = float(spent[measure].sum()) or 1.0
    for line in spent.sort(pl.col("reason").is_not_null(), -pl.col(measure), "len", maintain_order=True).iter_rows(
        named=True
    ):
        fate = (
            f"{escape(line['reason'])} <span class='soft'>at {escape(line['step'])}</span>"
            if line["reason"]
            else "kept"
        )
        usd = f"<td class='n'>${line['usd']:,.2f}" if priced else ""
        part, kind = float(line[measure]), "dropped" if line["reason"] else "kept"
        lines.append(
            f"<tr><th scope='row'>{fate}<td class='flow'>{segments({kind: part}, whole)}"
            f"<td class='n soft'>{share(part, whole)}<td class='n'>{line['len']:,}<td class='n'>{line['tokens']:,}{usd}"
        )
    usd = "<th class='n'>spent" if priced else ""
    return (
        f"<p>{_sentence(funnel, spent, priced)}</p><div class='wide'><table class='cost'><thead><tr>"
        f"<th>what became of it<th class='flow'><th class='n'><th class='n'>attempts<th class='n'>tokens{usd}"
        f"<tbody>{''.join(lines)}</table></div>"
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
