"""Benchmark items among training problems: several methods, each with its score, one closer look."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from cotkit import records
from cotkit.dedup.config import Containment, LeakEmbedding
from cotkit.dedup.confirm import Finding, confirm_leak
from cotkit.dedup.contain import build_index
from cotkit.dedup.exact import groups, match_key
from cotkit.dedup.facts import Facts, facts, token_facts
from cotkit.dedup.normal import without_figures, words
from cotkit.dedup.rows import Item, items_of, shown, siblings_frame
from cotkit.errors import InputError
from cotkit.steps import NoProgress, Progress, StepOutput

if TYPE_CHECKING:
    import polars as pl

METHODS = ("exact", "renamed", "containment", "embedding")
# A row's evidence lists at most this many hits; a template may meet hundreds of items.
_LISTED = 10


class LeakKeys(Protocol):
    """What decontaminate_table reads of its config; the step Decontaminate has it."""

    @property
    def exact(self) -> bool: ...
    @property
    def renamed(self) -> bool: ...
    @property
    def containment(self) -> Containment | None: ...
    @property
    def embedding(self) -> LeakEmbedding | None: ...


@dataclass(frozen=True, slots=True)
class _Hit:
    """One method's match of one text with one benchmark item."""

    item: int
    method: str
    score: float
    finding: Finding


# Text number -> its hits, the ones that the closer look refused among them.
_Hits = dict[int, list[_Hit]]


@dataclass(frozen=True, slots=True)
class _Text:
    """A distinct (text, answer) of the table; rows with the same are looked at once."""

    text: str
    answer: str | None
    facts: Facts


def decontaminate_table(
    problems: pl.DataFrame,
    benchmarks: Mapping[str, pl.DataFrame],
    config: LeakKeys,
    progress: Progress | None = None,
) -> StepOutput:
    """Drop the rows that hold an item of a benchmark.

    Dropped with reason "leak". Evidence: benchmark, benchmark_row, benchmark_problem, method, score, confirm
    of the surest hit, and `methods`: all hits (up to ten). `secondary["siblings"]`: for each row its nearest
    refused hit (same template, other numbers or question). Counters: rows, items and methods by benchmark.

    Args:
        problems: Problem table.
        benchmarks: name -> table with `problem` and, if there, `answer`, `choices`, `source_row`.

    Raises InputError for a benchmark without rows, for a blank item, and where the weights are missing.
    """
    progress = progress or NoProgress()
    known = _benchmark_items(benchmarks)
    items = items_of(problems)
    by_text = groups(json.dumps([item.text, item.answer]) for item in items)
    rows_of = list(by_text.values())
    texts = [_Text(items[rows[0]].text, items[rows[0]].answer, facts(items[rows[0]].text)) for rows in rows_of]
    known_facts = [facts(item.text) for item in known]
    hits: _Hits = {}
    if config.exact:
        _equal_hits(texts, known, known_facts, "exact", hits)
    if config.renamed:
        _equal_hits(texts, known, known_facts, "renamed", hits)
    if config.containment is not None:
        _contained_hits(texts, known, config.containment, hits, progress)
    if config.embedding is not None and texts:
        _embedded_hits(texts, known, known_facts, config.embedding, hits, progress, getattr(config, 'cache', None))
    leaks: dict[int, list[_Hit]] = {}
    near: dict[int, _Hit] = {}
    for number, rows in enumerate(rows_of):
        found = sorted(hits.get(number, ()), key=lambda h: (METHODS.index(h.method), -h.score, h.item))
        confirmed = [hit for hit in found if hit.finding.same]
        for row in rows:
            if confirmed:
                leaks[row] = confirmed
            elif found:
                near[row] = max(found, key=lambda h: (h.score, -h.item))
    order = sorted(leaks)
    evidence = [_evidence(known, leaks[row]) for row in order]
    dropped = records.dropped_frame(problems, order, ["leak"] * len(order), evidence)
    kept = problems[[i for i in range(problems.height) if i not in leaks]]
    siblings = siblings_frame([_near_miss(items[row], known, near[row]) for row in sorted(near)])
    counters = _counters(benchmarks, known, leaks) | {"look-alikes kept": float(len(near))}
    return StepOutput(kept, dropped, counters=counters, secondary={"siblings": siblings})


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


def _equal_hits(
    texts: Sequence[_Text], known: Sequence[Item], known_facts: Sequence[Facts], method: str, hits: _Hits
) -> None:
    exact = method == "exact"
    table = groups(match_key(i.text) if exact else f.renamed for i, f in zip(known, known_facts, strict=True))
    for number, text in enumerate(texts):
        form = match_key(text.text) if exact else text.facts.renamed
        for item in table.get(form, ()) if form else ():
            if exact:
                finding = Finding("same_problem")
            elif text.facts.normal == known_facts[item].normal:
                continue
            else:
                finding = confirm_leak(text.facts, known_facts[item], (text.answer, known[item].answer))
            hits.setdefault(number, []).append(_Hit(item, method, 1.0, finding))


def _contained_hits(
    texts: Sequence[_Text], known: Sequence[Item], config: Containment, hits: _Hits, progress: Progress
) -> None:
    index = build_index([item.text for item in known], config.n)
    item_facts = [token_facts(tokens) for tokens in index.items]
    tokens = [words(text.text) for text in texts]
    documents: Counter[tuple[str, ...]] = Counter()
    for row in tokens:
        documents.update(index.shared(row))
    weights = index.weights(documents)
    with progress.task("look for benchmark items inside problems", len(texts)) as task:
        for number, text in enumerate(texts):
            for match in index.find(tokens[number], lambda text=text: text.text, config.coverage, weights):  # type: ignore[misc]
                finding = Finding("same_problem", {"looked_at": False})
                if config.confirm:
                    inside = token_facts(tokens[number][match.start : match.end])
                    answers = (text.answer, known[match.item].answer)
                    finding = confirm_leak(inside, item_facts[match.item], answers, match.coverage)
                hits.setdefault(number, []).append(_Hit(match.item, "containment", match.coverage, finding))
            task.advance()


def _embedded_hits(
    texts: Sequence[_Text],
    known: Sequence[Item],
    known_facts: Sequence[Facts],
    config: LeakEmbedding,
    hits: _Hits,
    progress: Progress,
    cache: Path | None = None,
) -> None:
    from cotkit.dedup.embed import load_encoder
    from cotkit.dedup.search import nearest

    encoder = load_encoder(config.weights, cache)
    targets = encoder.encode([without_figures(item.text) for item in known], progress)
    rows = encoder.encode([without_figures(text.text) for text in texts], progress)
    best: dict[tuple[int, int], float] = {}
    for row, target, score in nearest(rows.rows, targets.rows, config.neighbours, config.threshold):
        pair = int(rows.owner[row]), int(targets.owner[target])
        best[pair] = max(score, best.get(pair, 0.0))
    for (number, item), score in sorted(best.items()):
        finding = Finding("same_problem", {"looked_at": False})
        if config.confirm:
            answers = (texts[number].answer, known[item].answer)
            finding = confirm_leak(texts[number].facts, known_facts[item], answers)
        hits.setdefault(number, []).append(_Hit(item, "embedding", score, finding))


def _evidence(known: Sequence[Item], found: Sequence[_Hit]) -> dict[str, Any]:
    best = found[0]
    return {
        **_named(known, best),
        "benchmark_problem": shown(known[best.item].text),
        "methods": [_named(known, hit) for hit in found[:_LISTED]],
    }


def _named(known: Sequence[Item], hit: _Hit) -> dict[str, Any]:
    item = known[hit.item]
    looked = hit.finding.detail.get("looked_at", True)
    return {
        "benchmark": item.source,
        "benchmark_row": item.row,
        "method": hit.method,
        "score": hit.score,
        "confirm": hit.finding.kind if looked else "not_looked_at",
    }


def _near_miss(item: Item, known: Sequence[Item], hit: _Hit) -> Mapping[str, Any]:
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
    benchmarks: Mapping[str, Any], known: Sequence[Item], leaks: Mapping[int, Sequence[_Hit]]
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
