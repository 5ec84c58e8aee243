"""Names that the parser knows."""

from __future__ import annotations

from collections.abc import Mapping

from cotkit.verify.tree import Call, Node, Sym

_FUNCTIONS = "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh ln log exp"
_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau phi chi psi "
    "omega Gamma Delta Theta Lambda Sigma Phi Psi Omega ell"
)

RELATIONS = frozenset({"=", "<", ">", "<=", ">=", "!=", "in", "approx"})
FUNCTIONS = frozenset(_FUNCTIONS.split())
INVERSE = {"sin": "arcsin", "cos": "arccos", "tan": "arctan"}
GREEK = frozenset(_GREEK.split())
MATRICES = frozenset({"pmatrix", "bmatrix", "matrix", "array", "vmatrix", "smallmatrix"})
CLOSERS = {"(": (")", "]"), "[": ("]", ")"), "\\{": ("\\}",), "{": ("}",), "langle": ("rangle",)}
SPECIAL: Mapping[str, Node] = {
    "pi": Sym("pi"),
    "infty": Sym("oo"),
    "emptyset": Call("set", ()),
    "reals": Call("interval ()", (Call("neg", (Sym("oo"),)), Sym("oo"))),
}


def is_product(text: str) -> bool:
    """Whether three letters are a product (abc, xyz) and not a word (cat): vowels only in order."""
    return not set(text.lower()) & set("aeiou") or list(text) == sorted(text)
