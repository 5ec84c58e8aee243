"""Seconds, CPU and memory of a whole recipe at several sizes, and how they grow.

    python benchmarks/scale.py 10000 30000
    python benchmarks/scale.py 100000 1000000 --workers 8 --keep /data/scale

Makes N problems with one trace of about 8,000 characters each (seeded; one in five ends in a wrong answer, one in fifty
in none), and runs pull, filter, dedup, import, verify, select and publish on them. Every size runs in a process of its
own. The peak is that of the run's own process during a step (VmHWM), and below of the largest process that it started
and of all together, looked at five times a second. `report` is report.html, which is no step. The slope is that of CPU seconds on a log-log scale between the first size and the last; 1 is linear.

The texts are made up: sentences are drawn from a pool, so they compress better than real ones, and no problem is hard
to grade. Rates of verify on real answers are in docs/verify.md.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

CHARS = 8_000
BATCH = 2_000
RECIPE = """\
name: scale
seed: 1
engine: {{kind: local, workers: {workers}}}
steps:
  - step: pull
    sources: [{{kind: file, name: made, path: rows.parquet}}]
  - step: filter
    filters: [{{name: length, min_chars: 20}}, {{name: gradable}}]
  - step: dedup
    embedding: {embedding}
    cache: {cache}
{decontaminate}  - step: import
    sources: [{{kind: file, name: made, path: rows.parquet}}]
    format: messages
    teacher: made-up
  - step: verify
  - step: select
    filters: [{{name: empty_reasoning}}]
  - step: publish
"""
DECONTAMINATE = """\
  - step: decontaminate
    benchmarks: [{{kind: file, name: made-up, path: items.jsonl}}]
    embedding: {embedding}
    formulas: {formulas}
    cache: {cache}
"""
NAMES = [
    "Ada",
    "Bo",
    "Cleo",
    "Dag",
    "Emil",
    "Fay",
    "Gus",
    "Hana",
    "Ivo",
    "Jun",
    "Kai",
    "Lea",
    "Mio",
    "Nell",
    "Otto",
    "Pia",
    "Quin",
    "Rosa",
    "Sven",
    "Tara",
    "Umar",
    "Vera",
    "Wim",
    "Yara",
]
THINGS = [
    "apples",
    "marbles",
    "tickets",
    "stamps",
    "coins",
    "books",
    "cards",
    "bricks",
    "shells",
    "pens",
    "tiles",
    "boxes",
    "lamps",
    "seeds",
    "cups",
    "plates",
]
PLACES = [
    "market",
    "harbour",
    "school",
    "farm",
    "museum",
    "library",
    "station",
    "garden",
    "bakery",
    "stadium",
    "theatre",
    "village",
    "island",
    "castle",
]


def problems(count: int) -> Iterator[tuple[str, int]]:
    """(text, answer), all different, no two alike in more than their scheme."""
    import numpy as np

    dice = np.random.default_rng(7)
    draw = dice.integers(0, 2**31, size=(count, 8))
    for i in range(count):
        d = draw[i]
        who, other = NAMES[d[0] % len(NAMES)], NAMES[d[1] % len(NAMES)]
        thing, place = THINGS[d[2] % len(THINGS)], PLACES[d[3] % len(PLACES)]
        a, b, c = int(d[4] % 9_000) + 11, int(d[5] % 900) + 3, int(d[6] % 90) + 2
        scheme = d[7] % 3
        if scheme == 0:
            yield (
                f"{who} sells {a} {thing} at the {place} on each of {c} days and gives {b} to {other}. How many {thing} are that in all, with number {i}?",
                a * c + b + i,
            )
        elif scheme == 1:
            yield (
                f"At the {place} there stand {c} rows of {a} {thing}; {other} takes {b} away and {who} brings {i}. Find the number of {thing} that are left.",
                a * c - b + i,
            )
        else:
            yield (
                f"Let $x$ be the price of {thing} at the {place}, where $x - {b} = {a} \\cdot {c} + {i}$. {who} tells {other} that $x$ is an integer. Compute $x$.",
                a * c + b + i,
            )


def make(path: Path, count: int) -> None:
    """The rows as a Parquet file, a batch at a time."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    dice = np.random.default_rng(11)
    verbs = [
        "check",
        "compute",
        "compare",
        "consider",
        "expand",
        "factor",
        "reduce",
        "rewrite",
        "substitute",
        "simplify",
    ]
    pool = [
        f"Let me {verbs[v % 10]} the term {x} against {y} once more, since {THINGS[t % 16]} come to {x + y} in that case. "
        for v, x, y, t in dice.integers(1, 5_000, size=(20_000, 4))
    ]
    each = CHARS // (sum(map(len, pool[:100])) // 100)
    schema = pa.schema(
        {
            "problem": pa.string(),
            "answer": pa.string(),
            "messages": pa.list_(pa.struct({"role": pa.string(), "content": pa.string()})),
            "reasoning": pa.string(),
            "response": pa.string(),
        }
    )
    every = problems(count)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for start in range(0, count, BATCH):
            rows = []
            size = min(BATCH, count - start)
            picks, fate = dice.integers(0, len(pool), size=(size, each)), dice.random(size)
            for row in range(size):
                text, answer = next(every)
                said = answer if fate[row] > 0.2 else answer + 1
                reasoning = "".join([pool[i] for i in picks[row]]) + f"So it is {said}."
                response = f"The answer is \\boxed{{{said}}}." if fate[row] > 0.02 else "I cannot tell."
                turns = [{"role": "user", "content": text}, {"role": "assistant", "content": response}]
                rows.append(
                    {"problem": text, "answer": str(answer), "messages": turns, "reasoning": reasoning,
                     "response": response}
                )  # fmt: skip
            writer.write_table(pa.Table.from_pylist(rows, schema))


class Clock:
    """Hears of each step and notes what it took."""

    def __init__(self) -> None:
        self.steps: dict[str, dict[str, float]] = {}

    def starts(self, planned: Any) -> None:
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
        self.began, self.cpu = time.monotonic(), _cpu()

    def ended(self, planned: Any, line: Any, seconds: float | None) -> None:
        self.note(planned.step.name, line["kept"])
        self.starts(planned)  # what comes after the last step is the report

    def note(self, name: str, kept: int) -> None:
        self.steps[name] = {
            "seconds": time.monotonic() - self.began,
            "cpu": _cpu() - self.cpu,
            "peak_mb": _memory_mb("self", "VmHWM"),
            "kept": kept,
        }
        print(name, {what: round(value, 1) for what, value in self.steps[name].items()}, file=sys.stderr, flush=True)


def make_vectors(folder: Path, count: int) -> None:
    """Made-up embeddings of the problems in the cache of dedup, in crowds of fifty; a tenth stand near their middle.

    So every hundredth pair of a crowd, as in real pools, is near enough for the closer look.
    """
    import numpy as np

    from cotkit.dedup.embed import DIMENSIONS, load_encoder
    from cotkit.dedup.normal import without_figures
    from cotkit.dedup.vectors import open_store

    dice = np.random.default_rng(3)
    middles = dice.normal(size=(max(1, count // 50), DIMENSIONS)).astype(np.float32)
    encoder = load_encoder(None, folder)
    every = problems(count)
    with open_store(folder, encoder.name, print) as store:
        for start in range(0, count, BATCH):
            size = min(BATCH, count - start)
            near = np.where(dice.random(size) < 0.1, 3.0, 0.75).astype(np.float32)
            rows = middles[dice.integers(0, len(middles), size)] * near[:, None]
            rows += 0.75 * dice.normal(size=rows.shape).astype(np.float32)
            rows /= np.linalg.norm(rows, axis=1, keepdims=True)
            half = rows.astype(np.float16)
            store.write({encoder.key(without_figures(next(every)[0])): row.tobytes() for row in half})


def _cpu() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _memory_mb(process: str, what: str) -> float:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return int(next((line for line in lines if line.startswith(what)), "gone 0").split()[1]) / 1024


def _below(process: str) -> Iterator[str]:
    """The processes that this one has started, and theirs."""
    for task in Path(f"/proc/{process}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield child
            yield from _below(child)


def _watch(process: subprocess.Popen[str]) -> tuple[float, float]:
    """Until it ends: the peak of the largest process below it, and of it and all of them together, in MB."""
    largest = together = 0.0
    while process.poll() is None:
        with suppress(OSError):  # a process that has just ended
            others = list(_below(str(process.pid)))
            largest = max(largest, *(_memory_mb(other, "VmHWM") for other in others), 0.0)
            together = max(together, sum(_memory_mb(p, "VmRSS") for p in (str(process.pid), *others)))
        time.sleep(0.2)
    return largest, together


def run(folder: Path) -> None:
    """The recipe in this process; what it took as JSON on stdout."""
    from cotkit.recipe.load import load
    from cotkit.run.runner import run_recipe

    clock = Clock()
    run_recipe(load(str(folder / "scale.yaml")).recipe, folder / "run", watcher=clock)
    clock.note("report", 0)
    print(json.dumps(clock.steps))


def recipe(folder: Path, given: argparse.Namespace) -> str:
    keys = {"embedding": "null" if given.vectors == "none" else "{}", "cache": folder / f"vectors-{given.vectors}"}
    check = DECONTAMINATE.format(**keys, formulas=str(given.vectors != "none").lower()) if given.items else ""
    return RECIPE.format(**keys, workers=given.workers, decontaminate=check)


def measure(folder: Path, count: int, given: argparse.Namespace) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    if given.vectors == "made" and not (folder / "vectors-made").is_dir():
        make_vectors(folder / "vectors.part", count)
        (folder / "vectors.part").rename(folder / "vectors-made")
    if not (folder / "rows.parquet").is_file():
        make(folder / "rows.part", count)
        (folder / "rows.part").rename(folder / "rows.parquet")
    shutil.rmtree(folder / "run", ignore_errors=True)
    items = [json.dumps({"problem": text.replace("number", "figure")}) for text, _ in problems(given.items)]
    (folder / "items.jsonl").write_text("\n".join(items), encoding="utf-8")
    (folder / "scale.yaml").write_text(recipe(folder, given))
    command = [sys.executable, __file__, "--run", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        largest, together = _watch(process)
        said = process.communicate()[0]
    if process.returncode:
        raise SystemExit(process.returncode)
    return {"steps": json.loads(said), "largest": largest, "together": together}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", nargs="*", type=int, help="numbers of problems, ascending")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument(
        "--vectors",
        choices=["made", "real", "none"],
        default="made",
        help="embeddings of dedup: made up beforehand, as if a run before had computed them (MiniLM reads some hundred "
        "problems a core-second); real: computed by the step; none: dedup without them",
    )
    parser.add_argument("--items", type=int, default=0, help="decontaminate against so many made-up items, too")
    parser.add_argument("--keep", type=Path, help="a folder for the rows and the runs; else they are removed")
    parser.add_argument("--run", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run is not None:
        run(given.run)
        return
    with tempfile.TemporaryDirectory(prefix="cotkit-scale-") as scratch:
        base = given.keep or Path(scratch)
        found = {n: measure(base / str(n), n, given) for n in given.sizes or (10_000, 30_000)}
    for count, one in found.items():
        print(f"\n{count:,} problems, {given.workers} worker(s)")
        print(f"largest process below the run {one['largest']:,.0f} MB, all together {one['together']:,.0f} MB")
        print(f"{'step':<10}{'seconds':>10}{'CPU s':>10}{'peak MB':>10}{'kept':>12}")
        for name, step in one["steps"].items():
            print(
                f"{name:<10}{step['seconds']:>10.1f}{step['cpu']:>10.1f}{step['peak_mb']:>10,.0f}{step['kept']:>12,.0f}"
            )
    if len(found) > 1:
        small, big = min(found), max(found)
        print(f"\nslope of CPU seconds from {small:,} to {big:,}")
        for name, step in found[big]["steps"].items():
            first = found[small]["steps"][name]["cpu"]
            print(f"{name:<10}{math.log(step['cpu'] / first) / math.log(big / small):>10.2f}")


if __name__ == "__main__":
    main()
