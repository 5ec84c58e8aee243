"""Numbers in words, English and Chinese."""

from __future__ import annotations

import re
from fractions import Fraction

_UNITS_EN = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]


_TENS_EN = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


_BIG_EN = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}


_SMALL = {word: n for n, word in enumerate(_UNITS_EN)} | {word: 10 * n for n, word in enumerate(_TENS_EN, 2)}


_PARTS = {
    "half": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9,
    "tenth": 10,
}  # fmt: skip


_MAGNITUDE = re.compile(
    r"(.{0,60}?\d[)}]?)\s*(?:\\text\{)?\s*(thousand|million|billion|trillion|万亿|百万|千万|亿|万)\s*\}?(.{0,40})"
)


_SHORT = re.compile(r"(\d[\d,.]*)\s?([kKMB])")


_SHORT_SIZE = {"k": 10**3, "K": 10**3, "M": 10**6, "B": 10**9}


_BIG = {**_BIG_EN, "万": 10**4, "百万": 10**6, "千万": 10**7, "亿": 10**8, "万亿": 10**12}


_ZH_DIGITS = {c: n for n, c in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}


_ZH_UNITS = {"十": 10, "百": 100, "千": 1_000}


_ZH_NUMBER = re.compile("[零一二三四五六七八九十百千万亿两〇]{1,20}")


_ZH_FRACTION = re.compile("([零一二三四五六七八九十百千两]{1,8})分之([零一二三四五六七八九十百千万两]{1,12})")


def number_words(text: str) -> Fraction | None:
    """`twenty-five`, `two hundred and six`, `three quarters`, `二十五`, `五分之二`."""
    match = _ZH_FRACTION.fullmatch(text)
    if match:
        bottom, top = _zh_number(match[1]), _zh_number(match[2])
        return Fraction(top, bottom) if bottom and top is not None else None
    if _ZH_NUMBER.fullmatch(text):
        found = _zh_number(text)
        return None if found is None else Fraction(found)
    words = text.replace("-", " ").split()
    if not words or len(words) > 12:
        return None
    if words[-1].rstrip("s") in ("hal", "half", "halve") or words[-1].rstrip("s") in _PARTS:
        part = 2 if words[-1].startswith("hal") else _PARTS[words[-1].rstrip("s")]
        if "and" in words[:-1]:
            at = words.index("and")
            whole, rest = _english(words[:at]), number_words(" ".join(words[at + 1 :]))
            return None if whole is None or rest is None or not 0 < rest < 1 else whole + rest
        top = 1 if words[:-1] in ([], ["a"], ["one"]) else _english(words[:-1])
        return None if top is None or (not words[:-1] and part != 2) else Fraction(top, part)
    whole = _english(words)
    return None if whole is None else Fraction(whole)


def _english(words: list[str]) -> int | None:
    """A number word by word, each part smaller than the one before: `two hundred and six`, not `one two`."""
    if words and words[0] in ("negative", "minus"):
        rest = _english(words[1:])
        return None if rest is None else -rest
    total, current, room, above = 0, 0, 10**6, 10**15
    seen = False
    for word in words:
        if word in _SMALL and (value := _SMALL[word]) < room and (value or len(words) == 1):
            current += value
            room = 10 if value >= 20 else 0
        elif word == "hundred" and 0 < current < 20:
            current, room = current * 100, 100
        elif word in _BIG_EN and 0 < current < 1_000 and _BIG_EN[word] < above:
            total, current, room, above = total + current * _BIG_EN[word], 0, 10**6, _BIG_EN[word]
        elif word != "and" or not seen or 0 < room < 100:
            return None
        seen = True
    return total + current if seen else None


def _zh_number(text: str) -> int | None:
    if all(c in _ZH_DIGITS for c in text):  # 二〇二四: digit by digit
        return int("".join(str(_ZH_DIGITS[c]) for c in text)) if len(text) == 1 or "两" not in text else None
    if text[-1] in _ZH_DIGITS and len(text) > 1 and text[-2] in "百千万亿":
        return None  # 一万五 is 15,000 as people say it, and 10,005 by the rule
    total, section, digit = 0, 0, 0
    for c in text:
        if c in _ZH_DIGITS:
            digit = _ZH_DIGITS[c]
        elif c in _ZH_UNITS:
            section += (digit or 1) * _ZH_UNITS[c]
            digit = 0
        else:
            total = (total + section + digit) * (10**4 if c == "万" else 10**8)
            section = digit = 0
    return total + section + digit


def shortened(amount: str) -> tuple[str, int] | None:
    """`80k` of an amount of money as (`80`, 1000)."""
    match = _SHORT.fullmatch(amount.strip())
    return (match[1], _SHORT_SIZE[match[2]]) if match else None


def magnitude(plain: str) -> tuple[str, int, str] | None:
    """`3.5 million dollars` as (`3.5`, 10**6, `dollars`); None where no such word follows a number."""
    match = _MAGNITUDE.fullmatch(plain) if len(plain) <= 120 else None
    return (match[1], _BIG[match[2].lower()], match[3].strip()) if match else None
