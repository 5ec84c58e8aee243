"""Reasoning that stands inside the text, between tags, and how it is taken out."""

from __future__ import annotations

import re
from dataclasses import dataclass

# (opening, closing, True if the provider shows a summary there). R1 and most: <think>; Gemini: <thought>;
# Marco-o1 style: <Thought>; Kimi-K2: ◁think▷; Sky-T1/OpenThoughts: begin_of_thought; Magistral: [THINK];
# Seed-OSS: <seed:think>.
_PAIRS = (
    ("<think>", "</think>", False),
    ("<thinking>", "</thinking>", False),
    ("<thought>", "</thought>", True),
    ("◁think▷", "◁/think▷", False),
    ("<|begin_of_thought|>", "<|end_of_thought|>", False),
    ("[THINK]", "[/THINK]", False),
    ("<seed:think>", "</seed:think>", False),
)
_BY_OPEN = {opening.lower(): (closing, summary) for opening, closing, summary in _PAIRS}
_OPEN = re.compile(r"\s*(" + "|".join(re.escape(p[0]) for p in _PAIRS) + ")", re.IGNORECASE)
_CLOSE = re.compile("|".join(re.escape(p[1]) for p in _PAIRS), re.IGNORECASE)
# What some models wrap their answer in, after the reasoning.
_ANSWER = re.compile(
    r"\s*(?:<Output>(?P<a>.*)</Output>|<\|begin_of_solution\|>(?P<b>.*)<\|end_of_solution\|>)\s*", re.DOTALL
)
_QUOTES = "`\"'“”‘’"


@dataclass(frozen=True, slots=True)
class Parts:
    """A text taken apart.

    Attributes:
        tag: the tag it was taken apart at; None where there was none.
        closed: False where a tag was opened and never closed.
        summary: the tag is one of a provider that shows a summary.
        flags: what was odd about it.
    """

    reasoning: str
    response: str
    tag: str | None = None
    closed: bool = True
    summary: bool = False
    flags: tuple[str, ...] = ()


def split_tags(text: str) -> Parts:
    """Take leading reasoning out of a text. The opening tag may be missing, since R1's template prefills it.

    A tag in quotes or code is talk about the tag, not the tag.
    """
    opened = _OPEN.match(text)
    if opened is not None:
        tag = opened.group(1)
        closing, summary = _BY_OPEN[tag.lower()]
        start = opened.end()
        close = _close_of(closing, text, start)
        if close is None:
            return Parts(text[start:], "", tag, closed=False, summary=summary)
        reasoning, rest = text[start : close[0]], text[close[1] :]
        return Parts(reasoning, _unwrapped(rest), tag, summary=summary, flags=_flags(reasoning, rest))
    found = next((m for m in _CLOSE.finditer(text) if not _literal(text, m.start(), m.end())), None)
    if found is None:
        return Parts("", text)
    reasoning, rest = text[: found.start()], text[found.end() :]
    return Parts(reasoning, _unwrapped(rest), found.group(), summary=False, flags=_flags(reasoning, rest))


def _close_of(closing: str, text: str, start: int) -> tuple[int, int] | None:
    """The first closing tag that is none of the quoted ones; a quoted one if there is no other."""
    spans = [m.span() for m in re.finditer(re.escape(closing), text[start:], re.IGNORECASE)]
    plain = next((s for s in spans if not _quoted(text, start + s[0], start + s[1])), None)
    span = plain or (spans[0] if spans else None)
    return None if span is None else (start + span[0], start + span[1])


def _quoted(text: str, start: int, end: int) -> bool:
    return start > 0 and text[start - 1] in _QUOTES and text[end : end + 1] in _QUOTES and end < len(text)


def _literal(text: str, start: int, end: int) -> bool:
    """Quoted, or inside a fenced block of code; alone on its line it is the tag, since a fence may be left open."""
    if _quoted(text, start, end):
        return True
    line = text[text.rfind("\n", 0, start) + 1 : (text.find("\n", end) + 1 or len(text) + 1) - 1]
    return text.count("```", 0, start) % 2 == 1 and line.strip() != text[start:end]


def _unwrapped(text: str) -> str:
    found = _ANSWER.fullmatch(text)
    return text if found is None else (found["a"] if found["a"] is not None else found["b"])


def _flags(reasoning: str, rest: str) -> tuple[str, ...]:
    flags = [] if reasoning.strip() else ["thinking_skipped"]
    if _OPEN.match(rest) or _CLOSE.search(rest):
        flags.append("more_tags")
    return tuple(flags)
