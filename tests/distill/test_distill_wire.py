"""Reading one completion: where the reasoning is, how it ended, what it cost."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from cotkit.distill.prices import Usage, cost
from cotkit.distill.teacher import Price
from cotkit.distill.wire import Answer, NoAnswer, error_text, excerpt, read_answer, read_usage
from cotkit.tags import split_tags


def body(message: dict[str, Any], finish: str | None = "stop", **more: Any) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return json.dumps({"choices": [choice], **more}).encode()


BLOCKS = [
    {"type": "thinking", "thinking": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
    {"type": "text", "text": "4"},
]


@pytest.mark.parametrize(
    ("message", "reasoning", "response"),
    [
        ({"content": "\n\n4", "reasoning_content": "\n2+2\n"}, "2+2", "4"),  # DeepSeek, llama-server, SGLang
        ({"content": "4", "reasoning": "2+2"}, "2+2", "4"),  # vLLM since late 2025, OpenRouter, Ollama
        ({"content": "4", "reasoning_content": None, "reasoning": "2+2"}, "2+2", "4"),
        ({"content": "4", "reasoning_content": "first", "reasoning": "second"}, "first", "4"),
        (
            {"content": "4", "reasoning_details": [{"type": "reasoning.text", "text": "2+2"}, {"type": "x"}]},
            "2+2",
            "4",
        ),
        ({"content": BLOCKS}, "ab", "4"),  # Mistral
        ({"content": [{"type": "thinking", "thinking": "2+2"}, {"type": "text", "text": "4"}]}, "2+2", "4"),
        ({"content": "<think>\n2+2\n</think>\n\n4"}, "2+2", "4"),  # Together, no parser
        ({"content": "2+2\n</think>\n4"}, "2+2", "4"),  # R1 template prefilled the opening tag
        ({"content": "<thought>2+2</thought>4"}, "2+2", "4"),  # Gemini
        ({"content": "<think>\n\n</think>4"}, None, "4"),
        ({"content": "4"}, None, "4"),  # no trace at all
        ({"content": "I write <think> in the middle"}, None, "I write <think> in the middle"),
        ({"content": "4", "reasoning_content": "2+2", "tool_calls": None, "weird": [1]}, "2+2", "4"),
        ({"content": "a \ud800 b", "reasoning_content": "\ud83d\ude00"}, "😀", "a � b"),
    ],
)
def test_where_reasoning_is_found(message: dict[str, Any], reasoning: str | None, response: str) -> None:
    answer = read_answer(body(message))
    assert isinstance(answer, Answer)
    assert (answer.status, answer.reasoning, answer.response) == ("done", reasoning, response)


@pytest.mark.parametrize(
    ("message", "finish", "status"),
    [
        ({"content": "4", "reasoning_content": "r"}, "stop", "done"),
        ({"content": "4", "reasoning_content": "r"}, None, "done"),
        ({"content": "4", "reasoning_content": "r"}, "length", "length"),
        ({"content": "", "reasoning_content": "r"}, "length", "length"),
        ({"content": "", "reasoning_content": "r"}, "stop", "unclosed"),
        ({"content": None, "reasoning_content": "r"}, "stop", "unclosed"),
        ({"content": "<think>never closed, then \\boxed{4}"}, "stop", "unclosed"),
        ({"content": "<think>cut"}, "length", "length"),
        ({"content": "thought only</think>  \n"}, "stop", "unclosed"),
        ({"content": None}, "stop", "empty"),
        ({"content": "  "}, "stop", "empty"),
        ({}, "stop", "empty"),
        ({"content": "part"}, "content_filter", "filtered"),
        ({"content": None, "refusal": "I cannot"}, "stop", "filtered"),
        ({"content": "4", "reasoning_content": "r"}, "tool_calls", "done"),
        ({"content": None}, "tool_calls", "empty"),
        ({"content": "4", "reasoning_content": "r"}, "max_output_reached", "unclosed"),
        ({"content": None}, "max_output_reached", "empty"),
        ({"content": None, "refusal": "I cannot"}, "max_output_reached", "empty"),
    ],
)
def test_how_it_ended(message: dict[str, Any], finish: str | None, status: str) -> None:
    answer = read_answer(body(message, finish, usage={"prompt_tokens": 9, "completion_tokens": 5}))
    assert isinstance(answer, Answer)
    assert answer.status == status
    known = (None, "stop", "length", "content_filter")
    assert answer.finish_reason in known or ("unknown_finish" in answer.flags and answer.finish_reason == finish)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<html>Bad gateway</html>",
        b'{"choices": [{"message": {"content": "4"',
        b'{"choices": []}',
        b'{"choices": null}',
        b'{"choices": [null]}',
        b'{"choices": [{"message": null, "finish_reason": "stop"}]}',
        b'{"error": {"message": "upstream", "code": 502}}',
        b"[1, 2]",
        b"null",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        body({"content": "4"}, "insufficient_system_resource"),
        body({"content": "4"}, "error"),
        body({"content": "4"}, "ABORT"),
        body({"content": None}, "max_output_reached", usage=None),
        b'{"choices": [{"message": {"content": "4"}, "finish_reason": ["stop"]}]}',
    ],
)
def test_what_is_no_answer_is_asked_again(raw: bytes) -> None:
    answer = read_answer(raw)
    assert isinstance(answer, NoAnswer)
    assert len(answer.message) < 300


KEYS = (
    *("choices", "message", "content", "reasoning", "reasoning_content", "reasoning_details", "finish_reason"),
    *("text", "type", "thinking", "usage", "prompt_tokens", "completion_tokens", "total_tokens", "error"),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(KEYS) | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
STATUSES = {"done", "length", "unclosed", "empty", "filtered"}


@given(JSON, JSON, JSON, st.sampled_from(["stop", "length", None, "content_filter"]) | JSON)
def test_any_json_is_read_without_raising(message: Any, usage: Any, rest: Any, finish: Any) -> None:
    whole = {"choices": [{"message": message, "finish_reason": finish}], "usage": usage}
    for value in (rest, message, whole, {"choices": rest}):
        answer = read_answer(json.dumps(value).encode())
        if isinstance(answer, Answer):
            assert answer.status in STATUSES
            assert answer.status != "done" or (answer.response is not None and finish in ("stop", None))
            for text in (answer.reasoning, answer.response):
                assert text is None or (text.encode() and text == text.strip())


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_raising(raw: bytes) -> None:
    read_answer(raw)
    assert len(error_text(raw)) <= 200


@given(st.text(max_size=50), st.text(max_size=50))
@example("2 + 2", "I write <think> in the middle")
def test_split_by_tags_loses_nothing(reasoning: str, response: str) -> None:
    # With the field filled, a tag in front of the response is a server's leftover and goes (inline_copy).
    assume(split_tags(response).tag is None)
    tagged = read_answer(body({"content": f"<think>{reasoning}</think>{response}"}))
    apart = read_answer(body({"content": response, "reasoning_content": reasoning}))
    assert isinstance(tagged, Answer)
    assert isinstance(apart, Answer)
    assert (tagged.reasoning, tagged.response) == (apart.reasoning, apart.response)


@pytest.mark.parametrize(
    ("usage", "wanted"),
    [
        (None, Usage()),
        ("many", Usage()),
        ({"prompt_tokens": 10, "completion_tokens": 20}, Usage(10, 20)),
        ({"prompt_tokens": -1, "completion_tokens": True}, Usage()),
        ({"prompt_tokens": 10, "completion_tokens": 2**80}, Usage(10)),
        ({"prompt_tokens": 10, "completion_tokens": 5, "prompt_cache_hit_tokens": 4}, Usage(10, 5, None, 4)),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 20,
                "total_tokens": 30,
                "completion_tokens_details": {"reasoning_tokens": 15},
                "prompt_tokens_details": {"cached_tokens": 8},
            },
            Usage(10, 20, 15, 8),
        ),
        # Reasoning counted beside the completion: the total tells (xAI).
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "total_tokens": 30,
                "completion_tokens_details": {"reasoning_tokens": 15},
            },
            Usage(10, 20, 15),
        ),
    ],
)
def test_usage(usage: Any, wanted: Usage) -> None:
    assert read_usage(usage) == wanted


def test_cost_is_exact_and_unknown_is_not_zero() -> None:
    price = Price.model_validate({"input": 0.55, "output": 2.19, "cached_input": "0.14"})
    assert cost(Usage(1_000_000, 1_000_000), price) == Decimal("2.74")
    assert cost(Usage(1_000_000, 0, None, 400_000), price) == Decimal("0.386")
    assert cost(Usage(10, 10, None, 999), Price.model_validate({"input": 1, "output": 0})) == Decimal("0.00001")
    assert cost(Usage(10, None), price) is None
    assert cost(Usage(10, 10), None) is None


def test_server_texts_become_one_short_line() -> None:
    assert error_text(b'{"error": {"message": "no\\nmoney\\u001b[31m"}}') == "no money [31m"
    assert error_text(b'{"detail": "x"}') == "x"
    assert len(excerpt("ab " * 1000)) == 200


@pytest.mark.parametrize("odd", [b'\xef\xbb\xbf{"choices"', b'{"logprob": NaN, "choices"', b'{"n": 1e999, "choices"'])
def test_json_that_is_only_nearly_json_is_paid_for_and_read(odd: bytes) -> None:
    answer = read_answer(body({"content": "4"}).replace(b'{"choices"', odd, 1))
    assert isinstance(answer, Answer)
    assert answer.response == "4"
