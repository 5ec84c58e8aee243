"""Times of day, dates and durations as answers write them."""

from __future__ import annotations

import re
from fractions import Fraction

from cotkit.verify.values import (
    Clock,
    Date,
    Quantity,
    Rational,
    Readings,
    Value,
)

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


def time_of(plain: str) -> Value | None:
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
