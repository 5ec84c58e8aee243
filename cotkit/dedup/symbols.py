"""Tables behind the normal form: which characters and LaTeX commands mean the same, and which mean nothing."""

from __future__ import annotations

import re


def listed(text: str) -> tuple[str, ...]:
    """The words of a table, in order."""
    return tuple(text.split())


# Written before NFKC, which would turn x² into x2 and 3½ into 31⁄2.
CHARACTERS = {
    **{chr(c): f"^{d}" for d, c in enumerate([0x2070, 0xB9, 0xB2, 0xB3, *range(0x2074, 0x207A)])},
    **{chr(0x2080 + d): f"_{d}" for d in range(10)},
    **{"⁻": "^-", "½": " 1/2 ", "⅓": " 1/3 ", "⅔": " 2/3 ", "¼": " 1/4 ", "¾": " 3/4 "},
    **{"−": "-", "–": "-", "—": " ", "‐": "-", "‑": "-", "⁄": "/", "∕": "/", "÷": "/"},
    **{"×": " * ", "·": " * ", "⋅": " * ", "∙": " * ", "∗": "*", "√": r"\sqrt ", "∛": r"\sqrt[3] "},
    **{"≤": "<=", "≥": ">=", "⩽": "<=", "⩾": ">=", "≠": " != ", "→": "->", "⟶": "->", "⇒": r"\implies "},
    **{"’": "'", "‘": "'", "′": "'", "″": "''", "º": "°", "∘": "°", "△": r"\triangle ", "∠": r"\angle "},
    **{"∞": r"\infty ", "∑": r"\sum ", "∏": r"\prod ", "∫": r"\int ", "∪": r"\cup ", "∩": r"\cap "},
    **{"⌊": r"\lfloor ", "⌋": r"\rfloor ", "⌈": r"\lceil ", "⌉": r"\rceil ", "∣": "|", "∥": r"\parallel "},
    **{"∈": r"\in ", "⊂": r"\subset ", "⊆": r"\subseteq ", "∅": r"\emptyset ", "≡": r"\equiv ", "±": r"\pm "},
    **{"⟂": r"\perp ", "⊥": r"\perp ", "≈": r"\approx ", "…": " ", "⋯": " ", "\ufeff": ""},
    # No width, or a place where a word may be broken.
    **dict.fromkeys("\u00ad\u180e\u200b\u200c\u200d\u200e\u200f\u2060", ""),
}

GREEK = listed(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon "
    "phi chi psi omega"
)
CHARACTERS |= {
    chr(code): f"\\{name} "
    for start in (0x391, 0x3B1)
    for name, code in zip(GREEK, [start + i + (i > 16) for i in range(24)], strict=True)  # code 17 is final sigma
}

FUNCTIONS = frozenset(
    listed(
        "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln lg exp sqrt gcd lcm mod max min lim det deg"
    )
)

# Command -> the token it stands for. A command in no table here keeps its name.
COMMANDS = {
    **dict.fromkeys(["cdot", "times", "ast"], "*"),
    **{"div": "/", "over": "/", "slash": "/", "pm": "+-", "mp": "-+", "colon": ":", "prime": "'"},
    **dict.fromkeys(["le", "leq", "leqslant"], "<="),
    **dict.fromkeys(["ge", "geq", "geqslant"], ">="),
    **dict.fromkeys(["ne", "neq"], "!="),
    **{"lt": "<", "gt": ">", "to": "->", "rightarrow": "->", "longrightarrow": "->"},
    **dict.fromkeys(["mid", "vert", "lvert", "rvert"], "|"),
    **dict.fromkeys(["circ", "degree"], "°"),
    **dict.fromkeys(["lbrace", "lbrack"], "("),
    **dict.fromkeys(["rbrace", "rbrack"], ")"),
    **dict.fromkeys(["bmod", "pmod"], "mod"),
    **{"dbinom": "binom", "tbinom": "binom", "varepsilon": "epsilon", "varphi": "phi", "vartheta": "theta"},
    **{
        "in": "∈",
        "iff": "<->",
        "leftrightarrow": "<->",
        "varnothing": "emptyset",
        "infty": "infinity",
        "land": "wedge",
        "lor": "vee",
    },
}
FRACTIONS = frozenset({"frac", "dfrac", "tfrac", "cfrac", "sfrac", "nicefrac"})
# Layout only: they say how a formula looks, never what it means.
LAYOUT = frozenset(
    listed(
        "left right middle big bigg bigl bigr bigm biggl biggr quad qquad enspace thinspace displaystyle textstyle "
        "scriptstyle limits nolimits ldots cdots dots dotsc dotsb vdots ddots rm bf it tt sf sc em cal item noindent "
        "centering par newline linebreak hline hfill vfill nonumber notag newpage allowbreak smallskip medskip bigskip "
        "small large huge tiny normalsize footnotesize"
    )
)
# The command goes, its argument stays.
WRAPPERS = frozenset(
    listed(
        "text textbf textit textrm textsf texttt textsc textup textnormal mathrm mathbf mathit mathsf mathtt mathbb "
        "mathcal mathscr mathfrak mathop operatorname mbox hbox boldsymbol bm emph ensuremath boxed fbox underline "
        "substack mathbin mathrel mathord smash"
    )
)
# The command and its argument go.
SKIPPED = frozenset(listed("hspace vspace label tag color phantom hphantom vphantom kern includegraphics ref"))
# `\begin{…}` of these is layout; others (vmatrix: a determinant) keep their name.
ENVIRONMENTS = frozenset(
    listed(
        "align alignat aligned equation eqnarray gather gathered multline split array tabular cases matrix pmatrix "
        "bmatrix smallmatrix center itemize enumerate document minipage flushleft flushright quote math displaymath"
    )
)
# Names of commands in use, with those that begin like an escaped line break.
KNOWN = frozenset(
    set(COMMANDS)
    | FRACTIONS
    | LAYOUT
    | WRAPPERS
    | SKIPPED
    | FUNCTIONS
    | set(GREEK)
    | {name for meaning in CHARACTERS.values() for name in re.findall(r"\\([a-z]+)", meaning)}
    | set(
        listed(
            "begin end binom bar hat vec dot tilde overline overrightarrow overbrace underbrace widehat widetilde "
            "implies forall exists setminus partial nabla lvert rvert lVert rVert langle rangle sim cong star neg ni "
            "nmid not notin newcommand nearrow nwarrow nexists ngtr nleq ngeq nsubseteq natural norm nsim ncong "
            "nparallel nrightarrow stackrel nolinebreak nopagebreak"
        )
    )
)
