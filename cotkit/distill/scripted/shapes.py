"""One answer in the wire shape of each provider, whole and as the pieces of a stream."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cotkit.distill.scripted.scenario import Reply, Scenario, Shape

_FIELD: Mapping[str, str] = {
    **dict.fromkeys(("deepseek", "sglang", "llamacpp", "vllm-old", "xai", "qwen", "moonshot"), "reasoning_content"),
    **dict.fromkeys(("vllm", "groq", "ollama"), "reasoning"),
}
_TAGS: Mapping[str, tuple[str, str]] = {
    "together": ("<think>\n", "\n</think>\n\n"),
    "fireworks": ("<think>\n", "\n</think>\n\n"),
    "llamacpp-none": ("<think>\n", "\n</think>\n\n"),
    # R1's template prefills the opening tag, and nobody gives it back.
    "ktransformers": ("", "\n</think>\n\n"),
    "gemini": ("<thought>", "</thought>"),
}
_PIECE = 24


@dataclass(frozen=True)
class Said:
    """What the teacher says, before it has a shape."""

    reasoning: str | None
    content: str | None
    finish: str
    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    logprobs: tuple[tuple[float, ...], ...] | None = None


def user_text(body: Mapping[str, Any]) -> str:
    """The last user message of a request."""
    messages = body.get("messages")
    texts = [m.get("content") for m in messages if m.get("role") == "user"] if isinstance(messages, list) else []
    return str(texts[-1]) if texts else ""


def begun_text(body: Mapping[str, Any]) -> str:
    """The begun answer that a request asks to be continued; empty where it asks for a fresh one."""
    messages = body.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else {}
    return str(last.get("content") or "") if last.get("role") == "assistant" else ""


def say(scenario: Scenario, body: Mapping[str, Any], attempt: int, reply: Reply | None = None) -> Said:
    """The answer to a request: `reply`, or one by heart, or else the sum of its numbers, right or wrong by its hash."""
    text = user_text(body)
    known = {key: value for key, value in body.items() if key not in ("stream", "stream_options")}
    name = hashlib.sha256(json.dumps([scenario.seed, known], sort_keys=True).encode()).hexdigest()
    if reply is None:
        fitting = (r for r in scenario.replies if r.match in text and r.attempt in (None, attempt))
        reply = next((r for r in fitting if r.begun is None or begun_text(body).endswith(r.begun)), None)
    right = int(name[:8], 16) / 2**32 < scenario.accuracy
    boxed = _boxed(scenario, text, reply)
    if not right:
        boxed = str(int(boxed) + 1 + int(name[8]) if boxed.lstrip("-").isdecimal() and name[8].isdecimal() else 999_983)
    content = reply.content if reply is not None and reply.content is not None else f"The answer is \\boxed{{{boxed}}}."
    reasoning: str | None = None
    if scenario.thinks and scenario.shape != "openai":
        made_up = f"Let me think ({name[:12]}). The problem says: {text[:300]} So I add what is given. "
        made_up = (made_up + "Let me check that once more. " * (scenario.characters // 29 + 1))[: scenario.characters]
        reasoning = reply.reasoning if reply is not None and reply.reasoning is not None else made_up
    thought = len((reasoning or "").split())
    completion = thought + len(content.split()) if scenario.completion_tokens is None else scenario.completion_tokens
    prompt = len(str(body.get("messages")).split()) if scenario.prompt_tokens is None else scenario.prompt_tokens
    limit = body.get("max_tokens") or body.get("max_completion_tokens")
    if isinstance(limit, int) and scenario.completion_tokens is None and completion > limit:
        words = (reasoning or content).split()[:limit]
        cut = " ".join(words)
        given, seen = (cut, "") if reasoning is not None else (None, cut)
        return Said(given, seen, "length", prompt, limit, min(limit, thought))
    logprobs = reply.logprobs if reply is not None and body.get("logprobs") else None
    return Said(reasoning, content, "stop", prompt, completion, min(completion, thought), logprobs)


def _boxed(scenario: Scenario, text: str, reply: Reply | None) -> str:
    if reply is not None and reply.answer is not None:
        return reply.answer
    for part, value in scenario.answers.items():
        if part in text:
            return value
    return str(sum(int(n) for n in re.findall(r"\d{1,6}", text)))


def message(shape: Shape, said: Said) -> dict[str, Any]:
    """The assistant's message as this provider sends it."""
    reasoning, content = said.reasoning, said.content
    plain: dict[str, Any] = {"role": "assistant", "content": content}
    if reasoning is None:
        return plain
    if shape in _TAGS:
        opening, closing = _TAGS[shape]
        cut = said.finish == "length" and not content
        return {**plain, "content": opening + reasoning + ("" if cut else closing + (content or ""))}
    if shape == "mistral":
        thinking = {"type": "thinking", "thinking": [{"type": "text", "text": reasoning}]}
        return {**plain, "content": [thinking, *([{"type": "text", "text": content}] if content else [])]}
    if shape == "openrouter":
        detail = {"type": "reasoning.text", "text": reasoning, "format": "unknown", "index": 0}
        return {**plain, "reasoning": reasoning, "reasoning_details": [detail], "refusal": None}
    lead = "\n" if shape == "llamacpp" else ""
    return {**plain, "content": lead * 2 + (content or ""), _FIELD[shape]: lead + reasoning}


def usage(shape: Shape, said: Said) -> dict[str, Any]:
    """Token counts by this provider's convention."""
    prompt, completion, reasoning = said.prompt_tokens, said.completion_tokens, said.reasoning_tokens
    counts: dict[str, Any] = {"prompt_tokens": prompt, "completion_tokens": completion}
    details = {"completion_tokens_details": {"reasoning_tokens": reasoning}}
    if shape == "xai":  # reasoning stands beside the completion
        counts["completion_tokens"] = completion - reasoning
        return {**counts, "total_tokens": prompt + completion, **details}
    counts["total_tokens"] = prompt + completion
    if shape == "deepseek":
        return {**counts, "prompt_cache_hit_tokens": 0, "prompt_cache_miss_tokens": prompt, **details}
    if shape == "openrouter":
        return {**counts, "cost": round(completion * 2e-6, 9), **details}
    if shape in ("openai", "qwen", "groq"):
        return {**counts, "prompt_tokens_details": {"cached_tokens": 0}, **details}
    return counts


def completion(scenario: Scenario, body: Mapping[str, Any], said: Said, with_usage: bool = True) -> dict[str, Any]:
    """The whole answer."""
    told = message(scenario.shape, said)
    choice = {"index": 0, "finish_reason": said.finish, "message": told, "logprobs": _logprobs(said)}
    whole = {"id": "chatcmpl-script", "object": "chat.completion", "created": 1, "model": body.get("model")}
    return {**whole, "choices": [choice], **({"usage": usage(scenario.shape, said)} if with_usage else {})}


def _logprobs(said: Said) -> dict[str, Any] | None:
    if said.logprobs is None:
        return None
    tokens = [
        {
            "token": f"t{n}",
            "logprob": own,
            "top_logprobs": [{"token": f"o{k}", "logprob": p} for k, p in enumerate(top)],
        }
        for n, (own, *top) in enumerate(said.logprobs)
    ]
    return {"content": tokens}


def chunks(
    scenario: Scenario, body: Mapping[str, Any], said: Said, with_usage: bool = True
) -> Iterator[dict[str, Any]]:
    """The same answer as the events of a stream."""
    head = {"id": "chatcmpl-script", "object": "chat.completion.chunk", "created": 1, "model": body.get("model")}

    def event(delta: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
        return {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

    whole = message(scenario.shape, said)
    yield event({"role": "assistant", "content": ""})
    content = whole.pop("content", None)
    if isinstance(content, list):  # Mistral: a block a piece
        for block in content:
            if block["type"] == "thinking":
                for part in _pieces(block["thinking"][0]["text"]):
                    yield event({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": part}]}]})
            else:
                yield from (event({"content": part}) for part in _pieces(block["text"]))
        content = None
    for name in ("reasoning_content", "reasoning"):
        for part in _pieces(whole.get(name)):
            yield event({name: part, "content": None})
    yield from (event({"content": part}) for part in _pieces(content))
    yield event({}, said.finish)
    if with_usage and (body.get("stream_options") or {}).get("include_usage"):
        yield {**head, "choices": [], "usage": usage(scenario.shape, said)}


def _pieces(text: str | None) -> Iterator[str]:
    for start in range(0, len(text or ""), _PIECE):
        yield (text or "")[start : start + _PIECE]
