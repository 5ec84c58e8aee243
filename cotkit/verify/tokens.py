"""A cleaned answer cut into tokens. Equal token lists are the same answer ("identical normal form")."""

from __future__ import annotations

import re
from typing import NamedTuple

from cotkit.verify.notation import FUNCTIONS

MAX_TOKENS = 30_000


class Unreadable(ValueError):
    """The text is not a formula that we know; its message is a short reason."""


class Token(NamedTuple):
    """`kind` is num, word (a run of letters), cmd (LaTeX, without the backslash), text or op."""

    kind: str
    text: str


_NUMBER = r"(?:\d+(?:\.\d+)?|\.\d+)"
_TOKEN = re.compile(
    rf"""(?P<space>\s+)
    |(?P<repeat>\d*\.\d*(?:\\(?:overline|dot|bar)\{{\d{{1,50}}\}}))
    |(?P<repeat2>(?<![\d.])0?\.\d*\(\d{{1,50}}\))
    |(?P<ellipsis>\d{{0,20}}\.\d{{0,20}}?(?P<period>\d{{1,8}}?)(?P=period){{1,20}}\s?(?:\.\.\.|\\l?dots(?![A-Za-z])))
    |(?P<grouped>(?<![\d.,])\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?(?![\d,]))
    |(?P<sci>{_NUMBER}[eE][+-]?\d{{1,4}}(?![\w.{{^]))
    |(?P<num>{_NUMBER})
    |(?P<vector>\\(?:hat|vec|mathbf|boldsymbol|overrightarrow)\s*\{{\s*(?:\\(?:mathbf|boldsymbol|imath|jmath|rm)\s*\{{?)?[ijk]?\s*\}}{{1,2}})
    |(?P<text>\\(?:text|mbox|textbf|textit|textrm|textnormal|mathrm|mathbf|mathit|operatorname\*?)\s*\{{[^{{}}]{{0,2000}}\}})
    |(?P<reals>\\(?:mathbb|bf|mathbf)\s*\{{?\s*R\s*\}}?|\\R(?![A-Za-z]))
    |(?P<sets>\\mathbb\s*\{{?\s*[ZN]\s*\}}?(?:\s*[_^]\s*\{{?[+*]\}}?)?)
    |(?P<cmd>\\(?:[A-Za-z]+|[{{}}\\|]))
    |(?P<word>sqrt|[A-Za-z]+?(?=sqrt)|[A-Za-z]+)
    |(?P<op>\*\*|<=|>=|(?<![\d)}}\]])!=|.)""",
    re.VERBOSE | re.DOTALL,
)
_ALIAS = {
    "dfrac": "frac", "tfrac": "frac", "cfrac": "frac", "lbrace": "{", "rbrace": "}", "varnothing": "emptyset",
    "dbinom": "binom", "tbinom": "binom", "arctg": "arctan", "tg": "tan", "ctg": "cot", "arcctg": "arccot",
    "cosec": "csc", "sh": "sinh", "ch": "cosh", "th": "tanh", "arsinh": "arcsinh", "arcosh": "arccosh", "artanh": "arctanh",
    "asin": "arcsin", "acos": "arccos", "atan": "arctan",
    "varphi": "phi", "varepsilon": "epsilon", "gt": ">", "lt": "<", "infin": "infty",
}  # fmt: skip
# LaTeX commands that are one operator however they are spelt.
_OPS = {
    "cdot": "*", "times": "*", "ast": "*", "div": "/", "le": "<=", "leq": "<=", "leqslant": "<=", "ge": ">=",
    "geq": ">=", "geqslant": ">=", "ne": "!=", "neq": "!=", "lvert": "|", "rvert": "|", "vert": "|", "|": "|",
    "in": "in", "cup": "cup", "cap": "cap", "setminus": "setminus", "backslash": "setminus", "smallsetminus": "setminus",
    "mid": "mid", "bigcup": "cup", "approx": "approx", "pm": "pm", "mp": "mp", "{": "\\{", "}": "\\}",
    "lfloor": "lfloor", "rfloor": "rfloor", "lceil": "lceil", "rceil": "rceil", "langle": "langle",
    "rangle": "rangle", "colon": ":", ">": ">", "<": "<", "\\": "\\\\",
}  # fmt: skip
_DROPPED = frozenset(
    {"triangle", "therefore", "because", "boxed", "fbox", "vec", "overrightarrow",
     "hat", "widehat", "rm", "mathop", "hline", "displaylines"}
)  # fmt: skip


def _texts(raw: str, out: list[Token]) -> None:
    command, _, body = raw.partition("{")
    body = body[:-1].strip()
    upright = not command.startswith(("\\text", "\\mbox"))
    if upright and body.isalpha() and body.isascii() and (len(body) == 1 or body.lower() in _UPRIGHT):
        out.append(Token("word", _ALIAS.get(body, body)))
    elif body and not any(c.isalpha() for c in body):
        out.extend(tokenise(body))
    elif body:
        out.append(Token("text", " ".join(body.split())))


_UPRIGHT = FUNCTIONS | {"sqrt", "pi", "arctg", "tg", "ctg", "arsinh", "arcosh", "artanh"}


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


_PERIOD = re.compile(r"(\d{0,20}\.\d{0,20}?)(\d{1,8}?)\2{1,20}\s?(?:\.\.\.|\\l?dots)")


def _repeating(raw: str) -> str:
    """`0.333...` as `0.(3)`. Raises Unreadable where too little is written to see a period."""
    match = _PERIOD.fullmatch(raw)
    digits = (
        len(raw.rstrip(". ").removesuffix("dots").removesuffix("\\l").rstrip("\\ ")) - len(match[1]) if match else 0
    )
    if match is None or digits < len(match[2]) * (3 if len(match[2]) == 1 else 2):
        raise Unreadable("unparsable")
    return f"{match[1]}({match[2]})"


def _emit(kind: str, raw: str, out: list[Token]) -> None:
    if kind == "text":
        _texts(raw, out)
    elif kind == "cmd":
        _command(raw[1:], out)
    elif kind == "grouped":
        out.append(Token("num", raw.replace(",", "")))
    elif kind == "ellipsis":
        out.append(Token("num", _repeating(raw)))
    elif kind in ("sci", "repeat", "repeat2"):
        out.append(Token("num", raw))
    elif kind == "vector":
        letter = re.findall(r"[ijk](?=\s*\}|math)", raw)[-1:]
        out.append(Token("cmd", f"vec{letter[0]}") if letter else Token("text", raw))
    elif kind == "sets":
        out.append(Token("cmd", "integers" if "Z" in raw and "+" not in raw and "*" not in raw else "naturals"))
    elif kind == "reals":
        out.append(Token("cmd", "reals"))
    else:
        out.append(Token(kind, "^" if raw == "**" else raw))


def _command(name: str, out: list[Token]) -> None:
    if name in _DROPPED:
        return
    name = _ALIAS.get(name, name)
    out.append(Token("op", _OPS[name]) if name in _OPS else Token("cmd", name))
