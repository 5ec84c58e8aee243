"""Answers that are written in words: numbers, times, dates, sets, formulas of chemistry."""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import pairwise

from cotkit.verify.tree import Call, Sym
from cotkit.verify.values import (
    Clock,
    Date,
    Expr,
    FiniteSet,
    Interval,
    Quantity,
    Ratio,
    Rational,
    Readings,
    Text,
    Union,
    Value,
)

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
_HALF = r"(?:([ap])\s*\.?\s*m\b\.?)"
_CLOCK = re.compile(
    rf"(\d{{1,2}})\s*:\s*([0-5]\d)(?::00)?\s*{_HALF}?(?:\s*(noon|midnight))?|(\d{{1,2}})\s*{_HALF}", re.IGNORECASE
)
_CLOCK_ZH = re.compile(
    r"(上午|下午|晚上|早上|凌晨|中午|傍晚)?\s*(\d{1,2})\s*(?:[点时]|点钟|:(?=\d\d))\s*(?:([0-5]?\d)\s*分?|(半)|整)?"
)
_AFTERNOON = frozenset({"下午", "晚上", "傍晚"})
_HMS = r"(\d+(?:\.\d+)?)\s*(?:-|\s)?"
_DURATION = re.compile(
    rf"(?:{_HMS}(?:hours?|hrs?|h|个?小时|时))?[\s,]*(?:and\s*)?(?:{_HMS}(?:minutes?|mins?|分钟?|分))?[\s,]*(?:and\s*)?"
    rf"(?:{_HMS}(?:seconds?|secs?|s|秒钟?))?"
)
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_DATES = (
    re.compile(r"(?P<m>[A-Za-z]{3,9})\.?\s+(?P<d>\d{1,2})(?:st|nd|rd|th)?\s*,?\s*(?P<y>\d{4})"),
    re.compile(r"(?P<d>\d{1,2})(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<m>[A-Za-z]{3,9})\.?\s*,?\s*(?P<y>\d{4})"),
    re.compile(r"(?P<y>\d{4})[-/](?P<m>\d{1,2})[-/](?P<d>\d{1,2})"),
    re.compile(r"(?P<y>\d{4})\s*年\s*(?P<m>\d{1,2})\s*月\s*(?P<d>\d{1,2})\s*日?"),
    re.compile(r"(?P<m>[A-Za-z]{3,9})\.?\s+(?P<d>\d{1,2})(?:st|nd|rd|th)?"),
    re.compile(r"(?P<m>\d{1,2})\s*月\s*(?P<d>\d{1,2})\s*日"),
)
_RATIO_WORDS = re.compile(r"(\d+(?:\.\d+)?)\s+to\s+(\d+(?:\.\d+)?)(?:\s+to\s+(\d+(?:\.\d+)?))?")
_OUT_OF = re.compile(r"(\d{1,9})\s+(?:out of|in)\s+(\d{1,9})")
_EMPTY = frozenset(
    [
        "no solution",
        "no solutions",
        "no real solution",
        "no real solutions",
        "empty set",
        "the empty set",
        "no such numbers",
        "no real roots",
        "none exist",
        "无解",
        "空集",
        "无实数解",
        "无实数根",
        "方程无解",
        "没有解",
        "no integer solutions",
        "no real numbers",
        "no value",
        "no values",
    ]
)
_REALS = frozenset(
    [
        "all real numbers",
        "all reals",
        "all real number",
        "any real number",
        "every real number",
        "the set of all real numbers",
        "all real values",
        "全体实数",
        "所有实数",
        "任意实数",
        "一切实数",
        "实数集",
        "real numbers",
        "the real numbers",
        "r",
    ]
)
_SIGNED_REALS = {
    "all positive real numbers": (False, True), "positive real numbers": (False, True), "positive reals": (False, True),
    "all positive reals": (False, True), "全体正实数": (False, True), "正实数": (False, True),
    "all negative real numbers": (True, False), "negative real numbers": (True, False),
}  # fmt: skip
_ELEMENTS = [
    "H",
    "He",
    "Li",
    "Be",
    "B",
    "C",
    "N",
    "O",
    "F",
    "Ne",
    "Na",
    "Mg",
    "Al",
    "Si",
    "P",
    "S",
    "Cl",
    "Ar",
    "K",
    "Ca",
    "Sc",
    "Ti",
    "V",
    "Cr",
    "Mn",
    "Fe",
    "Co",
    "Ni",
    "Cu",
    "Zn",
    "Ga",
    "Ge",
    "As",
    "Se",
    "Br",
    "Kr",
    "Rb",
    "Sr",
    "Ag",
    "Cd",
    "Sn",
    "Sb",
    "I",
    "Xe",
    "Cs",
    "Ba",
    "Pt",
    "Au",
    "Hg",
    "Pb",
    "Bi",
    "U",
    "Th",
    "Ra",
    "Pu",
    "Mo",
    "W",
]
_ELEMENT = "(?:" + "|".join(sorted(_ELEMENTS, key=len, reverse=True)) + ")"
_SPECIES = rf"\d{{0,2}}(?:{_ELEMENT}\d{{0,3}}|\((?:{_ELEMENT}\d{{0,2}}){{1,6}}\)\d{{0,2}}){{1,20}}(?:\^\d?[+-])?(?:\((?:s|l|g|aq)\))?"
_FORMULA = re.compile(rf"{_SPECIES}(?:\+{_SPECIES}){{0,6}}(?:(?:->|=|→){_SPECIES}(?:\+{_SPECIES}){{0,6}})?")
_TWO_ELEMENTS = re.compile(rf"{_ELEMENT}\d{{0,3}}\(?{_ELEMENT}|->")
_SHELLS = re.compile(r"(?:\[[A-Z][a-z]?\])?(?:\d[spdf]\^?\d{1,2}){2,20}")
_CHEM_DRESS = re.compile(r"\\(?:text|mathrm|ce|mathbf|rm|textrm|mbox)|[\s{}_$]|\\uparrow|\\downarrow|\\,|[↑↓]")
_CHEM_ARROW = re.compile(
    r"\\(?:to|rightarrow|longrightarrow|xrightarrow|Rightarrow|rightleftharpoons)(?:\[[^\]]*\])?|→|⟶|⇌|=>|={1,3}(?=[A-Z\d])"
)
_INFINITY = {"infinity": 1, "positive infinity": 1, "negative infinity": -1, "minus infinity": -1, "无穷大": 1, "正无穷": 1, "负无穷": -1}  # fmt: skip


def spoken(plain: str) -> Value | None:
    """The value of an answer in words; None where it is none that we know. Linear; only short texts are looked at."""
    if len(plain) > 400:
        return None
    lower = plain.casefold().strip(" .!。")
    if lower in _EMPTY:
        return FiniteSet(())
    if lower in _REALS:
        return _between(None, None)
    if lower in _SIGNED_REALS:
        negative, _ = _SIGNED_REALS[lower]
        zero = Rational(Fraction(0))
        return _between(None, zero) if negative else _between(zero, None)
    if lower in _INFINITY:
        return Expr(Sym("oo") if _INFINITY[lower] > 0 else Call("neg", (Sym("oo"),)))
    if lower.startswith(("all real numbers except", "all reals except", "all real numbers but", "所有实数除了")):
        return _all_but(lower.replace("所有实数除了", "but ").split("except")[-1].split("but")[-1])
    number = number_words(lower.partition(" (")[0])
    if number is not None and lower.partition(" (")[2].rstrip(")") in ("", str(number)):
        return Rational(number)
    return _time(plain) or _ratio(lower) or _chemistry(plain)


def _all_but(rest: str) -> Value | None:
    """All real numbers but a few whole ones, as the union of what is between them."""
    points = [part.strip(" $x≠=") for part in re.split(r",|\band\b|和", rest)]
    if not all(re.fullmatch(r"-?\d{1,9}", point) for point in points):
        return None
    numbers = [Rational(Fraction(n)) for n in sorted(map(int, points))]
    ends: list[Value | None] = [None, *numbers, None]
    return Union(tuple(_between(low, high) for low, high in pairwise(ends)))


def _between(low: Value | None, high: Value | None) -> Interval:
    infinity = Sym("oo")
    return Interval(low or Expr(Call("neg", (infinity,))), high or Expr(infinity), False, False)


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


def _time(plain: str) -> Value | None:
    lower = plain.casefold().strip(" .")
    if lower in ("noon", "12 noon", "midday", "正午"):
        return Clock(12, 0, "pm")
    if lower in ("midnight", "12 midnight", "午夜"):
        return Clock(12, 0, "am")
    clock = _CLOCK.fullmatch(plain.strip())
    if clock and int(clock[1] or clock[5]) <= 23:
        half = clock[3] or clock[6]
        said = {"noon": "pm", "midnight": "am"}.get((clock[4] or "").lower(), f"{half.lower()}m" if half else "")
        if said or len(clock[1] or "") == 2 or int(clock[1]) > 0:
            return Clock(int(clock[1] or clock[5]), int(clock[2] or 0), said)
    date = _date(plain.strip())
    return date or _clock_zh(plain.strip()) or _duration(lower)


def _clock_zh(text: str) -> Value | None:
    match = _CLOCK_ZH.fullmatch(text)
    if match is None or int(match[2]) > 24 or (":" in text and match[1] is None):
        return None
    minute = 30 if match[4] else int(match[3] or 0)
    night = match[1] in ("晚上", "凌晨") and int(match[2]) == 12
    noon = match[1] is not None and (match[1] in _AFTERNOON or int(match[2]) == 12) and not night
    half = "" if match[1] is None else "pm" if noon else "am"
    clock = Clock(int(match[2]), minute, half)
    if "时" in text and match[1] is None:  # 8时15分: a time of day, or how long
        return Readings((clock, Quantity(Rational(Fraction(60 * int(match[2]) + minute)), "minute")))
    return clock


def _duration(text: str) -> Value | None:
    match = _DURATION.fullmatch(text)
    if match is None or sum(part is not None for part in match.groups()) < 2:
        return None
    hours, minutes, seconds = (Fraction(part or 0) for part in match.groups())
    return Quantity(Rational(3600 * hours + 60 * minutes + seconds), "second")


def _date(text: str) -> Date | None:
    for pattern in _DATES:
        match = pattern.fullmatch(text)
        if match:
            month = match["m"]
            number = int(month) if month.isdecimal() else _month(month.lower())
            year = int(match["y"]) if "y" in pattern.groupindex else None
            if 1 <= number <= 12 and 1 <= int(match["d"]) <= 31:
                return Date(year, number, int(match["d"]))
    return None


def _month(word: str) -> int:
    """1 to 12; 0 for no month."""
    names = [i for i, name in enumerate(_MONTHS, 1) if name.startswith(word) and len(word) >= 3]
    return names[0] if names else 0


def _ratio(lower: str) -> Value | None:
    match = _RATIO_WORDS.fullmatch(lower)
    if match:
        return Ratio(tuple(Rational(Fraction(part)) for part in match.groups() if part))
    share = _OUT_OF.fullmatch(lower)
    return Rational(Fraction(int(share[1]), int(share[2]))) if share and int(share[2]) else None


def _chemistry(plain: str) -> Value | None:
    """A chemical formula or equation, or an electron configuration, in one spelling."""
    bare = _CHEM_DRESS.sub("", _CHEM_ARROW.sub("->", plain))
    if _SHELLS.fullmatch(bare):
        return Text(bare.replace("^", ""), formula=True)
    if not _FORMULA.fullmatch(bare) or not (_TWO_ELEMENTS.search(bare) or "->" in bare):
        return None
    return None if bare.isupper() and bare.isalpha() else Text(bare, formula=True)
