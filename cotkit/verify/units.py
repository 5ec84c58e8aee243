"""Units of final answers: spelling to one canonical name, and conversion.

Sizes come from pint, asked for single unit names only (its own expression reader never sees an answer). A unit
that neither we nor pint know (`21 dogs`) is kept as its lower-case words and compares by name only.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import cache
from typing import Any

from cotkit.verify.unit_names import CURRENCY_SIZES, NOT_UNITS, SIZELESS, UNITS

_POWER = re.compile(r"\s*(?:\^|\*\*)\s*\{?\s*([-−]?\d)\s*\}?\s*$")
_FACTOR = re.compile(r"([^\W\d_]{1,20}\.?)\s*(?:(?:\^|\*\*)\s*\{?\s*([-−]?\d)\s*\}?|([23])(?!\d))?")
_JOINTS = re.compile(r"\s*(\\cdot|\\times|\*|·|/|\bper\b|\s)\s*")
_SQUARE = {"square": 2, "sq": 2, "sq.": 2, "squared": 2, "平方": 2, "cubic": 3, "cu": 3, "立方": 3}


def _singular(word: str) -> str:
    if word in UNITS or len(word) < 4 or not word.endswith("s") or word.endswith("ss"):
        return word
    return word[:-1]


def _known(word: str) -> str | None:
    known = UNITS.get(word) or UNITS.get(_singular(word))
    # mg is no Mg: only whole words may be in capitals
    return known or (
        UNITS.get(_singular(word.lower())) if len(word) > 3 or (word.isupper() and len(word) > 1) else None
    )


def unit_name(words: str, *, known_only: bool) -> str | None:
    """The canonical name of a unit, `cm^2`, `square inches`, `m/s^2` and `kg m / s` included; None where it is none.

    With `known_only`, words outside the table are refused; otherwise up to three plain words pass.
    """
    text = words.strip().strip("{}").strip("().").strip() if not words.strip().endswith(")") else words.strip()
    if text.startswith("(") and text.endswith(")"):
        text = text[1:-1].strip()
    if not text or len(text) > 60:
        return None
    single = _known(text)
    if single:
        return single
    compound = _compound(text.replace(" each ", " per "))
    if compound is not None:
        return compound
    parts = text.split()
    if len(text) == 1 and text.isascii():
        return None
    if known_only or len(parts) > 3 or any(_singular(part.lower().strip(".")) in NOT_UNITS for part in parts):
        return None
    if not all(part.replace("-", "").replace("'", "").isalpha() for part in parts):
        return None
    if len(parts) > 1 and (known := _known(parts[0])) and parts[1].lower() in ("of", "in", "long", "tall", "high"):
        return known
    return " ".join(_singular(part.lower()) for part in parts)


def _compound(text: str) -> str | None:
    """Powers, products and quotients of known units as `kg*m^2/s^2`-like text; None where a part is unknown."""
    if text[:2] in _SQUARE and (known := _known(text[2:])):  # 平方厘米
        return f"{known}^{_SQUARE[text[:2]]}"
    factors: list[tuple[str, int]] = []
    text = re.sub(r"/分$", "/分钟", text)  # a minute, not a point
    head, slash, group = text.partition("/(")
    text, grouped = (f"{head}/{group.rstrip(')')}", len(head)) if slash else (text, len(text))
    sign, pending, at = 1, 1, 0
    while at < len(text):
        match = _FACTOR.match(text, at)
        if match is None:
            return None
        at = match.end()
        word = match[1]
        if word.lower() in _SQUARE and at < len(text):
            pending = _SQUARE[word.lower()]
        else:
            known = _known(word) or _known(word.rstrip("."))
            if known is None:
                return None
            power = int((match[2] or match[3] or "1").replace("−", "-")) * pending
            factors.append((known, (-1 if at > grouped + 1 else sign) * power))
            pending, sign = 1, 1
        joint = _JOINTS.match(text, at)
        if joint:
            sign = -1 if joint[1] in ("/", "per") else sign
            at = joint.end()
    if pending != 1 or not factors:
        return None
    return _spelled(factors)


def _spelled(factors: list[tuple[str, int]]) -> str:
    total: dict[str, int] = {}
    for name, power in factors:
        total[name] = total.get(name, 0) + power
    total = {name: power for name, power in sorted(total.items()) if power}
    return "*".join(name if power == 1 else f"{name}^{power}" for name, power in total.items())


@cache
def registry() -> Any:
    """Pint's units, made once: some 0.4 s of CPU."""
    import pint

    return pint.UnitRegistry(non_int_type=Fraction, cache_folder=None)


@cache
def _single_size(name: str) -> tuple[tuple[tuple[str, Fraction], ...], Fraction] | None:
    """(dimensions, size in base units) of one unit name."""
    if name in CURRENCY_SIZES:
        currency, factor = CURRENCY_SIZES[name]
        return ((currency, Fraction(1)),), factor
    if "/" in name:
        return size("*".join([name.split("/", maxsplit=1)[0], *(f"{part}^-1" for part in name.split("/")[1:])]))
    if name in SIZELESS or name not in UNITS or name in ("degC", "degF"):
        return None
    if name == "degree":
        return (("angle", Fraction(1)),), Fraction(1)
    try:
        factor, base = registry().get_base_units({"ml": "milliliter", "um": "micrometer"}.get(name, name))
        dimensions = registry().get_dimensionality(base)
    except (AttributeError, ValueError, KeyError, TypeError):  # pint's own errors are AttributeErrors
        return None
    if name == "radian":
        return (("radian", Fraction(1)),), Fraction(1)
    return tuple(sorted((str(d), Fraction(power)) for d, power in dimensions.items())), Fraction(factor)


def size(unit: str) -> tuple[tuple[tuple[str, Fraction], ...], Fraction] | None:
    """(dimensions, size in base units) of a canonical unit, powers included; None for a unit of no known size."""
    if unit in UNITS and "^" not in unit and "*" not in unit:
        return _single_size(unit)
    total: dict[str, Fraction] = {}
    factor = Fraction(1)
    for part in unit.split("*"):
        name, _, power = part.partition("^")
        found = _single_size(name) if name in UNITS else None
        if found is None or (not power.lstrip("-").isdecimal() and power):
            return None
        n = int(power or 1)
        for dimension, exponent in found[0]:
            total[dimension] = total.get(dimension, Fraction(0)) + n * exponent
        factor *= found[1] ** n
    return tuple(sorted((d, power) for d, power in total.items() if power)), factor


def scales(unit: str) -> list[Fraction]:
    """By what a number in `unit` is multiplied to be in a neighbouring unit that an answer may have meant."""
    own = size(unit)
    if own is None:
        return []
    sizes = [size(other + unit[unit.find("^") :] if "^" in unit else other) for other in _NEIGHBOURS]
    return [own[1] / other[1] for other in sizes if other is not None and other[0] == own[0] and other[1] != own[1]]


_NEIGHBOURS = (
    "mm", "cm", "dm", "m", "km", "inch", "foot", "yard", "mile", "second", "minute", "hour", "day", "week", "mg", "g",
    "kg", "tonne", "ml", "liter", "dollar", "cent", "yuan", "jiao",
)  # fmt: skip
