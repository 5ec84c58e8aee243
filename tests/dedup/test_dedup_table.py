"""Duplicates inside one table, without embeddings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import permutations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cotkit import records
from cotkit.dedup.cluster import Edge, clusters
from cotkit.dedup.duplicates import dedup_table
from cotkit.dedup.step import Dedup
from cotkit.records import Problem

CHEAP = Dedup(embedding=None)


def table(texts: Sequence[str], answers: Sequence[str | None] | None = None) -> pl.DataFrame:
    answers = answers or [None] * len(texts)
    return records.frame(
        Problem,
        [
            Problem(records.problem_id(text), text, answer=answer, source="pool", source_row=row)
            for row, (text, answer) in enumerate(zip(texts, answers, strict=True))
        ],
    )


def evidence(dropped: pl.DataFrame, source_row: int) -> dict[str, object]:
    found = dropped.filter(pl.col("source_row") == source_row)["evidence"].to_list()
    return dict(json.loads(found[0]))


def test_a_row_with_an_answer_survives() -> None:
    problems = table(["Find $x+1$.", "find x+1", "Find x + 1", "Find x-1"], [None, "3", "3", None])
    out = dedup_table(problems, CHEAP)
    assert out.kept["source_row"].to_list() == [1, 3]
    assert out.dropped["reason"].to_list() == ["exact_duplicate", "exact_duplicate"]
    assert evidence(out.dropped, 0) == {
        "kept_source": "pool",
        "kept_row": 1,
        "kept_problem_id": records.problem_id("find x+1"),
        "kept_problem": "find x+1",
        "method": "exact",
        "score": 1.0,
        "confirm": "same_problem",
    }


def test_renamed_variables_are_near_duplicates() -> None:
    problems = table(["Solve $(x-4)^3 = 8$ for $x$.", "Solve $(m-4)^3=8$ for $m$", "Solve $(m-5)^3=8$ for $m$"])
    out = dedup_table(problems, CHEAP)
    assert out.kept["source_row"].to_list() == [0, 2]
    assert out.dropped["reason"].to_list() == ["near_duplicate"]
    assert evidence(out.dropped, 1)["method"] == "renamed"
    assert dedup_table(problems, Dedup(renamed=False, embedding=None)).dropped.is_empty()


def test_no_row_number_decides_between_contradicting_answers() -> None:
    texts, answers = ["Find x.", "find $x$", "Find x", "Find y+1."], ["3", "4", "\\frac{6}{2}", "5"]
    for order in permutations(range(4)):
        out = dedup_table(table([texts[i] for i in order], [answers[i] for i in order]), CHEAP)
        assert out.kept["problem"].to_list() == ["Find y+1."]
        assert out.dropped["reason"].to_list() == ["answers_differ"] * 3
        assert out.counters["conflicting reference answers"] == 3
        told = [evidence(out.dropped, row) for row in out.dropped["source_row"]]
        assert {one["answer"] for one in told} == {"3", "4", "\\frac{6}{2}"}
        assert sorted(row["answer"] for row in told[0]["rows"]) == ["3", "4", "\\frac{6}{2}"]  # type: ignore[attr-defined]


def test_a_declared_preference_decides_between_contradicting_answers() -> None:
    problems = table(["Find x.", "find $x$", "Find x"], ["3", "4", "\\frac{6}{2}"])
    sources = problems.with_columns(source=pl.Series(["a", "b", "a"]))
    config = Dedup(embedding=None, source_order=("b",))
    out = dedup_table(sources, config)
    assert out.kept["source_row"].to_list() == [1]
    assert out.dropped["reason"].to_list() == ["duplicate_conflicting_answer"] * 2
    assert (evidence(out.dropped, 0)["answer"], evidence(out.dropped, 0)["kept_answer"]) == ("3", "4")
    # The preferred source agrees with itself, or none of its rows is to be trusted.
    first = dedup_table(sources, Dedup(embedding=None, source_order=("a",)))
    assert first.kept["source_row"].to_list() == [0]
    assert first.dropped["reason"].to_list() == ["duplicate_conflicting_answer", "exact_duplicate"]


def test_options_belong_to_the_problem() -> None:
    rows = [
        Problem("a", "Which is prime?", choices=["4", "5"], source="s", source_row=0),
        Problem("b", "Which is prime?", choices=["6", "7"], source="s", source_row=1),
        Problem("c", "which is prime", choices=["4", "5"], source="s", source_row=2),
    ]
    assert dedup_table(records.frame(Problem, rows), CHEAP).kept["source_row"].to_list() == [0, 1]


def test_texts_of_nothing_but_punctuation_are_not_all_the_same() -> None:
    assert dedup_table(table(["...", "???", "???"]), CHEAP).kept["source_row"].to_list() == [0, 1]


def test_an_empty_table_and_switched_off_methods_keep_everything() -> None:
    empty = dedup_table(table([]), CHEAP)
    assert (empty.kept.height, empty.dropped.height) == (0, 0)
    assert empty.dropped.schema["evidence"] == pl.String
    off = Dedup(exact=False, renamed=False, contained=False, embedding=None)
    assert dedup_table(table(["a b", "a b"]), off).kept.height == 2
    assert off.check()


def test_many_identical_texts_do_not_cost_pairs() -> None:
    out = dedup_table(table(["What is 2+2?"] * 20_000), CHEAP)
    assert (out.kept.height, out.dropped.height) == (1, 19_999)


STEMS = [
    "Find $x$ if $x+{}=9$.",
    "Compute $\\sin {}^\\circ$.",
    "How many ways to put {} balls in boxes?",
    "Simplify $\\frac{{x}}{{{}}}$",
]
LAYOUTS = [str, str.upper, lambda t: t.replace("$", ""), lambda t: f"  {t}\n", lambda t: t.replace("\\frac", "\\dfrac")]


@st.composite
def pools(draw: st.DrawFn) -> list[tuple[int, int, int]]:
    choice = st.tuples(st.integers(0, len(STEMS) - 1), st.integers(10, 14), st.integers(0, len(LAYOUTS) - 1))
    return draw(st.lists(choice, min_size=1, max_size=25))


@given(pools(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_every_planted_duplicate_goes_and_no_row_is_lost(pool: list[tuple[int, int, int]], random: object) -> None:
    texts = [LAYOUTS[layout](STEMS[stem].format(n)) for stem, n, layout in pool]
    out = dedup_table(table(texts), CHEAP)
    seen = sorted([*out.kept["source_row"], *out.dropped["source_row"]])
    assert seen == list(range(len(texts)))
    assert out.kept.height == len({(stem, n) for stem, n, _ in pool})
    kept = set(out.kept["source_row"])
    for row, text in zip(out.dropped["source_row"], out.dropped["evidence"], strict=True):
        to = json.loads(text)["kept_row"]
        assert to in kept
        assert pool[to][:2] == pool[row][:2]
    problems = table(texts)
    order = list(range(len(texts)))
    random.shuffle(order)  # type: ignore[attr-defined]
    again = dedup_table(problems[order], CHEAP)
    assert set(again.kept["source_row"]) == kept, "the same survivors whatever the order of rows"
    both = [set(zip(o.dropped["source_row"], o.dropped["evidence"], strict=True)) for o in (out, again)]
    assert both[0] == both[1]


def test_clusters_do_not_join_across_a_pair_that_differs() -> None:
    edges = [Edge(0, 1, "embedding", 0.95, "same_problem"), Edge(1, 2, "embedding", 0.92, "same_problem")]
    assert clusters(4, edges, []) == [0, 0, 0, 3]
    assert clusters(4, edges, [(0, 2)]) == [0, 0, 2, 3]
    more = [*edges, Edge(2, 3, "embedding", 0.99, "same_problem")]
    assert clusters(4, more, [(0, 3)]) == [0, 0, 2, 2]


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(90, 99)), max_size=25),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=8),
)
def test_no_cluster_holds_a_pair_that_differs(raw: list[tuple[int, int, int]], apart: list[tuple[int, int]]) -> None:
    edges = [Edge(min(a, b), max(a, b), "embedding", s / 100, "same_problem") for a, b, s in raw if a != b]
    foes = [(a, b) for a, b in apart if a != b]
    labels = clusters(10, edges, foes)
    assert all(labels[a] != labels[b] for a, b in foes)
    assert clusters(10, edges[::-1], foes[::-1]) == labels


@pytest.mark.parametrize("threshold", [0, 1.5])
def test_a_threshold_that_no_cosine_can_be_is_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold"):
        Dedup.model_validate({"step": "dedup", "embedding": {"threshold": threshold}})


def test_the_preferred_row_survives() -> None:
    rows = [
        Problem("a", "Find $x+1$.", source="web", source_row=0, answer="\\frac{a}{b}", solution="long"),
        Problem("b", "find $x+1$", source="book", source_row=0, answer="3"),
        Problem("c", "FIND $x + 1$ .", source="book", source_row=1),
    ]
    problems = records.frame(Problem, rows)

    def survivor(**keys: object) -> str:
        kept = dedup_table(problems, Dedup.model_validate({"embedding": None, **keys})).kept
        assert kept.height == 1
        return str(kept["problem_id"][0])

    assert survivor() == "a", "an answer first, then a solution"
    assert survivor(prefer=["gradable"]) == "b"
    assert survivor(prefer=["source"], source_order=["book"]) == "b"
    assert survivor(prefer=["shortest"]) == "b"
    assert survivor(prefer=["longest"]) == "c"
    assert Dedup.model_validate({"prefer": ["answer"], "source_order": ["book"]}).check()


def test_what_an_earlier_dataset_has_is_dropped_here() -> None:
    problems = table(["Find $x+1$.", "Find $y-2$ if it is even."], ["3", "4"])
    earlier = pl.DataFrame({"problem": ["find x+1", "Another one entirely"], "source": ["v1", "v1"]})
    out = dedup_table(problems, CHEAP, earlier=earlier)
    assert out.kept["source_row"].to_list() == [1]
    assert evidence(out.dropped, 0)["kept_source"] == "v1"


def test_a_problem_inside_a_prompt_is_its_duplicate() -> None:
    problem = "A farmer has 12 cows and 30 sheep, and each cow eats twice as much. How many legs are there?"
    out = dedup_table(
        table([f"Think hard. {problem} Put the answer in a box.", problem, problem.replace("12", "13")]), CHEAP
    )
    assert out.dropped["reason"].to_list() == ["near_duplicate"]
    assert out.kept.height == 2
    assert evidence(out.dropped, out.dropped["source_row"][0])["method"] == "contained"


def test_texts_that_are_hard_to_read_are_rows_like_any_other() -> None:
    odd = ["$$", "\\frac{", "这是一个问题,求 $x$ 的值。", "a" * 1_000_000, "{" * 50_000, "$x^" * 20_000]
    out = dedup_table(table(odd * 2), CHEAP)
    assert (out.kept.height, out.dropped.height) == (len(odd), len(odd))
