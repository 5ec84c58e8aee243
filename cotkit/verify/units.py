"""Units of final answers: spelling to one canonical name, and size within a dimension.

A unit that is not in the table (`21 dogs`) is kept as its lower-case words and compares by name only.
"""

from __future__ import annotations

import re
from fractions import Fraction

# canonical name -> (dimension, size in the dimension's first unit)
SIZES: dict[str, tuple[str, Fraction]] = {
    "mm": ("length", Fraction(1, 1000)), "cm": ("length", Fraction(1, 100)), "dm": ("length", Fraction(1, 10)),
    "m": ("length", Fraction(1)), "km": ("length", Fraction(1000)), "inch": ("length", Fraction(254, 10_000)),
    "foot": ("length", Fraction(3048, 10_000)), "yard": ("length", Fraction(9144, 10_000)),
    "mile": ("length", Fraction(1_609_344, 1000)),
    "second": ("time", Fraction(1)), "minute": ("time", Fraction(60)), "hour": ("time", Fraction(3600)),
    "day": ("time", Fraction(86_400)), "week": ("time", Fraction(604_800)),
    "g": ("mass", Fraction(1)), "kg": ("mass", Fraction(1000)), "mg": ("mass", Fraction(1, 1000)),
    "dollar": ("usd", Fraction(1)), "cent": ("usd", Fraction(1, 100)),
    "ml": ("volume", Fraction(1, 1000)), "liter": ("volume", Fraction(1)),
    "degree": ("angle", Fraction(1)),
}  # fmt: skip
_SPELLINGS = {
    "mm": "millimeter millimetre", "cm": "centimeter centimetre cms", "dm": "decimeter decimetre",
    "m": "meter metre", "km": "kilometer kilometre kms", "inch": "inches in in.", "foot": "feet ft ft.",
    "yard": "yd", "mile": "mi", "second": "sec s", "minute": "min mins", "hour": "hr hrs h", "day": "", "week": "",
    "month": "", "year": "yr yrs", "g": "gram", "kg": "kilogram kgs", "mg": "milligram",
    "dollar": "usd", "cent": "¢", "euro": "", "pound": "", "yen": "", "ml": "milliliter millilitre",
    "liter": "litre l", "degree": "deg", "unit": "", "radian": "rad", "mph": "", "point": "", "percent": "",
    "km/h": "kmh kph", "m/s": "", "ounce": "oz", "gallon": "gal", "joule": "J", "newton": "N", "watt": "W",
    "kelvin": "K", "hz": "Hz", "ev": "eV", "kev": "keV",
}  # fmt: skip
UNITS: dict[str, str] = {spelling: name for name, more in _SPELLINGS.items() for spelling in (name, *more.split())}
# Letters that may be a unit or a variable when they stand alone behind a number.
AMBIGUOUS = frozenset("mgshlLNJWVAKCF")
_NOT_UNITS_WORDS = (
    "or and not maybe is are was if when more less least most about approximately approx around only "
    "wrong but than times to from nor even odd false true mod base factorial percent half dozen hundred "
    "thousand million billion trillion any all other undefined squared cubed remaining per"
)
_NOT_UNITS = frozenset(_NOT_UNITS_WORDS.split())
_POWER = re.compile(r"\^\s*\{?\s*([23])\s*\}?\s*$")


def _singular(word: str) -> str:
    if word in UNITS or len(word) < 4 or not word.endswith("s") or word.endswith("ss"):
        return word
    return word[:-1]


def unit_name(words: str, *, known_only: bool) -> str | None:
    """The canonical name of a unit, `cm^2` and `square inches` included; None where it is none.

    With `known_only`, words outside the table are refused; otherwise up to three plain words pass.
    """
    text = words.strip().strip("().").strip()
    power = _POWER.search(text)
    suffix = ""
    if power:
        text, suffix = text[: power.start()].rstrip("} ").strip(), f"^{power[1]}"
    parts = text.split()
    if not parts or len(parts) > 3:
        return None
    for prefix, exponent in (("square", "^2"), ("sq", "^2"), ("sq.", "^2"), ("cubic", "^3"), ("cu", "^3")):
        if len(parts) == 2 and parts[0].lower() == prefix and not suffix:
            parts, suffix = parts[1:], exponent
    name = " ".join(parts)
    known = UNITS.get(name) or UNITS.get(_singular(name.lower()))
    if known:
        return known + suffix
    if known_only or any(part.lower() in _NOT_UNITS for part in parts):
        return None
    if not all(part.replace("-", "").replace("'", "").isalpha() for part in parts):
        return None
    return " ".join(_singular(part.lower()) for part in parts) + suffix


def size(unit: str) -> tuple[str, Fraction] | None:
    """(dimension, size) of a unit, powers included; None for a unit outside the table."""
    base, _, power = unit.partition("^")
    if base not in SIZES:
        return None
    dimension, factor = SIZES[base]
    return (f"{dimension}^{power}", factor ** int(power)) if power else (dimension, factor)


def scales(unit: str) -> list[Fraction]:
    """By what a number in `unit` is multiplied to be in the other units of its dimension."""
    own = size(unit)
    if own is None:
        return []
    power = int(unit.partition("^")[2] or 1)
    dimension = own[0].partition("^")[0]
    return [own[1] / f**power for name, (d, f) in SIZES.items() if d == dimension and f**power != own[1]]
