"""Traces cut into attempts: the hand-segmented fixture, and what holds for any text."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
import segments as benchmark
from hypothesis import given, settings
from hypothesis import strategies as st

from cotkit.curate.segments import MAX_TEXT, same, segments
from cotkit.curate.sentences import sentences

PIECES = [
    "So the answer is 12.",
    "Wait, let me check: 3 * 4 = 12.",
    "等等，6 × 2 = 12，所以答案是 12。",
    "Alternatively, 24 / 2 = 12, so 12.",
    "Hmm.",
    "```\nprint(12)\n```",
    "\\boxed{12}",
    "$x = 3.5$ and $y = 4$!",
    "答案：12",
]


def test_the_fixture_is_whole() -> None:
    traces = [*benchmark.read("english"), *benchmark.read("chinese")]
    assert len(traces) >= 25
    assert {trace.part for trace in traces} == set(benchmark.PARTS)
    for trace in traces:
        assert len(trace.answers) == len(trace.cuts) + 1, trace.id
        assert benchmark.CUT not in trace.text


@pytest.mark.parametrize("language", ["english", "chinese"])
def test_cuts_where_the_hand_cut(language: str) -> None:
    total, misses = benchmark.score([t for t in benchmark.read(language) if t.part == "fit"])
    assert not misses
    assert total.exact == total.found == total.meant


@pytest.mark.parametrize("language", ["english", "chinese"])
def test_the_first_correct_attempt_never_ends_too_early(language: str) -> None:
    total, _ = benchmark.score(benchmark.read(language))
    assert total.early == 0
    assert total.inside >= 0.85 * (total.inside + total.late)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=40)), max_size=8), st.sampled_from(["\n\n", " ", "\n"])
)
def test_segments_tile_the_text(pieces: list[str], glue: str) -> None:
    text = glue.join(pieces)
    found = segments(text, "How many ways are there?")
    if not text.strip():
        assert found == []
        return
    assert "".join(text[s.start : s.end] for s in found) == text
    for segment in found:
        assert segment.start < segment.answered <= segment.end
        assert segment.answer is None or text[segment.start : segment.answered].strip()


@given(st.text(max_size=200))
def test_sentences_hold_every_letter_once(text: str) -> None:
    found = sentences(text)
    assert [s.start for s in found] == sorted({s.start for s in found})
    assert all(a.end <= b.start for a, b in pairwise(found))
    assert re.sub(r"\s", "", "".join(text[s.start : s.end] for s in found)) == re.sub(r"\s", "", text)


@pytest.mark.parametrize(
    "text",
    [
        "wait " * 20_000,
        "a=" * 50_000,
        "$" * 50_000,
        "\\boxed{" * 10_000,
        "。" * 50_000,
        "so so so " * 10_000,
        "```\n" * 9_000,
    ],
)
def test_hostile_texts_end(text: str) -> None:
    found = segments(text)
    assert "".join(text[s.start : s.end] for s in found) == text


def test_what_is_too_long_or_blank_is_not_segmented() -> None:
    assert segments("x" * (MAX_TEXT + 1)) == []
    assert segments(" \n ") == []


def test_the_responses_answer_tells_which_value_counts() -> None:
    text = "First 4 + 3 = 7.\n\nSo we get 9.\n\nLet me check: 3 * 3 = 9.\n\nSo it is 9."
    assert len(segments(text, final="9")) == 2
    assert [s.answer for s in segments(text, final="8")][:-1] == []


def test_same_looks_through_units_and_not_through_letters() -> None:
    assert same("12 ways", "12")
    assert same("x = 7", "7")
    assert same("36 平方厘米", "36")
    assert not same("2x", "2")
    assert not same("12", "13 ways")
