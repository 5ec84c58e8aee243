"""Reading one chat completion: where providers put the reasoning, and how an answer ended.

The order in which it is looked for: `reasoning_content` (DeepSeek, llama-server, SGLang, DashScope, xAI, vLLM
until late 2025), `reasoning` (vLLM since, OpenRouter, Groq, Ollama), `thinking` (Ollama's own),
`reasoning_details` (OpenRouter), content blocks of type thinking (Mistral), tags at the start of the content
(Together, Fireworks, KTransformers, Gemini, servers without a parser).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from cotkit.distill.prices import Usage
from cotkit.tags import split_tags

_MOST_TOKENS = 2**53
_FIELDS = ("reasoning_content", "reasoning", "thinking")
# Words of other servers for the three ways to end.
_ENDS = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "stop_token": "stop",
    "end": "stop",
    "complete": "stop",
    "completed": "stop",
    "finished": "stop",
    # Nobody offers tools here: what the model wrote besides is its answer.
    "tool_calls": "stop",
    "tool_use": "stop",
    "function_call": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "content_filter": "content_filter",
    "safety": "content_filter",
    "sensitive": "content_filter",
    "recitation": "content_filter",
}
# Words for an answer that the server gave up: another attempt may bring it.
_BROKEN = frozenset(
    (
        *("error", "network_error", "server_error", "internal_error", "failed", "failure", "unavailable", "overloaded"),
        *("insufficient_system_resource", "abort", "aborted", "cancel", "cancelled", "canceled", "interrupted"),
        *("timeout", "timed_out", "preempted"),
    )
)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that was paid for.

    Attributes:
        status: one of records.TraceStatus, but for "failed".
        finish_reason: stop, length or content_filter; None where the server says nothing. A word that is not known
            stays as it is, and its answer is never done.
        found: where the reasoning was: a field's name, "content blocks", or a tag; None where there is none.
        summary: what the provider shows is a summary of its reasoning.
        flags: what was odd about the reading (thinking_skipped, more_tags, inline_copy, inline_differs,
            unknown_finish).
    """

    status: str
    reasoning: str | None
    response: str | None
    finish_reason: str | None
    usage: Usage
    found: str | None = None
    summary: bool = False
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """A body that is no answer, though it came with status 200; worth another attempt."""

    message: str


@dataclass(frozen=True, slots=True)
class Split:
    """A message taken apart; `closed` is False where a tag was opened and never closed."""

    reasoning: str | None
    response: str | None
    closed: bool = True
    found: str | None = None
    summary: bool = False
    flags: tuple[str, ...] = ()


def read_answer(body: bytes) -> Answer | NoAnswer:
    """Read the body of a response with status 200. Never raises, whatever the bytes are."""
    try:
        data = _parsed(body)
    except (ValueError, RecursionError):
        return NoAnswer(f"the answer is not JSON: {excerpt(body.decode('utf-8', 'replace'))}")
    choice = _first(data.get("choices")) if isinstance(data, dict) else None
    if choice is None or not isinstance(choice.get("message"), dict):
        return NoAnswer(f"the answer has no choices: {error_text(body)}")
    said = choice.get("finish_reason")
    finish = _ENDS.get(said.lower()) if isinstance(said, str) else None
    message = choice["message"]
    split = split_message(message)
    usage = read_usage(data.get("usage"))
    unknown = said is not None and finish is None
    if unknown:
        # Paid for, so kept: asking again would bring the same word at the same price.
        paid = split.reasoning is not None or split.response is not None or bool(usage.completion)
        if not isinstance(said, str) or said.lower() in _BROKEN or not paid:
            return NoAnswer(f"the teacher broke off: finish_reason is {excerpt(str(said))}")
        closed = split.reasoning is None and split.response is None and split.closed
        split = replace(split, closed=closed, flags=(*split.flags, "unknown_finish"))
        finish = excerpt(said, 40)
    response, refusal = split.response, _text(message.get("refusal"))
    if response is None and refusal is not None and finish != "length" and not unknown:
        response, finish = refusal, "content_filter"
    return Answer(
        _status(finish, split.reasoning, response, split.closed),
        split.reasoning,
        response,
        finish,
        usage,
        split.found,
        split.summary,
        split.flags,
    )


def _parsed(body: bytes) -> Any:
    """JSON, four times as fast where it is strict; servers also send NaN, lone surrogates and byte order marks."""
    import orjson

    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return json.loads(body.decode("utf-8-sig"))


def _status(finish: str | None, reasoning: str | None, response: str | None, closed: bool) -> str:
    """Only an answer that stopped by itself, after its reasoning, is done."""
    if finish in ("length", "content_filter"):
        return "length" if finish == "length" else "filtered"
    if response is not None and closed:
        return "done"
    return "empty" if reasoning is None and closed else "unclosed"


def split_message(message: dict[str, Any]) -> Split:
    """Reasoning and response of a message, whichever shape it has."""
    content, thoughts = _content(message.get("content"))
    given, found, summary = _given(message, thoughts)
    parts = split_tags(content)
    if given is not None:
        response, flags = content, tuple[str, ...]()
        if parts.tag is not None and parts.closed and content.lstrip()[:1] in "<[◁":
            # A server that fills the field and leaves the tags in; only an equal copy may go.
            same = parts.reasoning.strip() in ("", given)
            response, flags = (parts.response, ("inline_copy",)) if same else (content, ("inline_differs",))
        return Split(given, _text(response), True, found, summary, flags)
    reasoning = _text(parts.reasoning) if parts.tag is not None else None
    where = parts.tag if reasoning is not None else None
    return Split(reasoning, _text(parts.response), parts.closed, where, parts.summary, parts.flags)


def _given(message: dict[str, Any], thoughts: str) -> tuple[str | None, str | None, bool]:
    """(reasoning, where it stood, is it a summary) of a message that has it apart from its content."""
    for name in _FIELDS:
        if (text := _text(message.get(name))) is not None:
            return text, name, False
    details = message.get("reasoning_details")
    if (text := _text("".join(_details(details, "text")))) is not None:
        return text, "reasoning_details", False
    if (text := _text("".join(_details(details, "summary")))) is not None:
        return text, "reasoning_details", True
    if (text := _text(thoughts)) is not None:
        return text, "content blocks", False
    return None, None, False


def _content(content: Any) -> tuple[str, str]:
    """(text, thinking) of a content that is a string or a list of blocks."""
    if isinstance(content, str):
        return content, ""
    texts: list[str] = []
    thoughts: list[str] = []
    for block in content if isinstance(content, list) else ():
        if isinstance(block, str):
            texts.append(block)
        elif isinstance(block, dict) and block.get("type") == "thinking":
            inner = block.get("thinking")
            thoughts += (
                _details(inner, "text") if isinstance(inner, list) else [inner] if isinstance(inner, str) else []
            )
        elif isinstance(block, dict) and isinstance(block.get("text"), str):
            texts.append(block["text"])
    return "".join(texts), "".join(thoughts)


def _details(details: Any, key: str) -> list[str]:
    items = details if isinstance(details, list) else ()
    return [d[key] for d in items if isinstance(d, dict) and isinstance(d.get(key), str)]


def _first(choices: Any) -> dict[str, Any] | None:
    return choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else None


def _text(value: Any) -> str | None:
    """Stripped text; None where there is none. A lone surrogate would break every table: it is replaced."""
    if not isinstance(value, str) or not (text := value.strip()):
        return None
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def read_usage(usage: Any) -> Usage:
    """Token counts; None where the provider says nothing sensible."""
    if not isinstance(usage, dict):
        return Usage()
    prompt, completion = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    reasoning = _count(_part(usage, "completion_tokens_details", "reasoning_tokens"))
    cached = _count(_part(usage, "prompt_tokens_details", "cached_tokens"))
    for key in ("prompt_cache_hit_tokens", "cached_tokens"):  # DeepSeek, Moonshot
        cached = _count(usage.get(key)) if cached is None else cached
    total = _count(usage.get("total_tokens"))
    # xAI counts reasoning beside completion_tokens, others inside; the total tells.
    if reasoning and prompt is not None and completion is not None and total == prompt + completion + reasoning:
        completion += reasoning
    return Usage(prompt, completion, reasoning, cached, _dollars(usage.get("cost")))


def _part(usage: dict[str, Any], group: str, key: str) -> Any:
    details = usage.get(group)
    return details.get(key) if isinstance(details, dict) else None


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value <= _MOST_TOKENS else None


def _dollars(value: Any) -> Decimal | None:
    """OpenRouter says what it charged, in US dollars."""
    good = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e6
    return Decimal(str(value)) if good else None


def error_text(body: bytes) -> str:
    """What a server says went wrong, in one short line. The text is the server's: hostile, never trusted."""
    raw = body.decode("utf-8", "replace")
    try:
        data: Any = json.loads(raw)
    except (ValueError, RecursionError):
        return excerpt(raw)
    for key in ("error", "message", "detail"):
        if isinstance(data, dict) and data.get(key):
            data = data[key]
    return excerpt(data if isinstance(data, str) else json.dumps(data))


def excerpt(text: str, longest: int = 200) -> str:
    """One printable line of at most `longest` characters."""
    line = "".join(c if c.isprintable() else " " for c in text[: 4 * longest])
    line = " ".join(line.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"
