"""Error rates of the grader on our own labelled pairs, and of math-verify on the same ones.

    python benchmarks/labelled.py                       # all pairs: rates by type, every error with its reason
    python benchmarks/labelled.py --part unseen         # only the third that nothing was tuned on
    python benchmarks/labelled.py --rival math-verify   # needs: pip install "math-verify[antlr4_13_2]"

The pairs (tests/verify/labelled/*.jsonl, one group a line) were written before the grader was tuned, by writers who
did not read it. A third of the groups, chosen by a hash of the reference, is "unseen". `undecidable` candidates have
no final answer, or two: there undecided is the right verdict, and they are counted apart.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from math import sqrt
from pathlib import Path
from typing import Any

from cotkit.verify import Pair, Verdict, grade_many

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "verify" / "labelled"
PARTS = ("all", "seen", "unseen")


@dataclass(frozen=True)
class Labelled:
    """One pair and what is true of it: `label` is right, wrong or undecidable."""

    file: str
    kind: str
    lang: str
    label: str
    pair: Pair


def expand(value: Any) -> str:
    """A candidate as text; long ones are written as {"repeat", "times", "before", "after"}."""
    if isinstance(value, str):
        return value
    return f"{value.get('before', '')}{value['repeat'] * value['times']}{value.get('after', '')}"


def unseen(group: dict[str, Any]) -> bool:
    """Whether nothing may be tuned on this group."""
    text = json.dumps([group["reference"], group.get("question")], ensure_ascii=True)
    return hashlib.sha256(text.encode()).digest()[0] % 3 == 0


def load(part: str = "all", folder: Path = FOLDER) -> Iterator[Labelled]:
    """The pairs of a part, in file order; one that stands in two files counts once."""
    met = set()
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            group = json.loads(line)
            if part != "all" and unseen(group) != (part == "unseen"):
                continue
            reference = group["reference"]
            accepted = tuple(map(expand, reference)) if isinstance(reference, list) else expand(reference)
            for label in ("right", "wrong", "undecidable"):
                for candidate in group.get(label, ()):
                    pair = Pair(accepted, expand(candidate), group.get("question"))
                    if pair in met:
                        continue
                    met.add(pair)
                    yield Labelled(path.stem, group["type"], group["lang"], label, pair)


@dataclass(frozen=True)
class Rates:
    """Counts over right and wrong pairs; `held` counts undecidable ones that were called neither way."""

    n: int
    right: int
    false_correct: int
    false_incorrect: int
    undecided: int
    undecidable: int
    held: int

    @property
    def accuracy(self) -> float:
        """Share of decided pairs that were decided rightly."""
        decided = self.n - self.undecided
        return self.right / decided if decided else 0.0


def rates(found: Iterable[tuple[Labelled, str]]) -> Rates:
    """Rates of (pair, verdict)."""
    counts = Counter((labelled.label, verdict) for labelled, verdict in found)
    decidable = {key: n for key, n in counts.items() if key[0] != "undecidable"}
    return Rates(
        n=sum(decidable.values()),
        right=counts["right", "correct"] + counts["wrong", "incorrect"],
        false_correct=counts["wrong", "correct"],
        false_incorrect=counts["right", "incorrect"],
        undecided=counts["right", "undecided"] + counts["wrong", "undecided"],
        undecidable=sum(counts.values()) - sum(decidable.values()),
        held=counts["undecidable", "undecided"] + counts["undecidable", "incorrect"],
    )


def interval(k: int, n: int) -> tuple[float, float]:
    """95 % Wilson interval of a share k/n (Wilson 1927)."""
    if n == 0:
        return 0.0, 1.0
    z = 1.959964
    middle, half = (k + z * z / 2) / (n + z * z), z * sqrt(k * (n - k) / n + z * z / 4) / (n + z * z)
    return max(0.0, middle - half), min(1.0, middle + half)


def line(name: str, r: Rates) -> str:
    """One row of the table."""
    low, high = interval(r.false_correct, r.n)
    held = f"{r.held}/{r.undecidable}" if r.undecidable else "-"
    return (
        f"{name:14} {r.n:5}  {100 * r.accuracy:6.2f} %  {r.false_correct:3} ({100 * r.false_correct / max(1, r.n):.2f} %, "
        f"{100 * low:.2f}-{100 * high:.2f})  {r.false_incorrect:3} ({100 * r.false_incorrect / max(1, r.n):.2f} %)  "
        f"{r.undecided:4} ({100 * r.undecided / max(1, r.n):.2f} %)  {held}"
    )


def with_cotkit(labelled: Sequence[Labelled]) -> list[Verdict]:
    """Our verdicts."""
    return grade_many([item.pair for item in labelled])


def with_math_verify(labelled: Sequence[Labelled]) -> list[Verdict]:
    """math-verify as its README calls it: both sides as LaTeX, a bare one in a maths environment."""
    module = import_module("math_verify")
    out = []
    for item in labelled:
        accepted = [item.pair.reference] if isinstance(item.pair.reference, str) else item.pair.reference or ()
        text = item.pair.candidate or ""
        bare = "$" not in text and "\\boxed" not in text and "\n" not in text and len(text) < 200
        try:
            parsed = module.parse(f"${text}$" if bare else text)
            equal = any(module.verify(module.parse(f"${r}$"), parsed) for r in accepted)
        except Exception as error:  # noqa: BLE001 - a rival's crash counts as its verdict "wrong"
            out.append(Verdict("incorrect", None, None, "math-verify", type(error).__name__))
            continue
        out.append(Verdict("correct" if equal else "incorrect", None, None, "math-verify", ""))
    return out


GRADERS: dict[str, Callable[[Sequence[Labelled]], list[Verdict]]] = {
    "cotkit": with_cotkit,
    "math-verify": with_math_verify,
}


def report(grader: str, labelled: Sequence[Labelled], errors: bool) -> None:
    """Print the table of one grader, and every error."""
    verdicts = GRADERS[grader](labelled)
    groups: dict[str, list[tuple[Labelled, str]]] = defaultdict(list)
    for item, verdict in zip(labelled, verdicts, strict=True):
        for name in (f"lang {item.lang}", item.kind, f"file {item.file}"):
            groups[name].append((item, verdict.value))
    everything = [(item, verdict.value) for item, verdict in zip(labelled, verdicts, strict=True)]
    print(f"{grader:14}   n  accuracy   false correct           false incorrect  undecided      no-answer held")
    for name in sorted(groups):
        print(line(name, rates(groups[name])))
    print(line("all", rates(everything)))
    if errors:
        wanted = {"right": ("correct",), "wrong": ("incorrect",), "undecidable": ("undecided", "incorrect")}
        for item, verdict in zip(labelled, verdicts, strict=True):
            if verdict.value not in wanted[item.label]:
                reference, candidate = json.dumps(item.pair.reference), json.dumps(item.pair.candidate)
                print(
                    f"{item.label:11} {verdict.value:10} {item.kind:10} {reference[:100]} | {candidate[-160:]} | "
                    f"{(verdict.extracted or '')[:60]!r} {verdict.method} {verdict.reason}"
                )


def main() -> None:
    """Score what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=PARTS, default="all")
    parser.add_argument("--rival", choices=[name for name in GRADERS if name != "cotkit"])
    parser.add_argument("--no-errors", action="store_true", help="only the table")
    options = parser.parse_args()
    labelled = list(load(options.part))
    if not labelled:
        sys.exit(f"{FOLDER}: no pairs")
    for grader in ("cotkit", *filter(None, [options.rival])):
        report(grader, labelled, not options.no_errors)


if __name__ == "__main__":
    main()
