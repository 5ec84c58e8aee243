"""An answer's text to a typed value. Never raises: what cannot be read is `Text` with the reason."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import lru_cache

from cotkit.verify.clean import clean
from cotkit.verify.number_words import magnitude, shortened
from cotkit.verify.parse import parse
from cotkit.verify.spoken import spoken
from cotkit.verify.tokens import Unreadable
from cotkit.verify.tree import Call, Node, Num
from cotkit.verify.typed import measured, value_of
from cotkit.verify.unit_tail import currency, glued, split_unit
from cotkit.verify.units import unit_name
from cotkit.verify.values import Based, Choice, Equation, Readings, Text, Value
from cotkit.verify.words import several_letters

_WRAPPED = re.compile(
    r"\\(?:text|mbox|textbf|textit|textrm|textnormal|mathrm|mathbf|mathit)\s*\{((?:[^{}]|\{[^{}]{0,40}\}){0,600})\}"
)
_LETTER = re.compile(r"(?:option|choice|选项|选)?\s*(?:[(\[]([A-Ja-j])[)\]]|([A-J])(?:[.)])?)", re.IGNORECASE)
_LETTER_TEXT = re.compile(r"(?:\(([A-J])\)|([A-J])[.):])\s*(?!or\b|and\b|或|和|\\text\{ (?:or|and))(\S.{0,500})")
_LETTERS = re.compile(r"[A-J](?:\s*[,;]?\s*(?:and\s*)?[A-J]){1,9}")
_CAPITALS = re.compile(r"[A-Z]{2,10}")
_BASED = re.compile(
    r"\(?\s*([0-9A-Za-z]{1,60}?)\s*\)?\s*(?:_\s*\{?\s*|(?:\s+in)?\s+base[\s-]+)(\d{1,2}|two|three|four|five|six|seven|eight|"
    r"nine|ten|twelve|sixteen)\s*\}?"
)
_PREFIXED = re.compile(r"0([xXbBoO])([0-9A-Fa-f]{1,60})")
_BASES = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "twelve": 12,
    "sixteen": 16, "x": 16, "b": 2, "o": 8,
}  # fmt: skip
_WORDS = re.compile(r"[^\W\d_][^\d\\^_={}<>|+*/]*")
_ABOUT = re.compile(
    r"^(?:about|approximately|approx\.?|around|roughly|exactly|only|a total of|约为|大约|约|共|为|是|等于|equals?|is|are|\\approx|"
    r"\\therefore|so|thus|hence|therefore|答)[\s:：]+|^(?:约为|大约|约|共|即)",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"^(?:[^\W\d_][\w '()-]{0,60}?|\\(?:text|mathrm)\{[^{}]{1,60}\}(?:_\{?\w{1,10}\}?)?|\\[A-Za-z]{1,10}(?:\s*[A-Z]|_\{?\w{1,12}\}?|\([a-z]\))?"
    r"|[A-Za-z]'?_?\{?\\?\w{0,12}\}?(?:\([^()=]{1,30}\))?)\s*(?:=|:(?!\d)|：|\\approx|\s(?:is|are|equals)\s)\s*(?=\S)"
)
# What may follow an answer without being part of it.
_TRAILER = re.compile(
    r"\s*(?:[,;]\s*(?:\\text\{\s*)?(?:where|for|with|when|if|其中)\b.*|[,;]?\s*\(?\s*[a-zA-Z]\s*\\in\s*(?:\\(?:integers|math(?:bb|bf)\s*\{?[ZNR]\}?)|[ZN]\b).*|,\s*[a-z]\s*(?:\\text\{\s*)?(?:is )?(?:an? )?integer.*"
    r"|\s*\\?(?:text\{)?\s*\(?(?:approximately|approx)\.?.*)$"
)
_FOLLOWS = re.compile(r"\\(?:Rightarrow|implies|therefore|Longrightarrow|Leftrightarrow|iff)(?![A-Za-z])|=>|⟹")
# A ∩ B = {…}, ∫ x² dx = …: what stands on the left only names the answer.
_SET_LEFT = re.compile(
    r"^(?:[A-Z](?![a-z])|\\(?:cap|cup|complement|setminus|overline|mathbb)(?![a-z])|[{}()_\s])+=\s*(?=\\\{|\{|\(|\[|\\emptyset)"
)
_OPERATOR_LEFT = re.compile(
    r"^\\(?:i{1,3}nt|oint|sum|prod|lim)(?![A-Za-z])[^=]{0,20}(?:=[^=]{0,60})?.{0,400}=(?=[^=]+$)"
)
_AND_SO_ON = re.compile(r",\s*(?:\.\.\.|\\[lc]?dots)\s*,?")
_CONDITION = re.compile(
    r"\s*\(([^()]{1,60}(?:[<>]|\\(?:le|ge|leq|geq|in|ne)(?![a-z]))[^()]{0,60}(?:\([^()]{0,20}\)[^()]{0,20})?)\)$"
)
_EXPLAINED = re.compile(r"\s*\((?:since|because|as|from|rejecting|where|with|for)\b.*\)$")
_LABELS = re.compile(r"(?<![A-Za-z\\])[A-Za-z][A-Za-z ]{1,15}\s?[:=]\s?(?=[-\d\\(])")
_RATE = re.compile(r"(.{1,40}?)\s*(?:/|\bper\b|\beach\b|\\text\{ per)\s*(?:\\text\{)?\s*([a-z]{3,10})\}?")
_PER_ZH = re.compile(r"每\s?(小时|分钟|秒|天)\s?(.{1,40})")
_CASE = re.compile(
    r"\s*(?:[A-Za-z]\s*\([a-z]\)\s*=\s*)?(.{1,120}?)\s*,?\s*\b(?:if|for|when|where)\b\s*(.{1,80}?)\s*(?:[,;]\s*(?:and\s+)?|$)"
)


@lru_cache(maxsize=2_048)
def read(text: str, *, grouping: bool = True) -> Value:
    """The typed value of an answer; `Text` where it is words or cannot be read.

    `grouping` reads `1,234` outside brackets as one number. The last values are kept: a reference is read once for
    all the candidates that are held against it.
    """
    body = clean(text)
    plain = " ".join(_WRAPPED.sub(r"\1", body).split())
    plain = plain.replace(" per cent", "%")
    if _AND_SO_ON.search(plain):
        return Text(plain, "ellipsis")
    speed = _PER_ZH.fullmatch(plain)
    if speed:
        return read(f"{speed[2]}/{speed[1]}", grouping=grouping)
    if not plain:
        return Text("", "empty")
    simple = _simple(plain)
    if simple is not None:
        return simple
    why = ""
    for form in _forms(body, plain):
        if form is not body and (simple := _simple(" ".join(_WRAPPED.sub(r"\1", form).split()))) is not None:
            return simple
        try:
            return _with_unit(form, grouping=grouping)
        except (Unreadable, RecursionError) as error:
            why = why or (str(error) if isinstance(error, Unreadable) else "too_deep")
    words = _WORDS.fullmatch(plain) and (why == "words" or "\\" in body or " " in plain or not plain.isascii())
    return Text(plain, "" if words else why)


def _forms(body: str, plain: str) -> Iterator[str]:
    """The text as it is, then without what may stand around an answer."""
    yield body
    if len(body) > 2_000:
        return
    if plain != body and "\\" not in plain and "{" not in plain:  # \text{A, D}
        yield plain
    about = _ABOUT.sub("", body)
    named = _NAMED.sub("", about)
    others = (
        _by_cases(plain),
        _SET_LEFT.sub("", body),
        _OPERATOR_LEFT.sub("", body),
        about,
        named,
        _FOLLOWS.split(body)[-1].strip(),
        _TRAILER.sub("", body),
        _TRAILER.sub("", named),
        _CONDITION.sub(r", \1", body),
        _NAMED.sub("", _EXPLAINED.sub("", plain)),
        _LABELS.sub("", plain) if len(_LABELS.findall(plain)) > 1 else "",
    )
    yield from (form for form in dict.fromkeys(others) if form and form != body)


def _by_cases(plain: str) -> str:
    """`x + 1 if x < 0, and x^2 if x >= 0` as LaTeX; "" for anything else."""
    rows: list[str] = []
    at = 0
    while at < len(plain) and len(rows) < 6:
        match = _CASE.match(plain, at)
        if match is None:
            return ""
        rows.append(f"{match[1]} & {match[2]}")
        at = match.end()
    return r"\begin{cases}" + r"\\".join(rows) + r"\end{cases}" if len(rows) > 1 and at >= len(plain) else ""


def _simple(plain: str) -> Value | None:
    """Choice letters, numbers in a base, and what is said in words."""
    if len(plain) > 600:
        return None
    letter = _LETTER.fullmatch(plain)
    if letter and (letter[1] or letter[2].isupper()):
        return Choice((letter[1] or letter[2]).upper())
    labelled = _LETTER_TEXT.fullmatch(plain)
    if labelled and not plain[1:2].isspace():
        return Choice((labelled[1] or labelled[2]).upper(), labelled[3])
    found = spoken(plain)
    if found is not None:
        return found
    if "(" in plain and several_letters(plain):  # (A) and (C)
        return Text(plain)
    if _LETTERS.fullmatch(plain) and len(plain) > 1:
        return Text(plain)
    if _CAPITALS.fullmatch(plain) or plain.lower() in ("yes", "no"):
        return Text(plain)  # AB may be a segment, a matrix product or an order; it is itself at least
    return _based(plain)


def _based(plain: str) -> Based | None:
    prefixed = _PREFIXED.fullmatch(plain)
    if prefixed:
        digits, base = prefixed[2].upper(), _BASES[prefixed[1].lower()]
    else:
        match = _BASED.fullmatch(plain)
        if match is None or not (match[1][0].isdecimal() or "base" in plain or match[1].isupper()):
            return None
        digits, base = match[1].upper(), _BASES.get(match[2]) or int(match[2])
    if not 2 <= base <= 36 or any(int(digit, 36) >= base for digit in digits):
        return None
    if len(digits) == 1 and not digits.isdecimal():
        return None  # A_12 is a name
    return Based(digits.lstrip("0") or "0", base)


def _with_unit(body: str, *, grouping: bool) -> Value:
    money = currency(body)
    if money is not None:
        rate = _RATE.fullmatch(money[0])
        if rate is not None and (unit := unit_name(f"{money[1]} per {rate[2]}", known_only=True)):
            return measured(reading(parse(rate[1], grouping=grouping)), unit)
        short = shortened(money[0])
        large = magnitude(money[0]) if short is None else (*short, "")
        value = _scaled(large[0], large[1], grouping) if large else reading(parse(money[0], grouping=grouping))
        return measured(value, money[1])
    large = magnitude(body)
    if large is not None:
        value = _scaled(large[0], large[1], grouping)
        words = split_unit(f"1 {large[2]}") if large[2] else None
        if large[2] and words is None:
            raise Unreadable("words")
        return measured(value, words[1]) if words else value
    tail = split_unit(body)
    if tail is not None:
        with suppress(Unreadable):
            return measured(reading(parse(_ABOUT.sub("", tail[0]), grouping=grouping)), tail[1])
    value = reading(parse(body, grouping=grouping))
    letter = glued(body)
    if letter is not None:
        return Readings((measured(reading(parse(letter[0])), letter[1]), value))
    return value


def _scaled(number: str, factor: int, grouping: bool) -> Value:
    from fractions import Fraction

    return reading(tuple(Call("mul", (node, Num(Fraction(factor)))) for node in parse(number, grouping=grouping)))


def reading(nodes: Sequence[Node]) -> Value:
    """The value of a parsed text, or its several readings."""
    values = tuple(dict.fromkeys(map(value_of, nodes)))
    return values[0] if len(values) == 1 else Readings(values)


def rest_of(value: Value) -> Value:
    """What an equation that only names its value says: 5 of `x = 5`."""
    return value.right if isinstance(value, Equation) and value.name and not value.name.startswith("=") else value
