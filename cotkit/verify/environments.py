"""LaTeX environments: matrices and functions by cases."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cotkit.verify.cursor import END
from cotkit.verify.notation import MATRICES
from cotkit.verify.tokens import Token, Unreadable
from cotkit.verify.tree import Call, Node, Sym

if TYPE_CHECKING:
    from cotkit.verify.atoms import Atoms

_ELSE = re.compile(r"otherwise|else|其他|其它|其余", re.IGNORECASE)
_PARITY = re.compile(r"(?:\b([a-z])\b.{0,12})?(?:\b(even|odd)\b|(偶数|奇数))", re.IGNORECASE)


def environment(parser: Atoms) -> Node:
    """What stands after `\\begin`: a matrix, a determinant or a function by cases. Raises Unreadable."""
    parser.expect("{")
    name = parser.take().text
    parser.accept("*")
    parser.expect("}")
    if name in ("cases", "dcases"):
        return _cases(parser, name)
    if name not in MATRICES:
        raise Unreadable("unparsable")
    if name == "array" and parser.accept("{"):
        while not parser.accept("}"):
            if parser.take() is END:
                raise Unreadable("unbalanced")
    rows: list[list[Node]] = [[]]
    while parser.next != ("cmd", "end"):
        rows[-1].append(parser.sum())
        if parser.accept("\\\\"):
            rows.append([])
        elif not parser.accept("&") and parser.next != ("cmd", "end"):
            raise Unreadable("unparsable")
    _end(parser, name)
    rows = [row for row in rows if row]
    if not rows or len({len(row) for row in rows}) != 1:
        raise Unreadable("unparsable")
    if name == "vmatrix":
        return _determinant(rows)
    return Call("matrix", tuple(Call("row", tuple(row)) for row in rows))


def _determinant(rows: list[list[Node]]) -> Node:
    """By cofactors of the first row; up to 4 by 4."""
    if len(rows) != len(rows[0]) or len(rows) > 4:
        raise Unreadable("unparsable")
    if len(rows) == 1:
        return rows[0][0]
    terms: list[Node] = []
    for column, entry in enumerate(rows[0]):
        term = Call("mul", (entry, _determinant([row[:column] + row[column + 1 :] for row in rows[1:]])))
        terms.append(Call("neg", (term,)) if column % 2 else term)
    return Call("add", tuple(terms))


def _end(parser: Atoms, name: str) -> None:
    for expected in ("end", "{", name, "}"):
        token = parser.take()
        if token == ("op", "*"):
            token = parser.take()
        if token.text != expected:
            raise Unreadable("unbalanced")


def _cases(parser: Atoms, name: str) -> Node:
    rows = []
    while parser.next != ("cmd", "end"):
        value = parser.relation()
        if isinstance(value, Call) and value.head == "rel =":  # a system of equations, not a function
            rows.append(value)
            parser.accept(",")
            if not parser.accept("\\\\") and parser.next != ("cmd", "end"):
                raise Unreadable("unparsable")
            continue
        parser.accept(",")
        parser.accept("&")
        rows.append(Call("row", (value, _condition(parser, _cell(parser)))))
        parser.accept("\\\\")
    _end(parser, name)
    if not rows or len({row.head for row in rows}) != 1:
        raise Unreadable("unparsable")
    return Call("list" if rows[0].head == "rel =" else "cases", tuple(rows))


def _cell(parser: Atoms) -> list[Token]:
    """The tokens up to the end of the row."""
    start = parser.at
    while parser.next not in (("op", "\\\\"), ("cmd", "end")):
        if parser.take() is END:
            raise Unreadable("unbalanced")
    return parser.tokens[start : parser.at]


def _condition(parser: Atoms, tokens: list[Token]) -> Node:
    said = " ".join(token.text for token in tokens if token.kind in ("text", "word"))
    if _ELSE.search(said) or not tokens:
        return Sym("otherwise")
    parity = _PARITY.search(said)
    if parity:
        letters = [token.text for token in tokens if token.kind == "word" and len(token.text) == 1]
        even = (parity[2] or "").lower() == "even" or parity[3] == "偶数"
        return Call("even" if even else "odd", (Sym(parity[1] or (letters[0] if letters else "n")),))
    words = {"if", "for", "when", "where", "whenever"}
    kept = [token for token in tokens if token.kind != "text" and token.text not in words]
    while kept and kept[-1] in (("op", ","), ("op", "."), ("op", ";")):
        kept.pop()
    inner = type(parser).__new__(type(parser))
    inner.__dict__.update(parser.__dict__)
    inner.tokens, inner.at = kept, 0
    node = inner.statement()
    inner.expect_end()
    return node
