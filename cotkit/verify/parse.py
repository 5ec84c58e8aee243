"""Tokens to a tree: an operator-precedence parser (Pratt, 1973) for LaTeX and plain formulas.

It knows the notation of final answers, not all of LaTeX, and refuses what is ambiguous (`1/2x`,
`\\sqrt12`) instead of guessing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from cotkit.verify.cursor import END, Cursor, number
from cotkit.verify.notation import (
    CLOSERS,
    FUNCTIONS,
    GREEK,
    INVERSE,
    MATRICES,
    RELATIONS,
    SPECIAL,
    is_product,
)
from cotkit.verify.tokens import Token, Unreadable, tokenise
from cotkit.verify.tree import Call, Node, Num, Sym


def parse(text: str, *, grouping: bool = True) -> Node:
    """The tree of a cleaned answer. Raises Unreadable with a short reason."""
    return parse_tokens(tokenise(text, grouping=grouping))


def parse_tokens(tokens: Sequence[Token]) -> Node:
    """The tree of a token list. Raises Unreadable."""
    parser = _Parser(list(tokens))
    node = parser.statement()
    parser.expect_end()
    return node


def joined(head: str, left: Node, right: Node) -> Node:
    """`left head right`, flat for sums and products, so that long ones do not nest."""
    if head in ("add", "mul") and isinstance(left, Call) and left.head == head:
        return Call(head, (*left.args, right))
    return Call(head, (left, right))


class _Parser(Cursor):
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
        parts = [self.relation()]
        while self.accept("cup"):
            parts.append(self.relation())
        return parts[0] if len(parts) == 1 else Call("union", tuple(parts))

    def relation(self) -> Node:
        self.accept("=", "approx")
        sides = [self.applied() or self.sum()]
        ops: list[str] = []
        while self.next.kind == "op" and self.next.text in RELATIONS:
            ops.append(self.take().text)
            sides.append(self.sum())
        if ops:
            return Call("rel " + " ".join(ops), tuple(sides))
        while self.accept(":"):
            sides.append(self.sum())
        return sides[0] if len(sides) == 1 else Call("ratio", tuple(sides))

    def applied(self) -> Node | None:
        """`f(x) =` at the start of an equation: the left side is a name, not a product."""
        texts = [token.text for token in self.tokens[self.at : self.at + 5]]
        if len(texts) == 5 and texts[1] == "(" and texts[3] == ")" and texts[4] == "=":
            name, variable = self.tokens[self.at], self.tokens[self.at + 2]
            if name.kind == variable.kind == "word" and len(name.text) == len(variable.text) == 1:
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
            left = joined("add" if sign in "+-" else sign, left, right)
        self.depth -= 1
        return left

    def product(self) -> Node:
        left = self.unary()
        slashed = False
        while True:
            if self.accept("*"):
                left = joined("mul", left, self.unary())
            elif self.accept("/"):
                left = Call("div", (left, self.unary()))
                slashed = True
                self.enter()  # each division nests the tree; never taken back
            elif self.starts_atom():
                if slashed:
                    raise Unreadable("ambiguous")  # 1/2x is (1/2)x to some and 1/(2x) to others
                if self.next.kind == "num" and self.tokens[self.at - 1] != ("op", ")"):
                    raise Unreadable("ambiguous")  # 5 6, x 2
                left = joined("mul", left, self.power())
            else:
                return left

    def unary(self) -> Node:
        negative = False
        signs = 0
        while self.next.kind == "op" and self.next.text in ("+", "-"):
            negative ^= self.take().text == "-"
            signs += 1
        if self.next == ("op", "pm"):
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
        return self.power()

    def postfix(self, node: Node) -> Node:
        while self.next.kind in ("op", "cmd"):
            if self.accept("!"):
                if self.next == ("op", "!"):
                    raise Unreadable("double_factorial")
                node = Call("fact", (node,))
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

    # -- atoms

    def starts_atom(self) -> bool:
        token = self.next
        if token.kind == "op":
            return token.text in ("(", "[", "{", "lfloor", "lceil") or (token.text == "|" and not self.bars)
        if token.kind == "word":
            return token.text.lower() not in ("or", "and")
        if token.kind == "cmd":
            return token.text not in ("end", "dollar", "degree", "circ")
        return token.kind == "num"

    def primary(self) -> Node:
        token = self.take()
        if token.kind == "num":
            return self.literal(token)
        if token.kind == "word":
            return self.word(token.text)
        if token.kind == "cmd":
            return self.command(token.text)
        if token.kind == "op":
            return self.bracket(token.text)
        raise Unreadable("unparsable")

    def literal(self, token: Token) -> Node:
        node = number(token.text)
        if self.accept("_"):
            return Call("based", (node, number(self.subscript())))
        if not token.text.isdecimal():
            return node
        if self.next == ("cmd", "frac"):
            self.at += 1
            fraction = self.frac()
        elif self.slash_fraction_follows():
            top, _, bottom = self.take(), self.take(), self.take()
            fraction = Call("div", (number(top.text), number(bottom.text)))
        else:
            return node
        top_node, bottom_node = fraction.args
        if isinstance(top_node, Num) and isinstance(bottom_node, Num):
            if not 0 < top_node.value < bottom_node.value:
                raise Unreadable("ambiguous")  # 3 5/2 is no mixed number
            return Num(node.value + top_node.value / bottom_node.value)
        return Call("mul", (node, fraction))

    def word(self, text: str) -> Node:
        lower = text.lower()
        if lower in FUNCTIONS:
            return self.function(lower)
        if lower == "sqrt":
            return Call("sqrt", (self.group(),))
        if lower in ("pi", "infinity", "inf", "infty"):
            return Sym("pi" if lower == "pi" else "oo")
        if len(text) > 3 or (len(text) == 3 and not is_product(text)):
            raise Unreadable("words")
        if len(text) == 1 and lower in "fgh" and self.next == ("op", "("):
            return Call("apply", (Sym(text), self.group()))
        node: Node = Sym(text[0]) if len(text) > 1 else self.name(text)
        for index, letter in enumerate(text[1:], 2):
            last: Node = self.name(letter) if index == len(text) else Sym(letter)
            if index == len(text) and self.next == ("op", "^"):
                self.at += 1
                last = self.raised(last)
            node = Call("mul", (node, last))
        return node

    def name(self, text: str) -> Sym:
        return Sym(f"{text}_{self.subscript()}") if self.accept("_") else Sym(text)

    def command(self, name: str) -> Node:
        if name in SPECIAL:
            return SPECIAL[name]
        if name in FUNCTIONS:
            return self.function(name)
        if name in GREEK:
            return self.name(name)
        rules: dict[str, Callable[[], Node]] = {
            "frac": self.frac,
            "sqrt": self.root,
            "binom": lambda: Call("binom", (self.argument(), self.argument())),
            "begin": self.matrix,
        }
        if name not in rules:
            raise Unreadable("unparsable")
        return rules[name]()

    def frac(self) -> Call:
        return Call("div", (self.argument(), self.argument()))

    def root(self) -> Node:
        index: Node | None = None
        if self.accept("["):
            index = self.statement()
            self.expect("]")
        if self.next.kind == "num" and len(self.next.text) > 1 and self.next.text.isdecimal() and index is None:
            # TeX reads \sqrt12 as (root of 1) times 2; people mean the root of 12.
            raise Unreadable("ambiguous")
        body = self.group() if self.next == ("op", "(") else self.argument()
        return Call("sqrt", (body,)) if index is None else Call("root", (body, index))

    def argument(self) -> Node:
        """A TeX argument: a braced group or one token; of a number its first digit."""
        self.enter()
        token = self.next
        node: Node
        if self.accept("{"):
            node = self.statement()
            self.expect("}")
        elif token.kind == "num" and token.text.isdecimal():
            rest = token.text[1:]
            if rest:
                self.tokens[self.at] = Token("num", rest)
            else:
                self.at += 1
            node = number(token.text[0])
        elif token.kind == "word" and len(token.text) > 1:
            self.tokens[self.at] = Token("word", token.text[1:])
            node = Sym(token.text[0])
        else:
            node = self.primary()
        self.depth -= 1
        return node

    def group(self) -> Node:
        if self.next.kind == "op" and self.next.text in ("(", "{"):
            return self.bracket(self.take().text)
        return self.argument()

    def function(self, name: str) -> Node:
        base: Node | None = None
        exponent: Node | None = None
        for _ in range(2):
            if name == "log" and base is None and self.accept("_"):
                base = self.argument()
            elif exponent is None and self.accept("^"):
                exponent = self.exponent()
        if self.next.kind == "op" and self.next.text in ("(", "{", "|"):
            body = self.primary()
        else:
            body = self.power()
            while self.starts_atom() and not self.function_follows():
                body = joined("mul", body, self.power())
        if exponent == Call("neg", (Num(Fraction(1)),)) and name in INVERSE:
            name, exponent = INVERSE[name], None
        node = Call(name, (body,)) if base is None else Call("log", (body, base))
        return node if exponent is None else Call("pow", (node, exponent))

    def function_follows(self) -> bool:
        return self.next.text in FUNCTIONS or self.next == ("op", "(")

    def bracket(self, opening: str) -> Node:
        if opening == "|":
            return self.bar()
        if opening in ("lfloor", "lceil"):
            node = self.statement()
            self.expect("r" + opening[1:])
            return Call(opening[1:], (node,))
        if opening not in CLOSERS:
            raise Unreadable("unparsable")
        bars, self.bars = self.bars, 0
        if opening == "\\{" and self.accept("\\}"):
            self.bars = bars
            return Call("set", ())
        node = self.statement()
        closing = self.expect(*CLOSERS[opening])
        self.bars = bars
        items = node.args if isinstance(node, Call) and node.head == "list" else (node,)
        if opening == "\\{" or (opening == "{" and len(items) > 1):
            return Call("set", items)
        if opening in "([" and (opening + closing in ("(]", "[)") or (opening == "[" and len(items) == 2)):
            if len(items) != 2:
                raise Unreadable("unbalanced")
            return Call(f"interval {opening}{closing}", items)
        return node if len(items) == 1 else Call("tuple", items)

    def bar(self) -> Node:
        self.bars += 1
        node = self.statement()
        self.bars -= 1
        self.expect("|")
        return Call("abs", (node,))

    def matrix(self) -> Node:
        self.expect("{")
        name = self.take().text
        self.expect("}")
        if name not in MATRICES:
            raise Unreadable("unparsable")
        if name == "array" and self.accept("{"):
            while not self.accept("}"):
                if self.take() is END:
                    raise Unreadable("unbalanced")
        rows: list[list[Node]] = [[]]
        while True:
            if self.next == ("cmd", "end"):
                break
            rows[-1].append(self.sum())
            if self.accept("\\\\"):
                rows.append([])
            elif not self.accept("&") and self.next != ("cmd", "end"):
                raise Unreadable("unparsable")
        for expected in ("end", "{", name, "}"):
            if self.take().text != expected:
                raise Unreadable("unbalanced")
        rows = [row for row in rows if row]
        if not rows or len({len(row) for row in rows}) != 1:
            raise Unreadable("unparsable")
        return Call("det" if name == "vmatrix" else "matrix", tuple(Call("row", tuple(row)) for row in rows))
