"""One problem once: exact and near duplicates inside one table."""

from __future__ import annotations

import json
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from cotkit import records
from cotkit.dedup.cluster import Edge, clusters
from cotkit.dedup.config import Embedding, Preference
from cotkit.dedup.confirm import Finding
from cotkit.dedup.facts import answer_value, forms, same_answer
from cotkit.dedup.grams import contained, tokenize
from cotkit.dedup.nodes import Nodes
from cotkit.dedup.normal import without_figures
from cotkit.dedup.rows import Item, evidence_of, items_of, shown, siblings_frame
from cotkit.steps import NoProgress, Progress, StepOutput

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    Array = np.ndarray[Any, Any]


# A text is looked for inside longer ones from so many words and numbers on, by n-grams that so many texts have at most.
_WORDS = 8
_FEW = 50
# Of contradicting rows so many are compared and told.
_ANSWERS = 20


class DedupKeys(Protocol):
    """What dedup_table reads of its config; the step Dedup has it."""

    @property
    def exact(self) -> bool: ...
    @property
    def renamed(self) -> bool: ...
    @property
    def contained(self) -> bool: ...
    @property
    def embedding(self) -> Embedding | None: ...
    @property
    def prefer(self) -> Sequence[Preference]: ...
    @property
    def source_order(self) -> Sequence[str]: ...


@dataclass
class _Pairs:
    """What the comparisons found."""

    edges: list[Edge] = field(default_factory=list)
    # First and second of each pair: as numbers in a row, since a pool has millions of them.
    apart: tuple[array[int], array[int]] = field(default_factory=lambda: (array("q"), array("q")))
    certain: set[tuple[int, int]] = field(default_factory=set)
    # Node -> (score, other node, finding) of its nearest look-alike.
    siblings: dict[int, tuple[float, int, Finding]] = field(default_factory=dict)
    # Share of the near pairs of some problems that were found, where not all are compared with all.
    recall: float | None = None


def dedup_table(
    problems: pl.DataFrame,
    config: DedupKeys,
    progress: Progress | None = None,
    cache: Path | None = None,
    earlier: pl.DataFrame | None = None,
) -> StepOutput:
    """Keep one row of each cluster of equal problems.

    Cluster: rows joined by confirmed pairs, never across a pair that was seen to differ. Survivor: by
    `config.prefer`, then by source and row, so neither clusters nor survivors depend on the order of rows. Dropped:
    "exact_duplicate", "near_duplicate", "duplicate_conflicting_answer" (text equal to that of the survivor, which
    `prefer` ranks higher; reference answer clearly another, so one of the two is wrong), and "answers_differ" (the same
    where nothing is preferred: all of these rows go; evidence: rows, answers). Evidence of the others: kept_source,
    kept_row, kept_problem_id, kept_problem,
    method (exact, renamed, contained, embedding), score, confirm; `via_*` where the row is joined to the survivor
    through a third one. `copies` of a kept row: the other texts that were dropped for it.
    `secondary["siblings"]`: for each problem its nearest look-alike that is another problem.

    Args:
        problems: Problem table.
        cache: folder of embeddings; what lies there is not embedded again.
        earlier: rows of a dataset that is published already, as a Problem table or any table with `problem`; they
            survive whatever is preferred, and are neither kept nor dropped here.

    Raises InputError where the MiniLM weights are missing.
    """
    progress = progress or NoProgress()
    items = items_of(problems)
    count = len(items)
    if earlier is not None:
        items += items_of(earlier, "earlier")
    nodes = Nodes(items if _methods(config) else ())
    pairs = _Pairs()
    if config.renamed:
        _renamed_pairs(nodes, pairs)
    if config.contained and len(nodes) > 1:
        _contained_pairs(nodes, pairs)
    if config.embedding is not None and len(nodes) > 1:
        _embedded_pairs(nodes, config.embedding, pairs, progress, cache)
    dropped = {row: why for row, why in _dropped(items, nodes, pairs, config, count).items() if row < count}
    order = sorted(dropped)
    table = records.dropped_frame(problems, order, [dropped[i][0] for i in order], [dropped[i][1] for i in order])
    kept = _with_copies(problems, items, {row: stays for row, (*_, stays) in dropped.items()})
    reasons = Counter(reason for reason, _, _ in dropped.values())
    look_alikes = [
        _sibling(items, nodes, node, *pairs.siblings[node])
        for node in sorted(pairs.siblings)
        if nodes.rows(node)[0] < count
    ]
    counters = {
        "duplicates by renaming, containment or embedding": float(reasons["near_duplicate"]),
        "conflicting reference answers": float(reasons["duplicate_conflicting_answer"] + reasons["answers_differ"]),
        "look-alikes kept": float(len(look_alikes)),
    }
    if pairs.recall is not None:
        counters["near pairs found, of a sample"] = round(pairs.recall, 4)
    return StepOutput(kept, table, counters=counters, secondary={"siblings": siblings_frame(look_alikes)})


def _methods(config: DedupKeys) -> list[str]:
    """What is compared, the first of them being what equal texts are called."""
    return [method for method in ("exact", "embedding", "renamed", "contained") if getattr(config, method)]


def _renamed_pairs(nodes: Nodes, pairs: _Pairs) -> None:
    """Texts that are equal once variables, and people, have no names of their own."""
    for same in nodes.alike(forms):
        heads: list[int] = []
        for node in same:
            for head in heads:
                finding = nodes.compare(head, node)(1.0)
                if finding.same:
                    pairs.edges.append(Edge(head, node, "renamed", 1.0, finding.kind, finding.detail))
                    break
            else:
                heads.append(node)


def _contained_pairs(nodes: Nodes, pairs: _Pairs) -> None:
    """A whole problem inside a longer text: word for word, with at least _WORDS words."""
    for longer, shorter in contained(tokenize(nodes.texts), _WORDS, _FEW):
        here, there = nodes.look(longer), nodes.look(shorter)
        text, part = f" {here.facts.normal} ", f" {there.facts.normal} "
        if part in text and same_answer(here.answer, there.answer) is not False:
            score = round(len(part) / len(text), 5)
            a, b = sorted((longer, shorter))
            pairs.edges.append(Edge(a, b, "contained", score, "same_problem"))
            pairs.certain.add((a, b))


def _embedded_pairs(nodes: Nodes, config: Embedding, pairs: _Pairs, progress: Progress, cache: Path | None) -> None:
    from cotkit.dedup.embed import load_encoder
    from cotkit.dedup.search import is_exact, recall, self_pairs

    texts = [without_figures(text) for text in nodes.texts]
    encoder = load_encoder(config.weights, cache, config.precision)
    vectors = encoder.encode(texts, progress)
    band = 2 * encoder.band  # both sides may be off
    i, j, scores = self_pairs(vectors.rows, config.threshold - band)
    if not is_exact(len(vectors.rows)):
        pairs.recall = recall(vectors.rows, config.threshold - band, i, j)
    found = _best_of_nodes(i, j, scores, vectors.owner)
    del vectors
    open_pairs = []
    with progress.task("closer look", len(found[0])) as task:
        for a, b, score in zip(*found, strict=True):
            if not _looked_at(nodes, (a, b), score, config, pairs, band):
                open_pairs.append((a, b))
            task.advance()
    again = sorted({node for pair in open_pairs for node in pair})
    precise = encoder.precise.encode([texts[node] for node in again], progress)
    place = {node: number for number, node in enumerate(again)}
    for a, b in open_pairs:
        _looked_at(nodes, (a, b), precise.cosine(place[a], precise, place[b]), config, pairs, 0.0)


def _best_of_nodes(i: Array, j: Array, scores: Array, owner: Array) -> tuple[array[int], array[int], array[float]]:
    """Pairs of rows as pairs of the nodes that own them, each once with its best score, in order."""
    import numpy as np

    a, b = np.minimum(owner[i], owner[j]), np.maximum(owner[i], owner[j])
    order = np.lexsort((-scores, b, a))
    a, b, scores = a[order], b[order], scores[order]
    new = (np.diff(a, prepend=-1) != 0) | (np.diff(b, prepend=-1) != 0)
    keep = new & (a != b)
    # As Python's own numbers, without a list of them all.
    return array("q", a[keep].tobytes()), array("q", b[keep].tobytes()), array("d", scores[keep].tobytes())


def _looked_at(
    nodes: Nodes, pair: tuple[int, int], score: float, config: Embedding, pairs: _Pairs, band: float
) -> bool:
    """Keep what the pair is; false, and nothing kept, if a cosine that is off by `band` may decide otherwise."""
    finding_at = nodes.compare(*pair) if config.confirm else None
    high, low = score + band, score - band
    same = finding_at is None or finding_at(high).same
    if band and same and (low < config.threshold or (finding_at is not None and not finding_at(low).same)):
        return False
    if score < config.threshold:
        return True
    finding = finding_at(score) if finding_at else None
    if finding is None or finding.same:
        kind, detail = (finding.kind, finding.detail) if finding else ("not_looked_at", {})
        pairs.edges.append(Edge(*pair, "embedding", score, kind, detail))
        return True
    if finding.kind == "unclear" and pair in pairs.certain:
        return True  # one stands in the other word for word: a doubt about what is around it is none about the pair
    for side, node in zip(pairs.apart, pair, strict=True):
        side.append(node)
    for node, other in (pair, pair[::-1]):
        if node not in pairs.siblings or score > pairs.siblings[node][0]:
            pairs.siblings[node] = (score, other, finding)
    return True


def _dropped(
    items: Sequence[Item], nodes: Nodes, pairs: _Pairs, config: DedupKeys, count: int
) -> dict[int, tuple[str, dict[str, Any], int | None]]:
    """Row -> reason, evidence and the row that stays for it, if one does."""
    labels = clusters(len(nodes), pairs.edges, zip(*pairs.apart, strict=True))
    direct: dict[tuple[int, int], Edge] = {}
    strongest: dict[int, Edge] = {}
    for edge in sorted(pairs.edges, key=lambda e: (-e.score, e.method != "renamed", e.a, e.b)):
        if labels[edge.a] != labels[edge.b]:
            continue
        direct.setdefault((edge.a, edge.b), edge)
        for node in (edge.a, edge.b):
            strongest.setdefault(node, edge)
    same = next(iter(_methods(config)), "")
    found: dict[int, tuple[str, dict[str, Any], int | None]] = {}
    for cluster in _of_several_rows(labels, nodes):
        rows = [(row, node) for node in cluster for row in nodes.rows(node)]
        while rows:
            survivor, home = min(rows, key=lambda pair: (pair[0] < count, *_rank(items[pair[0]], config)))
            torn = _contradicting(items, nodes.rows(home), survivor, config) if survivor < count else {}
            if not torn:
                break
            told = ((row, {**torn, "answer": items[row].answer}) for row in nodes.rows(home))
            found |= {row: ("answers_differ", why, None) for row, why in told}
            rows = [pair for pair in rows if pair[1] != home]
        for row, node in rows:
            if row == survivor:
                continue
            evidence = evidence_of(items[survivor])
            if node == home:
                found[row] = (*_equal(items[row], items[survivor], same, evidence), survivor)
                continue
            edge = direct.get((min(node, home), max(node, home))) or strongest[node]
            if home not in (edge.a, edge.b):
                via = items[nodes.rows(edge.b if edge.a == node else edge.a)[0]]
                evidence |= {"via_source": via.source, "via_row": via.row, "via_problem": shown(via.text)}
            evidence |= {"method": edge.method, "score": edge.score, "confirm": edge.kind}
            found[row] = ("near_duplicate", evidence, survivor)
    return found


def _of_several_rows(labels: Sequence[int], nodes: Nodes) -> list[list[int]]:
    """The nodes of each cluster that has more than one row; its label is the first of them."""
    found: dict[int, list[int]] = {}
    for node, label in enumerate(labels):
        if label != node:
            found.setdefault(label, [label]).append(node)
    for node in nodes.several():
        found.setdefault(labels[node], [node])
    return [found[label] for label in sorted(found)]


def _with_copies(problems: pl.DataFrame, items: Sequence[Item], survivors: Mapping[int, int | None]) -> pl.DataFrame:
    """The kept rows, each with the other texts that were dropped for it: a leak among them is a leak of the row."""
    import polars as pl

    texts: dict[int, set[str]] = {}
    for row, survivor in survivors.items():
        if survivor is None:
            continue
        texts.setdefault(survivor, {*items[survivor].copies}).update((items[row].text, *items[row].copies))
    kept = [row for row in range(problems.height) if row not in survivors]
    copies = [sorted(texts.get(row, set(items[row].copies)) - {items[row].text}) for row in kept]
    return problems[kept].with_columns(copies=pl.Series([own or None for own in copies], dtype=pl.List(pl.String)))


def _rank(item: Item, config: DedupKeys) -> tuple[Any, ...]:
    """Small for the row to keep; the last parts name the row, so that no order of rows decides."""
    order = {name: place for place, name in enumerate(config.source_order)}
    ranks = {
        "answer": not item.answer,
        "solution": not item.solution,
        "gradable": answer_value(item.answer) is None,
        "source": order.get(item.source, len(order)),
        "longest": -len(item.text),
        "shortest": len(item.text),
    }
    return (*(ranks[name] for name in config.prefer), item.source, item.row, item.text)


def _contradicting(items: Sequence[Item], rows: Sequence[int], survivor: int, config: DedupKeys) -> dict[str, Any]:
    """Evidence that of rows with one text the preferred ones contradict each other; empty if they do not.

    Nothing but the row number would then say which answer wins, so none of the rows is to be trusted.
    """
    best = _rank(items[survivor], config)[: len(config.prefer)]
    tied = [row for row in rows if _rank(items[row], config)[: len(config.prefer)] == best]
    answers = sorted({answer for row in tied if (answer := items[row].answer)})[:_ANSWERS]
    if not any(same_answer(a, b) is False for a, b in combinations(answers, 2)):
        return {}
    told = sorted((items[row].source, items[row].row, items[row].answer) for row in tied if items[row].answer)
    rows_told = [{"source": source, "row": row, "answer": answer} for source, row, answer in told[:_ANSWERS]]
    return {"rows": rows_told, "answers": len(answers)}


def _equal(item: Item, kept: Item, method: str, evidence: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    evidence = {**evidence, "method": method, "score": 1.0, "confirm": "same_problem"}
    if same_answer(item.answer, kept.answer) is False:
        return "duplicate_conflicting_answer", {**evidence, "answer": item.answer, "kept_answer": kept.answer}
    return ("exact_duplicate" if method == "exact" else "near_duplicate"), evidence


def _sibling(
    items: Sequence[Item], nodes: Nodes, node: int, score: float, other: int, finding: Finding
) -> Mapping[str, Any]:
    here, there = items[nodes.rows(node)[0]], items[nodes.rows(other)[0]]
    return {
        "source": here.source,
        "source_row": here.row,
        "problem_id": here.problem_id,
        "other_source": there.source,
        "other_row": there.row,
        "other_problem": shown(there.text),
        "kind": finding.kind,
        "method": "embedding",
        "score": score,
        "detail": json.dumps(finding.detail, sort_keys=True, ensure_ascii=False),
    }
