"""Every provider's answer is read, whole and streamed; the same call works against each with only its URL changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from distill_parts import prompts
from hypothesis import given
from hypothesis import strategies as st
from provider_answers import ANSWERS, A, R, body

from cotkit.distill.client import without
from cotkit.distill.presets import presets
from cotkit.distill.scripted.scenario import Scenario, Shape
from cotkit.distill.scripted.server import ScriptedTeacher
from cotkit.distill.scripted.shapes import chunks, completion, say
from cotkit.distill.sse import Assembly
from cotkit.distill.teacher import Limits, Sampling, Teacher
from cotkit.distill.traces import Told, distill_prompts
from cotkit.distill.wire import Answer, NoAnswer, read_answer

SHAPES = get_args(Shape)


@pytest.mark.parametrize("provider", sorted(ANSWERS))
def test_the_answer_of_each_provider(provider: str) -> None:
    whole, reasoning, response, found, summary, thought, completion_tokens = ANSWERS[provider]
    answer = read_answer(json.dumps(whole).encode())
    assert isinstance(answer, Answer)
    assert (answer.status, answer.finish_reason) == ("done", "stop")
    assert (answer.reasoning, answer.response, answer.found) == (reasoning, response, found)
    assert (answer.summary, answer.usage.reasoning, answer.usage.completion) == (summary, thought, completion_tokens)


@pytest.mark.parametrize(
    ("message", "reasoning", "response", "flags"),
    [
        # The field and an equal copy in the text: the copy goes. Another text in the tags stays, and is told.
        ({"content": f"<think>{R}</think>{A}", "reasoning_content": R}, R, A, ("inline_copy",)),
        (
            {"content": f"<think>other</think>{A}", "reasoning_content": R},
            R, f"<think>other</think>{A}", ("inline_differs",),
        ),
        ({"content": f"<think>\n\n</think>\n{A}"}, None, A, ("thinking_skipped",)),
        ({"content": f"<think>{R}</think><think>more</think>{A}"}, R, f"<think>more</think>{A}", ("more_tags",)),
        # Talk about tags is not tags.
        ({"content": "Close it with `</think>` and go on."}, None, "Close it with `</think>` and go on.", ()),
        ({"content": "Write\n```\nx </think> y\n```\nso."}, None, "Write\n```\nx </think> y\n```\nso.", ()),
        ({"content": f'<think>The tag "</think>" ends it.</think>{A}'}, 'The tag "</think>" ends it.', A, ()),
        # White space inside a trace stays.
        ({"content": f"<think>a\n\n  b</think>{A}"}, "a\n\n  b", A, ()),
    ],
)  # fmt: skip
def test_tags_and_fields_that_meet(
    message: dict[str, Any], reasoning: str | None, response: str, flags: tuple[str, ...]
) -> None:
    answer = read_answer(json.dumps(body(message)).encode())
    assert isinstance(answer, Answer)
    assert (answer.reasoning, answer.response) == (reasoning, response)
    assert [f for f in answer.flags if f != "more_tags" or "more_tags" in flags] == list(flags)


def ask(url: str, folder: Path, names: list[str], **teacher: Any) -> list[Told]:
    told: list[Told] = []
    asked = Teacher.model_validate({"base_url": url, "model": "m", **teacher})
    distill_prompts(prompts(names), asked, Sampling(), Limits(timeout_s=60), folder / "j", told.append)
    return sorted(told, key=lambda one: one.index)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("stream", [False, True])
def test_the_same_call_against_every_shape(tmp_path: Path, shape: str, stream: bool) -> None:
    if shape == "qwen" and not stream:
        pytest.skip("this provider answers streamed requests only")
    with ScriptedTeacher(Scenario.model_validate({"shape": shape})) as teacher:
        told = ask(teacher.url, tmp_path, ["What is 1 + 2?", "What is 40 + 2?"], stream=stream)
        log = teacher.log
    assert [one.trace.status for one in told] == ["done"] * 2
    assert [one.trace.response for one in told] == ["The answer is \\boxed{3}.", "The answer is \\boxed{42}."]
    kinds = {"openai": "none", "gemini": "summary"}
    assert {one.trace.reasoning_kind for one in told} == {kinds.get(shape, "raw")}
    if shape != "openai":
        assert all("Let me think" in (one.trace.reasoning or "") for one in told)
        assert not any("think>" in str(one.trace.response) for one in told)
    # Reasoning is counted once, whatever the provider's convention.
    assert sum(one.trace.completion_tokens or 0 for one in told) == log.completion_tokens
    assert sum(one.trace.prompt_tokens or 0 for one in told) == log.prompt_tokens


def test_every_preset_has_a_rehearsal() -> None:
    rehearsed = {*SHAPES, "openai-reasoning", "openai-chat"}
    assert set(presets()) <= rehearsed


@pytest.mark.parametrize("shape", SHAPES)
@given(sizes=st.lists(st.integers(1, 400), min_size=1, max_size=40))
def test_a_stream_reads_as_the_whole_answer_however_it_is_cut(shape: str, sizes: list[int]) -> None:
    scenario = Scenario.model_validate({"shape": shape})
    request = {
        "model": "m",
        "messages": [{"role": "user", "content": "3 é 😀"}],
        "stream_options": {"include_usage": True},
    }
    said = say(scenario, request, 0)
    data = b": hello\r\n\r\n" + b"".join(
        b"data: " + json.dumps(e).encode() + b"\n\n" for e in chunks(scenario, request, said)
    ) + b"data: [DONE]\n\n"  # fmt: skip
    assembly, at = Assembly(), 0
    for size in sizes:
        assembly.feed(data[at : at + size])
        at += size
    assembly.feed(data[at:])
    streamed = assembly.result()
    assert isinstance(streamed, bytes)
    assert read_answer(streamed) == read_answer(json.dumps(completion(scenario, request, said)).encode())


@given(st.binary(max_size=300))
def test_any_bytes_are_a_broken_stream_or_a_body(data: bytes) -> None:
    assembly = Assembly()
    assembly.feed(data)
    result = assembly.result()
    assert isinstance(result, NoAnswer) or isinstance(read_answer(result), NoAnswer)


def event(**delta: Any) -> bytes:
    return json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}).encode()


END = b'data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbfdata: " + event(content="4") + b"\n\n" + END,
        (b"data: " + event(content="4") + b"\n\n" + END).replace(b"\n", b"\r"),
        (b"data: " + event(content="4") + b"\n\n" + END).replace(b"\n", b"\r\n"),
        b"data: " + event(content="4").replace(b", ", b",\ndata: ", 1) + b"\n\n" + END,
        b"data: " + event(content="4") + b"\n" + END,
        b"data\nid: 1\ndata: " + event(content="4") + b"\nevent: x\n\n: ping\n\n" + END,
        b"id: 1\ndata: " + event(role="assistant") + b"\n\ndata: " + event(content="4") + b"\n\n" + END,
    ],
    ids=["bom", "cr", "crlf", "two_lines", "no_empty_line", "bare_fields", "one_id_alone"],
)
def test_what_the_standard_allows_is_read_whole(text: bytes, size: int) -> None:
    assembly = Assembly()
    for at in range(0, len(text), size):
        assembly.feed(text[at : at + size])
    result = assembly.result()
    assert isinstance(result, bytes), result
    answer = read_answer(result)
    assert isinstance(answer, Answer)
    assert (answer.status, answer.response) == ("done", "4")


@pytest.mark.parametrize("garbage", [b"dat: x\n\n", b'{"choices"', b"\x00\xff\n", b" more text\n\n"])
@pytest.mark.parametrize("where", [0, 1])
def test_a_damaged_line_is_no_whole_answer(garbage: bytes, where: int) -> None:
    lines = [b"data: " + event(content="The ") + b"\n\n", b"data: " + event(content="end") + b"\n\n", END]
    lines.insert(where, garbage + b"\n")
    assembly = Assembly()
    assembly.feed(b"".join(lines))
    assert isinstance(assembly.result(), NoAnswer)


KEY = 'sk-Te/st"0123-x'


@given(st.lists(st.integers(0, 3), min_size=len(KEY), max_size=len(KEY)), st.integers(0, 2))
def test_the_key_is_struck_out_however_json_writes_it(ways: list[int], nested: int) -> None:
    def written(c: str, way: int) -> str:
        if way == 1:
            return f"\\u{ord(c):04x}"
        if way == 2:
            return f"\\u{ord(c):04X}"
        return "\\/" if way == 3 and c == "/" else json.dumps(c)[1:-1]

    text = "é\\u00e9\\n you sent: \\\\" + "".join(map(written, KEY, ways)) + " \\u0041."
    for _ in range(nested):
        text = json.dumps(text)[1:-1]
    raw = f'{{"a": "{text}"}}'.encode()
    told = json.loads(without(KEY, raw))["a"]
    for _ in range(nested):
        told = json.loads(f'"{told}"')
    assert KEY not in told
    assert told.startswith("éé\n you sent: ")
    assert told.endswith("*** A.")
    clean = b'{"a": "\\u0041\\/\\"sk-Te"}'
    assert without(KEY, clean) == clean


@pytest.mark.parametrize("line", [b'data: {"error": {"message": "you are %s"}}', b"data: {broken %s", b"you are %s"])
def test_a_broken_stream_is_told_without_the_key(line: bytes) -> None:
    key = "sk-loop/back-0815"
    assembly = Assembly(lambda text: without(key, text))
    assembly.feed(
        b"data: " + event(content="4") + b"\n\n" + line.replace(b"%s", b"sk-loop\\/back\\u002d0815") + b"\n\n"
    )
    result = assembly.result()
    assert isinstance(result, NoAnswer)
    assert "0815" not in result.message
    assert "***" in result.message
