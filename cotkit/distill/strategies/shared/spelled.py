"""Values as a text spells them: does one that equals the answer stand in it before any work is done?

`\\dfrac12`, 1/2, 0.5 and "one half" are one answer; cotkit.verify says so. Linear in the text, with at most MOST
readings of it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import islice

# So many different spellings of a text are compared.
MOST = 24
# The beginning of a text in which the answer is too early: a tenth of it, and of short ones so much.
_HEAD = 80
_HIDDEN = re.compile("[\u200b-\u200f\u2060\ufeff]")
_EMPHASIS = str.maketrans("", "", "*`~")
# From here on something is being worked out. A fraction or a product may be a value by itself, if it begins there.
_WORKING = re.compile(r"[=≈⇒→<>≤≥+×÷]|\\(?:times|cdot|implies|le|ge|approx|Rightarrow)\b| [·*] ")
_GROUP = r"\{(?:[^{}]|\{[^{}]{0,40}\}){1,60}\}"
_VALUES = re.compile(
    r"\$([^$\n]{1,80})\$"
    r"|\\\(((?:[^\\\n]|\\(?!\))){1,80})\\\)"
    rf"|\\(?:boxed|fbox)({_GROUP})"
    rf"|([-−]?\d{{0,9}}\s?\\[dtc]?frac\s?(?:{_GROUP}|\d)\s?(?:{_GROUP}|\d))"
    rf"|([-−]?\d{{0,9}}\s?\\sqrt(?:\[\d\])?\s?(?:{_GROUP}|\d))"
    r"|([(\[{](?:[^()\[\]{}\n]|\{,\}){1,60}[)\]}])"
    r"|([-−]?\d{1,30}(?:(?:,|\{,\}|\\,)\d{3}){0,9}(?:\.\d{1,30})?(?:\s?/\s?\d{1,30})?(?:\\?pi\b|π|\\?%|°)?)"
)
_NUMBER_WORD = (
    "zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|"
    "eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|half|halves|thirds?|"
    "quarters?"
)
_WORDS = re.compile(
    rf"\b((?:{_NUMBER_WORD})(?:(?:-|\s(?:and\s)?)(?:{_NUMBER_WORD})){{0,9}})\b|([零一二两三四五六七八九十百千万]{{1,12}})",
    re.IGNORECASE,
)
_STATED = re.compile(
    r"(?:answer|result|solution|value|it)(?: (?:is|are|equals|must be|should be|will be|comes to|turns out to be)|:)\s?"
    r"([^.,;:!?\n]{1,60}(?:[.,]\d[^.,;:!?\n]{0,40})?)"
    r"|(?:答案|结果|值)(?:是|为|等于|应该是|应为|：|:)\s?([^，。；！？,;!?\n]{1,40})",
    re.IGNORECASE,
)


def early_value(text: str, gold: str, problem: str) -> str | None:
    """The words around a value that equals `gold` and stands before any working; None where there is none.

    A value that the problem itself names gives nothing away.
    """
    said = shown(text)
    working = _WORKING.search(said)
    head = min(max(len(said) // 10, _HEAD), len(said))
    end = head if working is None else min(head, working.start())
    for start, spelled in _once(_spelled(said[: head + _HEAD])):
        if start <= end and _same(gold, spelled, problem):
            known = any(_same(gold, other, problem) for _, other in _once(_spelled(shown(problem))))
            return None if known else said[max(0, start - 40) : start + len(spelled) + 40]
    return None


def shown(text: str) -> str:
    """The text as a reader sees it, in one line; letters keep their size, which matters in formulas."""
    plain = unicodedata.normalize("NFKC", _HIDDEN.sub("", text)).replace("\u2044", "/")
    return " ".join(plain.translate(_EMPHASIS).split())


def _spelled(text: str) -> Iterator[tuple[int, str]]:
    """(where, what) of each value, by the place where it begins."""
    found = [(m.start(), next(group for group in m.groups() if group)) for m in _VALUES.finditer(text)]
    for pattern in (_WORDS, _STATED):
        found += [(m.start(m.lastindex or 0), m[m.lastindex or 0].strip()) for m in pattern.finditer(text)]
    yield from sorted(found)


def _once(found: Iterator[tuple[int, str]]) -> list[tuple[int, str]]:
    seen: dict[str, int] = {}
    for start, spelled in found:
        bare = spelled[1:-1] if spelled.startswith("{") and spelled.endswith("}") else spelled
        # What is worked out inside is no value yet: 12 + 30.
        if bare.strip() and not _WORKING.search(bare):
            seen.setdefault(bare.strip(), start)
    return [(start, spelled) for spelled, start in islice(seen.items(), MOST)]


def _same(gold: str, spelled: str, problem: str) -> bool:
    from cotkit.verify import grade

    return grade(gold, f"\\boxed{{{spelled}}}", question=problem or None).value == "correct"
