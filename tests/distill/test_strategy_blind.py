"""Every registered strategy that does not declare the reference: what it asks and builds does not depend on it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from construct_parts import perform, play
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from cotkit.distill.strategies import Call, Reply, Strategy
from cotkit.distill.strategies.shared.stepping import language
from cotkit.registry import BUILTIN, lookup

# Smaller than the defaults where these are many calls.
SMALL: dict[str, dict[str, Any]] = {"rstar": {"rollouts": 4, "votes": 2, "last_votes": 3, "depth": 3}}


def built(name: str) -> Strategy:
    """The strategy with its defaults, and with every model that it may ask where it does not work without."""
    cls: Any = lookup("strategies", name)
    keys = {"by": name, **SMALL.get(name, {})}
    second = {"teacher": {"base_url": "http://127.0.0.1:9/v1", "model": "second"}}
    roles = {key: second for key, field in cls.model_fields.items() if "Role" in str(field.annotation)}
    try:
        return cls.model_validate(keys)  # type: ignore[no-any-return]
    except ValidationError:
        return cls.model_validate({**keys, **roles})  # type: ignore[no-any-return]


BLIND = [name for name in BUILTIN["strategies"] if not lookup("strategies", name).uses_reference]  # type: ignore[attr-defined]


def noise(call: Call) -> Reply:
    """Steps, boxes, verdicts and scores by the hash of the call."""
    key = json.dumps([call.role, list(call.messages), call.sample, call.begun, call.purpose])
    digest = sha256(key.encode()).digest()
    box = f" \\boxed{{{digest[1] % 3}}}" if digest[0] < 130 else ""
    verdict = "RIGHT" if digest[2] < 150 else "WRONG"
    text = f"One {digest[3] % 5}.\n\nTwo{box}\nVERDICT: {verdict}\nSCORES: {digest[4] % 11}"
    return Reply(key, "done", None, text, logprobs=[(-0.1 * (digest[5] % 9), [-0.5, -1.0])])


@pytest.mark.parametrize("name", BLIND)
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32), nonsense=st.text(max_size=20))
def test_calls_order_and_winner_are_the_same_whatever_the_gold_is(name: str, seed: int, nonsense: str) -> None:
    problem = play([(f"Find x{seed}.", "1")])[0]
    strategy = built(name)
    played, calls = perform(strategy, problem, noise, seed)
    gold = replace(problem, answer=nonsense, solution=nonsense, metadata=json.dumps({"gold": nonsense}))
    assert (played, calls) == perform(strategy, gold, noise, seed)
    for count in strategy.counts():
        assert count.least <= sum(call.role == count.role for call in calls) <= count.most


LOST = ["journey", "critique_loop", "best_of_n", "beam", "dvts", "rstar", "marco_o1", "mutual_consistency", "reflect",
        "budget_force", "self_correct", "steps_json", "star"]  # fmt: skip


@pytest.mark.parametrize("name", LOST)
def test_what_is_lost_says_whether_it_was_refused_or_cut(name: str) -> None:
    problem = play([("Find 7 + 7.", "14")])[0]
    told = []
    for reply in (
        Reply("a", "failed", error="403: no access"),
        Reply("b", "length", None, None, finish_reason="length"),
    ):
        played, _ = perform(built(name), problem, lambda _, said=reply: said)  # type: ignore[misc]
        told.append([(attempt.reason, json.dumps(attempt.evidence)) for attempt in played.attempts])
    refused, cut = told
    assert all(reason is not None and "403" in evidence and '"failed"' in evidence for reason, evidence in refused)
    assert all('"length"' in evidence and "403" not in evidence for _, evidence in cut)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("求 $\\int_0^1 x^2 dx$ 的值。", "zh"),
        ("设 sin x + cos x = 1，求 tan x 的值。", "zh"),
        ("Find 7 + 7.", "en"),
        ("李明 has twelve apples and gives five of them to his sister; how many are left?", "en"),
        ("次の値を求めなさい：2 + 3", "en"),
        ("1 + 1", "en"),
        ("", "en"),
    ],
)
def test_the_language_of_own_words_is_that_of_the_problems_text(text: str, wanted: str) -> None:
    assert language(play([(text, None)])[0]) == wanted


CHINESE = [
    ("reflect", {"when": "always"}),
    ("budget_force", {}),
    ("self_correct", {}),
    ("rewrite", {}),
    ("star", {}),
    ("star", {"hint": "worked_solution"}),
    ("steps_json", {"max_steps": 4}),
]


@pytest.mark.parametrize(("name", "keys"), CHINESE)
def test_words_put_into_a_chinese_trace_or_question_are_chinese(name: str, keys: dict[str, Any]) -> None:
    """Whatever is not the model's own text, nor the problem, has no English word in it."""

    def answer(call: Call) -> Reply:
        own = [call.begun or "", *(m["content"] for m in call.messages if m["role"] != "assistant")]
        words = set(re.findall(r"(?<![\\A-Za-z])[A-Za-z]{2,}", " ".join(own)))
        assert words <= {"think", "JSON", "ACTION", "title", "content", "continue", "reflect", "backtrack", "final",
                         "next", "action", "next_action"}, words  # fmt: skip
        step = json.dumps({"title": "一", "content": "算。", "next_action": "continue"}, ensure_ascii=False)
        said = step if call.json is not None else "答案是 \\boxed{3}。"
        return Reply(str(len(str(call))), "done", "想。" if call.purpose == "first" else None, said)

    strategy = lookup("strategies", name).model_validate({"by": name, **keys})  # type: ignore[attr-defined]
    problem = replace(play([("求二加三的值。", "5")])[0], solution="二加三等于五。")
    played, calls = perform(strategy, problem, answer)
    assert len(calls) > (name != "rewrite")
    for attempt in played.attempts:
        text = (attempt.reasoning or "") + (attempt.response or "")
        assert not re.search(r"(?<![\\A-Za-z])[A-Za-z]{2,}", text), text


OWN_WORDS = ["journey", "critique_loop", "best_of_n", "beam", "dvts", "rstar", "mutual_consistency", "marco_o1"]


@pytest.mark.parametrize("name", OWN_WORDS)
def test_a_chinese_problem_is_asked_about_and_answered_in_chinese(name: str) -> None:
    def answer(call: Call) -> Reply:
        assert any("\u4e00" <= c <= "\u9fff" for c in call.messages[-1]["content"])
        assert not any(word in call.messages[-1]["content"] for word in ("Write", "solution", "question"))
        return noise(call)

    problem = play([("求 x 的值。", None)])[0]
    for seed in range(4):
        played, _ = perform(built(name), problem, answer, seed)
        for attempt in played.attempts:
            if attempt.response and attempt.kind == "synthetic":
                assert attempt.response.startswith("最终答案是")
