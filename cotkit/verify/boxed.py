"""Answers in `\\boxed{}` and `\\fbox{}`."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Extraction:
    """`answer` is None where there is none; `method` names the place it was found in; `note` adds why.

    Methods: boxed, tag, hashes, phrase, letter, trailing, none; `column` for a reference column as it is.
    """

    answer: str | None
    method: str
    note: str = ""


_PER_CENT = re.compile(r"\s?\$?\s?\\?%")


_BRACES = re.compile(
    r"\\\\|\\[{}]|\\(?:boxed|fbox)\s{0,4}\{|[{}]|\\(?:boxed|fbox)\s{1,4}(?=[^\s{])|\\(?:boxed|fbox)(?=\d)"
)


_BARE_BOX = re.compile(r"[^\s$\\]{1,40}")


_JOIN = re.compile(
    r"[\s$.\\)(]{0,6}(?:,|;|、|and|or|和|或|或者)?\s*(?:and|or)?[\s$\\(]{0,6}(?:[A-Za-z]\s*=\s*)?[\s$]{0,3}"
)


# What LaTeX shows as it is written is no box.
_VERB = re.compile(r"\\verb\*?([^A-Za-z\s*])[^\n]{0,400}?\1")
# Noted where each box answers a part of the problem of its own.
PARTS = "parts of the problem"


def boxes(text: str) -> list[tuple[int, int, str]]:
    """(start, end, content) of every outermost balanced `\\boxed{}` or `\\fbox{}`, in order."""
    text = _VERB.sub(lambda shown: " " * len(shown[0]), text) if "\\verb" in text else text
    found: list[tuple[int, int, str]] = []
    open_braces: list[tuple[int, int] | None] = []
    for match in _BRACES.finditer(text):
        mark = match[0]
        if mark == "{":
            open_braces.append(None)
        elif mark == "}":
            box = open_braces.pop() if open_braces else None
            if box is not None:
                start, body = box
                while found and found[-1][0] >= start:  # boxes inside this one
                    found.pop()
                found.append((start, match.end(), text[body : match.start()]))
        elif mark.endswith("{") and len(mark) > 2:
            open_braces.append((match.start(), match.end()))
        elif len(mark) > 2:
            bare = _BARE_BOX.match(text, match.end())
            if bare:
                found.append((match.start(), bare.end(), bare[0].rstrip(".,;")))
    return found


def boxed_answer(text: str) -> Extraction | None:
    found = boxes(text)
    if not found:
        return None
    numbered = _parts_of_problem(text, found)
    if numbered is not None:
        return Extraction(numbered, "boxed", PARTS)
    per_cent = _PER_CENT.match(text, found[-1][1])
    parts = [found[-1][2].strip() + (r"\%" if per_cent and "%" not in found[-1][2] else "")]
    either = False
    for earlier, later in zip(reversed(found[:-1]), reversed(found), strict=False):
        between = text[earlier[1] : later[0]]
        if len(between) > 40 or not _JOIN.fullmatch(between) or not between.strip(" $"):
            break
        either |= "or" in between or "或" in between
        parts.append(earlier[2].strip())
    parts = [part for part in reversed(parts) if part]
    if not parts:
        return Extraction(None, "none", "empty_box")
    joined = (" or " if either else ", ").join(parts)
    return Extraction(joined, "boxed", f"{len(parts)} boxes" if len(parts) > 1 else "")


def _parts_of_problem(text: str, found: list[tuple[int, int, str]]) -> str | None:
    """Boxes behind (a), (b) … or (1), (2) …, at the start of their line or right behind the box before: all of them
    together are the answer.
    """
    if not 2 <= len(found) <= 6:
        return None
    marks, before = [], 0
    for start, end, _ in found:
        line = max(text.rfind("\n", 0, start) + 1, before)
        mark = _PART_MARK.match(text, line, start)
        if mark is None:
            return None
        marks.append(mark[1].lower())
        before = end
    in_order = marks in (
        [*"abcdef"][: len(marks)],
        ["i", "ii", "iii", "iv", "v", "vi"][: len(marks)],
        [*"123456"][: len(marks)],
    )
    return ", ".join(content.strip() for _, _, content in found) if in_order else None


_PART_MARK = re.compile(
    r"[\s*>$.,;:)\\-]{0,12}(?:(?:and|part)\s){0,2}[(（]?(a|b|c|d|e|f|i{1,3}|iv|vi?|[1-6])[)）][\s:.*]", re.IGNORECASE
)
