"""Rows shown one beside the other: leaks with their benchmark item, duplicates with what was kept, examples."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotkit.run.report.charts import escape
from cotkit.run.report.fates import Fates, columns_of, decoded, read

if TYPE_CHECKING:
    import polars as pl

    from cotkit.run.directory import RunDirectory
    from cotkit.run.funnel import Entry

# Pairs of one step in the page; all of them are among the rows.
MOST_PAIRS = 40
_UNFOLDED = 8
MOST_LOOK_ALIKES = 10
_LONGEST, _TAIL = 1_500, 400
# Evidence of a pair: prefix of its keys -> what the other side is called.
_OTHERS: Mapping[str, str] = {"benchmark": "benchmark", "kept": "kept instead"}


def pairs(funnel: Sequence[Entry], directory: RunDirectory, fates: Fates, prefix: str) -> str:
    """The pairs whose evidence names a `<prefix>_problem`, surest first; and the look-alikes that were kept."""
    parts = []
    for line in funnel:
        folder = directory.find(line["step"])
        if folder is None or not {"evidence", "problem"} <= columns_of(folder / "dropped.parquet"):
            continue
        found = _dropped(folder / "dropped.parquet", prefix)
        if not found:
            continue
        drawn = [_pair(row, prefix) for row in _turns(found, prefix)[:MOST_PAIRS]]
        shown, folded, rest = "".join(drawn[:_UNFOLDED]), drawn[_UNFOLDED:], len(found) - MOST_PAIRS
        more = f"<details><summary>{len(folded)} more pairs</summary>{''.join(folded)}</details>" if folded else ""
        more += f"<p class='soft'>{rest:,} further ones are among the rows below.</p>" if rest > 0 else ""
        parts.append(f"<h3>{escape(line['step'])}: {len(found):,}</h3>{shown}{more}")
        parts.append(_look_alikes(folder / "siblings.parquet", fates))
    return "".join(parts)


def _dropped(path: Path, prefix: str) -> list[dict[str, Any]]:
    """The rows with another problem in their evidence, highest score first."""
    import polars as pl

    table = read(path, ("problem", "source", "source_row", "reason", "evidence"))
    table = table.filter(pl.col("evidence").str.contains(f'"{prefix}_problem"', literal=True))
    rows = [{**row, "evidence": decoded(row["evidence"])} for row in table.iter_rows(named=True)]
    paired = [row for row in rows if isinstance(row["evidence"], dict) and f"{prefix}_problem" in row["evidence"]]
    return sorted(paired, key=lambda row: -_score(row["evidence"]))


def _score(evidence: Mapping[str, Any]) -> float:
    score = evidence.get("score")
    return float(score) if isinstance(score, int | float) else 0.0


def _turns(rows: Sequence[dict[str, Any]], prefix: str) -> list[dict[str, Any]]:
    """Methods take turns, so that the few of a rare one are seen too."""
    turn: dict[str, int] = {}
    keyed = []
    for row in rows:
        method = f"{row['reason']} {row['evidence'].get('method')} {row['evidence'].get(prefix, '')}"
        turn[method] = turn.get(method, 0) + 1
        keyed.append((turn[method], row))
    return [row for _, row in sorted(keyed, key=lambda pair: pair[0])]


def _pair(row: Mapping[str, Any], prefix: str) -> str:
    evidence = row["evidence"]
    name = evidence.get(prefix) or evidence.get(f"{prefix}_source") or ""
    number = evidence.get(f"{prefix}_row")
    told = {
        "reason": row["reason"],
        **{k: evidence[k] for k in ("method", "kind", "confirm", "score") if k in evidence},
    }
    return _beside(
        told,
        (f"{row['source']}:{row['source_row']}", row["problem"]),
        (f"{_OTHERS[prefix]} {name}" + (f":{number}" if number is not None else ""), evidence[f"{prefix}_problem"]),
    )


def _look_alikes(path: Path, fates: Fates) -> str:
    """Pairs of one template that are different problems: kept, and worth a look."""
    import polars as pl

    if not {"other_problem", "score"} <= columns_of(path):
        return ""
    table = pl.read_parquet(path, glob=False)
    if table.is_empty():
        return ""
    table = table.sort("score", descending=True).head(MOST_LOOK_ALIKES)
    texts = [read(p, ("problem_id", "problem")) for p in fates.problems]
    known = dict(
        pl.concat(texts)
        .filter(pl.col("problem_id").is_in(table["problem_id"].to_list()))["problem_id", "problem"]
        .iter_rows()
    )
    shown = "".join(
        _beside(
            {k: row[k] for k in ("kind", "method", "score")},
            (f"{row['source']}:{row['source_row']}", known.get(row["problem_id"], "")),
            (f"{row['other_source']}:{row['other_row']}", row["other_problem"]),
        )
        for row in table.iter_rows(named=True)
    )
    count = pl.scan_parquet(path, glob=False).select(pl.len()).collect().item()
    return f"<details><summary>Look-alikes that were kept: {count:,}</summary>{shown}</details>"


def _beside(told: Mapping[str, Any], left: tuple[str, str], right: tuple[str, str]) -> str:
    words = {k: f"{v:.3g}" if isinstance(v, float) else str(v).replace("_", " ") for k, v in told.items()}
    said = "".join(f"<span>{k} <b>{escape(word)}</b></span>" for k, word in words.items())
    sides = "".join(
        f"<div><h4><bdi>{escape(name)}</bdi></h4><div class='text' dir='auto'>{_clipped(text)}</div></div>"
        for name, text in (left, right)
    )
    return f"<article class='pair'><p class='facts'>{said}</p><div class='sides'>{sides}</div></article>"


def _clipped(text: str | None, longest: int = _LONGEST) -> str:
    text = text or ""
    return escape(text) if len(text) <= longest else f"{escape(text[:longest])} […]"


def examples(everything: pl.DataFrame, table: pl.DataFrame, records: Mapping[int, Mapping[str, Any]]) -> str:
    """`records` of rows of `table`, grouped by step and reason; `everything` is what is counted."""
    counts = {(step, reason): n for step, reason, n in everything.group_by("step", "reason").len().iter_rows()}
    parts: list[str] = []
    before, open_reason = None, None
    for row, record in records.items():
        line = table.row(row, named=True)
        if line["step"] != before:
            parts.append(("</details>" if open_reason else "") + f"<h3>{escape(line['step'])}</h3>")
            before, open_reason = line["step"], None
        if line["reason"] != open_reason:
            opened = "</details>" if open_reason else ""
            open_reason = line["reason"]
            parts.append(
                opened + f"<details><summary>{escape(open_reason)} <b>{counts[before, open_reason]:,}</b></summary>"
            )
        parts.append(_example(row, line, record))
    return (
        "".join(parts) + ("</details>" if open_reason else "") if parts else "<p class='soft'>Nothing was dropped.</p>"
    )


def _example(row: int, line: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    where = f"{line['source'] or 'unknown'}:{line['source_row']}" + (
        "" if line["sample"] is None else f", attempt {line['sample']}"
    )
    end = str(record.get("response") or record.get("reasoning") or record.get("error") or "")
    evidence = record.get("evidence", {})
    given = evidence.items() if isinstance(evidence, dict) else [("evidence", evidence)]
    facts = "".join(
        f"<dt>{escape(k.replace('_', ' '))}<dd dir='auto'>{escape(_told(v))}" for k, v in given if v is not None
    )
    tail = f"{'[…] ' if len(end) > _TAIL else ''}{escape(end[-_TAIL:])}"
    ending = f"<h4>how the attempt ends</h4><div class='text trace' dir='auto'>{tail}</div>" if end else ""
    return (
        f"<article class='example'><p class='facts'><bdi>{escape(where)}</bdi> "
        f"<button class='open' data-row='{row}'>open</button></p>"
        f"<div class='text' dir='auto'>{_clipped(record.get('problem'), _TAIL)}</div>{ending}"
        f"<dl class='evidence'>{facts}</dl></article>"
    )


def _told(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 600 else text[:600] + " […]"
