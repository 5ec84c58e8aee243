"""Tokens to a tree: an operator-precedence parser (Pratt, 1973) for LaTeX and plain formulas.

It knows the notation of final answers, not all of LaTeX, and refuses what is ambiguous (`1/2x`,
`\\sqrt12`) instead of guessing.
"""

from __future__ import annotations

import re
from fractions import Fraction

from cotkit.verify.atoms import Atoms, product_of
from cotkit.verify.notation import NO_PRODUCTS, RELATIONS
from cotkit.verify.tokens import Token, Unreadable, tokenise
from cotkit.verify.tree import Call, Node, Num, Sym

# In running text `at` is a word; in a formula of its own it is a times t.
_TWO_WORDS = re.compile(
    r"(?<![\\A-Za-z])[A-Za-z]{2,} [A-Za-z]{2,}|(?:^|\s)(?:" + "|".join(sorted(NO_PRODUCTS)) + r")(?=\s|$)",
    re.IGNORECASE,
)


def parse(text: str, *, grouping: bool = True) -> tuple[Node, ...]:
    """The trees of a cleaned answer: one, or two where `1/2x` can be read in two ways.

    Raises Unreadable with a short reason.
    """
    tokens = tokenise(text, grouping=grouping)
    prose = bool(_TWO_WORDS.search(text)) or text.replace(" ", "").isalpha()
    found = []
    for wide in (False, True):
        parser = _Parser(list(tokens), wide_slash=wide)
        parser.prose = prose
        node = parser.statement()
        parser.expect_end()
        found.append(node)
        if not parser.slash_unclear:
            break
    return tuple(dict.fromkeys(found))


class _Parser(Atoms):
    def __init__(self, tokens: list[Token], *, wide_slash: bool) -> None:
        super().__init__(tokens)
        self.wide_slash = wide_slash
        self.slash_unclear = False

    # -- lists, relations

    def joiner(self) -> str | None:
        """`,`, `and` or `or` at this place, eaten."""
        found = None
        while True:
            token = self.next
            word = token.text.lower().strip(" ,") if token.kind in ("text", "word") else ""
            if token.kind == "op" and token.text in (",", ";"):
                found = found or ","
            elif word in ("and", "or"):
                found = "or" if word == "or" else found or ","
            else:
                return found
            self.at += 1

    def statement(self) -> Node:
        self.enter()
        items = [self.union()]
        head = "list"
        while (join := self.joiner()) is not None:
            head = "or" if join == "or" else head
            items.append(self.union())
        self.depth -= 1
        return items[0] if len(items) == 1 else Call(head, tuple(items))

    def union(self) -> Node:
        left = self.relation()
        while self.next.kind == "op" and self.next.text in ("cup", "cap", "setminus"):
            head = {"cup": "union"}.get(self.next.text, self.next.text)
            self.at += 1
            right = self.relation()
            flat = head == "union" and isinstance(left, Call) and left.head == "union"
            left = Call(head, (*left.args, right) if flat and isinstance(left, Call) else (left, right))
        return left

    def relation(self) -> Node:
        self.accept("=", "approx")
        sides = [self.applied() or self.ratio()]
        ops: list[str] = []
        while self.next.kind == "op" and self.next.text in RELATIONS:
            ops.append(self.take().text)
            sides.append(self.ratio())
        return Call("rel " + " ".join(ops), tuple(sides)) if ops else sides[0]

    def ratio(self) -> Node:
        parts = [self.sum()]
        while not self.bars and self.accept(":"):
            parts.append(self.sum())
        return parts[0] if len(parts) == 1 else Call("ratio", tuple(parts))

    def applied(self) -> Node | None:
        """`f(x) =` at the start of an equation: the left side is a name, not a product."""
        primes = 0
        while self.tokens[self.at + 1 + primes : self.at + 2 + primes] == [("op", "'")]:
            primes += 1
        if primes and self.tokens[self.at].kind == "word":  # f'(x) =
            named = Token("word", self.tokens[self.at].text)
            texts = [named.text, *(token.text for token in self.tokens[self.at + 1 + primes : self.at + 5 + primes])]
            if len(texts) == 5 and texts[1] == "(" and texts[3] == ")" and texts[4] == "=" and len(named.text) == 1:
                self.at += 4 + primes
                return Call("apply", (Sym(named.text + "'" * primes), Sym(texts[2])))
        texts = [token.text for token in self.tokens[self.at : self.at + 5]]
        if len(texts) == 5 and texts[1] == "(" and texts[3] == ")" and texts[4] == "=":
            name, variable = self.tokens[self.at], self.tokens[self.at + 2]
            inside = variable.kind == "num" or (variable.kind == "word" and len(variable.text) == 1)
            if inside and name.kind == "word" and len(name.text) == 1:
                self.at += 4
                return Call("apply", (Sym(name.text), Sym(variable.text)))
        return None

    # -- arithmetic

    def sum(self) -> Node:
        self.enter()
        left = self.product()
        while self.next.kind == "op" and self.next.text in ("+", "-", "pm", "mp"):
            sign = self.take().text
            right = self.product()
            if sign == "-":
                right = Call("neg", (right,))
            if sign in "+-":
                left = Call(
                    "add", (*left.args, right) if isinstance(left, Call) and left.head == "add" else (left, right)
                )
            else:
                left = Call(sign, (left, right))
        self.depth -= 1
        return left

    def product(self) -> Node:
        left = self.unary()
        while True:
            if self.accept("*"):
                left = product_of(left, self.unary())
            elif self.accept("/"):
                left = Call("div", (left, self.denominator()))
                self.enter()  # each division nests the tree; never taken back
            elif self.next == ("cmd", "angle"):  # a complex number by size and direction
                self.at += 1
                turn = self.unary()
                left = Call(
                    "mul", (left, Call("add", (Call("cos", (turn,)), Call("mul", (Sym("i"), Call("sin", (turn,)))))))
                )
            elif self.starts_atom():
                left = product_of(left, self.factor())
            else:
                return left

    def factor(self) -> Node:
        """One more factor without a sign between."""
        if self.next.kind == "num" and self.tokens[self.at - 1] not in (("op", ")"), ("op", "!")):
            raise Unreadable("ambiguous")  # 5 6, x 2
        return self.power()

    def denominator(self) -> Node:
        """1/2x is (1/2)x to some and 1/(2x) to others; wide_slash says which this is."""
        below = self.unary()
        if self.starts_atom() and self.tokens[self.at - 1] not in (("op", ")"), ("op", "}")):
            self.slash_unclear = True
        while self.wide_slash and self.slash_unclear and self.starts_atom():
            below = product_of(below, self.factor())
        return below

    def unary(self) -> Node:
        negative = False
        signs = 0
        while self.next.kind == "op" and self.next.text in ("+", "-"):
            negative ^= self.take().text == "-"
            signs += 1
        if self.next in (("op", "pm"), ("op", "mp")):
            self.at += 1
            return Call("pm", (Num(Fraction(0)), self.power()))
        node = self.power()
        return Call("neg", (node,)) if negative else node

    def power(self) -> Node:
        self.enter()
        node = self.postfix(self.primary())
        if self.accept("^"):
            node = self.postfix(self.raised(node))
        self.depth -= 1
        return node

    def raised(self, base: Node) -> Node:
        """After `^`: a power or a degree mark."""
        return Call("degree", (base,)) if self.degree_mark() else Call("pow", (base, self.exponent()))

    def exponent(self) -> Node:
        if self.next == ("op", "{"):
            return self.argument()
        if self.next == ("op", "-"):
            self.at += 1
            return Call("neg", (self.power(),))
        if (
            self.next.kind == "word"
            and len(self.next.text) > 1
            and self.tokens[self.at + 1 : self.at + 2] == [("op", "^")]
        ):
            return self.argument()  # e^xe^y, as TeX reads it
        return self.power()

    def postfix(self, node: Node) -> Node:
        while self.next.kind in ("op", "cmd"):
            if self.accept("!"):
                node = Call("fact2" if self.accept("!") else "fact", (node,))
            elif self.accept("%"):
                if isinstance(node, Call) and node.head == "percent":
                    raise Unreadable("unparsable")
                node = Call("percent", (node,))
            elif self.next == ("cmd", "degree"):
                self.at += 1
                node = Call("degree", (node,))
            else:
                break
        return node
