"""Unicode, LaTeX and Markdown dressing taken off an answer, before it is cut into tokens."""

from __future__ import annotations

import html
import re

from cotkit.verify.dressing import unicode_form

_ENTITY = re.compile(r"&(?:lt|gt|le|ge|ne|nbsp|times|pi|minus|deg|sup2|frac12|plusmn|infin|radic);")
_GROUPED = re.compile(r"(?<=\d)(?:,\s?\\!|\{,\}|\\,|\\;|\\:|\\!|\\ |~|'|_)(?=\d{3}(?!\d))")
_SPACE_GROUPED = re.compile(r"(?<![\d.,])[+-]?\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?![\d ]|\.\d{1,2}\s\d)")
# \left\{ \begin{array}{ll} … \end{array} \right. is how many write a function by cases
_BRACED_ARRAY = re.compile(
    r"\\left\s{0,3}\\[{]\s{0,3}\\begin\{array\}\s{0,3}\{[^{}]{0,20}\}(.{1,2000}?)\\end\{array\}\s{0,3}\\right\s{0,3}\.",
    re.DOTALL,
)
_CHOSEN = re.compile(r"(?:\{\s?\}\s?)?_\s?\{?(\d{1,4})\}?\s?C\s?_\s?\{?(\d{1,4})\}?")
_PRIMES = re.compile(r"\^\s?\{?\s?(?:\\prime\s?){1,3}\}?")
_UNION = re.compile(r"([)\]])\s?U\s?(?=[(\[])")
_RATIO_ZH = re.compile(r"(?<=\d)\s?比\s?(?=\d)")
_TIMES_TEN = re.compile(r"(?<=\d)\s?[xX]\s?(?=10\s?\^|10\*\*)")
_POSITIVE_REALS = re.compile(
    r"\\(?:mathbb\s{0,2}\{?\s?R\s?\}?|reals\s?)\s?(?:\^\s?\{?\s?\+\s?\}?|_\s?\{?\s?(?:>\s?0|\+)\s?\}?)"
)
_SIZES = re.compile(r"\\(?:left|right|middle|bigg?|Bigg?)[lrm]?(?![A-Za-z])\.?")
_SPACES = re.compile(
    r"\\(?:displaystyle|textstyle|scriptstyle|limits|nolimits|quad|qquad|thinspace|medspace|thickspace|enspace|hfill|"
    r"(?:phantom|hspace|vspace|label|tag|color|vphantom|hphantom)\*?\{[^{}]{0,40}\})(?![A-Za-z])|(?<!\\)\\[,;:!> ]"
)
_ROW_GAP = re.compile(r"\\\\\s*\[\s*-?\d{1,3}(?:\.\d)?\s*(?:pt|em|ex|mm|cm)\s*\]")
_MATH_FENCES = re.compile(r"(?<!\\)\\[()\[\]]")
_ONE_DOLLAR = re.compile(r"(-?)\s{0,3}\$\s{0,3}(?=[\d.])")
_STYLE = re.compile(
    r"\\(?:bf|it|rm|boldsymbol|mathsf|mathtt|mathcal|bm|pmb|textcolor\{[a-z]{1,12}\}|underline)(?![A-Za-z])"
)
# Dressing of web pages, Markdown, siunitx and plain TeX, as (pattern, what stands for it).
_DRESS = (
    (r"</?(?:b|i|em|strong|p|br|span|div|u|h[1-6]|center|answer)\b[^<>]{0,60}>", ""),
    (r"<sup>([^<>]{1,40})</sup>", r"^{\1}"),
    (r"<sub>([^<>]{1,40})</sub>", r"_{\1}"),
    (r"~~[^~\n]{1,200}~~", ""),
    (r"(?<![\w*])\*\*(?!\*)([^*\n]{1,300})\*\*(?!\*)", r"\1"),
    (r"\\num\s{0,2}\{([^{}]{1,60})\}", r"\1"),
    (r"\\(?:SI|qty)\s{0,2}\{([^{}]{1,60})\}\s{0,2}\{([^{}]{1,60})\}", r"\1 \\text{\2}"),
    (r"\\ang\s{0,2}\{([^{}]{1,40})\}", r"\1^\\circ"),
    (r"\\text\s{0,2}\{\s{0,3}(\^\\circ|\\(?:dollar|euro|pound|yen|yuan))\s{0,3}\}", r"\1 "),
    (r"\{\s{0,3}([^{}]{1,60}?)\s{0,3}\\over(?![a-z])\s{0,3}([^{}]{1,60}?)\s{0,3}\}", r"\\frac{\1}{\2}"),
    (r"\\(?:large|Large|LARGE|huge|Huge|small|tiny|normalsize|mathstrut|strut|nonumber|checkmark|color\{[a-z]{1,20}\})(?![A-Za-z])", " "),
    (r"\\(?:begin|end)\s{0,2}\{(?:aligned|align\*?|equation\*?|gathered|split|center|math|displaymath)\}", " "),
    (r"\\cr(?![A-Za-z])", r"\\\\"),
    (r"\\sfrac(?![A-Za-z])", r"\\frac"),
)  # fmt: skip
_MARKUP = tuple((re.compile(pattern), replacement) for pattern, replacement in _DRESS)
# A text without any of these has no such dressing.
_MARKED = re.compile(
    r"<[a-z/]|~~|\*\*|\\(?:num|SI|qty|ang|over|large|Large|LARGE|huge|Huge|small|tiny|begin|end|cr|sfrac|text|check|math|strut|color|normal|nonumber)"
)
_QUOTED = re.compile(r"^(?:[>#]+\s+)+")
_TICKS = "✅👉★☆»«✔✓•▶➤→☑"
_ENDS = re.compile(r"(?:<\|[a-z_]{1,20}\|>|</?s>|\\+|\\newline|\\qed)$")


def clean(text: str) -> str:
    """An answer without its dressing: maths fences, sizes, spacing, Markdown marks, a closing full stop.

    Linear in the length of the text. Thousands marks that cannot be anything else (`1{,}234`,
    `1\\,234`) go too; plain commas are left to the tokeniser, which knows the brackets around them.
    """
    if "&" in text:
        text = _ENTITY.sub(lambda m: html.unescape(m[0]), text)
    text = unicode_form(text).replace("{:}", ":")
    if _MARKED.search(text):
        for pattern, replacement in _MARKUP:
            text = pattern.sub(replacement, text)
    text = _ends_off(text)
    text = text.lstrip("*").strip("`").strip() if not text.endswith("*") or text.startswith("*") else text
    text = text.strip("*") if text.count("*") > 1 and text.endswith("**") else text
    if len(text) > 2 and text[0] == text[-1] and text[0] in "_\"'":
        text = text[1:-1].strip()
    text = text.replace(r"\$", r"\dollar ").replace(r"\%", "%")
    if text.count("$") == 1:
        text = _ONE_DOLLAR.sub(lambda m: f"{m[1]}\\dollar ", text, count=1)
    text = text.replace("$", " ")
    text = _UNION.sub(r"\1 \\cup ", _GROUPED.sub("", text)) if "U" in text else _GROUPED.sub("", text)
    if not text.isascii():
        text = _RATIO_ZH.sub(":", text)
    if "10" in text:
        text = _TIMES_TEN.sub(r"\\times ", text)
    if " " in text:
        text = _SPACE_GROUPED.sub(lambda m: re.sub(r"\s", "", m[0]), text)
    if "\\" in text:
        text = _latex_form(text)
    # runs of spaces make the patterns that read an answer slow, and say nothing
    text = " ".join(text.replace("~", " ").split())
    for _ in range(8):
        if not text.endswith((".", ",", ";", "!", ":")) or text.endswith("..") or _factorial(text):
            break
        text = text[:-1].rstrip()
    return unwrapped(text)


def _latex_form(text: str) -> str:
    """Fences, sizes, spacing and styles of LaTeX taken off."""
    text = _CHOSEN.sub(r"\\binom{\1}{\2}", text)
    text = _PRIMES.sub(lambda m: "'" * m[0].count("prime"), _POSITIVE_REALS.sub(r"(0,\\infty)", text))
    text = _BRACED_ARRAY.sub(r"\\begin{cases}\1\\end{cases}", _MATH_FENCES.sub(" ", text))
    text = _ROW_GAP.sub(r"\\\\ ", _SIZES.sub("", text))
    return _SPACES.sub(" ", _STYLE.sub(" ", text))


def _ends_off(text: str) -> str:
    """Bullets, ticks, end-of-text tokens and stray backslashes off both ends."""
    while True:
        text = _QUOTED.sub("", text.strip().strip(_TICKS).strip())
        end = _ENDS.search(text[-30:])
        if end is None:
            return text
        text = text[: len(text) - len(end[0])]


def _factorial(text: str) -> bool:
    """Whether a closing `!` belongs to a number, a bracket or a single letter."""
    body = text.rstrip("!") if text.endswith("!") else ""
    return bool(body) and (body[-1] in "0123456789)}]" or (body[-1].isalpha() and not body[-2:-1].isalpha()))


_SET_MARKS = re.compile(r"[,|:;]|\\mid|\\choose|\\over(?![a-z])")
_WRAP = re.compile(r"\\(?:boxed|fbox|text|mathrm|mathbf|textbf|mbox|mathit|textrm)\s{0,2}\{|[{(]")


def unwrapped(text: str) -> str:
    """Brackets, boxes and `\\text{}` around the whole of an answer taken off, however many there are."""
    start, end = 0, len(text)
    if text[:1] not in "\\{(":
        return text
    closers = _partners(text)
    while start < end:
        match = _WRAP.match(text, start, end)
        if match is None or closers.get(match.end() - 1) != end - 1:
            break
        body = text[match.end() : end - 1]
        if match[0] == "(":
            # (3,4) is a tuple and (B) an option: only what is bracketed twice, or is a plain number, is bare
            inner = body.strip()
            if not (inner.startswith("(") and closers.get(match.end() + body.index("(")) == end - 2):
                break
        elif (match[0] == "{" and _SET_MARKS.search(body[:2_000])) or (
            match[0].startswith(("\\text", "\\mbox")) and not _number_inside(body)
        ):
            break
        start, end = match.end(), end - 1
        while start < end and text[start].isspace():
            start += 1
        while start < end and text[end - 1].isspace():
            end -= 1
    return text[start:end]


def _number_inside(body: str) -> bool:
    stripped = body.strip()
    return stripped.startswith(("\\text", "\\mbox", "\\boxed")) or bool(re.fullmatch(r"[\d.,\s-]{1,40}", stripped))


def _partners(text: str) -> dict[int, int]:
    """Position of every opening bracket's closing one, in one pass; unbalanced ones are left out."""
    found: dict[int, int] = {}
    stack: list[tuple[str, int]] = []
    for i, c in enumerate(text):
        if c in "({" and text[i - 1 : i] != "\\":
            stack.append((c, i))
        elif c in ")}" and text[i - 1 : i] != "\\":
            if not stack or stack[-1][0] != ("(" if c == ")" else "{"):
                return {}
            found[stack.pop()[1]] = i
    return found if not stack else {}
