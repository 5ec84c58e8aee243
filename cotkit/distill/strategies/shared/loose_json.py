"""JSON out of a model's answer, whatever stands around it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any, TypeVar

T = TypeVar("T")
_OBJECT = re.compile(r"\{")
# Backslashes: pairs, and single ones that begin no escape of JSON or belong to LaTeX that JSON would read as a tab, a
# line's end or a control character (\times, \neq, \frac, \beta, \right).
_SINGLE = re.compile(
    r"\\\\|\\(?=[bf]|r(?!\\n)|t(?:imes|ext|heta|riangle|frac|ilde|an\b|au\b|op?\b)|n(?:eq?\b|eg\b|ot\b|u\b|abla|mid)"
    r'|[^"\\/bfnrtu]|u(?![0-9a-fA-F]{4}))'
)
_LONGEST = 50_000
# Few braces begin an object; a text full of them is none.
_STARTS = 20


def first_object(text: str, read: Callable[[Mapping[str, Any]], T | None]) -> T | None:
    """What `read` makes of the first JSON object that it can read; None where there is none.

    Fences, text before and after, and LaTeX with single backslashes are forgiven. Linear, and of bounded length.
    """
    text = _SINGLE.sub(r"\\\\", text[:_LONGEST])
    decoder = json.JSONDecoder(strict=False)
    for match in islice(_OBJECT.finditer(text), _STARTS):
        try:
            found, _ = decoder.raw_decode(text, match.start())
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict) and (value := read(found)) is not None:
            return value
    return None
