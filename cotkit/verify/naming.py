"""Left sides of equations that only name the answer: `x`, `f(x)`, `AB`, `A^{-1}`, `\\frac{dy}{dx}`."""

from __future__ import annotations

from fractions import Fraction

from cotkit.verify.tree import Call, Node, Num, Sym


def is_name(node: Node) -> bool:
    if isinstance(node, Sym):
        return node.name not in ("pi", "e", "i", "oo")
    if isinstance(node, Call) and (is_derivative(node) or _labelled(node)):
        return True
    if isinstance(node, Call) and node.head == "pow":  # the inverse or the transpose of a matrix
        return isinstance(node.args[0], Sym) and node.args[0].name.isupper() and node.args[1] in _MATRIX_POWERS
    if isinstance(node, Call) and node.head == "mul":
        return all(isinstance(arg, Sym) and len(arg.name) == 1 and arg.name.isupper() for arg in node.args)
    if isinstance(node, Call) and node.head in ("ratio", "tuple", "div"):
        return all(map(is_name, node.args))
    if isinstance(node, Call) and node.head in ("abs", "conj"):
        return is_name(node.args[0])
    return isinstance(node, Call) and node.head == "apply"


_MATRIX_POWERS = (Num(Fraction(2)), Num(Fraction(3)), Call("neg", (Num(Fraction(1)),)), Sym("T"), Num(Fraction(-1)))


def is_derivative(node: Call) -> bool:
    """`\\frac{df}{dx}`, `\\frac{d}{dx}`, `\\frac{d}{dx} f`: what is derived names the answer."""
    if node.head == "mul":
        return isinstance(node.args[0], Call) and is_derivative(node.args[0])
    if node.head != "div":
        return False
    top, bottom = (arg.args[0] if isinstance(arg, Call) and arg.head == "mul" else arg for arg in node.args)
    return top == Sym("d") and bottom == Sym("d")


def _labelled(node: Call) -> bool:
    """`\\Delta H`, `\\zeta(2)`: a Greek letter before a name or a number."""
    if node.head != "mul" or len(node.args) != 2 or not isinstance(node.args[0], Sym):
        return False
    first, second = node.args[0], node.args[1]
    return (first.name == "Delta" and isinstance(second, Sym)) or (first.name == "zeta" and isinstance(second, Num))


def spelled(node: Node) -> str:
    if isinstance(node, Sym):
        return node.name
    if isinstance(node, Num):
        return str(node.value)
    inner = ("/" if node.head == "div" else "").join(spelled(arg) for arg in node.args)
    marked = node.head in ("pow", "conj") or (node.head == "abs" and not inner.isupper())
    return f"{node.head} {inner}" if marked else inner
