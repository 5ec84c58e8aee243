"""The critique loop: a wrong step is told why and tried again; both stay, with spans; limits and reasons."""

from __future__ import annotations

from typing import Any

import pytest
from construct_parts import perform, play

from cotkit.distill.strategies import Call
from cotkit.distill.strategies.critique_loop import CritiqueLoop

PROBLEM = play([("Compute 2+3*4.", None)])[0]
KEYS: dict[str, Any] = {
    "by": "critique_loop",
    "judge": {"teacher": {"base_url": "http://127.0.0.1:9/v1", "model": "judge"}},
}
STEPS = {"": ["First 2+3 = 5.", "First 3*4 = 12."], "First 3*4 = 12.": ["So \\boxed{15}.", "So \\boxed{14}."]}


def answer(call: Call) -> str:
    last = call.messages[-1]["content"]
    if call.role == "judge":
        wrong = "2+3 = 5" in last.split("BEGIN STEP TO CHECK")[1] or "15" in last
        return "Products come first.\nVERDICT: WRONG" if wrong else "VERDICT: RIGHT"
    before = call.messages[-2]["content"] if len(call.messages) > 1 else ""
    assert ("Products come first." in last) == (call.sample > 0)
    return STEPS[before][call.sample]


def test_mistakes_stay_with_their_corrections() -> None:
    strategy = CritiqueLoop.model_validate(KEYS)
    played, calls = perform(strategy, PROBLEM, answer)
    (attempt,) = played.attempts
    text, facts = str(attempt.reasoning), attempt.facts
    assert [text[a:b] for a, b in facts["wrong_spans"]] == ["First 2+3 = 5.", "So \\boxed{15}."]
    assert all("Products come first." in text[a:b] for a, b in facts["correction_spans"])
    assert text[slice(*facts["final"])] == "So \\boxed{14}."
    assert (attempt.response, attempt.label, attempt.reason) == ("The final answer is \\boxed{14}.", "corrected", None)
    assert len(calls) == 8


@pytest.mark.parametrize(
    ("more", "said", "reason", "asked"),
    [
        ({}, ("So \\boxed{14}.", "RIGHT"), "no_wrong_step", 2),
        ({"keep_straight": True}, ("So \\boxed{14}.", "RIGHT"), None, 2),
        ({"tries": 2}, ("So \\boxed{14}.", "WRONG"), "stuck", 4),
        ({"tries": 2}, ("So \\boxed{14}.", "maybe"), "stuck", 4),
        ({"depth": 3}, ("One more.", "RIGHT"), "no_right_end", 6),
    ],
)
def test_limits_and_reasons(more: dict[str, Any], said: tuple[str, str], reason: str | None, asked: int) -> None:
    strategy = CritiqueLoop.model_validate({**KEYS, **more})
    played, calls = perform(
        strategy, PROBLEM, lambda call: f"Hm.\nVERDICT: {said[1]}" if call.role == "judge" else said[0]
    )
    assert [attempt.reason for attempt in played.attempts] == [reason]
    assert len(calls) == asked <= sum(count.most for count in strategy.counts())
