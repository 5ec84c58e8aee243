"""Self-dedup as its projects publish it, each rule alone, with nothing of ours added.

A rule takes the rows in the order in which the first one stays, and yields (row, earlier row, score) for each row
that it would drop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotkit import records
from cotkit.dedup.exact import groups
from cotkit.dedup.published import first_windows, word_grams
from cotkit.dedup.rows import Item, evidence_of, items_of, shown, siblings_frame
from cotkit.steps import Progress, StepOutput

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    Array = np.ndarray[Any, Any]

_RATIO = 95
# Characters are counted in so many bins (by code point); more of them let fewer pairs through.
_BINS = 64
_MOST_COUNT = 32_000
# Big-Math's call leaves the threshold of its function at 0.99; its README and the column's name say 0.5.
_BIG_MATH = 0.99
_BIG_MATH_CLUSTER = 100


@dataclass(frozen=True)
class Pool:
    """Rows in order, with what a rule may read besides their texts.

    Attributes:
        compared: the sources whose rows may be dropped; empty: all.
    """

    items: Sequence[Item]
    domains: Sequence[str]
    compared: frozenset[str]
    progress: Progress
    cache: Path | None

    @property
    def texts(self) -> list[str]:
        return [item.text for item in self.items]

    def sources(self) -> Iterator[tuple[list[int], bool]]:
        """The rows of each source in order, and whether they may be dropped."""
        for source, rows in groupby(range(len(self.items)), lambda row: self.items[row].source):
            yield list(rows), not self.compared or source in self.compared


Found = Iterator[tuple[int, int, float]]
Rule = Callable[[Pool], Found]


def shared_ngram(pool: Pool) -> Found:
    """A word 8-gram in common with a kept row of an earlier source, or a text that was there before.

    simplescaling/s1 (data/collect_data.py): what is kept of a source joins the test side for the next ones.
    """
    grams: dict[tuple[str, ...], int] = {}
    texts: dict[str, int] = {}
    for rows, droppable in pool.sources():
        stay = []
        for row in rows:
            text = pool.items[row].text
            hit = texts.get(text)
            if hit is None:
                hit = next((grams[gram] for gram in word_grams(text, 8) if gram in grams), None)
            if hit is not None and droppable:
                yield row, hit, 1.0
                continue
            texts.setdefault(text, row)
            stay.append(row)
        for row in stay:
            for gram in word_grams(pool.items[row].text, 8):
                grams.setdefault(gram, row)


def indel_ratio(pool: Pool) -> Found:
    """rapidfuzz ratio of at least 95 with any earlier row of the domain: open-thoughts (open_thoughts/deduplicate.py).

    As there, the earlier row may be one that is dropped itself. Unlike there, not the five best matches of a text
    alone are looked at, since which five that are depends on the order of a Python set.
    """
    for rows in groups(pool.domains).values():
        first: dict[str, int] = {}
        for row in rows:
            text = pool.items[row].text
            if text in first:
                yield row, first[text], 1.0
            else:
                first[text] = row
        yield from _near_texts(list(first), list(first.values()), pool.progress)


def _near_texts(texts: Sequence[str], rows: Sequence[int], progress: Progress) -> Found:
    """For each of some different texts the earliest other one before it with a ratio of at least 95.

    Nothing is lost by the shortcuts: the ratio is 1 - d / (sum of lengths), and d, the insertions and deletions, is at
    least the difference of lengths and at least the sum of differences of the counts of characters.
    """
    import numpy as np
    from rapidfuzz import fuzz

    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    order = np.lexsort((np.arange(len(texts)), lengths))
    sizes, counts = lengths[order], _character_counts([texts[place] for place in order])
    share = 1 - _RATIO / 100
    with progress.task("ratio", len(texts)) as task:
        for at, place in enumerate(order.tolist()):
            size = int(sizes[at])
            first = int(np.searchsorted(sizes, int(size * (1 - share) / (1 + share)), "left"))
            last = int(np.searchsorted(sizes, int(size * (1 + share) / (1 - share)) + 1, "right"))
            apart = np.abs(counts[first:last] - counts[at]).sum(axis=1, dtype=np.int64)
            near = order[first:last][apart <= share * (sizes[first:last] + size) + 1e-6]
            for other in np.sort(near[near < place]).tolist():
                if score := fuzz.ratio(texts[place], texts[other], score_cutoff=_RATIO):
                    yield rows[place], rows[other], score / 100
                    break
            task.advance()


def _character_counts(texts: Sequence[str]) -> Array:
    """How often the characters of each bin occur in each text, int16 (texts, _BINS)."""
    import numpy as np

    counts = np.zeros((len(texts), _BINS), dtype=np.int16)
    for row, text in enumerate(texts):
        points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        counts[row] = np.minimum(np.bincount(points % _BINS, minlength=_BINS), _MOST_COUNT)
    return counts


def nearest_cosine(pool: Pool, threshold: float) -> Found:
    """MiniLM cosine from a threshold on with a kept row of an earlier source: DeepScaleR (agentica-project/rllm).

    0.90 for AMC against AIME (amc.ipynb) and STILL against all before it (still.ipynb), 0.93 for olympiads against
    Omni-MATH (numina_olympiad.ipynb).
    """
    import numpy as np

    from cotkit.dedup.search import nearest

    (vectors,) = first_windows([pool.texts], pool.progress, pool.cache)
    stay: list[int] = []
    for rows, droppable in pool.sources():
        dropped = set()
        if stay and droppable:
            known = np.array(stay)
            for number, target, score in nearest(vectors[rows], vectors[known], 1, threshold):
                dropped.add(rows[number])
                yield rows[number], int(known[target]), score
        stay.extend(row for row in rows if row not in dropped)


def exact_but_code(pool: Pool) -> Found:
    """Equal texts of a domain; none in code: OpenThoughts3 (arXiv 2506.04178)."""
    first: dict[tuple[str, str], int] = {}
    for row, item in enumerate(pool.items):
        if pool.domains[row] != "code" and (before := first.setdefault((pool.domains[row], item.text), row)) != row:
            yield row, before, 1.0


def semantic(pool: Pool) -> Found:
    """SemDeDup as Big-Math calls it (signals/add_semdedup_signal.py): MiniLM on problem and answer together, k-means
    into n / 100 clusters, cosine from 0.99 on inside a cluster.

    Which of two rows it keeps is not known; here it is the first. The seed of the k-means is ours.
    """
    import faiss

    from cotkit.dedup.search import self_pairs

    texts = [f"Problem: {item.text} Answer: {item.answer}" for item in pool.items]
    (vectors,) = first_windows([texts], pool.progress, pool.cache)
    count = len(texts) // _BIG_MATH_CLUSTER
    clusters = ["0"] * len(texts)
    if count > 1:
        means = faiss.Kmeans(vectors.shape[1], count, spherical=True, seed=1, min_points_per_centroid=1)
        means.train(vectors)
        clusters = [str(cluster) for cluster in means.index.search(vectors, 1)[1][:, 0].tolist()]
    for rows in groups(clusters).values():
        dropped = set()
        for first, second, score in zip(*(part.tolist() for part in self_pairs(vectors[rows], _BIG_MATH)), strict=True):
            if first not in dropped and second not in dropped:
                dropped.add(second)
                yield rows[second], rows[first], round(score, 5)


RULES: Mapping[str, Rule] = {
    "faithful:s1": shared_ngram,
    "faithful:open-thoughts": indel_ratio,
    "faithful:deepscaler-0.90": partial(nearest_cosine, threshold=0.90),
    "faithful:deepscaler-0.93": partial(nearest_cosine, threshold=0.93),
    "faithful:openthoughts3": exact_but_code,
    "faithful:big-math": semantic,
}
# Rules that go source by source, and may leave some of them alone; rules that embed.
BY_SOURCE = ("faithful:s1", "faithful:deepscaler-0.90", "faithful:deepscaler-0.93")
EMBEDS = ("faithful:deepscaler-0.90", "faithful:deepscaler-0.93", "faithful:big-math")


def published_dedup(
    problems: pl.DataFrame,
    policy: str,
    order: Sequence[str],
    compared: Sequence[str],
    progress: Progress,
    cache: Path | None,
) -> StepOutput:
    """Drop what a published rule drops, the first row staying; the order of the table changes nothing.

    First: by the place of the source in `order` (others after, by name), then by row number. Dropped:
    "exact_duplicate" and "near_duplicate", with the evidence of dedup_table, method "published" and `rule`.
    """
    items = items_of(problems)
    place = {name: number for number, name in enumerate(order)}
    places = sorted(
        range(len(items)),
        key=lambda i: (place.get(items[i].source, len(place)), items[i].source, items[i].row, items[i].text),
    )
    pool = Pool(
        [items[i] for i in places],
        [problems["domain"][i] or "" for i in places] if "domain" in problems.columns else [""] * len(places),
        frozenset(compared),
        progress,
        cache,
    )
    found = {row: (other, score) for row, other, score in RULES[policy](pool)}
    dropped = {places[row]: _told(pool.items, found, row, policy) for row in found}
    rows = sorted(dropped)
    table = records.dropped_frame(problems, rows, [dropped[i][0] for i in rows], [dropped[i][1] for i in rows])
    kept = problems[[i for i in range(problems.height) if i not in dropped]]
    return StepOutput(kept, table, secondary={"siblings": siblings_frame([])})


def _told(
    items: Sequence[Item], found: Mapping[int, tuple[int, float]], row: int, policy: str
) -> tuple[str, dict[str, Any]]:
    """Reason and evidence; where the other row is dropped itself, the row that stays at the end of the chain."""
    other, score = found[row]
    stays = other
    while stays in found:
        stays = found[stays][0]
    evidence = evidence_of(items[stays])
    if stays != other:
        via = items[other]
        evidence |= {"via_source": via.source, "via_row": via.row, "via_problem": shown(via.text)}
    reason = "exact_duplicate" if items[row].text == items[other].text else "near_duplicate"
    looked = {"confirm": "same_problem" if reason == "exact_duplicate" else "not_looked_at"}
    return reason, {**evidence, "method": "published", "rule": policy, "score": round(score, 5), **looked}
