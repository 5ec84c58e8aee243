"""Unicode, LaTeX and Markdown dressing taken off an answer, before it is cut into tokens."""

from __future__ import annotations

import re
import unicodedata

_CHARS = {
    "−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-", "﹣": "-",
    "×": r"\times ", "·": r"\cdot ", "⋅": r"\cdot ", "∙": r"\cdot ", "÷": r"\div ", "∗": "*",
    "π": r"\pi ", "θ": r"\theta ", "α": r"\alpha ", "β": r"\beta ", "γ": r"\gamma ", "λ": r"\lambda ",
    "μ": r"\mu ", "φ": r"\phi ", "ω": r"\omega ", "σ": r"\sigma ", "δ": r"\delta ", "ε": r"\epsilon ",
    "∞": r"\infty ", "≤": r"\le ", "≥": r"\ge ", "≠": r"\ne ", "≈": r"\approx ", "∈": r"\in ",
    "∪": r"\cup ", "∅": r"\emptyset ", "±": r"\pm ", "∓": r"\mp ", "√": r"\sqrt ", "∛": r"\sqrt[3]",
    "°": r"^\circ ", "ℝ": r"\reals ", "⟨": r"\langle ", "⟩": r"\rangle ", "⌊": r"\lfloor ", "⌋": r"\rfloor ",
    "⌈": r"\lceil ", "⌉": r"\rceil ", "、": ",", "。": ".", "€": r"\euro ", "£": r"\pound ", "¥": r"\yen ",
    "…": r"\ldots ", "’": "'", "′": "'",
}  # fmt: skip
_TABLE = str.maketrans(_CHARS)
_SUPER = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ"
_SUB = "₀₁₂₃₄₅₆₇₈₉"
_FROM_SUPER = str.maketrans(_SUPER, "0123456789+-n")
_FROM_SUB = str.maketrans(_SUB, "0123456789")

_SUPERS = re.compile(f"[{_SUPER}]{{1,40}}")
_SUBS = re.compile(f"[{_SUB}]{{1,40}}")
_VULGAR = re.compile("[¼-¾⅐-⅞]")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_GROUPED = re.compile(r"(?<=\d)(?:,\s?\\!|\{,\}|\\,|\\;|\\:|\\!|~)(?=\d{3}(?!\d))")
_SIZES = re.compile(r"\\(?:left|right|bigg?|Bigg?)[lrm]?(?![A-Za-z])\.?")
_SPACES = re.compile(
    r"\\(?:displaystyle|textstyle|limits|quad|qquad|thinspace|phantom\{[^{}]{0,40}\})(?![A-Za-z])|(?<!\\)\\[,;:!> ]|~"
)
_MATH_FENCES = re.compile(r"(?<!\\)\\[()\[\]]")
_ONE_DOLLAR = re.compile(r"(-?)\s{0,3}\$\s{0,3}(?=[\d.])")


def _vulgar(match: re.Match[str]) -> str:
    top, bottom = unicodedata.normalize("NFKC", match[0]).split("\u2044")
    return rf"\frac{{{top}}}{{{bottom}}}"


def unicode_form(text: str) -> str:
    """Mathematical characters as LaTeX, full-width forms as ASCII, invisible characters gone."""
    if text.isascii():
        return text
    text = _SUPERS.sub(lambda m: f"^{{{m[0].translate(_FROM_SUPER)}}}", text)
    text = _SUBS.sub(lambda m: f"_{{{m[0].translate(_FROM_SUB)}}}", text)
    text = _VULGAR.sub(_vulgar, text).translate(_TABLE)
    return _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).translate(_TABLE)


def clean(text: str) -> str:
    """An answer without its dressing: maths fences, sizes, spacing, Markdown stars, a closing full stop.

    Linear in the length of the text. Thousands marks that cannot be anything else (`1{,}234`,
    `1\\,234`) go too; plain commas are left to the tokeniser, which knows the brackets around them.
    """
    text = unicode_form(text).strip()
    text = text.strip("*").strip()
    text = text.replace(r"\$", r"\dollar ").replace(r"\%", "%")
    if text.count("$") == 1:
        text = _ONE_DOLLAR.sub(lambda m: f"{m[1]}\\dollar ", text, count=1)
    text = text.replace("$", " ")
    text = _GROUPED.sub("", text)
    text = _MATH_FENCES.sub(" ", text)
    text = _SIZES.sub("", text)
    text = _SPACES.sub(" ", text).strip()
    if text.endswith((".", ",", ";")) and not text.endswith(".."):
        text = text[:-1].rstrip()
    return text
