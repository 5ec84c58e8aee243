"""Faults of the scripted teacher that are plain HTTP errors, and those that spoil an answer."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from cotkit.distill.scripted.scenario import Fault
from cotkit.distill.scripted.shapes import Said


def refusal(kind: str, fault: Fault, echo: str) -> tuple[int, dict[str, str], dict[str, Any]]:
    """(status, headers, body) of a fault that is an HTTP error; status 0 for the others.

    Error texts echo the Authorization header, as careless gateways do.
    """
    if not kind[:3].isdigit():
        return 0, {}, {}
    headers: dict[str, str] = {}
    if kind in ("429", "402_retry", "503"):
        headers["retry-after"] = f"{fault.retry_after:g}"
    if kind == "429_ms":
        headers["retry-after-ms"] = f"{fault.retry_after * 1000:.0f}"
    if kind == "429_date":
        headers["retry-after"] = time.strftime(
            "%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + fault.retry_after)
        )
    if kind == "302":
        headers["location"] = "http://127.0.0.1:9/v1/chat/completions"
    error: dict[str, Any] = {"message": f"{kind} for you, who sent {echo} " + "x" * 300, "type": kind}
    more: dict[str, dict[str, Any]] = {
        "403_moderation": {"metadata": {"reasons": ["violence"], "flagged_input": "…"}},
        "429_quota": {"code": "insufficient_quota"},
        "400_context": {"code": "context_length_exceeded", "message": "this prompt is longer than the context"},
        "400_model": {"message": "Model Not Exist", "code": "invalid_request_error"},
    }
    return int(kind[:3]), headers, {"error": {**error, **more.get(kind, {})}}


def spoil(kind: str, said: Said) -> Said:
    """The answer, as a fault leaves it."""
    if kind == "reasoning_only":
        return replace(said, content="")
    if kind == "length":
        return replace(said, content="", finish="length")
    if kind == "filter":
        return replace(said, finish="content_filter")
    if kind == "no_resource":
        return replace(said, finish="insufficient_system_resource")
    if kind in ("null", "empty"):
        return replace(said, reasoning=None, content=None if kind == "null" else "")
    return said
