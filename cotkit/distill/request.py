"""One request, and the name under which its answer is kept for ever."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cotkit.distill.prompt import Message
from cotkit.distill.teacher import Sampling, Teacher

# Raise when the meaning of a request hash changes: answers kept under the old one are then not found.
SCHEME = 1


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent for one sample.

    Attributes:
        hash: sha256 of `text`, in hex.
        text: canonical JSON of all that decides the answer; kept beside the answer.
        body: the JSON body that is posted.
        index: the caller's number for it; answers come in any order.
    """

    hash: str
    text: str
    body: Mapping[str, Any]
    index: int


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal values are equal text."""
    return json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False)


def build(teacher: Teacher, sampling: Sampling, messages: Sequence[Message], sample: int, index: int) -> Request:
    """The request for sample number `sample` of one prompt.

    Its hash is over the URL, model, messages, sampling, extra body and sample number: an edited prompt
    is asked again, and a key, a time-out or the order of rows changes nothing.
    """
    sent = sampling.sent(sample)
    if "max_tokens" in sent and teacher.max_tokens_key != "max_tokens":
        sent[teacher.max_tokens_key] = sent.pop("max_tokens")
    text = canonical(
        {
            "scheme": SCHEME,
            "base_url": teacher.base_url,
            "model": teacher.model,
            "messages": list(messages),
            "sampling": sent,
            "extra_body": teacher.extra_body,
            "sample": sample,
        }
    )
    # How the bytes come back is no part of the question, so streaming is not in the text.
    streaming = {"stream": True, "stream_options": {"include_usage": True}} if teacher.stream else {}
    body = {"model": teacher.model, "messages": list(messages), **sent, **teacher.extra_body, **streaming}
    return Request(hash_text(text), text, body, index)


def hash_text(text: str) -> str:
    """Name of a request, from its canonical text."""
    return hashlib.sha256(text.encode()).hexdigest()
