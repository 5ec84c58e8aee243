"""Atoms of a formula: numbers, names, functions, brackets, LaTeX commands with arguments."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction

from cotkit.verify.cursor import Cursor, number
from cotkit.verify.environments import environment
from cotkit.verify.notation import (
    CLOSERS,
    CODE,
    FUNCTIONS,
    GREEK,
    INVERSE,
    NO_PRODUCTS,
    OF_SEVERAL,
    SPECIAL,
    VECTORS,
    is_product,
)
from cotkit.verify.tokens import Token, Unreadable
from cotkit.verify.tree import BOUND, Call, Node, Num, Sym, rename, walk

# Sets by a condition are read twice where they turn out to be none; nested ones would double at every level.
MAX_BUILDERS = 8
_DIFFERENTIAL = re.compile(r"d[a-zA-Z]")


class Atoms(Cursor):
    """The lower half of the parser; the upper half (parse.py) says what stands between atoms."""

    def statement(self) -> Node:
        raise NotImplementedError

    def relation(self) -> Node:
        raise NotImplementedError

    def sum(self) -> Node:
        raise NotImplementedError

    def power(self) -> Node:
        raise NotImplementedError

    def exponent(self) -> Node:
        raise NotImplementedError

    def raised(self, base: Node) -> Node:
        raise NotImplementedError

    def starts_atom(self) -> bool:
        token = self.next
        if token.kind == "op":
            return token.text in ("(", "[", "{", "lfloor", "lceil") or (token.text == "|" and not self.bars)
        if token.kind == "word":
            return token.text.lower() not in ("or", "and")
        if token.kind == "cmd":
            return token.text not in ("end", "dollar", "degree", "circ", "angle", "choose")
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
        if lower in CODE and self.next == ("op", "("):
            body = self.group()
            return Call(CODE[lower], body.args if isinstance(body, Call) and body.head == "tuple" else (body,))
        if lower in GREEK and (len(text) > 2 or lower in ("mu", "nu", "xi")):
            return self.name(lower)
        if lower == "sqrt":
            return Call("sqrt", (self.group(),))
        if lower in ("pi", "infinity", "inf", "infty", "oo"):
            return Sym("pi" if lower == "pi" else "oo")
        if len(text) > 3 or (self.prose and lower in NO_PRODUCTS) or (len(text) == 3 and not is_product(text)):
            raise Unreadable("words")
        applied = lower in "fgh" or (text.isupper() and self.inside(","))  # f(2), the point P(3,-4)
        if len(text) == 1 and self.next == ("op", "(") and applied:
            return Call("apply", (Sym(text), self.group()))
        node: Node = Sym(text[0]) if len(text) > 1 else self.name(text)
        for index, letter in enumerate(text[1:], 2):
            last: Node = self.name(letter) if index == len(text) else Sym(letter)
            if index == len(text) and self.next == ("op", "^"):
                self.at += 1
                last = self.raised(last)
            node = product_of(node, last)
        return node

    def name(self, text: str) -> Sym:
        name = f"{text}_{self.subscript()}" if self.accept("_") else text
        while self.accept("'"):
            name += "'"
        return Sym(name)

    def command(self, name: str) -> Node:
        if name in SPECIAL:
            return SPECIAL[name]
        if name in FUNCTIONS:
            return self.function(name)
        if name == "Gamma" and self.next == ("op", "("):
            return Call("fact", (Call("add", (self.group(), Num(Fraction(-1)))),))
        if name in GREEK:
            return self.name(name)
        if name in VECTORS:
            return Sym(VECTORS[name])
        rules: dict[str, Callable[[], Node]] = {
            "frac": self.frac,
            "sqrt": self.root,
            "binom": lambda: Call("binom", (self.argument(), self.argument())),
            "angle": self.primary,
            "dot": lambda: self.marked("dot"),
            "ddot": lambda: self.marked("ddot"),
            "tilde": lambda: self.marked("tilde"),
            "begin": lambda: environment(self),
            "sum": lambda: self.ranged("sum"),
            "prod": lambda: self.ranged("prod"),
            "int": self.integral,
            "overline": self.barred,
            "bar": self.barred,
        }
        if name not in rules:
            raise Unreadable("unparsable")
        return rules[name]()

    def bounds(self) -> tuple[Node | None, Node | None]:
        """What stands below and above a sum or an integral sign."""
        found: dict[str, Node | None] = {"_": None, "^": None}
        for _ in range(2):
            if self.next.kind == "op" and self.next.text in found:
                sign = self.take().text
                found[sign] = self.argument()
        return found["_"], found["^"]

    def ranged(self, head: str) -> Node:
        r"""`\sum_{k=1}^{n} f(k)` as (f, k, 1, n), the letter k under a name that no answer uses."""
        below, above = self.bounds()
        if not (isinstance(below, Call) and below.head == "rel =" and isinstance(below.args[0], Sym)) or above is None:
            raise Unreadable("unparsable")
        body = self.factors()
        letter = self.bound()
        return Call(head, (rename(body, {below.args[0].name: letter}), Sym(letter), below.args[1], above))

    def bound(self) -> str:
        """A new name for the letter of a sum or an integral; inner ones have lower numbers."""
        self.letters += 1
        return f"{BOUND} {self.letters}"

    def integral(self) -> Node:
        r"""`\int_a^b f(x)\,dx` as (f, x, a, b). Raises Unreadable without bounds: there is a constant to choose."""
        below, above = self.bounds()
        if below is None or above is None:
            raise Unreadable("indefinite_integral")
        end = next((i for i in range(len(self.tokens) - 1, self.at - 1, -1) if self.tokens[i] == ("word", "d")), None)
        glued = next(
            (i for i in range(self.at, len(self.tokens)) if _DIFFERENTIAL.fullmatch(self.tokens[i].text)), None
        )
        if glued is not None:
            name = self.tokens[glued].text[1:]
            self.tokens[glued : glued + 1] = [Token("op", ")")]
        elif end is not None and end + 1 < len(self.tokens) and self.tokens[end + 1].kind in ("word", "cmd"):
            name = self.tokens[end + 1].text
            self.tokens[end : end + 2] = [Token("op", ")")]
        else:
            raise Unreadable("unparsable")
        body: Node = Num(Fraction(1)) if self.next == ("op", ")") else self.sum()
        self.expect(")")
        letter = self.bound()
        return Call("int", (rename(body, {name: letter}), Sym(letter), below, above))

    def factors(self) -> Node:
        """A product, up to the next sign."""
        node = self.power()
        while self.starts_atom() or self.next in (("op", "*"), ("op", "/")):
            if self.accept("/"):
                node = Call("div", (node, self.power()))
            else:
                self.accept("*")
                node = product_of(node, self.power())
        return node

    def marked(self, mark: str) -> Node:
        """A letter with a dot or a tilde is a letter of its own."""
        body = self.argument()
        if not isinstance(body, Sym):
            raise Unreadable("unparsable")
        return Sym(f"{mark} {body.name}")

    def barred(self) -> Node:
        """A conjugate where there is an `i`; else a segment or a mean, which is only a name."""
        body = self.argument()
        if isinstance(body, Sym) and body.name.islower():
            return Sym(f"bar {body.name}")
        return Call("conj", (body,)) if Sym("i") in walk(body) else body

    def frac(self) -> Call:
        top = self.argument()
        if self.next.kind == "num" and self.next.text.isdecimal() and len(self.next.text) <= 4:
            return Call("div", (top, number(self.take().text)))  # \frac712 is meant as 7/12
        return Call("div", (top, self.argument()))

    def root(self) -> Node:
        index: Node | None = None
        if self.accept("["):
            index = self.statement()
            self.expect("]")
        if self.next.kind == "num":
            # TeX reads \sqrt12 as (root of 1) times 2; people mean the root of 12.
            body: Node = self.literal(self.take())
        else:
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
        if name in OF_SEVERAL:
            body = self.bracket(self.take().text) if self.next == ("op", "\\{") else self.group()
            return Call(
                name, body.args if isinstance(body, Call) and body.head in ("tuple", "list", "set") else (body,)
            )
        base: Node | None = None
        exponent: Node | None = None
        for _ in range(2):
            if name in ("log", "lg") and base is None and self.accept("_"):
                base = self.argument()
            elif exponent is None and self.accept("^"):
                exponent = self.exponent()
        if self.next.kind == "op" and self.next.text in ("(", "{", "|"):
            body = self.primary()
        else:
            body = self.power()
            while self.starts_atom() and not self.function_follows():
                body = product_of(body, self.power())
        if exponent == Call("neg", (Num(Fraction(1)),)) and name in INVERSE:
            name, exponent = INVERSE[name], None
        node = _applied(name, body, base)
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
        if opening == "[" and self.next == ("op", "["):
            node = self.rows()
            self.bars = bars
            return node
        built = self.builder() if opening in ("\\{", "{") and self.inside("|", "mid", ":", opened=True) else None
        node = built or self.statement()
        if self.next == ("cmd", "choose"):
            self.at += 1
            node = Call("binom", (node, self.statement()))
        closing = self.expect(*CLOSERS[opening])
        self.bars = bars
        if built is not None:
            return built
        items = node.args if isinstance(node, Call) and node.head == "list" else (node,)
        if opening == "\\{" or (opening == "{" and len(items) > 1):
            return Call("set", items)
        if opening in "([" and (opening + closing in ("(]", "[)") or (opening == "[" and len(items) == 2)):
            if len(items) != 2:
                raise Unreadable("unbalanced")
            return Call(f"interval {opening}{closing}", items)
        return node if len(items) == 1 else Call("tuple", items)

    def builder(self) -> Call | None:
        """`x | x > 2` inside set braces; None, with nothing eaten, where there is no bar."""
        self.built += 1
        if self.built > MAX_BUILDERS:
            return None
        start, depth, tokens = self.at, self.depth, list(self.tokens)
        self.bars = 1  # a bar is no absolute value here
        try:
            what = self.relation()
            if self.next.kind == "op" and self.next.text in ("|", "mid", ":"):
                self.at += 1
                self.bars = 0
                return Call("builder", (what, self.statement()))
        except Unreadable:
            pass
        self.at, self.depth, self.bars, self.tokens = start, depth, 0, tokens
        return None

    def rows(self) -> Node:
        """`[[1, 2], [3, 4]]`, as programs write a matrix."""
        rows = []
        while True:
            self.expect("[")
            node = self.statement()
            self.expect("]")
            rows.append(Call("row", node.args if isinstance(node, Call) and node.head == "list" else (node,)))
            if not self.accept(","):
                break
        self.expect("]")
        if len({len(row.args) for row in rows}) != 1:
            raise Unreadable("unparsable")
        return Call("matrix", tuple(rows))

    def bar(self) -> Node:
        self.bars += 1
        node = self.statement()
        self.bars -= 1
        self.expect("|")
        return Call("abs", (node,))


def product_of(left: Node, right: Node) -> Node:
    """A product, flat, so that long ones do not nest."""
    return Call("mul", (*left.args, right) if isinstance(left, Call) and left.head == "mul" else (left, right))


def _applied(name: str, body: Node, base: Node | None) -> Node:
    if base is not None:
        return Call("log", (body, base))
    if name == "lg":
        return Call("log", (body, Num(Fraction(10))))
    if name == "cis":
        return Call("add", (Call("cos", (body,)), Call("mul", (Sym("i"), Call("sin", (body,))))))
    return Call(name, (body,))
