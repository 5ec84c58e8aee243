"""Selectors: the right number of rows, the same ones whatever the order, and s1 as published."""

from __future__ import annotations

import hashlib
import json
import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cotkit import records
from cotkit.curate.choose import Choose, example_item, output
from cotkit.curate.sample import Sample, problem_item
from cotkit.curate.selectors import Choice, Item, Selector, choose, split
from cotkit.errors import InputError
from cotkit.records import Example, Problem
from cotkit.registry import BUILTIN, lookup
from cotkit.steps import StepContext

FORCED = [{"source": "aime"}, {"source": "gpqa"}, {"source": "math", "longer_than": 56}]
CONFIGS: list[dict[str, Any]] = [
    {"by": "random"},
    {"by": "top"},
    {"by": "top", "of": "difficulty", "lowest": True},
    {"by": "top", "of": "limo"},
    {"by": "score", "of": "cosine"},
    {"by": "failing"},
    {"by": "failing", "of": "pass_rate"},
    {"by": "quota"},
    {"by": "quota", "over": "difficulty", "inside": "longest"},
    {"by": "quota", "over": "source", "shares": {"aime": 3, "math": 1}, "inside": "hardest"},
    {"by": "s1"},
    {"by": "s1", "domain": "source", "length": "chars", "forced": FORCED},
    {"by": "s1", "variant": "notebook", "mixture": {"aime": 1, "gpqa": 0.5}, "forced": FORCED},
    {"by": "openthoughts3"},
    {"by": "openthoughts3", "sources": {"math": ["aime", "math"]}},
    {"by": "k_center"},
    {"by": "clusters", "clusters": 3},
]


def selector(config: dict[str, Any]) -> Selector:
    return lookup("selectors", config["by"]).model_validate(config)  # type: ignore[attr-defined,no-any-return]


def vectors(texts: Sequence[str]) -> Any:
    """Unit rows that a text alone decides."""
    import numpy as np

    rows = np.array([list(hashlib.sha256(t.encode()).digest()[:8]) for t in texts], dtype=np.float32) - 128
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


ITEM = st.fixed_dictionaries(
    {
        "domain": st.sampled_from(["math", "code", "science", "puzzle"]),
        "source": st.sampled_from(["aime", "gpqa", "math"]),
        "subject": st.sampled_from(["05", "11", "26", "51", None]),
        "difficulty": st.one_of(st.none(), st.floats(1, 10), st.sampled_from([math.nan, math.inf])),
        "reasoning_tokens": st.one_of(st.none(), st.integers(0, 100)),
        "response_tokens": st.integers(0, 9),
        "chars": st.integers(0, 1000),
        "pass_rate": st.floats(0, 1),
        "solve_rate": st.one_of(st.none(), st.floats(0, 1)),
        "limo": st.floats(0, 1),
        "score:cosine": st.one_of(st.none(), st.floats(-10, 2)),
    }
)
ITEMS = st.lists(st.tuples(ITEM, st.booleans()), max_size=40).map(
    lambda rows: [Item(f"p{i}", text=f"text {i}", correct=right, values=v) for i, (v, right) in enumerate(rows)]
)


def taken(items: Sequence[Item], choice: Choice) -> set[str]:
    return {items[i].id for i in choice.taken}


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: "-".join(map(str, c.values()))[:40])
@settings(max_examples=30, deadline=None)
@given(items=ITEMS, count=st.integers(1, 45), seed=st.integers(0, 9), shuffle=st.randoms(use_true_random=False))
def test_exactly_as_many_rows_and_the_same_in_any_order(
    config: dict[str, Any], items: list[Item], count: int, seed: int, shuffle: random.Random
) -> None:
    one = selector(config)
    usable = [i for i in items if not one.lacks(i) and one.refuses(i) is None]
    if items and not usable:
        with pytest.raises(InputError, match=r"no row .*has it|leaves out all of"):
            choose(items, count, one, seed, vectors)
        return
    choice = choose(items, count, one, seed, vectors)
    assert len(choice.taken) == min(count, len(usable))
    assert sorted([*choice.taken, *choice.left]) == list(range(len(items)))
    json.dumps([choice.taken, choice.left], allow_nan=False)
    mixed = list(items)
    shuffle.shuffle(mixed)
    again = choose(mixed, count, one, seed, vectors)
    assert taken(mixed, again) == taken(items, choice)
    assert {mixed[i].id: why for i, why in again.taken.items()} == {items[i].id: w for i, w in choice.taken.items()}


def test_every_registered_selector_is_tried() -> None:
    assert {config["by"] for config in CONFIGS} == set(BUILTIN["selectors"])


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, 60),
    st.dictionaries(st.sampled_from("abcde"), st.integers(0, 20), min_size=1),
    st.dictionaries(st.sampled_from("abcde"), st.floats(0.01, 9)),
)
def test_split_fills_the_count(count: int, sizes: dict[str, int], shares: dict[str, float]) -> None:
    quotas = split(count, sizes, shares)
    assert all(0 <= quotas[name] <= size for name, size in sizes.items())
    assert sum(quotas.values()) == min(count, sum(size for name, size in sizes.items() if name in shares))


def test_split_goes_by_shares() -> None:
    assert split(10, {"a": 90, "b": 90, "c": 90}, {"a": 3, "b": 2, "c": 0}) == {"a": 6, "b": 4, "c": 0}
    assert split(10, {"a": 1, "b": 90, "c": 90}, {"a": 8, "b": 1, "c": 1}) == {"a": 1, "b": 5, "c": 4}


# s1 on a fixture, worked out by a second, plain reading of the paper and of the notebook.


def s1_rows() -> list[Item]:
    rng = random.Random(11)
    rows = []
    for number in range(120):
        source = rng.choice(["aime", "gpqa", "math", "math", "olympiad", "olympiad"])
        domain = rng.choice(["05", "11", "11", "51", "81", "92"] if source != "gpqa" else ["81", "81", "92", "80"])
        tokens = rng.randrange(100, 9000)
        values = {"subject": domain, "source": source, "reasoning_tokens": tokens}
        rows.append(Item(f"q{number:03d}", correct=rng.random() < 0.4, values=values))
    return rows


def plain_s1(rows: Sequence[Item], count: int, seed: int, notebook: bool) -> list[str]:
    """What is expected: sums of weights in lists, no shortcuts, nothing shared with the selector."""
    rows = sorted(rows, key=lambda r: hashlib.sha256(f"{seed}:{r.id}".encode()).hexdigest())
    numbers = random.Random(f"{seed} s1")

    def weighted(names: list[str], weights: list[float]) -> str:
        u, total = numbers.random(), sum(weights)
        for k in range(len(names)):
            if sum(weights[: k + 1]) > u * total:
                return names[k]
        return names[-1]

    selected: list[str] = []
    for r in rows:
        long_math = r.values["source"] == "math" and r.values["reasoning_tokens"] > 5600
        if r.correct and (r.values["source"] in ("aime", "gpqa") or long_math):
            selected.append(r.id)
    gpqa: dict[str, int] = {}
    aime: dict[str, int] = {}
    for r in rows:
        for counts, source in ((gpqa, "gpqa"), (aime, "aime")):
            if r.values["source"] == source:
                counts[r.values["subject"]] = counts.get(r.values["subject"], 0) + 1
    ratio = 0.5 * sum(aime.values()) / sum(gpqa.values())
    benchmark = {d: aime.get(d, 0) + int(gpqa.get(d, 0) * ratio) for d in {*aime, *gpqa}}
    left = {d: [r for r in rows if r.values["subject"] == d] for d in {r.values["subject"] for r in rows}}
    while len(selected) < count:
        some = sorted(d for d in left if left[d])
        if notebook and len(selected) >= 0.7 * count:
            names = [d for d in some if benchmark.get(d, 0) > 0]
            domain = weighted(names, [float(benchmark[d]) for d in names])
        else:
            domain = weighted(some, [1.0] * len(some))
        longest = sorted(left[domain], key=lambda r: -r.values["reasoning_tokens"])
        weights = [2.0**-k for k in range(len(longest))]
        drawn = weighted([r.id for r in longest], weights)
        left[domain] = [r for r in left[domain] if r.id != drawn]
        if drawn not in selected:
            selected.append(drawn)
    return sorted(selected)


S1_FORCED = [{"source": "aime"}, {"source": "gpqa"}, {"source": "math", "longer_than": 5600}]
NOTEBOOK = {"by": "s1", "variant": "notebook", "mixture": {"aime": 1, "gpqa": 0.5}, "forced": S1_FORCED}
PAPER = {"by": "s1", "variant": "paper", "forced": S1_FORCED}


@pytest.mark.parametrize("seed", [0, 7, 12345])
@pytest.mark.parametrize(("config", "notebook"), [(PAPER, False), (NOTEBOOK, True)])
def test_s1_takes_the_expected_rows(config: dict[str, Any], notebook: bool, seed: int) -> None:
    rows = s1_rows()
    choice = choose(rows, 60, selector(config), seed, vectors)
    assert sorted(taken(rows, choice)) == plain_s1(rows, 60, seed, notebook)
    phases = [why["phase"] for why in choice.taken.values()]
    assert phases.count("forced") == sum(
        r.correct
        and (
            r.values["source"] in ("aime", "gpqa")
            or (r.values["source"] == "math" and r.values["reasoning_tokens"] > 5600)
        )
        for r in rows
    )
    assert ("mixture" in phases) == notebook


def test_s1_variants_differ_and_a_seed_decides() -> None:
    rows = s1_rows()
    paper, notebook = (choose(rows, 60, selector(c), 3, vectors) for c in (PAPER, NOTEBOOK))
    assert taken(rows, paper) != taken(rows, notebook)
    assert taken(rows, paper) != taken(rows, choose(rows, 60, selector(PAPER), 4, vectors))


def test_s1_weight_halves_with_each_rank() -> None:
    rows = [Item(f"r{i}", values={"subject": "11", "reasoning_tokens": i, "source": "x"}) for i in range(8)]
    first = [rows[next(iter(choose(rows, 1, selector({"by": "s1"}), seed, vectors).taken))].id for seed in range(800)]
    assert 340 < first.count("r7") < 460
    assert 150 < first.count("r6") < 250


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"by": "s1", "variant": "notebook", "mixture": {}}, "at least 1 item"),
        ({"by": "s1", "mixture": {"aime": 1}}, "belong to variant: notebook"),
        ({"by": "quota", "shares": {"math": 0}}, "above 0"),
        ({"by": "quota", "shares": {"math": 0.9, "code": 0.9}}, r"these add up to 1\.8"),
        ({"by": "quota", "shares": {"math": 0.2, "code": 0.3}}, r"these add up to 0\.5"),
        ({"by": "openthoughts3", "sources": {"math": ["a", "b", "c"]}}, "at most two"),
    ],
)
def test_keys_that_cannot_work_are_refused(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        selector(config)


def test_k_center_takes_what_is_least_alike() -> None:
    import numpy as np

    angles = {"a": 0.0, "b": 0.1, "c": 1.5, "d": 1.6, "e": 3.1}
    items = [Item(name, text=name) for name in angles]

    def on_a_circle(texts: Sequence[str]) -> Any:
        return np.array([[np.cos(angles[t]), np.sin(angles[t])] for t in texts], dtype=np.float32)

    for seed in range(9):
        picked = taken(items, choose(items, 3, selector({"by": "k_center"}), seed, on_a_circle))
        assert len(picked & {"a", "b"}) == len(picked & {"c", "d"}) == len(picked & {"e"}) == 1


def test_openthoughts3_takes_long_answers_of_named_sources_and_hard_code() -> None:
    def item(name: str, domain: str, source: str, tokens: int, difficulty: float | None) -> Item:
        values = {"domain": domain, "source": source, "response_tokens": tokens, "difficulty": difficulty}
        return Item(name, values=values)

    items = [
        item("long", "math", "om2", 90, None),
        item("short", "math", "om2", 10, None),
        item("other", "math", "forum", 99, None),
        item("hard", "code", "golf", 1, 9.0),
        item("easy", "code", "golf", 99, 1.0),
        item("unrated", "code", "golf", 99, None),
        item("riddle", "puzzle", "x", 99, 9.0),
    ]
    config = {"by": "openthoughts3", "sources": {"math": ["om2"]}, "shares": {"math": 1, "code": 1}}
    choice = choose(items, 2, selector(config), 0, vectors)
    assert taken(items, choice) == {"long", "hard"}
    reasons = {items[i].id: reason for i, (reason, _) in choice.left.items()}
    assert reasons == {
        "short": "not_chosen",
        "easy": "not_chosen",
        "other": "refused",
        "unrated": "no_feature",
        "riddle": "refused",
    }


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"by": "openthoughts3"}, r"needs response_tokens, and no row has it; fill it in a step before .*tokenizer"),
        ({"by": "openthoughts3", "sources": {"math": ["nosuch"]}}, r"all of 2 rows \(domain 'math', source 'sums'"),
        ({"by": "quota", "shares": {"code": 1}}, r"'quota' leaves out all of 2 rows \(domain 'math', why 'no share'\)"),
    ],
)
def test_a_selector_that_can_take_nothing_says_which_key_is_at_fault(config: dict[str, Any], message: str) -> None:
    items = [Item(name, values={"domain": "math", "source": "sums"}) for name in "ab"]
    with pytest.raises(InputError, match=message):
        choose(items, 1, selector(config), 0, vectors)


def test_sample_measures_the_problem_and_refuses_what_only_a_trace_has(tmp_path: Path) -> None:
    problems = [Problem(f"p{i}", "x" * (9 - i), source="s", source_row=i) for i in range(4)]
    step = Sample.model_validate({"step": "sample", "rows": 2, "by": {"by": "top", "of": "chars"}})
    kept = step.run({Problem: records.frame(Problem, problems)}, StepContext(0, tmp_path, tmp_path)).kept
    assert step.check() == []
    assert kept["problem_id"].to_list() == ["p0", "p1"]
    for by in ({"by": "top"}, {"by": "openthoughts3"}, {"by": "quota", "inside": "longest"}):
        (sentence,) = Sample.model_validate({"step": "sample", "rows": 2, "by": by}).check()
        assert "which a problem does not have before it is asked; use it in a `choose` step" in sentence


def test_the_steps_say_why_a_row_was_taken() -> None:
    problems = [Problem(f"p{i}", f"text {i}", source="s", source_row=i, difficulty=float(i)) for i in range(5)]
    table = records.frame(Problem, problems)
    step = Sample.model_validate({"step": "sample", "rows": 2, "by": {"by": "top", "of": "difficulty"}})
    out = output(table, choose([problem_item(p) for p in problems], 2, step.by, 0, vectors))
    assert out.kept["problem_id"].to_list() == ["p3", "p4"]
    assert out.dropped["reason"].to_list() == ["not_chosen"] * 3
    assert json.loads(out.secondary["chosen"]["why"][1]) == {"rank": 0, "difficulty": 4.0}
    example = Example(
        "p", [], "text", "1", "so", "1", "correct", "exact", 0.5, 2, "math", "s", 0, None, None, "t", 3, None, "raw"
    )
    assert example_item(example).id == "p:3"
    assert Choose.model_validate({"step": "choose", "rows": 1, "by": {"by": "random"}}).writes is Example


def test_what_fails_often_is_drawn_often() -> None:
    rates = {"never": 0.0, "half": 0.5, "always": 1.0}
    items = [Item(f"{name}{n}", values={"solve_rate": rate}) for name, rate in rates.items() for n in range(1000)]
    found = choose(items, 600, selector({"by": "failing"}), 1, vectors).taken
    drawn = [sum(items[i].id.startswith(name) for i in found) for name in rates]
    assert drawn[2] == 0
    assert 1.5 < drawn[0] / drawn[1] < 2.5
    assert set(found) < set(choose(items, 900, selector({"by": "failing"}), 1, vectors).taken)
    rated = Problem(
        "p", "1+1?", weak_rates=[{"model": "a", "rate": 0.0, "attempts": 4}, {"model": "b", "rate": 0.5, "attempts": 4}]
    )
    assert problem_item(rated).values["solve_rate"] == 0.25
