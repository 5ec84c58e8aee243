"""The words of a text: what is left of it without formulas, code and markup. Linear in the length of the text."""

from __future__ import annotations

import re

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,}).*$", re.MULTILINE)
_MARK = re.compile(r"\\.|\$\$?|\\", re.DOTALL)
_NOT_WORDS = re.compile(
    r"\[asy\]|\[/asy\]|`[^`\n]{0,300}`|\\(?:begin|end)\s?\{[A-Za-z*]{1,30}\}|\\[A-Za-z]{1,30}\*?|https?://\S{1,500}"
)


def without_code(text: str) -> str:
    """Fenced code is taken out; a fence that is never closed takes the rest."""
    kept: list[str] = []
    start, opened = 0, ""
    for fence in _FENCE.finditer(text):
        mark = fence[1]
        if not opened:
            kept.append(text[start : fence.start()])
            opened = mark
        elif mark[0] == opened[0] and len(mark) >= len(opened) and fence[0].strip() == mark:
            start, opened = fence.end(), ""
    if not opened:
        kept.append(text[start:])
    return "\n".join(kept)


def without_formulas(text: str) -> str:
    r"""`$…$`, `$$…$$`, `\(…\)` and `\[…\]` are taken out.

    A dollar that is not closed on its line is a dollar; another formula that is not closed ends with its paragraph.
    """
    kept: list[str] = []
    start = 0  # what comes from here on is not yet in `kept`
    closing = ""  # the mark that ends the open formula; empty outside formulas
    limit = 0  # where it ends at the latest
    ends = {"\n": -1, "\n\n": -1}
    for match in _MARK.finditer(text):
        mark = match[0]
        if closing and match.start() >= limit:
            start, closing = (start if closing == "$" else limit), ""
        if closing == "$" and mark == "$$":
            start = match.end() - 1  # $a$$b$
        elif closing:
            if mark == closing:
                start, closing = match.end(), ""
        elif mark in _PAIRS:
            kept.append(text[start : match.start()] + " ")
            start, closing = match.start(), _PAIRS[mark]
            stop = "\n" if mark == "$" else "\n\n"
            if ends[stop] < match.end():
                found = text.find(stop, match.end())
                ends[stop] = len(text) if found < 0 else found
            limit = ends[stop]
    if closing and closing != "$":
        start = limit
    kept.append(text[start:])
    return "".join(kept)


_PAIRS = {"$": "$", "$$": "$$", "\\(": "\\)", "\\[": "\\]"}


def words_of(text: str) -> str:
    """The text without code, formulas, LaTeX commands and addresses; what stands in `\\text{}` outside them stays."""
    return _NOT_WORDS.sub(" ", without_formulas(without_code(text)))
