"""The normal form of a problem for matching: layout is folded, meaning is kept.

x+1 and x-1, 1.5 and 15, \\sin and \\cos stay different; \\dfrac12, \\frac{1}{2} and 1/2 do not. Only layout
commands are dropped: dropping all of them makes sine and cosine equal.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from cotkit.dedup.braces import resolve
from cotkit.dedup.stripped import put_back
from cotkit.dedup.symbols import CHARACTERS, COMMANDS, FUNCTIONS, GREEK

_CHARACTERS = str.maketrans(CHARACTERS)
_FIGURE = re.compile(r"\[asy\].*?(?:\[/asy\]|\Z)", re.DOTALL | re.IGNORECASE)
_TUPLE_COMMA = re.compile(r"([(\[]-?\d{1,3}),(\d{3}[)\]])")
# 0{,}001 and 31{,}5, as in French and German.
_DECIMAL_COMMA = re.compile(r"(?:(?<=\b0)|(?<=\d)(?!\{,\}\d{3}(?!\d)))\{,\}(?=\d)")
_THOUSANDS = re.compile(r"(?<=\d)(?:\{,\}|,\\!|\\,|\{\\,\})(?=\d{3}(?!\d))")
_NOT = re.compile(r"\\not\s?=")
# "8!= 40320" and "n!= 120": no blank before it, and a digit there or a blank behind. "x!=0" is no factorial.
_FACTORIAL = re.compile(r"(?:(?<=[0-9)])!=|(?<=[a-z\]}])!=(?=\s))(?!=)", re.IGNORECASE)
_DIGIT = re.compile(r"[^\D0-9]")  # of another script
# "length-$10$" and "base-7": a hyphen, not a minus.
_HYPHEN = re.compile(r"(?<=[a-z]{2})-(?=(?:\$|\\\()\s?\d)|(?<=[a-z]{4})-(?=\d)")
_TOKEN = re.compile(
    r"""
    \\begin\s{0,4}\{[^{}]{0,40}\}(?:\{[\sclrp|@.]{1,40}\})?   # an environment, with its column plan
    | \\end\s{0,4}\{[^{}]{0,40}\}
    | \\[a-z]+\*?                                   # a command
    | \\.                                           # an escaped character
    | [1-9][0-9]{0,2}(?:,[0-9]{3})+(?![0-9])(?:\.[0-9]+)?
    | [0-9]+(?:\.[0-9]+)? | \.[0-9]+
    | [^\W\d_]+
    | <-> | <= | >= | != | -> | \+- | -\+ | \*\*+ | --+ | __+
    | \S
    """,
    re.VERBOSE | re.DOTALL,
)
_PUNCTUATION = frozenset(';?"“”„«»`&~$.\\')
# Words that are names of mathematics, not of language: a hyphen beside them is a minus.
_MATH_WORDS = FUNCTIONS | frozenset(GREEK)
_FORMULA = re.compile(
    r"\$\$(?:\\.|[^$\\])+\$\$|(?<!\\)\$(?:\\.|[^$\\])+\$|\\\((?:[^\\]|\\[^()\[\]])*\\\)|\\\[(?:[^\\]|\\[^()\[\]])*\\\]",
    re.DOTALL,
)
_ARTICLE = re.compile(
    r"(?:^|(?<=\s)|\s)[aA](?=\s+[a-zA-Z]{2})(?!\s+(?:and|or|is|are|be|in|such|satisf|equals|to|by|with|if|then|for|where)\b)"
)
_LETTERS = re.compile(r"\\(?:text|mbox|mathrm|textbf|operatorname)\s?\{[^{}]*\}|\\[A-Za-z]+|[A-Za-z]{2,}")
# Longer runs of small letters are words, and some short ones too.
_PRODUCT = 3
_WORDS_IN_FORMULAS = FUNCTIONS | frozenset(GREEK) | {"sum", "int", "mod", "and", "for", "all", "the", "are", "not"}
_CAPITAL = re.compile(r"(?<![A-Za-z\\])(?!I\b(?!_))[A-Z](?![A-Za-z])")
_OTHER_CASE = {chr(65 + i): chr(0x561 + i) for i in range(26)}
_SHOUTED = re.compile(r"\b[A-Z]{6,}\b")  # all in capitals: short words are words
_CAPITALS = re.compile(r"\b[A-Z]{2,4}\b")
_OPEN = frozenset("([{")
_CLOSE = frozenset(")]}")


def normal_form(text: str) -> str:
    """Tokens of `text` joined by one space; equal for texts that differ in layout only. Idempotent."""
    return " ".join(_tokens(text))


def without_figures(text: str) -> str:
    """The text without its [asy] drawings; as it was if nothing else is left."""
    rest = _FIGURE.sub(" ", text)
    return rest if rest.strip() else text


def figures(text: str) -> str:
    """Normal form of the [asy] drawings alone; empty where there is none."""
    return normal_form(" ".join(match.group() for match in _FIGURE.finditer(text)))


def spelled(text: str) -> str:
    """The text with runs of variables taken apart: letters inside formulas, short runs of capitals outside.

    A capital and a small letter are two variables (side a, vertex A), so capitals become letters of another script.
    Outside formulas the article `a` becomes `an`, so that what is left is a letter.
    """
    text = put_back(text)
    parts = []
    end = 0
    for match in _FORMULA.finditer(text):
        parts += [_ARTICLE.sub(" an", text[end : match.start()]), _LETTERS.sub(_apart, match.group())]
        end = match.end()
    spaced = "".join([*parts, _ARTICLE.sub(" an", text[end:])])
    if _SHOUTED.search(spaced):
        return spaced
    return _CAPITAL.sub(lambda m: _OTHER_CASE[m.group()], _CAPITALS.sub(_apart, spaced))


def _apart(match: re.Match[str]) -> str:
    run = match.group()
    if run.startswith("\\") or run.lower() in _WORDS_IN_FORMULAS or (len(run) > _PRODUCT and not run.isupper()):
        return run
    return f" {' '.join(run)} "


def words(text: str) -> list[str]:
    """Tokens for n-gram work: no drawings, no brackets, variables one by one."""
    return [t for t in _tokens(spelled(without_figures(text))) if t not in _OPEN and t not in _CLOSE]


def folded_characters(text: str) -> str:
    """The text with one character for all that mean the same, and none for those that nobody sees."""
    folded = unicodedata.normalize("NFKC", text.translate(_CHARACTERS))
    return _DIGIT.sub(lambda m: str(unicodedata.decimal(m.group())), folded)


def _tokens(text: str) -> list[str]:
    folded = folded_characters(put_back(text)).lower()
    folded = unicodedata.normalize("NFKC", folded.translate(_CHARACTERS))
    folded = _NOT.sub(" != ", _FACTORIAL.sub("! = ", folded))
    folded = _HYPHEN.sub(" ", folded)
    folded = _DECIMAL_COMMA.sub(".", folded)
    folded = _THOUSANDS.sub(",", _TUPLE_COMMA.sub(r"\1, \2", folded))
    tokens = resolve(_TOKEN.findall(folded))
    for _ in range(8):  # a dropped mark may make another one superfluous
        settled = _settle(tokens)
        if settled == tokens:
            break
        tokens = settled
    return tokens


def is_word(piece: str) -> bool:
    """An ordinary word: two letters or more, and no name of mathematics."""
    return len(piece) > 1 and piece.isalpha() and piece not in _MATH_WORDS


def is_number(piece: str) -> bool:
    """Digits, perhaps with a decimal point."""
    return piece[0].isdigit()


def _is_atom(piece: str) -> bool:
    return is_number(piece) or (piece.isalpha() and (len(piece) == 1 or piece in _MATH_WORDS))


# Marks that are punctuation in one place and mathematics in another.
_DOUBTFUL = frozenset("!':-,*_")


def _settle(tokens: list[str]) -> list[str]:
    """Drop marks that are punctuation where they stand; unwrap `sin ( x )`."""
    kept = list(_kept_marks([_spelled(t) for t in tokens if t not in _PUNCTUATION]))
    out: list[str] = []
    index = 0
    while index < len(kept):
        out.append(kept[index])
        if kept[index] in FUNCTIONS and kept[index + 1 : index + 2] == ["("] and kept[index + 3 : index + 4] == [")"]:
            if _is_atom(kept[index + 2]):
                out.append(kept[index + 2])
                index += 4
                continue
        elif kept[index : index + 1] == ["^"] and kept[index + 1 : index + 2] == ["°"]:
            out.pop()
        index += 1
    return out


def _spelled(piece: str) -> str:
    if piece == "degrees":
        return "°"
    return COMMANDS["in"] if piece == "\\in" else piece


def _kept_marks(tokens: list[str]) -> Iterator[str]:
    """A factorial, a prime, a ratio and a minus stay; an exclamation, an apostrophe, a colon and a hyphen go.

    A comma stays before a minus alone: (1,-2) is no difference.
    """
    previous = ""
    for index, piece in enumerate(tokens):
        following = tokens[index + 1] if index + 1 < len(tokens) else ""
        if piece[0] not in _DOUBTFUL or not _is_punctuation(piece, previous, following):
            yield piece
            previous = piece


def _is_punctuation(piece: str, previous: str, following: str) -> bool:
    before = bool(previous) and (_is_atom(previous) or previous in _CLOSE)
    return (
        (piece == "!" and not (before or previous == "!"))
        or (piece == "'" and not (before or previous == "'"))
        or (piece == ":" and not (before and following and (_is_atom(following) or following in _OPEN)))
        or (piece == "-" and bool(following) and is_word(following) and not following.isdigit())
        or (piece == "," and following != "-")
        or (len(piece) > 1 and piece[0] in "*_-" and set(piece) in ({"*"}, {"_"}, {"-"}))
    )
