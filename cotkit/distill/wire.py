"""Reading one chat completion: where providers put the reasoning, and how an answer ended.

Shapes, tried or from the providers' pages: `reasoning_content` (DeepSeek, llama-server, SGLang),
`reasoning` (vLLM since late 2025, OpenRouter, Ollama), `reasoning_details` (OpenRouter), content blocks
of type thinking (Mistral), tags at the start of the content (Together, TGI, servers without a parser);
R1 templates prefill the opening tag, so it may be missing.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from cotkit.distill.prices import Usage

_OPEN = re.compile(r"\s*<(think|thinking|thought)>")
_CLOSE = re.compile(r"</(?:think|thinking|thought)>")
_MOST_TOKENS = 2**53


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that was paid for. `status` is one of records.TraceStatus, but for "failed"."""

    status: str
    reasoning: str | None
    response: str | None
    finish_reason: str | None
    usage: Usage


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """A body that is no answer, though it came with status 200; worth another attempt."""

    message: str


def read_answer(body: bytes) -> Answer | NoAnswer:
    """Read the body of a response with status 200. Never raises, whatever the bytes are."""
    try:
        data = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return NoAnswer(f"the answer is not JSON: {excerpt(body.decode('utf-8', 'replace'))}")
    choice = _first(data.get("choices")) if isinstance(data, dict) else None
    if choice is None or not isinstance(choice.get("message"), dict):
        return NoAnswer(f"the answer has no choices: {error_text(body)}")
    finish = choice.get("finish_reason")
    if finish is not None and finish not in ("stop", "length", "content_filter"):
        return NoAnswer(f"the teacher broke off: finish_reason is {excerpt(str(finish))}")
    message = choice["message"]
    reasoning, response, closed = split_message(message)
    refusal = _text(message.get("refusal"))
    if response is None and refusal is not None and finish != "length":
        response, finish = refusal, "content_filter"
    status = _status(finish, reasoning, response, closed)
    return Answer(status, reasoning, response, finish, read_usage(data.get("usage")))


def _status(finish: str | None, reasoning: str | None, response: str | None, closed: bool) -> str:
    """Only an answer that stopped by itself, after its reasoning, is done."""
    if finish in ("length", "content_filter"):
        return "length" if finish == "length" else "filtered"
    if response is not None and closed:
        return "done"
    return "empty" if reasoning is None and closed else "unclosed"


def split_message(message: dict[str, Any]) -> tuple[str | None, str | None, bool]:
    """(reasoning, response, closed); closed is False where a tag was opened and never closed."""
    content, thoughts = _content(message.get("content"))
    given = (
        _text(message.get("reasoning_content"))
        or _text(message.get("reasoning"))
        or _text("".join(_details(message.get("reasoning_details"))))
        or _text(thoughts)
    )
    if given is not None:
        return given, _text(content), True
    opened = _OPEN.match(content)
    close = _CLOSE.search(content, opened.end() if opened else 0)
    if close is not None:
        return _text(content[opened.end() if opened else 0 : close.start()]), _text(content[close.end() :]), True
    if opened is not None:
        return _text(content[opened.end() :]), None, False
    return None, _text(content), True


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
            thoughts += _details(inner) if isinstance(inner, list) else [inner] if isinstance(inner, str) else []
        elif isinstance(block, dict) and isinstance(block.get("text"), str):
            texts.append(block["text"])
    return "".join(texts), "".join(thoughts)


def _details(details: Any) -> list[str]:
    items = details if isinstance(details, list) else ()
    return [d["text"] for d in items if isinstance(d, dict) and isinstance(d.get("text"), str)]


def _first(choices: Any) -> dict[str, Any] | None:
    return choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else None


def _text(value: Any) -> str | None:
    """Stripped text; None where there is none. A lone surrogate would break every table: it is replaced."""
    if not isinstance(value, str) or not value.strip():
        return None
    return value.strip().encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def read_usage(usage: Any) -> Usage:
    """Token counts; None where the provider says nothing sensible."""
    if not isinstance(usage, dict):
        return Usage()
    prompt, completion = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    reasoning = _count(_part(usage, "completion_tokens_details", "reasoning_tokens"))
    cached = _count(_part(usage, "prompt_tokens_details", "cached_tokens"))
    if cached is None:
        cached = _count(usage.get("prompt_cache_hit_tokens"))
    total = _count(usage.get("total_tokens"))
    # xAI counts reasoning beside completion_tokens, others inside; the total tells.
    if reasoning and prompt is not None and completion is not None and total == prompt + completion + reasoning:
        completion += reasoning
    return Usage(prompt, completion, reasoning, cached)


def _part(usage: dict[str, Any], group: str, key: str) -> Any:
    details = usage.get(group)
    return details.get(key) if isinstance(details, dict) else None


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value <= _MOST_TOKENS else None


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
