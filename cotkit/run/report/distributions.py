"""Distributions as small charts: lengths, pass rates, difficulty, domains, sources."""

from __future__ import annotations

from collections import Counter
from math import isfinite
from typing import TYPE_CHECKING

from cotkit.run.report.charts import VERDICTS, bars, histogram, legend
from cotkit.run.report.fates import Fates, columns_of, decoded

if TYPE_CHECKING:
    import polars as pl

# Columns in which sources tell how hard a problem is.
_DIFFICULTY = ("difficulty", "level")


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
    problems = table.unique(("problem_id", "source"), keep="first", maintain_order=True)
    if rated := _rated(problems):
        charts.append(_chart("Difficulty, as a model rates it", rated))
    elif difficulty := _difficulty(problems):
        charts.append(_chart("Difficulty, as its source tells", difficulty))
    if subjects := Counter(problems["subject"].drop_nulls()):
        charts.append(
            _chart("Subject (MSC 2020)", bars([(name, {"kept": float(n)}) for name, n in subjects.most_common()]))
        )
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
        labels = {start: f"{100 * start:.0f} – {100 * start + 10:.0f} %" for start in (i / 10 for i in range(10))}
    else:
        labels = {rate: f"{100 * rate:.0f} %" for rate in found}
    rows = [(labels[rate], {"kept": float(found.get(rate, 0))}) for rate in sorted(labels)]
    return bars(rows, ordered=True) + f"<p class='soft'>problems with a graded attempt: {rates.len():,}</p>"


def _rated(problems: pl.DataFrame) -> str:
    """The column `difficulty` of a features step; empty where there is none."""
    found = Counter(round(value) for value in problems["difficulty"].drop_nulls() if isfinite(value))
    return bars([(str(value), {"kept": float(n)}) for value, n in sorted(found.items())], ordered=True) if found else ""


def _difficulty(problems: pl.DataFrame) -> str:
    """What the sources' own columns say; empty where they say nothing."""
    found: Counter[str] = Counter()
    for text in problems["metadata"].drop_nulls():
        if not any(f'"{key}"' in text for key in _DIFFICULTY):
            continue
        values = decoded(text)
        known = values if isinstance(values, dict) else {}
        value = next((known[k] for k in _DIFFICULTY if isinstance(known.get(k), str | int | float)), None)
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
