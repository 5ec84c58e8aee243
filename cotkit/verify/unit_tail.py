"""A number and what stands behind it: `5\\ \\text{cm}^2`, `72 km/h`, `12元`, `\\$3`."""

from __future__ import annotations

import re

from cotkit.verify.units import unit_name

_WRAPPED = re.compile(
    r"\\(?:text|mbox|textrm|textnormal|mathrm|operatorname|textbf|rm|textit)\s*\{\s*((?:[^{}]|\{[^{}]{0,20}\}){0,200})\}"
)
_FRACTION = re.compile(r"\\frac\s*\{([^{}]{1,20})\}\s*\{((?:[^{}]|\{[^{}]{1,4}\}){1,20})\}$")
_BARE = re.compile(
    r"(?<=[\d)}\]])\s*\{?\s*(?=[A-Za-z\u00c5\u4e00-\u9fff])|(?<=[\d)}\]])\s*(?=\\(?:mu|ohm|Omega|degree|AA)(?![a-z]))"
)
_COMMANDS = {
    r"\mu ": "u",
    r"\mu": "u",
    r"\ohm": "ohm",
    r"\Omega": "ohm",
    r"\AA": "angstrom",
    r"\cdot": "*",
    r"\times": "*",
    r"\,": " ",
}
_CURRENCY = re.compile(
    r"(?P<sign>[+-]?)\s*(?:\\(?P<mark>dollar|euro|pounds?|yen|yuan|rupee)|(?P<code>USD|US\\dollar|EUR|GBP|INR|CNY|RMB|Rs\.?))"
    r"\s*(?P<sign2>-?)\s*(?=[\d.\\(])"
)
_CODES = {"USD": "dollar", "US\\dollar": "dollar", "EUR": "euro", "GBP": "sterling", "INR": "rupee", "CNY": "yuan",
          "RMB": "yuan", "Rs": "rupee", "Rs.": "rupee"}  # fmt: skip
_MARKS = {"pound": "sterling", "pounds": "sterling"}
_TEMPERATURE = re.compile(
    r"(.+?)\s*(?:\^\s*\{?\s*\\circ\s*\}?|degrees?|度)\s*\{?\s*(C|F|Celsius|Fahrenheit|celsius|fahrenheit)\s*\}?"
)
_PREFIX = re.compile(r"^([kMGmun])\s+(?=ohm)")
_TRIES = 8
_PLAIN_NUMBER = re.compile(
    r"(?:.{0,40}=\s*)?[-+]?[\d.,]+(?:\s*(?:\\times|\\cdot|\*)\s*10\s*\^\s*\{?-?\d+\}?|[eE][-+]?\d+)?\s*"
)
_GLUED = re.compile(r"([-+]?\d+(?:\.\d+)?)([mgshlLNJWVAKCFT])")


def currency(body: str) -> tuple[str, str] | None:
    """`\\$1,200` as (`1,200`, dollar), sign kept; None where no currency stands first."""
    match = _CURRENCY.match(body)
    if match is None:
        return None
    unit = _MARKS.get(match["mark"], match["mark"]) if match["mark"] else _CODES[match["code"]]
    return match["sign"] + match["sign2"] + body[match.end() :].replace(r"\dollar", ""), unit


def split_unit(body: str) -> tuple[str, str] | None:
    """(number part, canonical unit) of a text that ends in a unit; None where it does not."""
    if len(body) > 2_000:
        return None
    plain = _unwrapped(body)
    heat = _TEMPERATURE.fullmatch(plain)
    if heat:
        return heat[1], "degC" if heat[2][0] in "Cc" else "degF"
    found = _wrapped_tail(body) or _fraction_tail(body)
    if found is not None:
        return found
    if plain.endswith((r"\dollar", r"\euro", r"\pound", r"\yen", r"\yuan", r"\rupee")):
        head, _, mark = plain.rpartition("\\")
        return (head.strip(), _MARKS.get(mark, mark)) if head.strip() else None
    for tries, match in enumerate(_BARE.finditer(plain)):
        if tries >= _TRIES:
            break
        head, tail = plain[: match.start()], _spelled(plain[match.end() :])
        if not head or tail is None:
            continue
        # one letter may be a variable: `5m`, `3x`; after a space it is a unit, if it is one at all
        if (
            len(tail.strip("} ")) == 1
            and tail.isascii()
            and not (plain[match.start() : match.end()] and _PLAIN_NUMBER.fullmatch(head))
        ):
            continue
        unit = unit_name(tail, known_only=True) or (unit_name(tail, known_only=False) if _words(tail) else None)
        if unit is not None:
            return head, unit
    return None


def glued(body: str) -> tuple[str, str] | None:
    """`20N` as (20, newton), where the letter may as well be a variable; None for anything else."""
    match = _GLUED.fullmatch(body)
    unit = unit_name(match[2], known_only=True) if match else None
    return (match[1], unit) if match and unit else None


def _unwrapped(body: str) -> str:
    return _WRAPPED.sub(r" \1", body).strip()


def _words(tail: str) -> bool:
    """Up to three plain words of three letters or more: `students`, `left over`."""
    return bool(re.fullmatch(r"[A-Za-z]{3,20}(?: [A-Za-z]{2,20}){0,2}|[\u4e00-\u9fff]{1,4}", tail.strip()))


def _spelled(tail: str) -> str | None:
    for command, name in _COMMANDS.items():
        tail = tail.replace(command, name)
    tail = _PREFIX.sub(r"\1", tail.strip())
    if tail.endswith("}") and tail.count("}") > tail.count("{"):
        tail = tail[:-1].strip()
    return None if "\\" in tail or "=" in tail or not tail else tail


def _wrapped_tail(body: str) -> tuple[str, str] | None:
    """`5\\ \\text{m}/\\text{s}^2`: from the first wrapped letters on, all is unit."""
    match = next((m for m in _WRAPPED.finditer(body) if any(c.isalpha() for c in m[1])), None)
    if match is None or not body[: match.start()].strip():
        return None
    start = match.start()
    before = re.search(r"(?:\\mu|\\ohm)\s*$", body[:start])
    head = body[: before.start()] if before else body[:start]
    if head.rstrip().endswith(("=", "_", "^", "^{", "_{", "\\frac{", "(", "\\sqrt{")):
        return None
    tail = _spelled(_unwrapped(body[len(head) :]))
    unit = unit_name(tail, known_only=False) if tail else None
    return (head.strip(), unit) if unit is not None and head.strip() else None


def _fraction_tail(body: str) -> tuple[str, str] | None:
    """`5\\ \\frac{\\text{m}}{\\text{s}^2}`."""
    plain = _unwrapped(body)
    match = _FRACTION.search(plain)
    if match is None or not plain[: match.start()].strip():
        return None
    unit = unit_name(f"{match[1].strip()}/{match[2].strip()}", known_only=True)
    return (plain[: match.start()].strip(), unit) if unit is not None else None
