"""Pairs per CPU second of the grader and of math-verify, on the same pairs in one run.

    python benchmarks/verify.py math_train.json aime.json [--key answer] [--pairs 3000] [--traces responses.jsonl]

Each file is a JSON list (or JSON lines) of rows with a reference answer. From each reference come two pairs: the same
answer in another form, which is right, and the next row's answer, which is mostly wrong. `--traces` adds rows with
`reference` and `response`: a teacher's whole responses. Both graders get the same texts. Printed: pairs per CPU second
(this process and its children), the ratio, the share of time by the step that decided, and one process against all.
Ratios mean something, absolute numbers depend on the machine. math-verify is no dependency:
`pip install math-verify antlr4-python3-runtime==4.13.2`.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from cotkit.cores import cores
from cotkit.verify import gradable, grade, grade_many
from cotkit.verify.extract import extract_reference

Pair = tuple[str, str]


def other_form(answer: str) -> str:
    """The same answer as another writer would have it."""
    return answer.replace("\\dfrac", "\\frac").replace("\\frac", "\\dfrac").replace("\\pi", "\\pi ")


def read(path: Path) -> list[dict[str, Any]]:
    """Rows of a JSON list or of JSON lines."""
    text = path.read_text(encoding="utf-8")
    found: list[dict[str, Any]] = (
        json.loads(text) if text.lstrip().startswith("[") else [json.loads(line) for line in text.splitlines() if line]
    )
    return found


def load(paths: list[Path], key: str, limit: int) -> list[Pair]:
    """(reference, response) pairs, at most `limit`, evenly taken."""
    found = [extract_reference(str(row[key]), None).answer for path in paths for row in read(path)]
    references = [answer for answer in found if answer is not None and gradable(answer) is None]
    references = references[:: max(1, 2 * len(references) // limit)]
    following = [*references[1:], *references[:1]]
    pairs = [
        (own, f"So the answer is $\\boxed{{{answer}}}$.")
        for own, other in zip(references, following, strict=True)
        for answer in (other_form(own), other)
    ]
    return pairs[:limit]


def cpu() -> float:
    """CPU seconds of this process and of its children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def measure(name: str, pairs: list[Pair], run: Callable[[list[Pair]], Counter[str]]) -> tuple[float, float]:
    """Print and return pairs per CPU second and per second of clock."""
    start, clock = cpu(), time.perf_counter()
    verdicts = run(pairs)
    spent, wall = cpu() - start, time.perf_counter() - clock
    print(f"{name:22} {len(pairs) / spent:9.0f} pairs/CPU s {len(pairs) / wall:9.0f} pairs/s   {dict(verdicts)}")
    return len(pairs) / spent, len(pairs) / wall


def with_cotkit(pairs: list[Pair]) -> Counter[str]:
    """One pair after another in this process."""
    return Counter(grade(reference, response).value for reference, response in pairs)


def with_processes(count: int) -> Callable[[list[Pair]], Counter[str]]:
    """`grade_many` over some processes."""
    return lambda pairs: Counter(verdict.value for verdict in grade_many(pairs, count))


def with_math_verify() -> Callable[[list[Pair]], Counter[str]] | None:
    """math-verify as its README calls it, or None where it is not installed."""
    try:
        module = import_module("math_verify")
    except ImportError:
        return None
    parse, verify = module.parse, module.verify

    def run(pairs: list[Pair]) -> Counter[str]:
        found: Counter[str] = Counter()
        for reference, response in pairs:
            found["correct" if verify(parse(f"${reference}$"), parse(response)) else "incorrect"] += 1
        return found

    return run


def shares(pairs: list[Pair]) -> None:
    """How much of the time goes into pairs that each step decides."""
    spent: dict[str, float] = defaultdict(float)
    count: Counter[str] = Counter()
    for reference, response in pairs:
        start = time.process_time()
        verdict = grade(reference, response)
        step = verdict.method if verdict.value != "undecided" else "undecided"
        spent[step] += time.process_time() - start
        count[step] += 1
    total = sum(spent.values())
    for step, seconds in sorted(spent.items(), key=lambda item: -item[1]):
        print(
            f"  {step:10} {count[step]:6} pairs {100 * count[step] / len(pairs):5.1f} %   {100 * seconds / total:5.1f} % of time"
        )


def main() -> None:
    """Read the pairs, run all, print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("answers", type=Path, nargs="+")
    parser.add_argument("--key", default="answer")
    parser.add_argument("--pairs", type=int, default=3_000)
    parser.add_argument("--traces", type=Path)
    options = parser.parse_args()
    pairs = load(options.answers, options.key, options.pairs)
    if options.traces is not None:
        pairs += [(row["reference"], row["response"]) for row in read(options.traces)]
    grade("1/2", "x")  # the first call loads what is loaded once
    ours, _ = measure("cotkit", pairs, with_cotkit)
    shares(pairs)
    # every pair in four spacings, so that few are equal (equal ones are graded once) and starting up does not count
    every = load(options.answers, options.key, 1_000_000)
    many = [(reference + " " * k, response + " " * k) for k in range(4) for reference, response in every]
    _, one = measure("grade_many, 1 process", many, with_processes(1))
    _, both = measure(f"grade_many, {cores()}", many, with_processes(cores()))
    print(f"{cores()} processes against one: {both / one:.2f} x (of wall time; only an idle machine shows it)")
    rival = with_math_verify()
    if rival is None:
        print("math-verify            not installed in this environment")
        return
    theirs, _ = measure("math-verify", pairs, rival)
    print(f"cotkit / math-verify: {ours / theirs:.1f} x")


if __name__ == "__main__":
    main()
