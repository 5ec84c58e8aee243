"""A problem's text without what carries it: quote and comment marks, list numbers, HTML, escapes, broken words.

What is layout only in a whole text is undone here, before anything is compared; the normal form folds the rest,
token by token. Both sides of a comparison go through it, so a mark that is taken for layout by mistake is lost on both.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence

from cotkit.dedup.normal import folded_characters
from cotkit.dedup.symbols import KNOWN

_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_TAG = re.compile(
    r"</?([A-Za-z][A-Za-z0-9]{0,20})((?:\s+[\w:-]{1,40}\s{0,4}=\s{0,4}(?:\"[^\"]{0,2000}\"|'[^']{0,2000}'))*)\s{0,20}/?>"
)
_ALT = re.compile(r"\salt\s{0,4}=\s{0,4}[\"']([^\"']*)")
# Tags inside a word or a formula; all others part what stands around them.
_INLINE = frozenset({"b", "i", "u", "em", "strong", "span", "font", "a", "code", "tt", "mark", "small"})
_MEANT = {"sup": "^", "sub": "_"}
# A line break written as two characters; or a command, if its letters are one.
_NEWLINE = re.compile(r"(?<!\\)((?:\\\\){0,4})(?:\\r)?\\(n[a-z]{0,20})")
_BACKSLASHES = re.compile(r"(?<!\\)\\\\(?=([A-Za-z]{2,}))")
_RUN_OF_BACKSLASHES = re.compile(r"\\+")
_COMMENT = re.compile(r"^[ \t]*(?:/\*+|\*+/|<!--|-->)[ \t]*$", re.MULTILINE)
# What a line may begin with; some marks are operators unless a blank follows.
_MARK = re.compile(r"[ \t]*(?:[>%]|#+|//+|(?:--+|[-+*•‣▪◦;|])(?=\s|$))[ \t]?")
_NUMBER = re.compile(r"[ \t]*\(?(\d{1,4})[.):]\s(?=\s*\S)")
_MARKED = re.compile(r"^[ \t]*(?:[>|%#*•‣▪◦;+-]|//|\(?\d{1,4}[.):]\s)", re.MULTILINE)
_ALONE = frozenset(">|%#/*")  # no minus: a problem may begin with it
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{3,}|[^\W\d_a-zA-Z]")
_ROUNDS = 3  # a list in a quote in a comment
_BROKEN = re.compile(r"(?<![A-Za-z\\])([A-Za-z]{2,40})-[ \t]*\n[ \t]*([a-z]{2,40})")
_WORDS = re.compile(r"[a-z]{4,}")


def plain_texts(texts: Sequence[str]) -> list[str]:
    """`plain` of each; a word broken at the end of a line is joined where any of the texts has it in one piece."""
    found = [plain(text) for text in texts]
    broken = [number for number, text in enumerate(found) if "-" in text and _BROKEN.search(text)]
    if broken:
        known = {word for text in found for word in _WORDS.findall(text.lower())}
        for number in broken:
            found[number] = _BROKEN.sub(lambda m: _joined(m, known), found[number])
    return found


def _joined(match: re.Match[str], known: set[str]) -> str:
    whole = match[1] + match[2]
    return f"{whole}\n" if whole.lower() in known else match.group()


def plain(text: str) -> str:
    """The text without marks of quotes, comments, lists and tables, HTML, and escapes; folded characters."""
    if not text.isascii():
        text = folded_characters(text)
    if "<" in text and ">" in text:
        text = _TAG.sub(lambda m: _untagged(m, text), text)
    if "&" in text:
        text = _ENTITY.sub(_character, text)
    if "\\n" in text:
        text = _NEWLINE.sub(_newline, text)
    if "\\\\" in text:
        text = _single(text)
    if _MARKED.search(text):
        text = _unmarked(_COMMENT.sub("", text))
    return text


def _untagged(match: re.Match[str], text: str) -> str:
    name, attributes = match[1].lower(), match[2]
    closing = match.group().startswith("</")
    if len(name) == 1 and not (closing or attributes or f"</{match[1]}>" in text):
        return match.group()  # <x>, a vector
    if name in _MEANT:
        return "}" if closing else _MEANT[name] + "{"
    if alt := _ALT.search(attributes):
        return alt[1]
    return "" if name in _INLINE else "\n"


def _character(match: re.Match[str]) -> str:
    # Twice, for &amp;lt;; what is no ASCII is folded as if it had been written so.
    found = html.unescape(html.unescape(match.group()))
    return found if found.isascii() else folded_characters(found)


def _newline(match: re.Match[str]) -> str:
    before, letters = match.groups()
    return match.group() if letters in KNOWN else f"{before}\n{letters[1:]}"


def _single(text: str) -> str:
    """Doubled backslashes of an escaped text made single: all, if none is single; else those before a command."""
    runs = _RUN_OF_BACKSLASHES.findall(text)
    commands = [name for name in _BACKSLASHES.findall(text) if name in KNOWN]
    if commands and all(len(run) % 2 == 0 for run in runs):
        return _RUN_OF_BACKSLASHES.sub(lambda m: "\\" * (len(m.group()) // 2), text)
    return _BACKSLASHES.sub(lambda m: "\\" if m[1] in KNOWN else m.group(), text)


def _unmarked(text: str) -> str:
    lines = text.split("\n")
    for _ in range(_ROUNDS):
        before = list(lines)
        for run in _runs(lines):
            _take_off(lines, run)
        _take_numbers(lines)
        if lines == before:
            break
    return "\n".join(lines)


def _runs(lines: Sequence[str]) -> Iterator[list[int]]:
    """Lines in a row that begin with one mark; blank ones between them do not count."""
    run: list[int] = []
    mark = ""
    for number, line in enumerate([*lines, "\0"]):
        if not line.strip():
            continue
        own = _mark(line)
        if run and own != mark:
            yield run
            run = []
        mark = own
        if own:
            run.append(number)


def _mark(line: str) -> str:
    found = _MARK.match(line)
    return found.group().strip()[0] if found else ""


def _take_off(lines: list[str], run: Sequence[int]) -> None:
    """One line of several says nothing, and lines without a word may be a formula that goes on."""
    if len(run) < 2 and (_mark(lines[run[0]]) not in _ALONE or sum(map(bool, map(str.strip, lines))) > 1):
        return
    bare = [_MARK.sub("", lines[number], count=1) for number in run]
    if not any(_WORD.search(line) for line in bare):
        return
    for number, line in zip(run, bare, strict=True):
        cell = line.rstrip() if lines[number].lstrip().startswith("|") else ""
        lines[number] = cell[:-1] if cell.endswith("|") else line


def _take_numbers(lines: list[str]) -> None:
    """Numbers that count the lines they stand before."""
    found = [(number, match) for number, line in enumerate(lines) if (match := _NUMBER.match(line))]
    values = [int(match[1]) for _, match in found]
    counts = len(values) > 1 and values == list(range(values[0], values[0] + len(values)))
    if counts and (values[0] < 2 or len(values) > 2):
        for number, match in found:
            lines[number] = lines[number][match.end() :]
