"""The program in a response. Reasoning never counts; linear in the text."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass

from cotkit.verify.extract import visible

MAX_PROGRAM = 500_000

_FENCE = re.compile(r"[ \t]{0,12}(?:[-*>]\s{1,3})?(`{3,}|~{3,})[ \t]*([\w+#.-]*)")
_PYTHON = re.compile(r"(?:python|py|pypy)[\d.]*", re.IGNORECASE)
_CODE_LINE = re.compile(
    r"(?:from\s+[\w.]+\s+import\b|import\s+\w|def\s+\w+\s*\(|class\s+\w+\s*[:(]|@\w|if\s.+:|for\s.+:|while\s.+:|try:|"
    r"with\s.+:|print\s*\(|[A-Za-z_][\w.,\[\] ]{0,80}\s*[-+*/|&]?=[^=]|\w+(?:\.\w+)*\(.*\)\s*$)"
)


@dataclass(frozen=True)
class Found:
    """`program` is None where there is none; `note` says how it was found, or why not."""

    program: str | None
    note: str


@dataclass(frozen=True)
class _Block:
    language: str
    body: str
    closed: bool


def _blocks(text: str) -> list[_Block]:
    found: list[_Block] = []
    fence, language = "", ""
    body: list[str] = []
    for line in text.splitlines():
        mark = _FENCE.match(line)
        if not fence:
            if mark:
                fence, language, body = mark[1], mark[2], []
        elif mark and mark[1].startswith(fence) and not line[mark.end() :].strip() and not mark[2]:
            found.append(_Block(language, "\n".join(body), True))
            fence = ""
        else:
            body.append(line)
    if fence:
        found.append(_Block(language, "\n".join(body), False))
    return found


def _looks_like_code(text: str) -> bool:
    """Whether a text without fences starts as a program does, comments and docstring apart."""
    lines = (line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    first = next(lines, "")
    if first.startswith(('"""', "'''")):
        return any(_CODE_LINE.match(line[:300]) for line in lines)
    return bool(_CODE_LINE.match(first[:300]))


def extract_program(text: str, entry: str | None = None) -> Found:
    """The last Python block after the reasoning, or the last that defines `entry`, or the text if it is code.

    A block that the text ends in without closing it counts: cut code fails its tests by itself. Blocks
    without a language are looked at where there are none for Python. Notes of a missing program:
    unclosed_reasoning, empty, other_language, too_long, no_code.
    """
    shown = visible(text)
    if shown is None:
        return Found(None, "unclosed_reasoning")
    if not shown.strip():
        return Found(None, "empty")
    blocks = _blocks(shown)
    usable = [b for b in blocks if _PYTHON.fullmatch(b.language)] or [b for b in blocks if not b.language]
    usable = [b for b in usable if b.body.strip()]
    if entry is not None:
        defines = re.compile(rf"^[ \t]*(?:async\s+)?(?:def|class)\s+(?:{re.escape(entry)}|Solution)\b", re.MULTILINE)
        usable = [b for b in usable if defines.search(b.body)] or usable
    if usable:
        chosen = usable[-1]
        return _bounded(textwrap.dedent(chosen.body), "block" if chosen.closed else "unclosed_block")
    if blocks:
        return Found(None, "other_language")
    return _bounded(shown, "bare") if _looks_like_code(shown) else Found(None, "no_code")


def _bounded(program: str, note: str) -> Found:
    return Found(program, note) if len(program) <= MAX_PROGRAM else Found(None, "too_long")
