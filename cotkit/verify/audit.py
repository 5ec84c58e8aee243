"""How often is the grader right? A sample for human labels, and what the labels say of all rows.

Rows are drawn by stratum (verdict and method), more densely where there are few, so that a rare method is seen too;
each answer is then weighted back by the share of its stratum. Nothing here reads or writes files.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Label = Literal["correct", "incorrect", "unsure"]
LABELS: tuple[Label, ...] = ("correct", "incorrect", "unsure")
# Normal quantile of a two-sided 95 % interval.
Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Stratum:
    """Rows that were decided alike."""

    verdict: str
    method: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """One drawn row: its index, its stratum, and how many rows that stratum has in all."""

    index: int
    stratum: Stratum
    population: int


@dataclass(frozen=True, slots=True)
class Labelled:
    """One row with its human label; None where it was left empty."""

    stratum: Stratum
    population: int
    label: Label | None


@dataclass(frozen=True, slots=True)
class Estimate:
    """A share with its 95 % interval; None where nothing was labelled that it could rest on."""

    value: float | None
    low: float = 0.0
    high: float = 1.0


@dataclass(frozen=True, slots=True)
class StratumScore:
    """What the labels say of one stratum.

    Attributes:
        population: rows in all.
        labelled: rows labelled correct or incorrect.
        correct: those of them labelled correct.
        right: share of verdicts that the labels confirm; of undecided ones None.
    """

    stratum: Stratum
    population: int
    labelled: int
    correct: int
    right: Estimate


@dataclass(frozen=True, slots=True)
class Score:
    """What the labels say of the grader.

    Attributes:
        precision: of the rows graded correct, the share that is.
        recall: of the rows that are correct, the share graded so (an undecided one is missed).
        accuracy: of the rows graded correct or incorrect, the share graded rightly.
        undecided: share of all rows that is undecided; counted, not estimated.
        open: rows without a label, and rows labelled unsure; they count for nothing.
    """

    strata: tuple[StratumScore, ...]
    precision: Estimate
    recall: Estimate
    accuracy: Estimate
    undecided: float
    open: int


def allocate(sizes: Mapping[Stratum, int], n: int) -> dict[Stratum, int]:
    """How many rows of each stratum to draw: in proportion to the square root of its size (power allocation,
    Bankier 1988), at least one and at most all; together `n`, or all rows where there are fewer.

    Raises ValueError where n is below the number of strata.
    """
    if n < len(sizes):
        raise ValueError(f"{n} rows cannot cover {len(sizes)} strata")
    taken = dict.fromkeys(sizes, 1)
    roots = {stratum: math.sqrt(size) for stratum, size in sizes.items()}
    for _ in range(min(n, sum(sizes.values())) - len(sizes)):
        left = [stratum for stratum in sizes if taken[stratum] < sizes[stratum]]
        # Highest averages, as seats are shared out: the next row goes where the sample is thinnest.
        taken[max(left, key=lambda stratum: roots[stratum] / taken[stratum])] += 1
    return taken


def draw(strata: Sequence[Stratum], n: int, seed: int) -> list[Drawn]:
    """A sample of `n` of the rows whose strata are given, in mixed order; the same for the same seed.

    Raises ValueError as allocate.
    """
    members: dict[Stratum, list[int]] = defaultdict(list)
    for index, stratum in enumerate(strata):
        members[stratum].append(index)
    ordered = {s: members[s] for s in sorted(members, key=lambda s: (s.verdict, s.method))}
    counts = allocate({stratum: len(rows) for stratum, rows in ordered.items()}, n)
    drawn = [
        Drawn(index, stratum, len(rows))
        for stratum, rows in ordered.items()
        for index in random.Random(f"{seed} {stratum.verdict} {stratum.method}").sample(rows, counts[stratum])
    ]
    # Who labels should not see runs of one verdict.
    random.Random(f"{seed} order").shuffle(drawn)
    return drawn


def wilson(share: float, n: float) -> Estimate:
    """Wilson's score interval for a share seen in `n` rows (Wilson 1927); n may be an effective size."""
    middle = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    return Estimate(share, max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half)))


def score(rows: Sequence[Labelled]) -> Score:
    """Precision, recall and accuracy over the whole population; strata without a label are left out."""
    by: dict[Stratum, list[Labelled]] = defaultdict(list)
    for row in rows:
        by[row.stratum].append(row)
    strata = tuple(_stratum(s, by[s]) for s in sorted(by, key=lambda s: (s.verdict, s.method)))
    seen = [s for s in strata if s.labelled]
    correct = [s for s in seen if s.stratum.verdict == "correct"]
    incorrect = [s for s in seen if s.stratum.verdict == "incorrect"]
    others = [s for s in seen if s.stratum.verdict != "correct"]
    total = sum(s.population for s in strata)
    return Score(
        strata=strata,
        precision=_weighted([(s.population, s.correct, s.labelled) for s in correct]),
        recall=_recall(correct, others),
        accuracy=_weighted(
            [(s.population, s.correct, s.labelled) for s in correct]
            + [(s.population, s.labelled - s.correct, s.labelled) for s in incorrect]
        ),
        undecided=sum(s.population for s in strata if s.stratum.verdict == "undecided") / total if total else 0.0,
        open=sum(row.label not in ("correct", "incorrect") for row in rows),
    )


def _stratum(stratum: Stratum, rows: Sequence[Labelled]) -> StratumScore:
    labels = [row.label for row in rows if row.label in ("correct", "incorrect")]
    correct = labels.count("correct")
    right = Estimate(None)
    if labels and stratum.verdict in ("correct", "incorrect"):
        hits = correct if stratum.verdict == "correct" else len(labels) - correct
        right = wilson(hits / len(labels), len(labels))
    return StratumScore(stratum, rows[0].population, len(labels), correct, right)


def _weighted(parts: Sequence[tuple[int, int, int]]) -> Estimate:
    """Share over strata given as (population, hits, labelled); Wilson's interval at the effective sample size.

    The effective size is the smaller of two: from the estimated variance (Korn and Graubard 1998), and from the
    weights alone (Kish 1965), since a small stratum without a miss seems to have no variance.
    """
    weight = sum(population for population, _, _ in parts)
    if not weight:
        return Estimate(None)
    shares = [(population / weight, hits / n, n) for population, hits, n in parts]
    value = math.fsum(w * p for w, p, _ in shares)
    by_weights = 1 / math.fsum(w * w / n for w, _, n in shares)
    variance = math.fsum(w * w * p * (1 - p) / n for w, p, n in shares)
    size = min(by_weights, value * (1 - value) / variance) if 0 < value < 1 and variance > 0 else by_weights
    return wilson(min(1.0, max(0.0, value)), size)


def _recall(correct: Sequence[StratumScore], others: Sequence[StratumScore]) -> Estimate:
    """Correct rows graded so / all correct rows. The interval joins the worst ends of both counts, so it is wide."""
    found, missed = ([(s.population, s.correct, s.labelled) for s in group] for group in (correct, others))
    if not found and not missed:
        return Estimate(None)
    hits, misses = _count(found), _count(missed)
    if hits[1] + misses[1] == 0:
        return Estimate(None)
    return Estimate(
        hits[1] / (hits[1] + misses[1]), _ratio(hits[0], hits[0] + misses[2]), _ratio(hits[2], hits[2] + misses[0])
    )


def _count(parts: Sequence[tuple[int, int, int]]) -> tuple[float, float, float]:
    """Low, estimate and high of how many rows of these strata are correct."""
    total, share = sum(population for population, _, _ in parts), _weighted(parts)
    return (total * share.low, total * (share.value or 0.0), total * share.high) if total else (0.0, 0.0, 0.0)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
