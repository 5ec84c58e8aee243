"""LaTeX that lost its backslashes or braces on the way, put back as far as it can be told.

Text extraction leaves names of commands in place ("frac{1}{2}", "begin{cases}"), glued to the letters around
("bpi", "ACperpCD"), and writes fractions and binomials with brackets ("(1)/(2)", "C(13, 5)").
"""

from __future__ import annotations

import re

# Names that end no English word of one letter more ("mangle" is one, so angle is not here).
# In capitals as well: what a text is must not depend on whether it was lowered before.
_GLUED = r"(?i:pi|sqrt|equiv|perp|parallel|[lr]floor|[lr]ceil|theta|infty|infinity)"
_PUT_BACK = (
    (re.compile(r"(?<![\\A-Za-z])(?i:[dtc]?frac)(?=\s?[{\d])"), r"\\frac"),
    (re.compile(r"(?<![\\A-Za-z])(?i:(begin|end)(?=\{[a-z]{3,10}\*?\}))"), r"\\\1"),
    (re.compile(rf"(?<![\\A-Za-z])([A-Za-z]|[A-Z]{{2,4}})({_GLUED})(?![a-z])"), r"\1 \\\2 "),
    (re.compile(rf"(?<![A-Za-z])\\?({_GLUED})([A-Z]{{1,4}}|sqrt)(?![A-Za-z])"), r"\\\1 \2"),
    (re.compile(r"\^\s?[({]\s?°\s?[)}]"), "°"),
    (re.compile(r"\^\s?[({]\s?\\?(?i:prime)\s?[)}]"), "'"),
    (re.compile(r"(?<![\w)])\((\w{1,20})\)\s?/\s?\((\w{1,20})\)"), r"\\frac{\1}{\2}"),
)
# A segment is the same with and without its bar; a repeating decimal and a conjugate are not.
_SEGMENT = re.compile(r"\\overline\s?\{\s?([A-Z]{2})\s?\}")
_CHOOSE = re.compile(r"(?<![\\\w])C\(\s?(\w{1,9})\s?,\s?(\w{1,9})\s?\)")
# Where other capitals have coordinates, C is a point.
_POINT = re.compile(r"(?<![\\\w])[ABD]\(")


def put_back(text: str) -> str:
    """The text with backslashes put back before names of commands; itself where nothing is missing."""
    for pattern, replacement in _PUT_BACK:
        text = pattern.sub(replacement, text)
    text = _SEGMENT.sub(r" \1 ", text)
    return text if _POINT.search(text) else _CHOOSE.sub(r"\\binom{\1}{\2}", text)
