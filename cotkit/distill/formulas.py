"""Formulas and code in a text: where they are, and how they are put out of a model's reach."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from cotkit.verify.boxed import boxes

_OPEN = re.compile(r"```|\$\$|(?<!\\)\$|\\\(|\\\[|\\begin\{([A-Za-z*]{1,30})\}")
_CLOSE = {"```": "```", "$$": "$$", "$": "$", "\\(": "\\)", "\\[": "\\]"}
_PLACE = re.compile(r"⟦\s{0,3}(\d{1,6})\s{0,3}⟧")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def formula_spans(text: str) -> list[tuple[int, int]]:
    r"""(start, end) of every `$…$`, `$$…$$`, `\(…\)`, `\[…\]`, environment, fenced code and box, in order, apart.

    A dollar that is not closed on its line is a dollar, and whatever else is not closed is no formula. Linear.
    """
    boxed = [(start, end) for start, end, _ in boxes(text)]
    spans: list[tuple[int, int]] = []
    never: set[str] = set()  # closing marks that do not come any more
    position = box = 0
    while (found := _OPEN.search(text, position)) is not None:
        start, position = found.start(), found.end()
        while box < len(boxed) and boxed[box][0] < start:
            if not spans or boxed[box][0] >= spans[-1][1]:
                spans.append(boxed[box])
                position = max(position, boxed[box][1])
            box += 1
        if spans and start < spans[-1][1]:
            continue
        mark = found[0]
        close = _CLOSE.get(mark) or f"\\end{{{found[1]}}}"
        if close in never:
            continue
        end = text.find(close, position)
        if end < 0:
            never.add(close)
        elif mark == "$" and "\n" in text[position:end]:
            continue
        else:
            position = end + len(close)
            spans.append((start, position))
    spans += [b for b in boxed[box:] if not spans or b[0] >= spans[-1][1]]
    return spans


def formulas(text: str) -> list[str]:
    """The formulas, byte for byte."""
    return [text[start:end] for start, end in formula_spans(text)]


def prose(text: str) -> str:
    """What is not formula."""
    return mask(text)[0]


def mask(text: str) -> tuple[str, list[str]]:
    """The text with ⟦1⟧, ⟦2⟧ … in the places of its formulas, and these."""
    masked, last = [], 0
    found = formula_spans(text)
    for number, (start, end) in enumerate(found, 1):
        masked += [text[last:start], f"⟦{number}⟧"]
        last = end
    return "".join([*masked, text[last:]]), [text[start:end] for start, end in found]


def places(text: str) -> list[int]:
    """The numbers of the marks in a text, in its order."""
    return [int(number) for number in _PLACE.findall(text)]


def unmask(text: str, held: Sequence[str]) -> str | None:
    """The text with its formulas back, byte for byte; None unless each place stands in it exactly once."""
    if sorted(places(text)) != list(range(1, len(held) + 1)):
        return None
    return _PLACE.sub(lambda m: held[int(m[1]) - 1], text)


def lost_numbers(before: str, after: str) -> list[str]:
    """Numbers of the prose of one text that the prose of the other lacks, or has less often."""
    missing = Counter(_numbers(before)) - Counter(_numbers(after))
    return sorted(missing)


def _numbers(text: str) -> list[str]:
    return [number.replace(",", "") for number in _NUMBER.findall(_PLACE.sub(" ", prose(text)))]
