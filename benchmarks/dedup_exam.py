"""The contamination exam: what each rule finds of planted benchmark items, and what it flags that is none.

    python benchmarks/dedup_exam.py [--unseen] [--rules strict,faithful:s1] [--cache DIR] [--show KIND]
    python benchmarks/dedup_exam.py --judge [--answers none] [--neighbours 3] [--plausible 0.8]

`--judge` asks an oracle that knows the right pairs, over real HTTP: what it finds is what the choice of pairs lets
any judge find, a ceiling, beside how many pairs each kind of row costs (each is asked about in both orders).

Base problems, paraphrases, translations and look-alikes are written by hand (tests/dedup/exam, FORMAT.md); copies
in another layout, with other names, inside longer prompts and with other numbers are made here from a fixed seed.
A third of the base problems is unseen: rules are chosen without them, `--unseen` scores them alone.
With COTKIT_DATA, the mechanical kinds are made of MATH-500 too, MATH train and AIME 1983-2023 stand among the clean problems and MATH-500, AIME 2024 and 2025,
AMC, Minerva and OlympiadBench among the benchmarks; a row of theirs that is flagged is listed for a person to judge.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import random
import re
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path
from typing import Any

EXAM = Path(__file__).resolve().parent.parent / "tests" / "dedup" / "exam"
LANGUAGES = ("zh", "es", "fr", "de", "ru", "ja")
BENCHMARKS = ("aime24.json", "aime25.jsonl", "amc.json", "math500.json", "minerva.json", "olympiad_bench.json")
NAMES = [
    "Alice",
    "Bob",
    "Carol",
    "David",
    "Emma",
    "Frank",
    "Grace",
    "Henry",
    "Isabel",
    "Jack",
    "Karen",
    "Leo",
    "Maria",
    "Nina",
    "Oscar",
    "Paul",
    "Quinn",
    "Rachel",
    "Sam",
    "Sarah",
    "Tom",
    "Uma",
    "Victor",
    "Wendy",
    "Xavier",
    "Yusuf",
    "Zoe",
    "Anna",
    "Ben",
    "Clara",
    "Daniel",
    "Ella",
    "Felix",
    "George",
    "Hannah",
    "Ivan",
    "Julia",
    "Kevin",
    "Laura",
    "Mark",
    "Nora",
    "Olivia",
    "Peter",
    "Rosa",
    "Simon",
    "Tara",
    "Lucy",
    "Mia",
    "Noah",
    "Omar",
    "Priya",
    "Ravi",
    "Sofia",
    "Tim",
    "Mary",
    "John",
    "James",
    "Linda",
    "Susan",
    "Jane",
    "Kate",
    "Mike",
    "Lisa",
    "Amy",
    "Tina",
    "Nick",
    "Diego",
    "Lena",
    "Ming",
    "Yuki",
    "Chen",
    "Ahmed",
    "Fatima",
    "Marta",
    "Pedro",
    "Lucas",
    "Eva",
    "Max",
    "Mei",
    "Jorge",
    "Ana",
    "Luis",
    "Ali",
]
NEW_NAMES = [
    "Bartholomew",
    "Ottilie",
    "Thaddeus",
    "Rosalind",
    "Cornelius",
    "Philippa",
    "Ignatius",
    "Wilhelmina",
    "Leopold",
    "Hortense",
]
ADVICE = (
    "Read the task slowly and make sure that you know what is given and what is asked. Draw a picture where it helps. "
    "Write down every step so that a friend could follow it. Check the result by another way before you give it. "
    "Do not guess, and do not skip the arithmetic. If a step seems too easy, look at it again. "
)
SHOTS = (
    ("What is the sum of the first four prime numbers?", "2 + 3 + 5 + 7 = 17. The answer is 17."),
    ("A shirt costs 25 dollars after a discount of 20%. What was its price?", "25 / 0.8 = 31.25."),
    ("How many diagonals does a convex polygon with 9 sides have?", "9 * 6 / 2 = 27."),
)


@dataclass(frozen=True)
class Case:
    """A row of the pool: what kind it is, which base problem it comes from, whether it is a leak."""

    kind: str
    base: str
    text: str
    leak: bool
    answer: str | None = None


def load(unseen: bool | None) -> list[dict[str, Any]]:
    """Base problems; `unseen`: only those kept back, only the others, or all (None)."""
    rows = [json.loads(line) for path in sorted(EXAM.glob("part*.jsonl")) for line in path.read_text().splitlines()]
    return [row for row in rows if unseen is None or bool(row["unseen"]) is unseen]


def clean_rows() -> list[dict[str, Any]]:
    path = EXAM / "clean.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


# The leaks that a judge may add to.
JUDGED = ("light paraphrase", "deep paraphrase", "distractor", "translated")
# What a hand-written look-alike of the second set changes, as the table calls it.
ALIKE = {
    "numbers": "numbers changed (by hand), 2nd set",
    "question": "other question, 2nd set",
    "condition": "other condition, 2nd set",
    "template": "same template, 2nd set",
    "clean": "clean, 2nd set",
}


def alike_cases(unseen: bool) -> list[Case]:
    """The look-alikes of the second set (alike.jsonl): those kept back, or the others."""
    rows = [json.loads(line) for line in (EXAM / "alike.jsonl").read_text().splitlines()]
    return [Case(ALIKE[r["kind"]], r["base"] or "", r["problem"], False) for r in rows if r["unseen"] is unseen]


def layout(text: str, rng: random.Random) -> str:
    """The same problem as another crawl would spell it."""
    text = text.replace("\\frac", "\\dfrac") if rng.random() < 0.5 else text.replace("\\dfrac", "\\tfrac")
    text = re.sub(r"\$([^$]+)\$", (lambda m: f"\\({m[1]}\\)") if rng.random() < 0.5 else r"$ \1 $", text)
    text = re.sub(r"(?<!\\left)\((?=[^()]{1,20}\))", "\\\\left(", text) if rng.random() < 0.2 else text
    text = text.replace("\\left(", "(").replace("\\right)", ")") if "\\left(" in text else text
    text = re.sub(r"\\cdot(?![a-z])", r"\\cdot ", text).replace("\\le ", "\\leq ").replace("\\ge ", "\\geq ")
    text = text.replace(", ", ",  ").replace(". ", ".\n\n")
    return text.upper() if rng.random() < 0.1 and "\\" not in text else f"  {text} \n"


_PLAIN = [
    (r"\\(?:d|t|c)?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}", r"(\1)/(\2)"),
    (r"\\(?:d|t)?binom\s*\{([^{}]*)\}\s*\{([^{}]*)\}", r"C(\1, \2)"),
    (r"\\sqrt\s*\{([^{}]*)\}", r"sqrt(\1)"),
    (r"\\(?:text|mathrm|mathbf|textbf|operatorname|mathbb|overline|mbox)\s*\{([^{}]*)\}", r"\1"),
    (r"\^\s*\{([^{}]*)\}", r"^(\1)"),
    (r"_\s*\{([^{}]*)\}", r"_\1"),
]
_SYMBOLS = {
    "\\cdot": "*", "\\times": "*", "\\leq": "<=", "\\le": "<=", "\\geq": ">=", "\\ge": ">=", "\\neq": "!=", "\\ne": "!=",
    "\\circ": "°", "\\ldots": "...", "\\dots": "...", "\\cdots": "...", "\\%": "%", "\\$": "USD ", "\\left": "", "\\right": "",
    "\\,": " ", "\\!": "", "\\;": " ", "\\quad": " ", "\\pmod": "mod", "\\{": "{", "\\}": "}", "\\to": "->", "\\infty": "infinity",
    "\\in": " in ", "\\pi": "pi", "\\div": "/", "\\pm": "+-", "\\mid": "|",
}  # fmt: skip


def plain(text: str) -> str:
    """LaTeX stripped as a text extraction would."""
    for _ in range(3):
        for pattern, replacement in _PLAIN:
            text = re.sub(pattern, replacement, text)
    for command in sorted(_SYMBOLS, key=len, reverse=True):
        text = re.sub(
            re.escape(command) + ("(?![A-Za-z])" if command[-1].isalpha() else ""),
            lambda found: _SYMBOLS[found[0]],
            text,
        )
    text = re.sub(r"\^\((\w)\)", r"^\1", text).replace("$", "")
    return re.sub(r"\\([A-Za-z]+)", r"\1", text)


def people(text: str, rng: random.Random) -> str | None:
    """Other names for the people; None where there are none."""
    found = [n for n in dict.fromkeys(re.findall(r"[A-Z][a-z]+", text)) if n in NAMES]
    if not found:
        return None
    new = dict(zip(found, rng.sample(NEW_NAMES, min(len(found), len(NEW_NAMES))), strict=False))
    return re.sub(r"[A-Z][a-z]+", lambda m: new.get(m[0], m[0]), text)


_MATH = r"\$\$[^$]*\$\$|\$[^$]*\$|\\\[.*?\\\]"


def variables(text: str, rng: random.Random) -> str | None:
    """Other letters for the variables inside formulas, consistently; None where there are none."""
    spaced = re.compile(r"\\(?:begin|end|operatorname)\s*\{[^{}]*\}|\\[A-Za-z]+|[A-Za-z]")
    segments = re.findall(_MATH, text, re.DOTALL)
    used = {
        m
        for s in segments
        for m in spaced.findall(re.sub(r"\\(?:text|mathrm|operatorname)\s*\{[^{}]*\}", "", s))
        if len(m) == 1
    }
    names = sorted(used - set("eidCP"))
    if not names or re.search(r"\\text|base|digit|letter|\\\$|\[asy\]", text):
        return None
    small, large = (
        [c for c in "abcghjkmpqrstuvwyz" if c not in used],
        [c for c in "ABDEFGHJKLMQRSTUVW" if c not in used],
    )
    rng.shuffle(small)
    rng.shuffle(large)
    if sum(n.islower() for n in names) > len(small) or sum(n.isupper() for n in names) > len(large):
        return None
    new = {n: (small if n.islower() else large).pop() for n in names}

    def inside(found: re.Match[str]) -> str:
        return spaced.sub(lambda t: new.get(t[0], t[0]), found[0])

    parts = re.split(f"({_MATH})", text, flags=re.DOTALL)
    outside = re.compile(r"(?<![A-Za-z\\'])([b-zB-Z])(?![A-Za-z'])|(?<![A-Za-z])[A-Z]{2,4}(?![A-Za-z])")
    done = [
        re.sub(r".+", inside, p, flags=re.DOTALL)
        if p.startswith(("$", "\\["))
        else outside.sub(lambda m: "".join(new.get(c, c) for c in m[0]), p)
        for p in parts
    ]
    return "".join(done)


def prompt(text: str, rng: random.Random) -> str:
    """The problem after 300 words of advice, with a line behind."""
    words = (ADVICE * 8).split()
    start = rng.randrange(20)
    return f"{' '.join(words[start : start + 300])} {text} Give the final answer in a box."


def few_shot(text: str, rng: random.Random) -> str:
    shots = rng.sample(SHOTS, 3)
    return "\n\n".join(f"Question: {q}\nAnswer: {a}" for q, a in shots) + f"\n\nQuestion: {text}\nAnswer:"


def truncated(text: str) -> str | None:
    """Cut after 70 % of its words; None for a text so short that little is left."""
    words = text.split()
    return " ".join(words[: max(12, int(0.7 * len(words)))]) if len(words) >= 20 else None


def numbers_changed(text: str, rng: random.Random) -> str | None:
    """One or two numbers of two digits or more (else any but 0 and 1) changed a little."""
    if "[asy]" in text:
        return None
    spots = [m for m in re.finditer(r"(?<![\d.^_{])\d+(?![\d.])", text) if m[0] not in ("0", "1")]
    spots = [m for m in spots if len(m[0]) > 1] or spots
    if not spots:
        return None
    for spot in sorted(rng.sample(spots, min(len(spots), rng.choice((1, 2)))), key=lambda m: -m.start()):
        value = int(spot[0]) + rng.choice((1, 2, 3, 5, 7, 11))
        text = text[: spot.start()] + str(value) + text[spot.end() :]
    return text


def more_numbers(row: dict[str, Any], had: set[str], seed: int, count: int = 3) -> list[str]:
    """Further texts of a base problem with numbers changed, none of those in `had`."""
    rng = random.Random(f"{seed}/more/{row['id']}")
    made = dict.fromkeys(t for _ in range(3 * count) if (t := numbers_changed(row["problem"], rng)) and t not in had)
    return list(made)[:count]


Maker = Callable[[str, random.Random], "str | None"]
MECHANICAL: dict[str, tuple[Maker, bool]] = {
    "verbatim": (lambda t, _: t, True),
    "layout": (layout, True),
    "latex to plain": (lambda t, _: plain(t), True),
    "renamed people": (people, True),
    "renamed variables": (variables, True),
    "after 300 words": (prompt, True),
    "few-shot": (few_shot, True),
    "truncated": (lambda t, _: truncated(t), True),
    "numbers changed": (numbers_changed, False),
}


def cases(rows: list[dict[str, Any]], seed: int = 5) -> Iterator[Case]:
    """The pool made of base problems."""
    for row in rows:
        rng = random.Random(f"{seed}/{row['id']}")
        base, text, answer = row["id"], row["problem"], row.get("answer")
        had = {text, *row.get("different", {}).get("numbers", ())}
        for kind, (make, leak) in MECHANICAL.items():
            made = make(text, rng)
            if made is None or (made == text and kind != "verbatim"):
                continue
            label = "short template" if kind == "verbatim" and "short" in row.get("tags", ()) else kind
            had.add(made)
            yield Case(label, base, made, leak, answer if leak else None)
        yield from (Case("numbers changed, 2nd set", base, t, False) for t in more_numbers(row, had, seed))
        same, different = row.get("same", {}), row.get("different", {})
        for kind, name in (("light", "light paraphrase"), ("deep", "deep paraphrase"), ("distractor", "distractor")):
            yield from (Case(name, base, t, True, answer) for t in same.get(kind, ()))
        yield from (Case("translated", base, same[code], True, answer) for code in LANGUAGES if code in same)
        yield from (Case("numbers changed (by hand)", base, t, False) for t in different.get("numbers", ()))
        yield from (Case("other question", base, t, False) for t in different.get("question", ()))
        yield from (Case("same template", base, t, False) for t in different.get("template", ()))


def real_data() -> tuple[dict[str, Any], list[Case]]:
    """Benchmarks and clean problems of COTKIT_DATA; nothing where it is not set."""
    import polars as pl

    root = Path(os.environ.get("COTKIT_DATA", ""))
    if not os.environ.get("COTKIT_DATA"):
        return {}, []

    def read(path: Path) -> list[dict[str, Any]]:
        text = path.read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()] if path.suffix == ".jsonl" else json.loads(text)

    tables = {}
    for name in BENCHMARKS:
        rows = [
            {"problem": r["problem"], "answer": str(r.get("answer", r.get("expected_answer", "")))}
            for r in read(root / "benchmarks" / name)
        ]
        tables[name.partition(".")[0]] = pl.DataFrame(rows)
    pool = [
        Case(
            f"real {name.partition('.')[0]}",
            f"{name}:{i}",
            r["problem"],
            False,
            str(r["answer"]) if r.get("answer") else None,
        )
        for name in ("aime_1983_2023.json", "math_train.json")
        for i, r in enumerate(read(root / "problems" / name))
    ]
    return tables, pool


def policy(rule: str, **more: Any) -> Any:
    from cotkit.dedup.step import Decontaminate

    source = {"kind": "file", "name": "unused", "path": "unused.jsonl"}
    keys: dict[str, Any] = {"step": "decontaminate", "benchmarks": [source], "policy": rule, **more}
    return Decontaminate.model_validate(keys)


def flagged(
    rule: str, pool: list[Case], benchmarks: dict[str, Any], cache: Path | None, **more: Any
) -> dict[int, dict[str, Any]]:
    """Pool position -> evidence."""
    from cotkit import records
    from cotkit.dedup.leaks import decontaminate_table
    from cotkit.records import Problem

    rows = [Problem(f"{i:016d}", c.text, answer=c.answer, source="exam", source_row=i) for i, c in enumerate(pool)]
    out = decontaminate_table(records.frame(Problem, rows), benchmarks, policy(rule, **more), None, cache)
    dropped = zip(out.dropped["source_row"], out.dropped["evidence"], strict=True)
    return {row: json.loads(evidence) for row, evidence in dropped}


def oracle(
    pool: list[Case], bases: list[dict[str, Any]], benchmarks: dict[str, Any], cache: Path | None, **keys: Any
) -> None:
    """Prints, by kind: rows, what rules and oracle find together, pairs asked per row."""
    sys.path.insert(0, str(EXAM.parents[1] / "servers"))
    fake_teacher = importlib.import_module("teacher").FakeTeacher
    from cotkit import records
    from cotkit.dedup.adjudicate import question
    from cotkit.dedup.leaks import decontaminate_table
    from cotkit.records import Problem

    texts = {b["id"]: b["problem"] for b in bases}
    right = {question(*pair) for c in pool if c.leak for pair in permutations((c.text, texts[c.base]))}
    kinds = {question(c.text, "").partition("<<<SECOND")[0].partition("<<<FIRST")[2]: c.kind for c in pool}
    asked: Counter[str] = Counter()

    def say(text: str) -> str:
        first = text.partition("<<<SECOND")[0].partition("<<<FIRST")[2]
        asked[kinds.get(first, "")] += 1
        return "SAME" if text in right else "DIFFERENT"

    rows = [Problem(f"{i:016d}", c.text, answer=c.answer, source="exam", source_row=i) for i, c in enumerate(pool)]
    with fake_teacher(say) as teacher, tempfile.TemporaryDirectory() as folder:
        judge = {"teacher": {"base_url": teacher.url, "model": "oracle"}, "limits": {"concurrency": 8}, **keys}
        journal = Path(folder) / "journal.sqlite"
        out = decontaminate_table(
            records.frame(Problem, rows), benchmarks, policy("strict", judge=judge), None, cache, journal
        )
    found = Counter(pool[row].kind for row in out.dropped["source_row"])
    total = Counter(c.kind for c in pool)
    print(f"judge {keys}: {out.counters['pairs judged']:.0f} pairs for {len(pool)} rows")
    print("| kind | rows | found with an oracle | pairs asked per row |\n| --- | ---: | ---: | ---: |")
    for kind, size in total.items():
        print(f"| {kind} | {size} | {100 * found[kind] / size:.1f} | {asked[kind] / size:.2f} |")


def named_item(evidence: dict[str, Any], ids: list[str]) -> str:
    """The base problem that the evidence names."""
    name, row = evidence["benchmark"], evidence["benchmark_row"]
    return ids[row] if name == "exam" else f"{name}:{row}"


def main() -> None:
    import polars as pl

    parser = argparse.ArgumentParser()
    parser.add_argument("--unseen", action="store_true")
    parser.add_argument("--rules", default="strict")
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--show", default="")
    parser.add_argument("--limit", type=int, default=40)
    parser.add_argument("--judge", action="store_true")
    parser.add_argument("--answers", choices=("all", "none"), default="all")
    parser.add_argument("--neighbours", type=int)
    parser.add_argument("--plausible", type=float)
    args = parser.parse_args()
    rows = load(args.unseen)
    bases = load(None)
    clean = [Case("clean, exam", r["id"], r["problem"], False, r.get("answer")) for r in clean_rows()]
    benchmarks, real = real_data()
    benchmarks["exam"] = pl.DataFrame([{"problem": r["problem"], "answer": r.get("answer")} for r in bases])
    if "math500" in benchmarks and not args.unseen:
        more = benchmarks["math500"].iter_rows(named=True)
        rows += [{"id": f"math500:{i}", "problem": r["problem"], "answer": r["answer"]} for i, r in enumerate(more)]
    if args.judge:
        own = [c for c in cases(load(args.unseen)) if not c.leak or c.kind in JUDGED]
        pool = [*own, *clean, *alike_cases(args.unseen), *real[::8]]
        pool = pool if args.answers == "all" else [replace(c, answer=None) for c in pool]
        keys = {k: v for k in ("neighbours", "plausible") if (v := getattr(args, k)) is not None}
        return oracle(pool, bases, benchmarks, args.cache, **keys)
    pool = [*cases(rows), *clean, *alike_cases(args.unseen), *real]
    ids = [r["id"] for r in bases]
    total = Counter(c.kind for c in pool)
    table: dict[str, dict[str, float]] = defaultdict(dict)
    for rule in args.rules.split(","):
        started = time.process_time()
        found = flagged(rule, pool, benchmarks, args.cache)
        count = Counter(pool[i].kind for i in found)
        for kind, size in total.items():
            table[kind][rule] = 100 * count[kind] / size
        right = sum(pool[i].leak and pool[i].base == named_item(e, ids) for i, e in found.items())
        leaks = sum(c.leak for c in pool)
        print(
            f"{rule}: {sum(pool[i].leak for i in found) / max(leaks, 1):.3f} of {leaks} planted found, {right} with the right item; {time.process_time() - started:.0f} CPU s"
        )
        shown = 0
        for i, case in enumerate(pool):
            if args.show and args.show in case.kind and (i in found) != case.leak and shown < args.limit:
                shown += 1
                base = next((b["problem"] for b in bases if b["id"] == case.base), "")
                print(
                    f"--- {case.kind} {case.base}\n  {case.text[:600]!r}\n  base: {base[:400]!r}\n  {json.dumps(found.get(i, {}))[:700]}"
                )
    width = max(map(len, total))
    print(f"\n| {'kind':<{width}} | rows | leak | " + " | ".join(args.rules.split(",")) + " |")
    for kind in sorted(total, key=lambda k: (not any(c.leak for c in pool if c.kind == k), list(total).index(k))):
        leak = any(c.leak for c in pool if c.kind == kind)
        print(
            f"| {kind:<{width}} | {total[kind]:>5} | {'yes' if leak else 'no ':<4} | "
            + " | ".join(f"{v:5.1f}" for v in table[kind].values())
            + " |"
        )


if __name__ == "__main__":
    main()
