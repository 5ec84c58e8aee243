"""Names that the parser knows."""

from __future__ import annotations

from collections.abc import Mapping

from cotkit.verify.tree import Call, Node, Sym

_FUNCTIONS = (
    "sin cos tan cot sec csc arcsin arccos arctan arccot arcsec arccsc sinh cosh tanh arcsinh arccosh arctanh "
    "ln log lg exp cis gcd lcm max min"
)
_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau phi chi psi "
    "hbar omega Gamma Delta Theta Lambda Sigma Phi Psi Omega ell"
)

RELATIONS = frozenset({"=", "<", ">", "<=", ">=", "!=", "in", "approx"})
FUNCTIONS = frozenset(_FUNCTIONS.split())
INVERSE = {name: f"arc{name}" for name in ("sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh")}
# Functions as programs call them.
CODE = {
    "abs": "abs", "factorial": "fact", "floor": "floor", "ceil": "ceil", "ceiling": "ceil", "binomial": "binom", "comb": "binom", "pow": "pow",
}  # fmt: skip
# Two letters that are a word and not a product.
NO_PRODUCTS = frozenset(
    [
        "of",
        "so",
        "is",
        "in",
        "to",
        "at",
        "on",
        "if",
        "or",
        "an",
        "as",
        "by",
        "we",
        "it",
        "no",
        "be",
        "do",
        "he",
        "me",
        "my",
        "us",
        "am",
        "for",
        "not",
        "nor",
        "and",
        "any",
        "all",
        "are",
        "act",
        "add",
        "air",
        "art",
        "bit",
        "box",
        "but",
        "buy",
        "cry",
        "cut",
        "dot",
        "dry",
        "fit",
        "fly",
        "him",
        "hit",
        "hot",
        "how",
        "its",
        "lot",
        "low",
        "now",
    ]
)
OF_SEVERAL = frozenset({"gcd", "lcm", "max", "min"})
VECTORS = {"veci": "vec i", "vecj": "vec j", "veck": "vec k"}
GREEK = frozenset(_GREEK.split())
MATRICES = frozenset({"pmatrix", "bmatrix", "matrix", "array", "vmatrix", "smallmatrix"})
CLOSERS = {"(": (")", "]"), "[": ("]", ")"), "\\{": ("\\}",), "{": ("}",), "langle": ("rangle",)}
SPECIAL: Mapping[str, Node] = {
    "pi": Sym("pi"),
    "infty": Sym("oo"),
    "emptyset": Call("set", ()),
    "integers": Sym("ZZ"),
    "naturals": Sym("NN"),
    "reals": Call("interval ()", (Call("neg", (Sym("oo"),)), Sym("oo"))),
}


def is_product(text: str) -> bool:
    """Whether three letters are a product (abc, xyz) and not a word (cat): vowels only in order."""
    return not set(text.lower()) & set("aeiou") or list(text) == sorted(text)
