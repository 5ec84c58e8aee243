"""Benchmark items among the problems, without embeddings; and how the step reads its benchmarks."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl
import pytest

from cotkit import records
from cotkit.dedup.leaks import decontaminate_table
from cotkit.dedup.step import Decontaminate
from cotkit.errors import InputError
from cotkit.records import Problem
from cotkit.steps import StepContext, StepOutput

BOILERPLATE = "where $m$ and $n$ are relatively prime positive integers. Find $m+n$."
ITEM = (
    "A list of positive integers has the properties that the sum of the items is 30, the unique mode is 9, and "
    "the median is an integer that does not appear in the list. Find the sum of the squares of all the items."
)
BENCHMARK = [
    ITEM,
    "Compute $\\sin 60^\\circ$.",
    f"The probability that a random chord of the 14-gon is a diameter is $\\frac{{m}}{{n}}$, {BOILERPLATE}",
    "Solve $(x-4)^3 = 27$ for the real number $x$.",
]


def pool(texts: Sequence[str]) -> pl.DataFrame:
    return records.frame(
        Problem, [Problem(records.problem_id(t), t, source="pool", source_row=i) for i, t in enumerate(texts)]
    )


def step(**keys: object) -> Decontaminate:
    source = {"kind": "file", "name": "bench", "path": "unused.jsonl"}
    return Decontaminate.model_validate({"step": "decontaminate", "benchmarks": [source], "embedding": None, **keys})


def leaks(texts: Sequence[str], items: Sequence[str] = BENCHMARK, **keys: object) -> tuple[StepOutput, dict[int, dict]]:  # type: ignore[type-arg]
    out = decontaminate_table(pool(texts), {"bench": pl.DataFrame({"problem": items})}, step(**keys))
    assert out.kept.height + out.dropped.height == len(texts)
    rows = zip(out.dropped["source_row"], out.dropped["evidence"], strict=True)
    return out, {row: json.loads(text) for row, text in rows}


def test_a_copy_in_another_layout_is_an_exact_leak_with_its_evidence() -> None:
    out, found = leaks(["  " + ITEM.upper().replace("30", "$30$"), "What is 7 times 8?"])
    assert out.dropped["reason"].to_list() == ["leak"]
    evidence = found[0]
    assert (evidence["benchmark"], evidence["benchmark_row"], evidence["method"], evidence["score"]) == (
        "bench",
        0,
        "exact",
        1.0,
    )
    assert evidence["benchmark_problem"] == ITEM
    assert {hit["method"] for hit in evidence["methods"]} == {"exact", "containment"}
    assert out.counters["bench: rows"] == 1
    assert out.counters["bench by containment"] == 1


def test_an_item_inside_a_longer_prompt_is_found() -> None:
    prompt = "You are a careful tutor. " + "Explain every step of your work to the student. " * 30
    _, found = leaks([f"{prompt} {ITEM} {prompt}", prompt])
    assert list(found) == [0]
    assert found[0]["method"] == "containment"
    assert found[0]["score"] == 1.0


def test_a_short_item_is_found_as_a_whole_sentence_and_not_as_a_part_of_a_formula() -> None:
    _, found = leaks(
        [
            "Answer the question: Compute $\\sin 60^\\circ$. Show your work in detail.",
            "Compute $\\sin 60^\\circ + \\cos 30^\\circ$ and give the exact value of the sum.",
            "Compute $\\sin 600^\\circ$.",
        ]
    )
    assert list(found) == [0]


def test_other_numbers_in_the_same_words_are_no_leak_but_are_reported() -> None:
    out, found = leaks([ITEM.replace("30", "32").replace("9,", "8,")])
    assert not found
    siblings = out.secondary["siblings"].to_dicts()
    assert [(s["source_row"], s["other_row"], s["kind"], s["method"]) for s in siblings] == [
        (0, 0, "other_numbers", "containment")
    ]
    assert json.loads(siblings[0]["detail"]) == {"only_here": ["32", "8"], "only_there": ["30", "9"]}
    assert out.counters["look-alikes kept"] == 1


def test_contest_boilerplate_does_not_fire() -> None:
    clean = [
        f"The area of a triangle with sides 13, 14 and 15 over its perimeter is $\\frac{{m}}{{n}}$, {BOILERPLATE}",
        f"Two dice are rolled until a 12 appears. The expected number of rolls is $\\frac{{m}}{{n}}$, {BOILERPLATE}",
    ]
    out, found = leaks(clean * 10)
    assert not found
    assert out.kept.height == 20


def test_a_renamed_copy_is_found_and_the_switch_matters() -> None:
    renamed = ["Solve $(t-4)^3 = 27$ for the real number $t$."]
    assert leaks(renamed)[1][0]["method"] == "renamed"
    assert not leaks(renamed, renamed=False, containment=None)[1]


@pytest.mark.parametrize(
    "copy",
    [
        ITEM,
        ITEM.upper().replace("30", "$30$"),
        "Solve $(t-4)^3 = 27$ for the real number $t$.",
        f"Think about it carefully. {ITEM} Put your answer in a box.",
        ITEM.replace("the unique mode", "the only mode"),
        f"You are a careful tutor. {'Explain every step of your work. ' * 30} {ITEM.replace('unique', 'only')}",
        " ".join(ITEM.split()[:24]),
    ],
)
def test_a_wrong_reference_answer_hides_no_copy(copy: str) -> None:
    items = pl.DataFrame({"problem": BENCHMARK, "answer": ["236", None, "14", "7"]})
    wrong = pool([copy]).with_columns(answer=pl.lit("11"))
    assert decontaminate_table(wrong, {"bench": items}, step()).dropped.height == 1


def test_containment_keys_matter() -> None:
    half = " ".join(ITEM.split()[:24])
    assert leaks([half])[1]
    assert not leaks([half], containment={"coverage": 0.9})[1]
    assert not leaks([half], containment={"n": 30})[1]
    changed = ITEM.replace("30", "32").replace("9,", "8,")
    assert leaks([changed], containment={"confirm": False})[1]


def test_equal_texts_are_looked_at_once_and_the_result_is_the_same_bytes() -> None:
    texts = [ITEM, "What is 7 times 8?", ITEM] * 40
    one, two = leaks(texts)[0], leaks(texts)[0]
    assert one.kept.height == 40
    assert one.dropped.equals(two.dropped)


@pytest.mark.parametrize(
    ("items", "message"),
    [
        (pl.DataFrame({"problem": []}, schema={"problem": pl.String}), "has no rows"),
        (pl.DataFrame({"question": ["a"]}), "no column 'problem'"),
        (pl.DataFrame({"problem": ["a", " "]}), "row 1"),
    ],
)
def test_a_benchmark_must_be_whole(items: pl.DataFrame, message: str) -> None:
    with pytest.raises(InputError, match=message):
        decontaminate_table(pool(["x"]), {"bench": items}, step())


Write = Callable[[str, Sequence[dict[str, object]]], Path]


def run_step(path: Path, tmp_path: Path, **source: object) -> StepOutput:
    keys = {"kind": "file", "name": "bench", "path": str(path), **source}
    one = Decontaminate.model_validate({"step": "decontaminate", "benchmarks": [keys], "embedding": None})
    assert set(one.materials({})) == {"bench"}
    return one.run({Problem: pool([ITEM, "What is 7 times 8?"])}, StepContext(seed=0, work=tmp_path, run=tmp_path))


def test_the_step_reads_its_benchmark_file(jsonl: Write, tmp_path: Path) -> None:
    path = jsonl("bench.jsonl", [{"question": "another"}, {"question": ITEM, "answer": 236}])
    out = run_step(path, tmp_path, columns={"problem": "question"})
    assert out.kept["source_row"].to_list() == [1]
    assert json.loads(out.dropped["evidence"][0])["benchmark_row"] == 1


@pytest.mark.parametrize(
    ("rows", "keys", "message"),
    [
        ([{"question": "a"}], {}, r"line 1: .*no column 'problem'.*question"),
        ([{"problem": "a"}, {"problem": "  "}], {}, r"line 2: no problem text"),
        ([{"problem": 3}], {}, r"line 1: no problem text"),
        (["not a row"], {"malformed": "drop"}, r"line 1: .*must be whole"),
    ],
)
def test_a_benchmark_file_that_is_not_whole_stops_with_its_place(
    jsonl: Write, tmp_path: Path, rows: list[dict[str, object]], keys: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        run_step(jsonl("bench.jsonl", rows), tmp_path, **keys)


def test_two_benchmarks_of_one_name_are_refused() -> None:
    source = {"kind": "file", "name": "bench", "path": "a.jsonl"}
    with pytest.raises(ValueError, match="two benchmarks are named 'bench'"):
        Decontaminate.model_validate({"step": "decontaminate", "benchmarks": [source, source]})


def test_the_cache_key_leaves_out_paths_that_have_a_digest() -> None:
    from cotkit.run.key import is_excluded

    source = {"kind": "file", "name": "bench", "path": "a.jsonl"}
    left_out = Decontaminate.model_validate({"step": "decontaminate", "benchmarks": [source]}).exclusions()
    assert is_excluded("benchmarks.0.path", left_out)
    assert not is_excluded("benchmarks.0.limit", left_out)
    assert not is_excluded("embedding.threshold", left_out)


def test_hostile_texts_are_checked_like_any_other() -> None:
    odd = [
        "",
        "$" * 200_001,
        "\\(" * 100_000,
        "$x" * 100_000,
        "a" * 1_000_000,
        "{" * 100_000,
        "\\frac" * 50_000,
        ITEM + " word" * 200_000,
        "A " * 200_000,
        "数" * 100_000,
    ]
    out, found = leaks(odd)
    assert list(found) == [7]
    assert out.kept.height == len(odd) - 1
