"""Precision and recall of the rule segmenter's cuts on traces segmented by hand, English and Chinese apart.

    python benchmarks/segments.py [--part fit|first|second|third|held] [--misses]

A cut is exact where it stands before the same character, and near where it is at most one sentence off. `answers` is the
share of attempts, in traces cut without a mistake, that come to the answer that the fixture says. The last three columns
count traces by where the first correct attempt ends: inside the one marked by hand (in), before it (early: `trim` would
cut too much), behind it or nowhere (late: it would cut too little). The fixture is ours (tests/curate/segmented/README.md
says which part the rules had seen).
"""

from __future__ import annotations

import argparse
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cotkit.curate.segments import Segment, same, segments
from cotkit.curate.sentences import sentences

FIXTURE = Path(__file__).resolve().parent.parent / "tests" / "curate" / "segmented"
CUT = "‖"
PARTS = ("fit", "first", "second", "third", "held")


@dataclass(frozen=True)
class Marked:
    """A trace segmented by hand; `cuts` are the offsets at which an attempt begins, `answers` one an attempt."""

    id: str
    part: str
    reference: str
    problem: str
    text: str
    cuts: tuple[int, ...]
    answers: tuple[str, ...]


@dataclass
class Score:
    """Counts of cuts."""

    exact: int = 0
    near: int = 0
    found: int = 0
    meant: int = 0
    answers: int = 0
    answers_of: int = 0
    inside: int = 0
    early: int = 0
    late: int = 0

    def line(self) -> str:
        def share(a: int, b: int) -> str:
            return f"{a / b:>8.2f}" if b else f"{'–':>8}"

        return (
            f"{self.meant:>6}{self.found:>6}"
            + share(self.exact, self.found)
            + share(self.exact, self.meant)
            + share(self.near, self.found)
            + share(self.near, self.meant)
            + share(self.answers, self.answers_of)
            + f"{self.inside:>5}{self.early:>6}{self.late:>5}"
        )


def read(language: str) -> list[Marked]:
    found = []
    for block in (FIXTURE / f"{language}.txt").read_text(encoding="utf-8").split("=== ")[1:]:
        head, problem, _, *body = block.split("\n")
        name, part, reference, answers = (part.strip() for part in head.split("|"))
        parts = "\n".join(body).strip().split(CUT)
        cuts = [sum(map(len, parts[:n])) for n in range(1, len(parts))]
        values = tuple(part.strip() for part in answers.split(";"))
        found.append(Marked(name, part, reference, problem, "".join(parts), tuple(cuts), values))
    return found


def score(marked: Sequence[Marked]) -> tuple[Score, list[str]]:
    """Counts over all, and a line for each trace that was cut otherwise than by hand."""
    total, misses = Score(), []
    for trace in marked:
        found = segments(trace.text, trace.problem)
        cuts = tuple(s.start for s in found[1:])
        total.found += len(cuts)
        total.meant += len(trace.cuts)
        total.exact += len(set(cuts) & set(trace.cuts))
        total.near += _near(cuts, trace)
        _count_end(total, found, trace)
        if cuts == trace.cuts:
            total.answers_of += len(found)
            said = [(s.answer or "-") for s in found]
            right = [a == b or same(a, b) for a, b in zip(said, trace.answers, strict=True)]
            total.answers += sum(right)
            if not all(right):
                misses.append(f"{trace.id}: answers {said}, meant {list(trace.answers)}")
        for cut in sorted(set(cuts) ^ set(trace.cuts)):
            kind = "missed" if cut in trace.cuts else "extra"
            misses.append(f"{trace.id}: {kind} {trace.text[cut : cut + 60]!r}")
    return total, misses


def _count_end(total: Score, found: Sequence[Segment], trace: Marked) -> None:
    """Where the first correct attempt ends, against the attempt that is the first correct one by hand."""
    right = next((n for n, value in enumerate(trace.answers) if same(value, trace.reference)), None)
    if right is None:
        return
    bounds = [0, *trace.cuts, len(trace.text)]
    end = next((s.answered for s in found if s.answer and same(s.answer, trace.reference)), None)
    total.early += end is not None and end <= bounds[right]
    total.late += end is None or end > bounds[right + 1]
    total.inside += end is not None and bounds[right] < end <= bounds[right + 1]


def _near(cuts: Sequence[int], trace: Marked) -> int:
    """Pairs of a found and a meant cut at most a sentence apart, each used once."""
    starts = [s.start for s in sentences(trace.text)]
    number = {cut: bisect_left(starts, cut) for cut in (*cuts, *trace.cuts)}
    left = list(trace.cuts)
    count = 0
    for cut in cuts:
        match = next((c for c in left if abs(number[c] - number[cut]) <= 1), None)
        if match is not None:
            left.remove(match)
            count += 1
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--part", choices=PARTS, help="this part alone")
    parser.add_argument("--misses", action="store_true", help="print what was cut otherwise than by hand")
    options = parser.parse_args()
    print(
        f"{'':<22}{'cuts':>6}{'found':>6}{'exact p':>8}{'exact r':>8}{'near p':>8}{'near r':>8}{'answers':>8}{'in':>5}{'early':>6}{'late':>5}"
    )
    for part in [options.part] if options.part else PARTS:
        for language in ("english", "chinese"):
            marked = [trace for trace in read(language) if trace.part == part]
            total, misses = score(marked)
            print(f"{f'{part} {language} ({len(marked)})':<22}{total.line()}")
            for miss in misses if options.misses else ():
                print("   ", miss)


if __name__ == "__main__":
    main()
