"""Walking along a token list: what the parser needs to look ahead, expect and give up in time."""

from __future__ import annotations

import re
from fractions import Fraction

from cotkit.verify.tokens import Token, Unreadable
from cotkit.verify.tree import Num

# Nested brackets cost three levels each; deeper formulas are no final answers.
MAX_DEPTH = 120
MAX_LENGTH = 20_000
END = Token("end", "")

_OPENERS = frozenset({"(", "[", "{", "\\{", "langle"})
_CLOSERS = frozenset({")", "]", "}", "\\}", "rangle"})
_NUMBER = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_REPEATING = re.compile(r"([0-9]*)\.([0-9]*)(?:\\(?:overline|dot|bar)\{|\()([0-9]{1,50})[})]")


def number(text: str) -> Num:
    """A number token as an exact rational: integer, decimal, `3.2e-5` or `0.1\\overline{6}`."""
    if len(text) > MAX_LENGTH:
        raise Unreadable("too_long")
    repeat = _REPEATING.fullmatch(text)
    if repeat:
        whole, fixed, period = repeat.groups()
        start = Fraction(int(whole + fixed or "0"), 10 ** len(fixed))
        return Num(start + Fraction(int(period), (10 ** len(period) - 1) * 10 ** len(fixed)))
    if not _NUMBER.fullmatch(text):
        raise Unreadable("unparsable")
    if text.isdecimal():
        return Num(Fraction(long_int(text)))
    mantissa, mark, _ = text.lower().partition("e")
    decimals = len(mantissa.partition(".")[2]) if not mark and "." in mantissa else None
    if decimals is not None and len(text) > 4_000:
        return Num(Fraction(long_int(text.replace(".", "") or "0"), 10**decimals), decimals)
    return Num(Fraction(text), decimals)


def long_int(digits: str) -> int:
    """An integer of any length; Python itself reads no more than 4,300 digits at once."""
    value = 0
    for start in range(0, len(digits), 4_000):
        part = digits[start : start + 4_000]
        value = value * 10 ** len(part) + int(part)
    return value


class Cursor:
    """A place in a token list."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0
        self.depth = 0
        self.bars = 0
        self.built = 0
        self.prose = False
        self.letters = 0

    @property
    def next(self) -> Token:
        return self.tokens[self.at] if self.at < len(self.tokens) else END

    def take(self) -> Token:
        token = self.next
        self.at += 1
        return token

    def accept(self, *texts: str) -> bool:
        if self.next.kind == "op" and self.next.text in texts:
            self.at += 1
            return True
        return False

    def expect(self, *texts: str) -> str:
        token = self.take()
        if token.kind != "op" or token.text not in texts:
            raise Unreadable("unbalanced")
        return token.text

    def inside(self, *marks: str, opened: bool = False) -> bool:
        """Whether one of the marks stands directly inside the bracket at this place (or just opened)."""
        depth = int(opened)
        for kind, text in self.tokens[self.at :]:
            if kind != "op":
                continue
            if text in _OPENERS:
                depth += 1
            elif text in _CLOSERS:
                depth -= 1
                if depth <= 0:
                    return False
            elif depth == 1 and text in marks:
                return True
        return False

    def expect_end(self) -> None:
        if self.next is not END:
            raise Unreadable("unparsable")

    def enter(self) -> None:
        """One level down; raises Unreadable past MAX_DEPTH."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unreadable("too_deep")

    def degree_mark(self) -> bool:
        texts = [token.text for token in self.tokens[self.at : self.at + 3]]
        for width, shape in ((1, ["circ"]), (3, ["{", "circ", "}"])):
            if texts[:width] == shape:
                self.at += width
                return True
        return False

    def slash_fraction_follows(self) -> bool:
        ahead = self.tokens[self.at : self.at + 3]
        return len(ahead) == 3 and ahead[1] == ("op", "/") and ahead[0].text.isdecimal() and ahead[2].text.isdecimal()

    def subscript(self) -> str:
        if not self.accept("{"):
            return self.take().text
        parts = []
        while not self.accept("}"):
            if self.next is END:
                raise Unreadable("unbalanced")
            parts.append(self.take().text)
        return "".join(parts)
