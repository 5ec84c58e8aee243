"""Benchmark items among training problems: several methods, each with its score, one closer look."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from cotkit import records
from cotkit.dedup.config import Containment, LeakEmbedding
from cotkit.dedup.confirm import MEANING, VERBATIM, Finding, confirm_leak
from cotkit.dedup.contain import build_index
from cotkit.dedup.edits import LONGER, edits
from cotkit.dedup.exact import groups, match_key
from cotkit.dedup.facts import Facts, facts, names_in, token_facts
from cotkit.dedup.grams import Tokens, sieve, tokenize
from cotkit.dedup.normal import without_figures, words
from cotkit.dedup.rows import Item, items_of, shown, siblings_frame
from cotkit.dedup.signature import SignatureIndex
from cotkit.errors import InputError
from cotkit.steps import NoProgress, Progress, StepOutput

if TYPE_CHECKING:
    import polars as pl

    from cotkit.dedup.adjudicate import Judge

METHODS = ("exact", "renamed", "containment", "embedding", "formulas", "judge", "published")
# A part of a text that holds this share of an item, and was seen to differ from it, speaks for the whole text.
VETO = 0.7
# The sieve before exact and containment: see grams.sieve. It lets more through than these two take.
_SIEVE = 5
_SIEVE_SHARE = 0.5
_SIEVE_COMMON = 20
GREY = 0.5
# A row's evidence lists at most this many hits; a template may meet hundreds of items.
_LISTED = 10


class LeakKeys(Protocol):
    """What decontaminate_table reads of its config; the step Decontaminate has it."""

    @property
    def policy(self) -> str: ...
    @property
    def exact(self) -> bool: ...
    @property
    def renamed(self) -> bool: ...
    @property
    def containment(self) -> Containment | None: ...
    @property
    def formulas(self) -> bool: ...
    @property
    def embedding(self) -> LeakEmbedding | None: ...
    @property
    def judge(self) -> Judge | None: ...


@dataclass(frozen=True, slots=True)
class _Hit:
    """One method's match of one text with one benchmark item."""

    item: int
    method: str
    score: float
    finding: Finding


# Text number -> its hits, the ones that the closer look refused among them.
_Hits = dict[int, list[_Hit]]


@dataclass
class _Text:
    """A distinct (text, answer) of the table; rows with the same are looked at once."""

    text: str
    answer: str | None
    open: list[tuple[int, float]] = field(default_factory=list)

    @cached_property
    def facts(self) -> Facts:
        return facts(self.text)

    @cached_property
    def key(self) -> str:
        return match_key(self.text)


def decontaminate_table(
    problems: pl.DataFrame,
    benchmarks: Mapping[str, pl.DataFrame],
    config: LeakKeys,
    progress: Progress | None = None,
    cache: Path | None = None,
    journal: Path | None = None,
) -> StepOutput:
    """Drop the rows that hold an item of a benchmark.

    Dropped with reason "leak". Evidence: benchmark, benchmark_row, benchmark_problem, method, score, confirm
    of the surest hit, and `methods`: all hits (up to ten). `secondary["siblings"]`: for each row its nearest
    refused hit (same template, other numbers or question) or unclear one. Counters: rows, items and methods by
    benchmark.

    Args:
        problems: Problem table.
        benchmarks: name -> table with `problem` and, if there, `answer`, `choices`, `source_row`.
        cache: folder of embeddings; what lies there is not embedded again.
        journal: the judge's journal of paid answers; needed where `config.judge` names no file and is set.

    Raises InputError for a benchmark without rows, for a blank item, and where the weights are missing.
    """
    progress = progress or NoProgress()
    known = _benchmark_items(benchmarks)
    items = items_of(problems)
    by_text = groups(json.dumps([item.text, item.answer]) for item in items)
    rows_of = list(by_text.values())
    texts = [_Text(items[rows[0]].text, items[rows[0]].answer) for rows in rows_of]
    if config.policy == "strict":
        targets = [_Text(item.text, item.answer) for item in known]
        hits = _strict(texts, targets, config, progress, cache)
        if config.judge is not None:
            _judged_hits(texts, targets, config.judge, journal, hits, progress)
    else:
        hits = _published(texts, known, config, progress, cache)
    leaks: dict[int, list[_Hit]] = {}
    near: dict[int, _Hit] = {}
    for number, rows in enumerate(rows_of):
        found = sorted(hits.get(number, ()), key=lambda h: (METHODS.index(h.method), -h.score, h.item))
        confirmed = [hit for hit in found if hit.finding.same]
        for row in rows:
            if confirmed:
                leaks[row] = confirmed
            elif found:
                near[row] = max(found, key=lambda h: (h.finding.kind != "unclear", h.score, -h.item))
    order = sorted(leaks)
    evidence = [_evidence(known, leaks[row]) for row in order]
    dropped = records.dropped_frame(problems, order, ["leak"] * len(order), evidence)
    kept = problems[[i for i in range(problems.height) if i not in leaks]]
    siblings = siblings_frame([_near_miss(items[row], known, near[row]) for row in sorted(near)])
    counters = _counters(benchmarks, known, leaks) | {"look-alikes kept": float(len(near))}
    return StepOutput(kept, dropped, counters=counters, secondary={"siblings": siblings})


def _published(
    texts: Sequence[_Text], known: Sequence[Item], config: LeakKeys, progress: Progress, cache: Path | None
) -> _Hits:
    from cotkit.dedup.published import RULES

    hits: _Hits = {}
    rule = RULES[config.policy]
    finding = Finding("same_problem", {"looked_at": False})
    for number, item, score in rule([t.text for t in texts], [k.text for k in known], progress, cache):
        hits.setdefault(number, []).append(_Hit(item, "published", score, finding))
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


def _strict(
    texts: Sequence[_Text], known: Sequence[_Text], config: LeakKeys, progress: Progress, cache: Path | None
) -> _Hits:
    """The cheap methods first; a text that they settle is not embedded."""
    hits: _Hits = {}
    tokens = tokenize([text.text for text in texts])
    pairs: dict[int, list[int]] = {}
    for number, item in sieve(tokenize([item.text for item in known]), tokens, _SIEVE, _SIEVE_SHARE, _SIEVE_COMMON):
        pairs.setdefault(number, []).append(item)
    if config.exact:
        _exact_hits(texts, known, pairs, hits)
    if config.containment is not None:
        _contained_hits(texts, known, config.containment, (tokens, pairs), hits, progress)
    settled = {n for n, found in hits.items() if any(h.finding.same and h.score == 1.0 for h in found)}
    rest = [number for number in range(len(texts)) if number not in settled]
    if config.renamed:
        _renamed_hits(rest, texts, known, hits)
        rest = [n for n in rest if not any(h.method == "renamed" for h in hits.get(n, ()))]
    if config.embedding is not None and rest:
        _embedded_hits(rest, texts, known, config, hits, progress, cache)
    return hits


def _exact_hits(
    texts: Sequence[_Text], known: Sequence[_Text], pairs: Mapping[int, Sequence[int]], hits: _Hits
) -> None:
    for number, items in pairs.items():
        for item in items:
            if texts[number].key == known[item].key:
                hits.setdefault(number, []).append(_Hit(item, "exact", 1.0, Finding("same_problem")))


def _renamed_hits(rest: Sequence[int], texts: Sequence[_Text], known: Sequence[_Text], hits: _Hits) -> None:
    by_form = groups(item.facts.renamed for item in known)
    for number in rest:
        own = texts[number].facts
        for item in by_form.get(own.renamed, ()) if own.renamed else ():
            if own.figure == known[item].facts.figure:
                kind: Any = "same_problem" if own.normal == known[item].facts.normal else "renamed"
                hits.setdefault(number, []).append(_Hit(item, "renamed", 1.0, Finding(kind)))


def _contained_hits(
    texts: Sequence[_Text],
    known: Sequence[_Text],
    config: Containment,
    sieved: tuple[Tokens, Mapping[int, Sequence[int]]],
    hits: _Hits,
    progress: Progress,
) -> None:
    index = build_index([item.text for item in known], config.n)
    weights = index.weights(sieved[0])
    item_facts: dict[int, Facts] = {}
    with progress.task("contained items", len(sieved[1])) as task:
        for number in sorted(sieved[1]):
            text = texts[number]
            tokens = words(text.text)
            for match in index.find(tokens, lambda text=text: text.text, config.coverage, weights):  # type: ignore[misc]
                finding = Finding("same_problem", {"looked_at": False})
                there = known[match.item]
                if config.confirm:
                    answers = (text.answer, there.answer)
                    if len(tokens) <= LONGER * len(index.items[match.item]) + 20:
                        finding = confirm_leak(text.facts, there.facts, answers, match.coverage)
                    else:
                        if match.item not in item_facts:
                            item_facts[match.item] = token_facts(index.items[match.item], names_in(there.text))
                        inside = token_facts(tokens[match.start : match.end], names_in(text.text))
                        finding = confirm_leak(inside, item_facts[match.item], answers, match.coverage)
                hits.setdefault(number, []).append(_Hit(match.item, "containment", match.coverage, finding))
            task.advance()


def _embedded_hits(
    rest: Sequence[int],
    texts: Sequence[_Text],
    known: Sequence[_Text],
    keys: LeakKeys,
    hits: _Hits,
    progress: Progress,
    cache: Path | None,
) -> None:
    """Candidates by meaning, and by numbers and formulas; the closer look decides."""
    from cotkit.dedup.embed import load_encoder
    from cotkit.dedup.search import nearest

    config = keys.embedding
    if config is None:
        return
    encoder = load_encoder(config.weights, cache, config.precision)
    targets = encoder.encode([without_figures(item.text) for item in known], progress)
    rows = encoder.encode([without_figures(texts[n].text) for n in rest], progress)
    pairs: list[dict[int, float]] = [{} for _ in rest]
    for row, target, score in nearest(rows.rows, targets.rows, config.neighbours, config.threshold):
        number, item = int(rows.owner[row]), int(targets.owner[target])
        pairs[number][item] = max(score, pairs[number].get(item, 0.0))
    index = SignatureIndex([item.facts.signature for item in known])
    with progress.task("closer look", len(rest)) as task:
        for place, number in enumerate(rest):
            text, found = texts[number], pairs[place]
            methods = dict.fromkeys(found, "embedding")
            if keys.formulas and config.confirm:
                for item in index.find(text.facts.signature):
                    methods.setdefault(item, "formulas")
                    found.setdefault(item, rows.cosine(place, targets, item))
            refused = {
                h.item
                for h in hits.get(number, ())
                if h.method == "containment" and not h.finding.same and h.score >= VETO
            }
            for item in sorted(found):
                finding = Finding("same_problem", {"looked_at": False})
                if config.confirm:
                    answers = (text.answer, known[item].answer)
                    finding = confirm_leak(text.facts, known[item].facts, answers, None, found[item])
                if item in refused and finding.same:
                    continue
                if finding.same or _worth_telling(finding, found[item]):
                    hits.setdefault(number, []).append(_Hit(item, methods[item], found[item], finding))
            if keys.judge is not None:
                text.open = _open(text, known, found, keys.judge)
            task.advance()


def _open(text: _Text, known: Sequence[_Text], cosines: Mapping[int, float], judge: Judge) -> list[tuple[int, float]]:
    """The nearest items that only a judge can tell: what is no edited copy with something changed."""
    near = sorted((item for item in cosines if cosines[item] >= judge.cosine), key=lambda item: (-cosines[item], item))
    found = [item for item in near[: judge.neighbours] if not edits(text.facts, known[item].facts).edited]
    return [(item, cosines[item]) for item in found]


def _judged_hits(
    texts: Sequence[_Text],
    known: Sequence[_Text],
    judge: Judge,
    journal: Path | None,
    hits: _Hits,
    progress: Progress,
) -> None:
    """What the rules left open, as the judge sees it."""
    from cotkit.dedup.adjudicate import adjudicate

    path = judge.journal or journal
    if path is None:
        raise InputError("the judge has no journal; give `judge: {journal: …}`")
    settled = {number for number, found in hits.items() if any(h.finding.same for h in found)}
    asked = [(n, item, cosine) for n, text in enumerate(texts) if n not in settled for item, cosine in text.open]
    pairs = [(texts[n].text, known[item].text) for n, item, _ in asked]
    for (number, item, cosine), said in zip(asked, adjudicate(pairs, judge, path, progress), strict=True):
        if said.opinion == "same":
            finding = Finding("same_problem", {"judge": list(said.orders)})
            hits.setdefault(number, []).append(_Hit(item, "judge", cosine, finding))


def _worth_telling(finding: Finding, cosine: float) -> bool:
    """Look-alikes are reported from here on; unclear pairs, the grey band, from a little farther."""
    return cosine >= (GREY if finding.kind == "unclear" else MEANING)


def _evidence(known: Sequence[Item], found: Sequence[_Hit]) -> dict[str, Any]:
    best = found[0]
    return {
        **_named(known, best),
        "benchmark_problem": shown(known[best.item].text),
        "benchmark_problem_id": records.problem_id(known[best.item].text),
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
        "kind": "same" if _as_it_stands(hit) else "reworded",
    }


def _as_it_stands(hit: _Hit) -> bool:
    """Word for word, but for layout, names of variables and what stands around it; or a published rule says so."""
    if hit.method in ("exact", "renamed", "published"):
        return True
    return (hit.method == "containment" and hit.score >= VERBATIM) or not hit.finding.detail.keys().isdisjoint(
        ("inside", "cut")
    )


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
