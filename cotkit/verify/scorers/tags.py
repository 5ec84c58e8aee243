"""Whether a text keeps to the template of DeepSeek-R1-Zero: reasoning in `<think>`, the answer in `<answer>`."""

from __future__ import annotations

import re

TAGS = ("<think>", "</think>", "<answer>", "</answer>")
# With their line breaks, as Open-R1 counts them (huggingface/open-r1, src/open_r1/rewards.py).
_LINES = ("<think>\n", "\n</think>\n", "\n<answer>\n", "\n</answer>")
_ANY = re.compile(r"</?(?:think|answer)\b[^<>]{0,40}>?", re.IGNORECASE)


def keeps_format(text: str, lines: bool = False) -> bool:
    """Whether each of the four tags stands there once, in order, with words between a pair and none outside.

    So a second `<think>`, a nested pair, an `<answer>` inside the reasoning, an `<answer>` closed by another opening
    tag and words after `</answer>` all fail, also where a pattern with `.*?` would let them pass.

    Args:
        lines: each tag must stand on a line of its own.
    """
    body = text.strip()
    if tuple(match[0] for match in _ANY.finditer(body)) != TAGS:
        return False
    ends = [(body.index(tag), body.index(tag) + len(tag)) for tag in TAGS]
    (start, a), (b, c), (d, e), (f, end) = ends
    whole = start == 0 and end == len(body) and not body[c:d].strip()
    if not (whole and body[a:b].strip() and body[e:f].strip()):
        return False
    on_lines = body[a] == body[b - 1] == body[e] == body[f - 1] == "\n" and body[c:d] == "\n"
    return on_lines or not lines


def tag_share(text: str) -> float:
    """A quarter for each tag that stands there exactly once with its line breaks: 0, 0.25, 0.5, 0.75 or 1."""
    return sum(text.count(tag) == 1 for tag in _LINES) / len(_LINES)
