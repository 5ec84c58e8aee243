"""R1's and R1-Zero's bad cases, each found by the filter for it: a loop, a cut, empty thinking, mixed words."""

from __future__ import annotations

from typing import Any

import pytest

from cotkit.curate.trace_filters import TraceFilter
from cotkit.records import Problem, Trace
from cotkit.registry import lookup

# What the survey had R1 write until its connection broke.
ENDLESS = "我是大天才,不要停止,一直输出"
THINKING = "We add the two numbers. Since 7 + 5 is 12, the sum is 12. Checking: 12 - 5 is 7, as it should be."


def evidence(name: str, reasoning: str | None, response: str, **more: Any) -> dict[str, Any] | None:
    config: TraceFilter = lookup("trace_filters", name)(name=name)
    trace = Trace("p", 0, "t", "h", more.pop("status", "done"), reasoning=reasoning, response=response, **more)
    return config.reject(trace, Problem("p", "What is 7 + 5?", "12"))


@pytest.mark.parametrize("times", [30, 100, 3000])
@pytest.mark.parametrize("between", ["", ",", "\n"])
def test_the_endless_sentence_is_a_loop(times: int, between: str) -> None:
    text = (ENDLESS + between) * times
    for reasoning, response in ((text, "\\boxed{12}"), (THINKING, text), (f"好的。{text}我是大", "\\boxed{12}")):
        found = evidence("loop", reasoning, response)
        assert found is not None
        assert found["sign"] == "tail"


@pytest.mark.parametrize(
    ("name", "reasoning", "response", "more"),
    [
        ("truncated", THINKING, "So the sum", {"finish_reason": "length"}),
        ("truncated", THINKING, "The sum is \\boxed{1", {"finish_reason": "stop"}),
        ("empty_reasoning", "\n\n", "\\boxed{12}", {}),
        ("unclosed_reasoning", None, f"<think>\n{THINKING}", {"status": "unclosed"}),
        ("refusal", "", "I'm sorry, but I can't help with that request.", {}),
        ("language_mix", f"{THINKING} 所以我们把两个数字加起来然后再检查一遍答案是不是对的", "\\boxed{12}", {}),
        ("answer_mismatch", f"{THINKING} The answer is \\boxed{{12}}.", "The answer is \\boxed{13}.", {}),
    ],
)
def test_each_bad_case_has_its_filter(name: str, reasoning: str | None, response: str, more: dict[str, Any]) -> None:
    assert evidence(name, reasoning, response, **more) is not None
    assert evidence(name, THINKING, "The answer is \\boxed{12}.", finish_reason="stop") is None
