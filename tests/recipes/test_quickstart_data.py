"""The quickstart data: its shape, its plants, and every answer recomputed without cotkit's own grader."""

import json
import re
from collections import Counter
from importlib.resources import files
from typing import Any

import pytest
from quickstart_answers import CHECKS, final_text, same, value_of

DATA = files("cotkit") / "recipes" / "data" / "quickstart"
TOPICS = {"algebra", "number theory", "combinatorics", "geometry", "probability"}


def read(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


PROBLEMS = {row["id"]: row for row in read("problems.jsonl")}
BENCHMARK = {row["id"]: row for row in read("benchmark.jsonl")}


def plant(row: dict[str, Any]) -> tuple[str, str]:
    kind, _, target = (row["plant"] or "").partition(":")
    return kind, target


CLEAN = {key: row for key, row in PROBLEMS.items() if plant(row)[0] in ("", "sibling_of")}


@pytest.mark.parametrize("key", sorted(CLEAN))
def test_answer_of_every_clean_problem_is_recomputed(key: str) -> None:
    assert same(CHECKS[key](), value_of(final_text(CLEAN[key])))


@pytest.mark.parametrize("key", sorted(BENCHMARK))
def test_answer_of_every_benchmark_item_is_recomputed(key: str) -> None:
    assert same(CHECKS[key](), value_of(BENCHMARK[key]["answer"]))


def test_a_wrong_answer_would_be_noticed() -> None:
    wrong = [key for key in CLEAN if same(CHECKS[key](), value_of("987654321"))]
    assert wrong == []


def test_ids_count_up_and_are_unique() -> None:
    assert [row["id"] for row in read("problems.jsonl")] == [f"qs-{i:03d}" for i in range(1, len(PROBLEMS) + 1)]
    assert [row["id"] for row in read("benchmark.jsonl")] == [f"qb-{i:03d}" for i in range(1, 26)]


def test_counts() -> None:
    kinds = Counter(plant(row)[0] for row in PROBLEMS.values())
    del kinds[""]
    assert kinds == {
        "exact_duplicate_of": 4,
        "near_duplicate_of": 5,
        "sibling_of": 3,
        "leak_of": 5,
        "ungradable": 5,
    }
    assert 110 <= len(PROBLEMS) <= 120
    assert len(CLEAN) >= 85
    topics = Counter(row["topic"] for row in CLEAN.values())
    assert set(topics) == TOPICS
    assert min(topics.values()) >= 12
    assert {row["difficulty"] for row in CLEAN.values()} == {1, 2, 3, 4, 5}
    assert sum("answer" not in row for row in PROBLEMS.values()) >= 25


def test_rows_have_only_the_documented_columns() -> None:
    always, sometimes = {"id", "problem", "topic", "difficulty", "plant"}, {"answer", "solution", "choices"}
    for row in PROBLEMS.values():
        assert always <= set(row) <= always | sometimes
        assert row["topic"] in TOPICS
        assert "answer" in row or "solution" in row
        assert len(row["problem"].split()) <= 60
    assert all(set(row) == {"id", "problem", "answer"} for row in BENCHMARK.values())


def test_plants_refer_to_clean_rows_of_the_right_file_that_come_first() -> None:
    for row in PROBLEMS.values():
        kind, target = plant(row)
        if kind == "leak_of":
            assert target in BENCHMARK
        elif kind == "ungradable":
            assert re.fullmatch(r"[a-z_]+", target)
        elif kind:
            assert plant(PROBLEMS[target])[0] == ""
            assert target < row["id"]


def squeeze(text: str) -> str:
    return re.sub(r"\s+", "", text.replace(r"\dfrac", r"\frac"))


def numbers(text: str) -> Counter[str]:
    return Counter(re.findall(r"\d+", text))


def test_duplicates_and_leaks_agree_with_their_original_and_siblings_do_not() -> None:
    for row in PROBLEMS.values():
        kind, target = plant(row)
        if kind in ("", "ungradable"):
            continue
        original = BENCHMARK[target] if kind == "leak_of" else PROBLEMS[target]
        agree = same(value_of(final_text(row)), value_of(final_text(original)))
        assert agree == (kind != "sibling_of"), row["id"]
        assert (numbers(row["problem"]) == numbers(original["problem"])) == agree, row["id"]
        if kind == "exact_duplicate_of":
            assert row["problem"] != original["problem"]
            assert squeeze(row["problem"]) == squeeze(original["problem"])
        if kind == "near_duplicate_of":
            assert squeeze(row["problem"]) != squeeze(original["problem"])


def test_leaks_come_in_each_form() -> None:
    forms = Counter()
    for row in PROBLEMS.values():
        kind, target = plant(row)
        if kind == "leak_of":
            mine, theirs = row["problem"], BENCHMARK[target]["problem"]
            forms["verbatim"] += mine == theirs
            forms["respelled"] += mine != theirs and squeeze(mine) == squeeze(theirs)
            forms["embedded"] += mine != theirs and theirs in mine
    assert forms == {"verbatim": 1, "respelled": 1, "embedded": 1}


def test_no_two_clean_problems_share_their_text_and_none_is_in_the_benchmark() -> None:
    clean = Counter(squeeze(row["problem"]) for row in CLEAN.values())
    assert max(clean.values()) == 1
    assert not set(clean) & {squeeze(row["problem"]) for row in BENCHMARK.values()}


def test_choices_go_with_a_letter() -> None:
    (row,) = [row for row in PROBLEMS.values() if "choices" in row]
    assert row["answer"] in "ABCDE"[: len(row["choices"])]
    # The prompt puts the options below the problem; written out in its text they would come twice.
    assert not any(choice in row["problem"] for choice in row["choices"])
