"""Log probabilities of an answer's tokens, out of the raw answer."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any


def read_logprobs(body: bytes) -> Sequence[tuple[float, Sequence[float]]] | None:
    """Of each token of the answer its own log probability and those of the likeliest tokens there.

    The shape is OpenAI's: `choices[0].logprobs.content[].logprob` and `.top_logprobs[].logprob`. None where the answer
    has none, or has what is no log probability. Never raises.
    """
    try:
        content = json.loads(body)["choices"][0]["logprobs"]["content"]
        found = [(_number(one), [_number(top) for top in one.get("top_logprobs") or ()]) for one in content]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        return None
    return found or None


def _number(token: Any) -> float:
    value = float(token["logprob"])
    # A server that writes -inf for "none of it" is right; NaN and more than certain are no log probabilities.
    if math.isnan(value) or value > 1e-6:
        raise ValueError(value)
    return min(value, 0.0)
