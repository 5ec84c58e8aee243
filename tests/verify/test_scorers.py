"""Scorers: the published numbers, the traps of their sources, and that no text breaks one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from cotkit.verify.scorers import AnyScorer, Attempt, Scored, Scorer
from cotkit.verify.scorers.advantage import advantages, moments
from cotkit.verify.scorers.phrases import KINDS, LANGUAGES, count_phrases
from cotkit.verify.scorers.repetition import repetition
from cotkit.verify.scorers.tags import keeps_format, tag_share
from cotkit.verify.scorers.words import words

_scorer: TypeAdapter[Scorer] = TypeAdapter(AnyScorer)


def scorer(by: str, **keys: Any) -> Scorer:
    return _scorer.validate_python({"by": by, **keys})


def score(one: Scorer, group: Sequence[Attempt]) -> list[Scored]:
    return one.score(group)


def values(by: str, attempt: Attempt, **keys: Any) -> dict[str, float]:
    (found,) = scorer(by, **keys).score([attempt])
    return dict(found.values)


GOOD = "<think>3 * 4 = 12, 2 + 12 = 14</think> <answer>14</answer>"
# The four outputs of the survey's GRPO example; the last one closes its answer with a second opening tag.
FOUR = [
    ("<think>2 + 3 = 5, 5 * 4 = 20</think> <answer> 20</answer>", "incorrect"),
    (GOOD, "correct"),
    ("<answer>14</answer>", "correct"),
    ("<think>nonsense</think> <answer> 7<answer>", "incorrect"),
]


def test_group_advantage_of_the_example_as_printed() -> None:
    rewards = [0.1, 1.1, 1.0, 0.1]
    mean, std = moments(rewards)
    assert (mean, std) == (pytest.approx(0.575), pytest.approx(0.47631, abs=1e-5))
    assert advantages(rewards) == pytest.approx([-0.9972, 1.1022, 0.8923, -0.9972], abs=1e-4)


def test_group_advantage_of_the_example_by_a_strict_checker() -> None:
    group = [Attempt("2 + 3 * 4?", text, verdict) for text, verdict in FOUR]
    first = score(scorer("r1_zero"), group)
    assert [found.values["reward_total"] for found in first] == pytest.approx([0.1, 1.1, 1.0, 0.0])
    assert [found.values["reward_format"] for found in first] == [0.1, 0.1, 0.0, 0.0]
    ready = [
        Attempt(a.problem, a.response, a.verdict, scores=found.values) for a, found in zip(group, first, strict=True)
    ]
    second = score(scorer("advantage"), ready)
    assert second[0].values["reward_mean"] == pytest.approx(0.55)
    assert second[0].values["reward_std"] == pytest.approx(0.50249, abs=1e-5)
    assert [s.values["advantage"] for s in second] == pytest.approx([-0.8955, 1.0945, 0.8955, -1.0945], abs=1e-4)


def test_a_group_of_equals_has_no_advantage() -> None:
    assert advantages([0.1] * 7) == [0.0] * 7
    assert advantages([]) == []


def test_attempts_without_the_reward_take_no_part() -> None:
    group = [Attempt("p", "", scores={"x": 1.0}), Attempt("p", ""), Attempt("p", "", scores={"x": 0.0})]
    found = score(scorer("advantage", of="x"), group)
    assert [f.values.get("advantage") for f in found] == [1.0, None, -1.0]
    assert found[1].why == "no_score"


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=9))
def test_advantages_are_centred(rewards: list[float]) -> None:
    found = advantages(rewards)
    assert all(map(math.isfinite, found))
    assert math.fsum(found) == pytest.approx(0, abs=1e-3)


BROKEN = {
    "two thinks": "<think>a</think><think>b</think><answer>1</answer>",
    "nested": "<think>a <think>b</think></think><answer>1</answer>",
    "words after": f"{GOOD} Hope this helps.",
    "words before": f"Sure! {GOOD}",
    "words between": "<think>a</think> so <answer>1</answer>",
    "answer inside": "<think>a <answer>1</answer></think>",
    "answer in both": "<think>a <answer>1</answer></think> <answer>1</answer>",
    "opened twice": "<think>a</think> <answer>1<answer>",
    "ends its thinking with an opening tag": "<think>a<think> <answer>1</answer>",
    "no opening": "a</think> <answer>1</answer>",
    "empty think": "<think>\n</think> <answer>1</answer>",
    "empty answer": "<think>a</think> <answer> </answer>",
    "order": "<answer>1</answer> <think>a</think>",
    "capitals": "<THINK>a</THINK> <think>a</think> <answer>1</answer>",
    "attributes": "<think mode='x'>a</think> <answer>1</answer>",
    "nothing": "",
}


@pytest.mark.parametrize("name", BROKEN)
def test_no_format_point(name: str) -> None:
    assert not keeps_format(BROKEN[name])
    assert values("r1_zero", Attempt("p", BROKEN[name], "correct"))["reward_format"] == 0
    assert values("open_r1", Attempt("p", BROKEN[name], "correct"))["open_r1_format"] == 0


def test_format_points() -> None:
    lined = "<think>\na\nb\n</think>\n<answer>\n1\n</answer>"
    assert keeps_format(GOOD)
    assert keeps_format(f"\n{lined}\n", lines=True)
    assert not keeps_format(GOOD, lines=True)
    assert [tag_share(text) for text in (lined, GOOD, f"{lined}\n</answer>", "")] == [1.0, 0.0, 0.75, 0.0]
    # A reader has taken the thinking out of it; the answer's tags are still there, or not.
    assert keeps_format(Attempt("p", "<answer>1</answer>", reasoning="a").tagged)
    assert not keeps_format(Attempt("p", "1", reasoning="a").tagged)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(["<think>", "</think>", "<answer>", "</answer>", "x", "\n", " "]), max_size=9))
def test_a_text_with_the_form_has_each_tag_once_in_order(parts: list[str]) -> None:
    text = "".join(parts)
    if keeps_format(text):
        assert [p for p in parts if p.startswith("<")] == ["<think>", "</think>", "<answer>", "</answer>"]
        assert text.strip().startswith("<think>")
        assert text.strip().endswith("</answer>")


def test_undecided_is_never_right_and_a_cut_answer_is_wrong() -> None:
    for by in ("r1_zero", "open_r1", "deepscaler", "cosine", "k15_length"):
        one = scorer(by)
        boxed = "<think>\na\n</think>\n\\boxed{1}"
        group = [Attempt("p", boxed, "undecided", tokens=5), Attempt("p", boxed, "undecided", tokens=9, is_cut=True)]
        unsure, cut = score(one, group)
        assert one.reward not in unsure.values, by
        assert unsure.why == "undecided", by
        assert cut.values[one.reward] <= (1 if by == "open_r1" else 0), by


def test_deepscaler_wants_a_box_after_closed_reasoning() -> None:
    def reward(text: str, reasoning: str | None = None, verdict: str = "correct") -> float:
        return values("deepscaler", Attempt("p", text, verdict, reasoning))["deepscaler"]

    assert reward("<think>a</think> so \\boxed{1}") == 1
    assert reward("so \\boxed{1}", reasoning="a") == 1
    assert reward("<think>a</think> \\boxed{2} no, \\boxed{1}") == 1
    assert reward("<think>a</think> so \\boxed{1}", verdict="incorrect") == 0
    assert reward("<think>a \\boxed{1}</think> so it is 1") == 0
    assert reward("<think>a so \\boxed{1}") == 0
    assert reward("so \\boxed{1}") == 0
    assert reward("<think>a</think> so it is 1", verdict="undecided") == 0


def test_open_r1_adds_up() -> None:
    found = values("open_r1", Attempt("p", "<think>\na\n</think>\n<answer>\n1\n</answer>", "correct"), tags=0.5)
    assert found == {"open_r1_accuracy": 1, "open_r1_format": 1, "open_r1_tags": 1, "open_r1": 2.5}


@pytest.mark.parametrize(
    ("verdict", "length", "reward"),
    [
        ("correct", 0, 2.0),
        ("correct", 7168, 1.5),
        ("incorrect", 0, -10.0),
        ("incorrect", 7168, -5.0),
        ("incorrect", 14_336 - 16, -10.0),
        ("correct", 14_336 - 16, -10.0),
        ("incorrect", 14_336 - 17, 0.5 * -10 * (1 + math.cos(math.pi * (14_336 - 17) / 14_336))),
        ("correct", 14_336 - 17, 1 + 0.5 * (1 + math.cos(math.pi * (14_336 - 17) / 14_336))),
        ("undecided", 20_000, -10.0),
    ],
)
def test_cosine_of_demystifying(verdict: str, length: int, reward: float) -> None:
    assert values("cosine", Attempt("p", "x", verdict, tokens=length)) == {"cosine": pytest.approx(reward)}


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 20_000), st.integers(0, 20_000))
def test_cosine_prefers_short_right_and_long_wrong_answers(one: int, other: int) -> None:
    def reward(verdict: str, length: int) -> float:
        return values("cosine", Attempt("p", "x", verdict, tokens=length), margin=None)["cosine"]

    short, long = sorted((one, other))
    assert 2 >= reward("correct", short) >= reward("correct", long) >= 1
    assert -10 <= reward("incorrect", short) <= reward("incorrect", long) <= 0


def test_cosine_of_open_r1() -> None:
    keys = {"correct": (1, 0.5), "wrong": (-1, -0.5), "max_length": 1000, "margin": None}
    for verdict, wanted in (("correct", [1.0, 0.75, 0.5, 0.5]), ("incorrect", [-1.0, -0.75, -0.5, -0.5])):
        found = [values("cosine", Attempt("p", "x", verdict, tokens=n), **keys)["cosine"] for n in (0, 500, 1000, 1900)]
        assert found == pytest.approx(wanted)


def test_a_length_that_nobody_counted_is_no_zero() -> None:
    for by in ("cosine", "k15_length"):
        (found,) = score(scorer(by), [Attempt("p", "xyz", "correct")])
        assert (found.values, found.why) == ({}, "no_length")
        assert score(scorer(by, unit="chars"), [Attempt("p", "xyz", "correct")])[0].values


def test_length_of_kimi() -> None:
    def rewards(*group: tuple[str, int]) -> list[float | None]:
        found = score(scorer("k15_length"), [Attempt("p", "", verdict, tokens=n) for verdict, n in group])
        return [f.values.get("k15_length") for f in found]

    assert rewards(("correct", 100), ("correct", 200), ("correct", 300)) == [0.5, 0.0, -0.5]
    assert rewards(("incorrect", 100), ("correct", 200), ("incorrect", 300)) == [0.0, 0.0, -0.5]
    assert rewards(("correct", 7), ("incorrect", 7)) == [0.0, 0.0]
    assert rewards(("correct", 100), ("undecided", 900), ("correct", 300)) == [0.5, None, -0.5]


def test_repetition_counts_ngrams() -> None:
    assert repetition(["a"] * 39, 40) == 0
    assert repetition(["a"] * 40, 40) == 0
    assert repetition(["a"] * 43, 40) == pytest.approx(0.75)
    assert repetition(["a", "b", "c", "a", "b", "c"], 2) == pytest.approx(1 - 3 / 5)
    assert words("So 我们 go\nx=1") == ["So", "我", "们", "go", "x=1"]
    looped = values("repetition", Attempt("p", "再说一遍。" * 100), penalty=0.5)
    assert looped["repetition"] == pytest.approx(1 - 5 / 461)
    assert looped["repetition_reward"] == pytest.approx(-0.5 * looped["repetition"])
    assert looped["compressed"] < 0.05
    assert values("repetition", Attempt("p", GOOD))["compressed"] > 0.5
    assert values("repetition", Attempt("p", "")) == {"repetition": 0, "repetition_reward": 0}


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from("abc"), max_size=60), st.integers(1, 8))
def test_repetition_is_what_its_formula_says(tokens: list[str], n: int) -> None:
    grams = [tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]
    assert repetition(tokens, n) == pytest.approx(1 - len(set(grams)) / len(grams) if grams else 0)


def test_patterns_are_whole_words_in_both_languages() -> None:
    text = (
        "First, let me set it up. Wait, that's wrong. Let me check again. Alternatively, use symmetry. "
        "They waited; awaiting the re-evaluated, verifiable wait-list."
    )
    found = {kind: n for (kind, lang), n in count_phrases(text).items() if lang == "en"}
    assert found == {"verify": 1, "backtrack": 2, "alternative": 1, "subgoal": 1}
    assert sum(n for (_, lang), n in count_phrases(text).items() if lang == "zh") == 0
    chinese = count_phrases("首先设未知数。等等，这里算错了。换一种思路，再验算一遍。")
    assert {kind: n for (kind, lang), n in chinese.items() if lang == "zh"} == {
        "verify": 1,
        "backtrack": 2,
        "alternative": 1,
        "subgoal": 1,
    }
    rates = values("patterns", Attempt("p", "Wait, " * 5 + "x " * 5, reasoning="y " * 10))
    assert rates["patterns_backtrack"] == pytest.approx(1000 * 5 / 20)


def test_no_phrase_stands_in_two_lists() -> None:
    from cotkit.verify.scorers.phrases import PHRASES

    for language in LANGUAGES:
        listed = [phrase for kind in KINDS for phrase in PHRASES[kind][language]]
        assert len(listed) == len(set(listed))
        assert all(phrase == phrase.lower().strip() for phrase in listed)


HOSTILE = [
    "<think>" * 20_000,
    "\u202e\x00" * 50_000,
    "wait " * 50_000,
    "等" * 100_000,
    "a-b " * 40_000,
    "\\boxed{" * 9_000,
]


@pytest.mark.parametrize(
    "by", ["r1_zero", "deepscaler", "open_r1", "cosine", "k15_length", "repetition", "patterns", "reflection"]
)
def test_no_text_breaks_a_scorer(by: str) -> None:
    """A quadratic one would run into the suite's time limit here."""
    one = scorer(by)
    for text in HOSTILE:
        for found in score(one, [Attempt("p", text, "correct", tokens=1), Attempt("p", text, "incorrect", text)]):
            assert set(found.values) <= set(one.names())
            assert all(map(math.isfinite, found.values.values()))


def test_keys_are_checked() -> None:
    with pytest.raises(ValidationError, match="did you mean 'max_length'"):
        scorer("cosine", max_lenght=3)
    with pytest.raises(ValidationError):
        scorer("nobody")
