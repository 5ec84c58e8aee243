"""Mathematical characters of Unicode as LaTeX."""

from __future__ import annotations

import re
import unicodedata

_CHARS = {
    "−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-", "﹣": "-", "⁄": "/", "∕": "/", "／": "/",
    "×": r"\times ", "·": r"\cdot ", "⋅": r"\cdot ", "∙": r"\cdot ", "•": r"\cdot ", "÷": r"\div ", "∗": "*",
    "π": r"\pi ", "θ": r"\theta ", "α": r"\alpha ", "β": r"\beta ", "γ": r"\gamma ", "λ": r"\lambda ",
    "φ": r"\phi ", "ω": r"\omega ", "σ": r"\sigma ", "δ": r"\delta ", "ε": r"\epsilon ", "ρ": r"\rho ",
    "Δ": r"\Delta ", "∆": r"\Delta ", "\u03a9": r"\ohm ", "\u2126": r"\ohm ", "μ": r"\mu ", "µ": r"\mu ",
    "∞": r"\infty ", "≤": r"\le ", "≥": r"\ge ", "⩽": r"\le ", "⩾": r"\ge ", "≦": r"\le ", "≧": r"\ge ", "≠": r"\ne ",
    "≈": r"\approx ", "∈": r"\in ", "∪": r"\cup ", "∩": r"\cap ", "∅": r"\emptyset ", "Ø": r"\emptyset ",
    "∖": r"\setminus ", "±": r"\pm ", "∓": r"\mp ", "√": r"\sqrt ", "∛": r"\sqrt[3]", "∜": r"\sqrt[4]",
    "°": r"^\circ ", "º": r"^\circ ", "℃": r"^\circ\text{C}", "ℝ": r"\reals ", "ℤ": r"\mathbb{Z}", "ℕ": r"\mathbb{N}",
    "⟨": r"\langle ", "⟩": r"\rangle ", "⌊": r"\lfloor ", "⌋": r"\rfloor ", "∠": r"\angle ", "∣": "|", "∶": ":",
    "⌈": r"\lceil ", "⌉": r"\rceil ", "、": ",", "。": ".", "．": ".", "€": r"\euro ", "£": r"\pound ", "¥": r"\yen ",
    "￥": r"\yuan ", "₹": r"\rupee ", "…": r"\ldots ", "⋯": r"\ldots ", "’": "'", "‘": "'", "′": "'", "“": '"', "”": '"',
    "˚": r"^\circ ", "→": r"\to ", "⟶": r"\to ", "⇒": r"\Rightarrow ", "∴": " ", "和": " and ", "或": " or ",
    "且": " and ", "与": " and ", "ζ": r"\zeta ", "η": r"\eta ", "κ": r"\kappa ", "ν": r"\nu ", "ξ": r"\xi ",
    "τ": r"\tau ", "χ": r"\chi ", "ψ": r"\psi ", "Σ": r"\Sigma ", "Φ": r"\Phi ", "Γ": r"\Gamma ", "Λ": r"\Lambda ",
    "Θ": r"\Theta ", "Ψ": r"\Psi ", "ⅈ": "i", "ⅇ": "e", "∫": r"\int ", "∑": r"\sum ", "∏": r"\prod ",
    "∥": "|", "ℓ": r"\ell ", "‒": "-", "¢": r"\text{ cents}", "【": " ", "】": " ",
}  # fmt: skip


_TABLE = str.maketrans(_CHARS)


_SUPER = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱˣʸᵃᵇᵏᵐᵀ"


_SUB = "₀₁₂₃₄₅₆₇₈₉₊₋ₙₖᵢ"


_FROM_SUPER = str.maketrans(_SUPER, "0123456789+-=()nixyabkmT")


_FROM_SUB = str.maketrans(_SUB, "0123456789+-nki")


_SUPERS = re.compile(f"[{_SUPER}]{{1,40}}")


_SUBS = re.compile(f"[{_SUB}]{{1,40}}")


_DIGITS = re.compile(r"(?=[^\x00-\x7f])\d")  # digits of other scripts


_PER_MILLE = re.compile(r"(\d+(?:\.\d+)?)\s?‰")


_RANGE = re.compile(r"(?<=\d)\s?[–—]\s?(?=\d)")  # 5–7 is no difference


_VULGAR = re.compile("[¼-¾⅐-⅞]")


_VULGAR_BY_DIGIT = re.compile(r"(?<=\d)\s?(?=[¼-¾⅐-⅞])")


_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\x00\ud800-\udfff]"
)


_HOMOGLYPHS = str.maketrans("АВЕКМНОРСТХаеорсху", "ABEKMHOPCTXaeopcxy")


_CYRILLIC_BY_LATIN = re.compile(r"[\u0410-\u044f]")


_CYRILLIC_WORD = re.compile(r"[\u0410-\u044f]{2}")


def _vulgar(match: re.Match[str]) -> str:
    top, bottom = unicodedata.normalize("NFKC", match[0]).split("\u2044")
    return rf"\frac{{{top}}}{{{bottom}}}"


def unicode_form(text: str) -> str:
    """Mathematical characters as LaTeX, full-width forms as ASCII, invisible characters gone."""
    if text.isascii():
        return text.replace("\x00", "") if "\x00" in text else text
    text = _RANGE.sub(" through ", text).replace("³√", "∛").replace("⁴√", "∜")
    text = _DIGITS.sub(lambda m: str(unicodedata.decimal(m[0])), text)
    text = _PER_MILLE.sub(r"\\frac{\1}{1000}", text) if "‰" in text else text
    text = _SUPERS.sub(lambda m: f"^{{{m[0].translate(_FROM_SUPER)}}}", text)
    text = _SUBS.sub(lambda m: f"_{{{m[0].translate(_FROM_SUB)}}}", text)
    text = _VULGAR.sub(_vulgar, _VULGAR_BY_DIGIT.sub("", text)).translate(_TABLE)
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).translate(_TABLE)
    if _CYRILLIC_BY_LATIN.search(text) and not _CYRILLIC_WORD.search(text):
        text = text.translate(_HOMOGLYPHS)  # a lone Cyrillic letter is a Latin one that looks like it
    return text
