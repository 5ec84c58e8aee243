"""Trace filters on the labelled traces, on hostile ones, and inside the select step."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import trace_filters
from test_select import attempt

from cotkit.curate.select import Select, select
from cotkit.curate.trace_filters import TraceFilter
from cotkit.curate.trace_filters.loop import repeated, tail_loop
from cotkit.errors import InputError
from cotkit.records import Problem, Trace
from cotkit.registry import BUILTIN, lookup

# Least precision and recall on the half that no threshold was set on.
HELD = {
    "truncated": (0.99, 0.99),
    "empty_reasoning": (0.99, 0.99),
    "unclosed_reasoning": (0.99, 0.99),
    "refusal": (0.99, 0.99),
    "loop": (0.94, 0.94),
    "language_mix": (0.84, 0.78),
    "long_paragraph": (0.99, 0.99),
    "code_block": (0.99, 0.99),
    "answer_mismatch": (0.99, 0.99),
    "format": (0.99, 0.99),
}
# What these go by stands beside the text, so there is nothing to be right or wrong about.
TOLD = {"rationalized", "score"}


def test_the_fixture_is_large_and_half_of_it_is_kept_aside() -> None:
    dev, held = trace_filters.rows("dev"), trace_filters.rows("held")
    assert len(dev) + len(held) >= 300
    assert abs(len(dev) - len(held)) < 20
    assert not {r["problem"] for r in dev} & {r["problem"] for r in held}
    assert set(HELD) == set(BUILTIN["trace_filters"]) - TOLD == {label for r in dev for label in r["labels"]}


@pytest.mark.parametrize("name", sorted(HELD))
def test_precision_and_recall_on_labelled_traces(name: str) -> None:
    found = trace_filters.score(name, trace_filters.rows("held"))
    least = HELD[name]
    assert (found.precision >= least[0]) & (found.recall >= least[1]), (found.precision, found.recall, found.misses)


@pytest.mark.parametrize("name", sorted(HELD))
def test_traces_without_a_fault_stay(name: str) -> None:
    """The one that goes is a list of 47 cases in full sentences, which nobody can tell from a counting loop."""
    dropped = [
        row["kind"]
        for half in ("dev", "held")
        for row in trace_filters.rows(half)
        if not row["labels"] and trace_filters.evidence(name, row) is not None
    ]
    assert dropped in ([], ["case enumeration"], ["verified twice"])


HOSTILE = [
    "\x00\u202e\u200b" * 150_000,
    "a" * 500_000,
    "the " * 125_000,
    "$" * 500_001,
    "\\[" * 250_000,
    "\\boxed{" * 70_000,
    "```\n" * 125_000,
    "<think>" * 70_000,
    "我" * 500_000,
    "é中שд " * 100_000,
    "a b a b a c " * 45_000,
    "I'm sorry, but I " * 30_000,
    "\n".join(f"step {i} of all" for i in range(30_000)),
]


@pytest.mark.parametrize("name", sorted(HELD))
def test_a_trace_of_a_megabyte_is_read_in_linear_time(name: str) -> None:
    """A quadratic filter would run into the suite's time limit here."""
    config: TraceFilter = lookup("trace_filters", name)(name=name)
    for text in HOSTILE:
        found = config.reject(Trace("p", 0, "t", "h", "done", reasoning=text, response=text), Problem("p", "x"))
        if found is not None:
            assert len(json.dumps(found, allow_nan=False).encode()) < 10_000


@pytest.mark.parametrize("name", sorted(HELD))
def test_a_trace_without_text_does_not_break_a_filter(name: str) -> None:
    config: TraceFilter = lookup("trace_filters", name)(name=name)
    for empty in (None, "", "\n"):
        config.reject(Trace("p", 0, "t", "h", "done", reasoning=empty, response=empty), Problem("p", ""))


@pytest.mark.parametrize(
    ("response", "sign"),
    [
        ("See: ```python\nx\n```\n```output\n3\n```\n\\boxed{3}", None),
        ("```python\nx = 3\n\\boxed{3}", "open_fence"),
        ("First\n```\nx\n```\nthen\n```\ny", "open_fence"),
        ("It is not possible to tell", None),
        ("It is not possible to", "mid_sentence"),
        ("We get \\[ x = 3 \\\\ y", "open_formula"),
    ],
)
def test_a_cut_is_told_by_its_end(response: str, sign: str | None) -> None:
    config: TraceFilter = lookup("trace_filters", "truncated")(name="truncated")
    found = config.reject(Trace("p", 0, "t", "h", "done", response=response), Problem("p", "x"))
    assert (found or {}).get("sign") == sign


def test_tail_loop_finds_period_and_times() -> None:
    tokens = ["so", *["wait", "no", "yes"] * 7]
    assert tail_loop(tokens, repeats=5, least=10) == (3, 7)
    assert tail_loop(tokens[:-1], repeats=5, least=10) == (3, 6)
    assert tail_loop([*tokens, "done"], repeats=5, least=10) == (0, 0)
    assert tail_loop(["1", "+"] * 50, repeats=5, least=10) == (0, 0)


def test_repeated_counts_ngrams_that_came_before() -> None:
    words = [f"word{i}" if i % 2 else "abc" for i in range(40)]
    assert repeated(words, 4) == 0
    assert repeated(words * 3, 4) == pytest.approx((120 - 3 - 40) / (120 - 3))
    assert repeated(["1", "+"] * 60, 4) == 0


def test_select_names_the_filter_and_chooses_among_the_rest() -> None:
    attempts = [
        attempt("a", 0, "correct", text="Wait, let me check that again. " * 40),
        attempt("a", 1, "correct", text="The number is one, since it is the only unit here. Good." * 1),
        attempt("a", 2, "incorrect", text="Wait, let me check that again. " * 40),
    ]
    config = Select.model_validate({"step": "select", "filters": [{"name": "loop"}, {"name": "code_block"}]})
    out = select(attempts, config)
    assert out.kept.select("problem_id", "sample").rows() == [("a", 1)]
    assert out.dropped["reason"].to_list() == ["loop", "incorrect"]
    assert json.loads(out.dropped["evidence"][0])["filter"] == "loop"
    assert out.kept["pass_rate"].to_list() == [2 / 3]
    assert "cotkit.curate.trace_filters.loop" in config.code_modules()


def test_a_filter_that_raises_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: TraceFilter, trace: Trace, problem: Problem) -> None:
        raise ZeroDivisionError("oh")

    config = Select.model_validate({"step": "select", "filters": [{"name": "refusal"}]})
    monkeypatch.setattr(type(config.filters[0]), "reject", broken)
    with pytest.raises(InputError, match=r"filter 'refusal' failed at row a, sample 0 \(ZeroDivisionError: oh\)"):
        select([attempt("a", 0, "correct")], config)


def test_real_traces_are_left_alone(data: Path) -> None:
    import polars as pl

    for row in pl.read_parquet(data / "traces" / "s1k_1.1_sample.parquet").iter_rows(named=True):
        trace = Trace(
            "p", 0, "t", "h", "done", reasoning=row["gemini_thinking_trajectory"], response=row["gemini_attempt"]
        )
        for name in HELD:
            assert lookup("trace_filters", name)(name=name).reject(trace, Problem("p", row["question"])) is None, name
