"""What the question itself says of its answer: the options, how it is rounded."""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_QUESTION = 20_000
_PLACES = {"tenth": 1, "hundredth": 2, "thousandth": 3, "ten-thousandth": 4, "cent": 2}
_NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "a": 1, "1": 1}
_NEAREST = re.compile(
    r"nearest\s+(?:whole\s+)?(tenth|hundredth|thousandth|ten-thousandth|cent|integer|whole|unit|number|dollar|degree)",
    re.IGNORECASE,
)
_TO_PLACES = re.compile(
    r"(?:(?:round|correct|accurate|exact|answer|express|give|state|approximat)[^.?!\n]{0,80}?|\b(?:to|with)\s+)"
    r"\b(\d{1,2}|one|two|three|four|five|six)\s+decimal\s+(?:place|digit|point)",
    re.IGNORECASE,
)
_TO_PLACES_ZH = re.compile(
    r"(?:保留|精确到|四舍五入到?)[^。?？\n]{0,12}?(?:小数点后)?([\d一二两三四五六])\s?位(?:小数)?"
)
_NEAREST_ZH = re.compile(r"精确到\s?(0\.0{0,5}1|十分位|百分位|千分位|个位)")
_ZH = {"一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6}
_ZH_PLACES = {"十分位": 1, "百分位": 2, "千分位": 3, "个位": 0}
# Options stand in order, each behind its letter: (A) 3 (B) 4, or A. 3 on lines of their own.
_OPTION = re.compile(
    r"(?:^|(?<=[\s$}~;,，。;:：?？.)）]))(?:\\(?:textbf|text|mathrm|bf)\{\s?)?\(?([A-J])(?:\s?[).:、．])\s?\}?",
    re.MULTILINE,
)

PROOF = re.compile(
    r"(?:^|[.!?;:,]\s+|\b(?:and|then)\s+)(?:prove|show|disprove)\s+(?:that|the|by|whether|if)\b|(?-i:\b(?:Prove|Show)\s+that\b)",
    re.IGNORECASE,
)
_ASKS_A_VALUE = re.compile(
    r"\?|\b(?:find|determine|compute|calculate|evaluate|solve|what|which|how|give|state|express|deduce)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Facts:
    """What a question says of its answer.

    Attributes:
        choices: texts of options A, B, C ….
        places: decimals that the answer is rounded to, if the question says.
        proof: it asks for a proof and for nothing else.
    """

    choices: tuple[str, ...] = ()
    places: int | None = None
    proof: bool = False


def facts(question: str | None) -> Facts:
    """What can be read from a question, in linear time; nothing where there is none."""
    if not question:
        return Facts()
    text = question[-MAX_QUESTION:]
    return Facts(options(text), _places(text), PROOF.search(text) is not None and not _ASKS_A_VALUE.search(text))


def _places(text: str) -> int | None:
    match = _NEAREST.search(text)
    if match:
        return _PLACES.get(match[1].lower(), 0)
    match = _TO_PLACES.search(text)
    if match:
        return _NUMBERS.get(match[1].lower()) or int(match[1])
    match = _NEAREST_ZH.search(text)
    if match:
        return _ZH_PLACES.get(match[1], len(match[1]) - 2)
    match = _TO_PLACES_ZH.search(text)
    if match:
        return _ZH.get(match[1]) or int(match[1])
    return None


def options(text: str) -> tuple[str, ...]:
    """The option texts of a question that ends in `(A) … (B) … (C) …`; () where they are not all there in order."""
    marks = list(_OPTION.finditer(text))
    starts = [i for i, mark in enumerate(marks) if mark[1] == "A"]
    for start in reversed(starts):
        run: list[re.Match[str]] = []
        for mark in marks[start:]:
            if mark[1] != "ABCDEFGHIJ"[len(run)]:
                break
            run.append(mark)
            if len(run) == 10:
                break
        if len(run) >= 2:
            ends = [*(mark.start() for mark in run[1:]), len(text)]
            bodies = [text[mark.end() : end] for mark, end in zip(run, ends, strict=True)]
            # the last option ends with its line
            bodies[-1] = bodies[-1].strip().split("\n")[0]
            return tuple(_option_text(body) for body in bodies)
    return ()


def _option_text(body: str) -> str:
    return re.sub(r"(?:\\qquad|\\quad|\\\\|[\s~;,，；。])+$", "", body.strip()).strip().strip("$").strip()
