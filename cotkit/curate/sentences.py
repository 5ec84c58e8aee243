"""The sentences of a trace as spans of its text. Linear in the length of the text."""

from __future__ import annotations

import re
from dataclasses import dataclass

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})", re.MULTILINE)
# A full stop ends a sentence before white space only (3.5, x.y), a Chinese one anywhere; `1.` at a line's start is a
# number in a list, three dots are a pause, and 3! is a factorial.
_END = re.compile(
    r"\?(?=\s)|(?<![\d)])!(?=\s)|(?<!\.)(?<![0-9])\.(?=\s)|(?<=[0-9])(?<!^[0-9])(?<!^[0-9][0-9])\.(?=\s)|[。！？；]+",
    re.MULTILINE,
)
_DOLLAR = re.compile(r"\\.|\$\$?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Sentence:
    """text[start:end], without the white space around it; `code` is True for a fenced block as a whole."""

    start: int
    end: int
    code: bool = False


def sentences(text: str) -> list[Sentence]:
    """The sentences of a text in order: lines cut at the ends of sentences, and each fenced block as one."""
    found: list[Sentence] = []
    at = 0
    for start, end in _fences(text):
        found += _prose(text, at, start)
        found.append(Sentence(start, end, True))
        at = end
    return found + _prose(text, at, len(text))


def _fences(text: str) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    opened: re.Match[str] | None = None
    for fence in _FENCE.finditer(text):
        if opened is None:
            opened = fence
        elif fence[1].startswith(opened[1]):
            end = text.find("\n", fence.end())
            found.append((opened.start(), len(text) if end < 0 else end))
            opened = None
    return found


def _prose(text: str, start: int, end: int) -> list[Sentence]:
    found: list[Sentence] = []
    while start < end:
        stop = text.find("\n", start, end)
        stop = end if stop < 0 else stop
        found += _line(text, start, stop)
        start = stop + 1
    return found


def _line(text: str, start: int, end: int) -> list[Sentence]:
    line = text[start:end]
    inside = _formulas(line)
    cuts = [m.end() for m in _END.finditer(line)]
    found: list[Sentence] = []
    at, formula = 0, 0
    for cut in [*cuts, len(line)]:
        while formula < len(inside) and inside[formula][1] < cut:
            formula += 1
        if formula < len(inside) and inside[formula][0] < cut < inside[formula][1]:
            continue
        body = line[at:cut]
        if body.strip():
            first = start + at + len(body) - len(body.lstrip())
            found.append(Sentence(first, start + at + len(body.rstrip())))
        at = cut
    return found


def _formulas(line: str) -> list[tuple[int, int]]:
    """Spans between dollars of one line; a last one without a partner is a dollar."""
    marks = [m for m in _DOLLAR.finditer(line) if m[0].startswith("$")]
    return [(a.start(), b.end()) for a, b in zip(marks[::2], marks[1::2], strict=False)]
