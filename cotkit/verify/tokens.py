"""A cleaned answer cut into tokens. Equal token lists are the same answer ("identical normal form")."""

from __future__ import annotations

import re
from typing import NamedTuple

from cotkit.verify.notation import FUNCTIONS

MAX_TOKENS = 3_000


class Unreadable(ValueError):
    """The text is not a formula that we know; its message is a short reason."""


class Token(NamedTuple):
    """`kind` is num, word (a run of letters), cmd (LaTeX, without the backslash), text or op."""

    kind: str
    text: str


_NUMBER = r"(?:\d+(?:\.\d+)?|\.\d+)"
_TOKEN = re.compile(
    rf"""(?P<space>\s+)
    |(?P<repeat>\d*\.\d*\\(?:overline|dot)\{{\d{{1,50}}\}})
    |(?P<grouped>(?<![\d.,])\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?(?![\d,]))
    |(?P<sci>{_NUMBER}[eE][+-]?\d{{1,4}}(?![\w.{{^]))
    |(?P<num>{_NUMBER})
    |(?P<text>\\(?:text|mbox|textbf|textit|textrm|textnormal|mathrm|mathbf|mathit|operatorname\*?)\s*\{{[^{{}}]{{0,2000}}\}})
    |(?P<reals>\\mathbb\s*\{{?\s*R\s*\}}?|\\R(?![A-Za-z]))
    |(?P<cmd>\\(?:[A-Za-z]+|[{{}}\\|]))
    |(?P<word>sqrt|[A-Za-z]+?(?=sqrt)|[A-Za-z]+)
    |(?P<op>\*\*|<=|>=|!=|.)""",
    re.VERBOSE | re.DOTALL,
)
_ALIAS = {
    "dfrac": "frac", "tfrac": "frac", "cfrac": "frac", "lbrace": "{", "rbrace": "}", "varnothing": "emptyset",
    "dbinom": "binom", "tbinom": "binom", "arctg": "arctan", "tg": "tan", "ctg": "cot", "lg": "log",
    "varphi": "phi", "varepsilon": "epsilon", "gt": ">", "lt": "<", "infin": "infty",
}  # fmt: skip
# LaTeX commands that are one operator however they are spelt.
_OPS = {
    "cdot": "*", "times": "*", "ast": "*", "div": "/", "le": "<=", "leq": "<=", "leqslant": "<=", "ge": ">=",
    "geq": ">=", "geqslant": ">=", "ne": "!=", "neq": "!=", "lvert": "|", "rvert": "|", "vert": "|", "|": "|",
    "in": "in", "cup": "cup", "approx": "approx", "pm": "pm", "mp": "mp", "{": "\\{", "}": "\\}",
    "lfloor": "lfloor", "rfloor": "rfloor", "lceil": "lceil", "rceil": "rceil", "langle": "langle",
    "rangle": "rangle", "colon": ":", ">": ">", "<": "<", "\\": "\\\\",
}  # fmt: skip
_DROPPED = frozenset({"angle", "triangle", "therefore", "Rightarrow", "implies", "boxed", "fbox"})


def _texts(raw: str, out: list[Token]) -> None:
    command, _, body = raw.partition("{")
    body = body[:-1].strip()
    upright = not command.startswith(("\\text", "\\mbox"))
    if upright and body.isalpha() and body.isascii() and (len(body) == 1 or body.lower() in _UPRIGHT):
        out.append(Token("word", body))
    elif body and not any(c.isalpha() for c in body):
        out.extend(tokenise(body))
    elif body:
        out.append(Token("text", " ".join(body.split())))


_UPRIGHT = FUNCTIONS | {"sqrt", "pi"}


def tokenise(text: str, *, grouping: bool = True) -> list[Token]:
    """Tokens of a cleaned text, in linear time.

    `grouping` reads `1,234` outside brackets as one number. Raises Unreadable past MAX_TOKENS.
    """
    out: list[Token] = []
    depth = 0
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:  # cannot happen: the last branch takes any character
            raise Unreadable("unparsable")
        kind, raw = match.lastgroup or "op", match[0]
        position = match.end()
        if kind == "space":
            continue
        if kind == "grouped" and (depth or not grouping):
            raw = raw[: raw.index(",")]
            position = match.start() + len(raw)
            kind = "num"
        if len(out) >= MAX_TOKENS:
            raise Unreadable("too_long")
        _emit(kind, raw, out)
        if out:
            depth += (out[-1].text in ("(", "[", "\\{")) - (out[-1].text in (")", "]", "\\}"))
    return out


def _emit(kind: str, raw: str, out: list[Token]) -> None:
    if kind == "text":
        _texts(raw, out)
    elif kind == "cmd":
        _command(raw[1:], out)
    elif kind == "grouped":
        out.append(Token("num", raw.replace(",", "")))
    elif kind in ("sci", "repeat"):
        out.append(Token("num", raw))
    elif kind == "reals":
        out.append(Token("cmd", "reals"))
    else:
        out.append(Token(kind, "^" if raw == "**" else raw))


def _command(name: str, out: list[Token]) -> None:
    if name in _DROPPED:
        return
    name = _ALIAS.get(name, name)
    out.append(Token("op", _OPS[name]) if name in _OPS else Token("cmd", name))
