"""Benchmark items among training problems: several methods, each with its score, one closer look."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotkit import records
from cotkit.dedup.boilerplate import shared_lines, without_lines
from cotkit.dedup.confirm import VERBATIM, Finding
from cotkit.dedup.exact import groups
from cotkit.dedup.methods import Hit, Hits, LeakKeys, Text, judged_hits, strict_hits
from cotkit.dedup.plain import plain_texts
from cotkit.dedup.rows import Item, items_of, shown, siblings_frame
from cotkit.errors import InputError
from cotkit.steps import NoProgress, Progress, StepOutput

if TYPE_CHECKING:
    import polars as pl

METHODS = ("exact", "renamed", "containment", "embedding", "formulas", "judge", "published")
# A row's evidence lists at most this many hits; a template may meet hundreds of items.
_LISTED = 10
# Counters of the rows that are kept beside an item which they are like: what the closer look said.
_LOOK_ALIKES = "look-alikes kept"
_KEPT: Mapping[str, str] = {"answers_differ": "leaks but for the answer, kept", "unclear": "unclear look-alikes kept"}


def decontaminate_table(
    problems: pl.DataFrame,
    benchmarks: Mapping[str, pl.DataFrame],
    config: LeakKeys,
    progress: Progress | None = None,
    cache: Path | None = None,
    journal: Path | None = None,
) -> StepOutput:
    """Drop the rows that hold an item of a benchmark, themselves or in a copy that was dropped for them.

    Dropped with reason "leak". Evidence: benchmark, benchmark_row, benchmark_problem, method, score, confirm
    of the surest hit, and `methods`: all hits (up to ten). `secondary["siblings"]`: for each row its nearest
    refused hit (same template, other numbers or question; before these, one that only the reference answer speaks
    against) or unclear one. Counters: rows, items and methods by benchmark.

    Args:
        problems: Problem table.
        benchmarks: name -> table with `problem` and, if there, `answer`, `choices`, `source_row`.
        cache: folder of embeddings; what lies there is not embedded again.
        journal: the judge's journal of paid answers; needed where `config.judge` names no file and is set.

    Raises InputError for a benchmark without rows, for a blank item, and where the weights are missing.
    """
    import polars as pl

    progress = progress or NoProgress()
    known = _benchmark_items(benchmarks)
    items = items_of(problems)
    strict = config.policy == "strict"
    # A text is looked at once, whatever number of rows have it. A row also answers for the copies that were dropped
    # for it; published rules know of none.
    seen = [(item.text, *(item.copies if strict else ())) for item in items]
    owner = [row for row, texts_of in enumerate(seen) for _ in texts_of]
    own = [(text, item.answer) for item, texts_of in zip(items, seen, strict=True) for text in texts_of]
    by_text = groups(own)
    places = list(by_text.values())
    judged: dict[str, float] = {}
    if strict:
        texts, targets = _texts([own[at[0]] for at in places], known)
        hits = strict_hits(texts, targets, config, progress, cache)
        if config.judge is not None:
            judged = {"pairs judged": float(judged_hits(texts, targets, config.judge, journal, hits, progress))}
    else:
        hits = _published([own[at[0]][0] for at in places], known, config, progress, cache)
    met: dict[int, list[Hit]] = {}
    for number in sorted(hits):
        for row in dict.fromkeys(owner[place] for place in places[number]):
            met.setdefault(row, []).extend(hits[number])
    leaks: dict[int, list[Hit]] = {}
    near: dict[int, Hit] = {}
    for row, hit in met.items():
        found = _best_of_each(hit)
        if confirmed := [one for one in found if one.finding.same]:
            leaks[row] = confirmed
        elif found:
            near[row] = max(found, key=_told_first)
    order = sorted(leaks)
    evidence = [_evidence(known, leaks[row]) for row in order]
    dropped = records.dropped_frame(problems, order, ["leak"] * len(order), evidence)
    kept = problems[[i for i in range(problems.height) if i not in leaks]]
    if strict and "copies" in kept.columns:
        kept = kept.with_columns(copies=pl.lit(None, dtype=kept.schema["copies"]))
    siblings = siblings_frame([_near_miss(items[row], known, near[row]) for row in sorted(near)])
    kinds = Counter(_KEPT.get(hit.finding.kind, _LOOK_ALIKES) for hit in near.values())
    kept_beside = {_LOOK_ALIKES: 0.0, **{name: float(count) for name, count in sorted(kinds.items())}}
    counters = _counters(benchmarks, known, leaks) | kept_beside | judged
    return StepOutput(kept, dropped, counters=counters, secondary={"siblings": siblings})


def _texts(rows: Sequence[tuple[str, str | None]], known: Sequence[Item]) -> tuple[list[Text], list[Text]]:
    """Rows and items as they are compared: plain, without what a benchmark has in half of its items."""
    plain = plain_texts([*(text for text, _ in rows), *(item.text for item in known)])
    by_name = groups(item.source for item in known)
    items = plain[len(rows) :]
    shared = frozenset[str]().union(*(shared_lines([items[i] for i in own]) for own in by_name.values()))
    answers = [*(answer for _, answer in rows), *(item.answer for item in known)]
    found = [Text(without_lines(text, shared), answer) for text, answer in zip(plain, answers, strict=True)]
    return found[: len(rows)], found[len(rows) :]


def _best_of_each(hits: Sequence[Hit]) -> list[Hit]:
    """The surest hit of each method with each item, the surest method first."""
    found: dict[tuple[str, int], Hit] = {}
    for hit in sorted(hits, key=lambda h: (METHODS.index(h.method), not h.finding.same, -h.score, h.item)):
        found.setdefault((hit.method, hit.item), hit)
    return sorted(found.values(), key=lambda h: (METHODS.index(h.method), -h.score, h.item))


def _told_first(hit: Hit) -> tuple[bool, bool, float, int]:
    """Greatest for the look-alike of a row that a person should see."""
    return hit.finding.kind == "answers_differ", hit.finding.kind != "unclear", hit.score, -hit.item


def _published(
    texts: Sequence[str], known: Sequence[Item], config: LeakKeys, progress: Progress, cache: Path | None
) -> Hits:
    from cotkit.dedup.published import RULES

    hits: Hits = {}
    rule = RULES[config.policy]
    finding = Finding("same_problem", {"looked_at": False})
    for number, item, score in rule(texts, [k.text for k in known], progress, cache):
        hits.setdefault(number, []).append(Hit(item, "published", score, finding))
    return hits


def _benchmark_items(benchmarks: Mapping[str, pl.DataFrame]) -> list[Item]:
    known: list[Item] = []
    for name, table in benchmarks.items():
        if "problem" not in table.columns:
            raise InputError(
                f"the benchmark '{name}' has no column 'problem'; its columns are {', '.join(table.columns)}"
            )
        if not table.height:
            raise InputError(f"the benchmark '{name}' has no rows; a leak check against nothing finds nothing")
        if (blank := table["problem"].is_null() | (table["problem"].str.strip_chars() == "")).any():
            raise InputError(
                f"the benchmark '{name}' has no problem text in row {blank.arg_max()}; a benchmark must be whole"
            )
        known.extend(items_of(table.drop("source", strict=False), name))
    return known


def _evidence(known: Sequence[Item], found: Sequence[Hit]) -> dict[str, Any]:
    best = found[0]
    return {
        **_named(known, best),
        "benchmark_problem": shown(known[best.item].text),
        "benchmark_problem_id": records.problem_id(known[best.item].text),
        "methods": [_named(known, hit) for hit in found[:_LISTED]],
    }


def _named(known: Sequence[Item], hit: Hit) -> dict[str, Any]:
    item = known[hit.item]
    looked = hit.finding.detail.get("looked_at", True)
    return {
        "benchmark": item.source,
        "benchmark_row": item.row,
        "method": hit.method,
        "score": hit.score,
        "confirm": hit.finding.kind if looked else "not_looked_at",
        "kind": "same" if _as_it_stands(hit) else "reworded",
    }


def _as_it_stands(hit: Hit) -> bool:
    """Word for word, but for layout, names of variables and what stands around it; or a published rule says so."""
    if hit.method in ("exact", "renamed", "published"):
        return True
    return (hit.method == "containment" and hit.score >= VERBATIM) or not hit.finding.detail.keys().isdisjoint(
        ("inside", "cut")
    )


def _near_miss(item: Item, known: Sequence[Item], hit: Hit) -> Mapping[str, Any]:
    there = known[hit.item]
    return {
        "source": item.source,
        "source_row": item.row,
        "problem_id": item.problem_id,
        "other_source": there.source,
        "other_row": there.row,
        "other_problem": shown(there.text),
        "kind": hit.finding.kind,
        "method": hit.method,
        "score": hit.score,
        "detail": json.dumps(hit.finding.detail, sort_keys=True, ensure_ascii=False),
    }


def _counters(
    benchmarks: Mapping[str, Any], known: Sequence[Item], leaks: Mapping[int, Sequence[Hit]]
) -> dict[str, float]:
    """Per benchmark: rows dropped for it, its items that were met, rows by method."""
    rows: dict[str, float] = {}
    met = {
        name: {h.item for found in leaks.values() for h in found if known[h.item].source == name} for name in benchmarks
    }
    for name in benchmarks:
        mine = [[h for h in found if known[h.item].source == name] for found in leaks.values()]
        rows[f"{name}: rows"] = float(sum(bool(found) for found in mine))
        rows[f"{name}: items met"] = float(len(met[name]))
        for method in METHODS:
            count = sum(any(h.method == method for h in found) for found in mine)
            if count:
                rows[f"{name} by {method}"] = float(count)
    return rows
