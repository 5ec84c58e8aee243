"""Text of strangers, put into Markdown so that it stays text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from cotkit.curate.portable import portable_text

_MARKUP = re.compile(r"([\\`*_{}\[\]()#+!|~$])")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
LONGEST = 120
# Most lines of a table: a card stays readable, and far below what the Hub shows, whatever the number of sources.
MOST_LINES = 60


def escape(text: object, longest: int = LONGEST) -> str:
    """One line that renders as the text itself: no markup, no HTML, no control or direction characters.

    An absolute path is reduced to its last part; text longer than `longest` characters is cut.
    """
    plain = " ".join(portable_text(str(text)).split())
    plain = "".join(c for c in plain if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn"))
    if len(plain) > longest:
        plain = plain[: longest - 1] + "…"
    return re.sub(r"[&<>]", lambda m: _ENTITIES[m.group()], _MARKUP.sub(r"\\\1", plain))


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; numbers get thousands separators and stand right, texts are escaped.

    Lines past MOST_LINES are counted below it, not shown.
    """
    everything = [list(row) for row in rows]
    listed = everything[:MOST_LINES]
    lines = [[number(cell) if isinstance(cell, int) else escape(cell) for cell in row] for row in listed]
    right = [all(isinstance(row[i], int) for row in listed) and bool(listed) for i in range(len(header))]
    rule = ["---:" if is_right else "---" for is_right in right]
    text = "\n".join("| " + " | ".join(cells) + " |" for cells in [list(header), rule, *lines])
    return text + _more(everything)


def listing(lines: Sequence[str]) -> str:
    """Lines of Markdown; those past MOST_LINES are counted below, not shown."""
    return "\n".join(lines[:MOST_LINES]) + _more(lines)


def _more(everything: Sequence[object]) -> str:
    left = len(everything) - MOST_LINES
    return f"\n\n… and {number(left)} more lines" if left > 0 else ""


def number(value: int) -> str:
    return f"{value:,}"


def fenced(text: str, language: str = "") -> str:
    """A code block whose fence is longer than any run of backticks in the text."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"
