"""How long report.html of a large run takes to write, to open in Chromium and to filter.

    python benchmarks/report.py                     # 100,000 rows, traces of 8,000 to 30,000 characters
    python benchmarks/report.py --rows 10000 --megabytes 8 --keep /tmp/large

Prints: seconds and CPU seconds to write, peak memory, size, what is in the page; then, in headless Chromium on this
machine, milliseconds until the rows can be used and of each filter (the longest of several). The report is written
in a process of its own, so its memory is its own.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chromium import browser, program

from cotkit import records
from cotkit.run.directory import FUNNEL_FILE, RunDirectory

ATTEMPTS = 3
SOURCES = [
    f"{owner}/{name}" for owner in ("alpha", "beta", "gamma") for name in ("contests", "olympiads", "textbook", "forum")
]
DROPS = {
    "filter": ("proof", "needs_figure", "ungradable", "multi_part"),
    "dedup": ("exact_duplicate", "near_duplicate"),
    "decontaminate": ("leak",),
}
WORDS = [
    "we",
    "the",
    "of",
    "that",
    "is",
    "so",
    "let",
    "find",
    "number",
    "value",
    "equation",
    "check",
    "now",
    "case",
    "then",
    "have",
    "since",
    "which",
    "each",
    "positive",
    "integer",
    "sum",
    "product",
    "root",
    "because",
    "however",
    "wait",
    "maybe",
    "consider",
    "first",
    "second",
    "gives",
    "follows",
    "modulo",
    "prime",
    "triangle",
    "circle",
    "angle",
    "length",
    "polynomial",
    "coefficient",
    "remainder",
    "divided",
    "possible",
    "total",
    "count",
    "pairs",
    "probability",
    "expected",
    "suppose",
    "assume",
    "implies",
    "therefore",
]
FORMULAS = (
    r"$x^{%d} + %d x = %d$",
    r"\(\frac{%d}{%d} < %d\)",
    r"$%d \equiv %d \pmod{%d}$",
    r"\[\sum_{k=%d}^{%d} k^2 = %d\]",
    r"$\sqrt{%d} + %d\pi = %d$",
)


def sentences(rng: random.Random, count: int) -> list[str]:
    """Sentences of a teacher: words, and now and then a formula."""
    made = []
    for _ in range(count):
        words = rng.choices(WORDS, k=rng.randint(6, 16))
        formula = rng.choice(FORMULAS) % tuple(rng.randrange(1, 5000) for _ in range(3))
        made.append(" ".join(words).capitalize() + f" {formula}. ")
    return made


def make_run(folder: Path, rows: int, rng: random.Random) -> None:
    """A run directory whose tables look like those of a run with `rows` rows in the end."""
    import polars as pl

    attempted = int(rows * 0.87) // ATTEMPTS
    dropped = rows - attempted * ATTEMPTS
    pool = sentences(rng, 20_000)
    problems = [
        records.Problem(
            problem_id=f"{i:016x}",
            problem="".join(rng.choices(pool, k=rng.randint(1, 6))).strip(),
            answer=str(rng.randrange(1000)),
            domain=rng.choice(("math", "math", "math", "science", "puzzle")),
            source=rng.choice(SOURCES),
            source_row=i,
            metadata=json.dumps({"difficulty": rng.randint(1, 10)}),
        )
        for i in range(attempted + dropped)
    ]
    table = records.frame(records.Problem, problems)
    funnel = [line("pull", "pull", "rows", table.height, table.height, {})]
    nothing = records.dropped_frame(table.clear(), [], [], [])
    put(folder / "01-pull", table, nothing)
    for number, (step, share) in enumerate((("filter", 0.5), ("dedup", 0.46), ("decontaminate", 0.04)), 2):
        count = dropped - (rows_gone(funnel)) if step == "decontaminate" else int(dropped * share)
        reasons = rng.choices(DROPS[step], k=count)
        evidence = [evidence_of(reason, rng, pool) for reason in reasons]
        gone = records.dropped_frame(table, range(count), reasons, evidence)
        kept = table[count:]
        put(folder / f"{number:02d}-{step}", kept, gone)
        funnel.append(line(step, step, "problems", table.height, kept.height, tally(reasons)))
        table = kept
    texts = write_traces(folder / "05-distill", table["problem_id"].to_list(), rng, pool)
    count = table.height * ATTEMPTS
    tokens = {"prompt_tokens": 200.0 * count, "completion_tokens": texts / 3.0, "usd": round(texts / 3e6 * 2.2, 2)}
    funnel.append(line("distill", "distill", "attempts", count, count, {}, tokens))
    verdicts = rng.choices(("correct", "incorrect", "undecided"), (60, 32, 8), k=count)
    keys = {
        "problem_id": [i for i in table["problem_id"] for _ in range(ATTEMPTS)],
        "sample": list(range(ATTEMPTS)) * table.height,
    }
    graded = pl.DataFrame(
        {
            **keys,
            "verdict": verdicts,
            "extracted": ["17"] * count,
            "reference": ["17"] * count,
            "method": ["exact"] * count,
            "reason": ["whole numbers"] * count,
        }
    )
    put(folder / "06-verify", graded, records.dropped_frame(graded.clear().drop("reason"), [], [], []))
    funnel.append(
        line("verify", "verify", "attempts", count, count, {}, {k: float(v) for k, v in tally(verdicts).items()})
    )
    fates = [v if v != "correct" else rng.choice(("", "not_chosen", "not_chosen")) for v in verdicts]
    gone_rows = [i for i, fate in enumerate(fates) if fate]
    reasons = [fates[i] for i in gone_rows]
    gone = records.dropped_frame(
        graded.drop("reason"), gone_rows, reasons, [{"extracted": "17", "reference": str(i)} for i in gone_rows]
    )
    published = records.frame(records.Example, [])
    put(folder / "07-select", published, gone)
    funnel.append(line("select", "select", "attempts", count, count - len(gone_rows), tally(reasons)))
    put(folder / "08-publish", published, records.dropped_frame(published, [], [], []))
    funnel.append(line("publish", "publish", "examples", count - len(gone_rows), count - len(gone_rows), {}))
    (folder / FUNNEL_FILE).write_text(json.dumps({"recipe": "large", "steps": funnel}), encoding="utf-8")


def rows_gone(funnel: list[dict[str, Any]]) -> int:
    return sum(int(entry["dropped"]) for entry in funnel)


def tally(reasons: list[str]) -> dict[str, int]:
    return {reason: reasons.count(reason) for reason in dict.fromkeys(reasons)}


def line(
    step: str,
    kind: str,
    unit: str,
    rows_in: int,
    kept: int,
    reasons: dict[str, int],
    counters: dict[str, float] | None = None,
) -> dict[str, Any]:
    """One entry of the funnel."""
    counts = {"rows_in": rows_in, "kept": kept, "dropped": rows_in - kept, "reasons": reasons}
    return {
        "step": step,
        "kind": kind,
        "unit": unit,
        **counts,
        "counters": counters or {},
        "incomplete": 0,
        "seconds": 1.0,
    }


def evidence_of(reason: str, rng: random.Random, pool: list[str]) -> dict[str, Any]:
    """What a step writes down with such a reason."""
    if reason == "leak":
        return {
            "benchmark": "aime",
            "benchmark_problem": rng.choice(pool),
            "benchmark_row": 7,
            "method": rng.choice(("exact", "embedding")),
            "score": 0.97,
            "kind": "same",
        }
    if "duplicate" in reason:
        return {
            "kept_problem": rng.choice(pool),
            "kept_source": "alpha/contests",
            "kept_row": 3,
            "method": "embedding",
            "score": 0.98,
        }
    return {"filter": "no_" + reason, "span": rng.choice(pool)[:40]}


def put(folder: Path, kept: Any, dropped: Any) -> None:
    """A step's tables; the mark of a finished step."""
    folder.mkdir(parents=True)
    kept.write_parquet(folder / "kept.parquet")
    dropped.write_parquet(folder / "dropped.parquet")
    (folder / "report.json").write_text("{}", encoding="utf-8")


def write_traces(folder: Path, ids: list[str], rng: random.Random, pool: list[str]) -> int:
    """The table of traces, a few thousand rows at a time; returns its characters."""
    import polars as pl
    import pyarrow.parquet as pq

    empty = records.frame(records.Trace, [])
    put(folder, empty, records.dropped_frame(empty, [], [], []))
    characters = 0
    with pq.ParquetWriter(folder / "kept.parquet", empty.to_arrow().schema, compression="zstd") as writer:
        for start in range(0, len(ids), 1000):
            rows = list(traces(ids[start : start + 1000], rng, pool))
            characters += sum(len(row.reasoning or "") for row in rows)
            writer.write_table(records.frame(records.Trace, rows).to_arrow().cast(empty.to_arrow().schema))
    assert pl.scan_parquet(folder / "kept.parquet").select(pl.len()).collect().item() == len(ids) * ATTEMPTS
    return characters


def traces(ids: list[str], rng: random.Random, pool: list[str]) -> Iterator[records.Trace]:
    for identity in ids:
        for sample in range(ATTEMPTS):
            length = rng.randint(8_000, 30_000)
            text = "\n\n".join("".join(rng.choices(pool, k=4)) for _ in range(length // 400))
            yield records.Trace(
                identity, sample, "some-teacher", "", "done", text, f"The answer is \\boxed{{{rng.randrange(1000)}}}.",
                "raw", "stop", 200, len(text) // 3, cost_usd=len(text) / 3e6 * 2.2,
            )  # fmt: skip


def write(folder: Path, megabytes: int) -> None:
    """Write the report here and print what that took; run in a process of its own."""
    from cotkit.run.report import write_report

    funnel = json.loads((folder / FUNNEL_FILE).read_text(encoding="utf-8"))["steps"]
    start = time.monotonic()
    write_report("large", funnel, RunDirectory(folder), megabytes)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(f"written in {time.monotonic() - start:.1f} s ({used.ru_utime + used.ru_stime:.1f} s of CPU), "
          f"peak memory {used.ru_maxrss / 1024:,.0f} MiB")  # fmt: skip


# What a person does: choose, search for a common word, for a rare one, for nothing, order by length.
ACTS = {
    "choose a verdict": "choose('verdict', 1)",
    "choose a source too": "choose('source', 2)",
    "take both back": "choose('verdict', 0); choose('source', 0)",
    "first search, common word": "search('number')",
    "search, two words": "search('prime 4999')",
    "search, nothing found": "search('xyzzy')",
    "search cleared": "search('')",
    "longest first": "order('long')",
}
HELP = """
const choose = (name, at) => { const s = document.querySelector(`[data-facet=${name}]`); s.selectedIndex = at;
  s.dispatchEvent(new Event('change', {bubbles: true})); };
const order = (value) => { const s = document.getElementById('order'); s.value = value;
  s.dispatchEvent(new Event('change', {bubbles: true})); };
const search = (text) => { const s = document.getElementById('search'); s.value = text;
  s.dispatchEvent(new Event('input', {bubbles: true})); };
"""


def look(path: Path, repeats: int) -> None:
    """Open the page and use its filters."""
    with browser() as page:
        opened = []
        for _ in range(repeats):
            page.ask("Page.navigate", url="about:blank")
            page.open(path)
            opened.append(page.evaluate("performance.getEntriesByName('ready')[0].startTime"))
        print(f"ready for use after {max(opened):,.0f} ms (longest of {repeats}; shortest {min(opened):,.0f})")
        page.evaluate(HELP.replace("const ", "window."))
        for name, act in ACTS.items():
            took = []
            for _ in range(1 if "first" in name else repeats):
                before = page.evaluate("performance.getEntriesByName('filter').length")
                page.evaluate(act)
                page.until(f"performance.getEntriesByName('filter').length > {before}")
                time.sleep(0.3)
                took.append(page.evaluate("performance.getEntriesByName('filter').at(-1).duration"))
            print(f"  {name:<26} {max(took):6.0f} ms   {page.evaluate('document.getElementById(`count`).textContent')}")
        print(f"complaints {page.complaints}, requests {[r for r in page.requests if not re.match('file:|about:', r)]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--megabytes", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="make the run here (if it is not there yet) and leave it")
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write:
        write(options.write, options.megabytes)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch) / "run"
        if not folder.exists():
            start = time.monotonic()
            make_run(folder, options.rows, random.Random(0))
            print(f"a run of {options.rows:,} rows made in {time.monotonic() - start:.0f} s")
        subprocess.run(
            [sys.executable, __file__, "--write", str(folder), "--megabytes", str(options.megabytes)], check=True
        )
        path = folder / "report.html"
        print(f"size {path.stat().st_size / 1e6:.1f} MB")
        if program() is None:
            print("no Chromium here, so nothing is opened")
            return
        look(path, options.repeats)


if __name__ == "__main__":
    main()
