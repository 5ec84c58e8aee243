"""Pairs per CPU second of `cotkit.verify.grade` and of math-verify, on the same pairs in one run.

    python benchmarks/verify_speed.py answers.json [--pairs 3000] [--key answer]

`answers.json` is a JSON list (or JSON lines) of rows with a reference answer. From each reference come two
pairs: the same answer in another form, which is right, and the next row's answer, which is mostly wrong.
Both graders get the answer in a box. Ratios mean something, absolute numbers depend on the machine.
math-verify is not a dependency: `pip install "math-verify[antlr4_13_2]"`, in an environment of its own if you like.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from cotkit.verify import grade
from cotkit.verify.extract import extract_reference
from cotkit.verify.grade import gradable
from cotkit.verify.pool import Pool

Pair = tuple[str, str]
Judge = Callable[[str, str], str]


def other_form(answer: str) -> str:
    """The same answer as another writer would have it."""
    return answer.replace("\\dfrac", "\\frac").replace("\\frac", "\\dfrac").replace("\\pi", "\\pi ")


def load(path: Path, key: str, limit: int) -> list[Pair]:
    """(answer, reference) pairs, at most `limit`."""
    text = path.read_text(encoding="utf-8")
    rows = json.loads(text) if text.lstrip().startswith("[") else [json.loads(line) for line in text.splitlines()]
    found = [extract_reference(str(row[key]), None).answer for row in rows]
    references = [answer for answer in found if answer is not None and gradable(answer) is None]
    references = references[:: max(1, 2 * len(references) // limit)]
    following = [*references[1:], *references[:1]]
    pairs = [
        pair
        for own, other in zip(references, following, strict=True)
        for pair in ((other_form(own), own), (other, own))
    ]
    return pairs[:limit]


def cpu() -> float:
    """CPU seconds of this process and of its children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def measure(name: str, pairs: list[Pair], run: Callable[[list[Pair]], Counter[str]]) -> float:
    """Print and return pairs per CPU second."""
    start, clock = cpu(), time.perf_counter()
    verdicts = run(pairs)
    spent, wall = cpu() - start, time.perf_counter() - clock
    rate = len(pairs) / spent
    print(f"{name:12} {rate:9.0f} pairs/CPU s   {len(pairs) / wall:9.0f} pairs/s   {dict(verdicts)}")
    return rate


def with_cotkit(pairs: list[Pair]) -> Counter[str]:
    """The whole ladder, with a worker."""
    with Pool() as pool:
        return Counter(grade(f"So it is \\boxed{{{a}}}.", b, pool=pool).verdict for a, b in pairs)


def math_verify() -> Callable[[list[Pair]], Counter[str]] | None:
    """math-verify as its README calls it, or None where it is not installed."""
    try:
        module = import_module("math_verify")
    except ImportError:
        return None
    parse, verify = module.parse, module.verify

    def run(pairs: list[Pair]) -> Counter[str]:
        verdicts: Counter[str] = Counter()
        for a, b in pairs:
            verdicts["correct" if verify(parse(f"${b}$"), parse(f"So it is $\\boxed{{{a}}}$.")) else "incorrect"] += 1
        return verdicts

    return run


def main() -> None:
    """Read the pairs, run both, print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("answers", type=Path)
    parser.add_argument("--key", default="answer")
    parser.add_argument("--pairs", type=int, default=3_000)
    options = parser.parse_args()
    pairs = load(options.answers, options.key, options.pairs)
    ours = measure("cotkit", pairs, with_cotkit)
    rival = math_verify()
    if rival is None:
        print('math-verify  not measured: pip install "math-verify[antlr4_13_2]" in this environment')
        return
    theirs = measure("math-verify", pairs, rival)
    print(f"ratio        {ours / theirs:9.1f}")


if __name__ == "__main__":
    main()
