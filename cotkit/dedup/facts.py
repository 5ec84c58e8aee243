"""What a problem text says that a closer look compares: numbers, operators, what is asked, its variables."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from cotkit.dedup.normal import figures, is_number, is_word, normal_form, spelled, without_figures
from cotkit.dedup.signature import Signature, signature
from cotkit.dedup.symbols import FUNCTIONS, GREEK, listed
from cotkit.dedup.vocabulary import FOREIGN, STOP, stem

_SMALL = listed(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty"
)
_ONE = frozenset({"one", "once"})
_ORDINALS = listed("third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth")
_TENS = listed("thirty forty fifty sixty seventy eighty ninety")
NUMBER_WORDS = {word: str(value) for value, word in enumerate(_SMALL) if word != "one"}
NUMBER_WORDS |= {word: str(10 * value) for value, word in enumerate(_TENS, start=3)}
NUMBER_WORDS |= {"dozen": "12"}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000}
# These may stand for a digit of the other text, but often stand for none.
SOFT_WORDS = {"one": "1", "once": "1", "twice": "2", "double": "2", "half": "2", "squared": "2", "square": "2"}
SOFT_WORDS |= {word: str(value) for value, word in enumerate(_ORDINALS, start=3)}
SOFT_WORDS |= {"cubed": "3", "triple": "3", "thrice": "3", "quarter": "4"}
_OPERATORS = frozenset(listed("+ - / ^ < > <= >= != ! ' +- -+ ∈ ->"))
_MARKS = _OPERATORS | FUNCTIONS

# Words that turn a problem into another one. One line is one question, told apart by its first word's class.
_ASKED = """
smallest least minimum minimal lowest fewest min | largest greatest maximum maximal biggest highest most max
even | odd
positive | negative
sum total | product | difference | quotient | ratio
area | perimeter circumference | volume | radius | diameter | slope | midpoint | center | width | height
double doubles doubled twice | triple triples tripled thrice | quadruple quadrupled | half halved
mean average | median | mode
inside | outside
inscribed | circumscribed
increasing | decreasing
before | after
fewer less | more
first | second | third | fourth | fifth | last
horizontal | vertical
clockwise | counterclockwise anticlockwise
prime | composite
sine | cosine | tangent
parabola | ellipse | hyperbola | circle | line
triangle | square | rectangle | pentagon | hexagon | octagon | trapezoid | rhombus | cube | sphere | cylinder | cone
units ones | tens | hundreds | thousands
inch inches | foot feet | yard yards | mile miles | meter meters | centimeter centimeters | kilometer kilometers
minute minutes | hour hours | day days | week weeks
cent cents | dollar dollars
degree | radian radians
"""
ASKED = {
    word: f"{row}.{column}"
    for row, line in enumerate(_ASKED.strip().splitlines())
    for column, group in enumerate(line.split("|"))
    for word in group.split()
}

# "x-intercept" asks something else than "y-intercept".
_NAMED_BY_LETTER = frozenset(listed("axis axes intercept intercepts coordinate coordinates value values"))

# Letters that are names, not variables: e, the imaginary unit, the differential.
_FIXED_LETTERS = frozenset("eid")
_GREEK = frozenset(GREEK) - {"pi"}
# Where letters are the subject, renaming them gives another problem.
_LETTERS_MATTER = frozenset(listed("letter letters alphabet roman hexadecimal vowel vowels consonant consonants word"))
_BRACKETS = re.compile(r"\\left|\\right|\\[{}]|[()\[\]$]")
_CAPITALIZED = re.compile(r"\b[A-Z][a-z]+\b")
_MIDST = re.compile(r"(?<=[a-z0-9,$()][ \n])[A-Z][a-z]+\b|\b[A-Z][a-z]+(?='s\b)")
# How a fraction is to be given is not what is asked.
_LOWEST_TERMS = re.compile(
    r"\b(?:where )?\w and \w are (?:relatively prime|coprime|mutually prime) (?:positive )?(?:integers|numbers)"
    r"|\bin (?:lowest|simplest|reduced) (?:terms|form)|\bas an? (?:common|reduced|irreducible) fraction"
)
_COMMAND = re.compile(r"\\[A-Za-z]+")
_LOWER = re.compile(r"\b[a-z]+\b")
_LATIN = re.compile(r"[a-zà-öø-ÿß-]+")
_NAMES_IN = 20_000  # characters of a text that are searched for names


WRITTEN_OUT = {
    str(p / q): (str(p), "/", str(q)) for q in (2, 4, 5, 8) for p in range(1, q) if Fraction(p, q).denominator == q
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What the closer look compares.

    Attributes:
        normal: normal form of the text, variables one by one, 0.5 as 1/2.
        renamed: the same with variables numbered by first use.
        numbers: numbers as canonical text ("-3", "0.5") -> how often.
        soft: numbers that a word may stand for ("squared": 2).
        marks: operators and functions -> how often.
        asked: classes of the question words.
        figure: normal form of its drawing code.
        content: stems of the words that carry content -> how often.
        names: words written with a capital and never without.
        people: those of `names` that stand in the midst of a sentence.
        signature: numbers and formula pieces.
        foreign: the text is in another language than English.
    """

    normal: str
    renamed: str
    numbers: Counter[str]
    soft: Counter[str]
    marks: Counter[str]
    asked: frozenset[str]
    figure: str
    content: Counter[str]
    names: frozenset[str]
    people: frozenset[str]
    signature: Signature
    foreign: bool


def facts(text: str) -> Facts:
    """Facts of a problem text; its drawings are compared as a whole, apart from the text."""
    plain = without_figures(text)
    tokens = normal_form(spelled(plain)).split()
    return _facts(
        tokens, _numbered(_fractions(tokens)), _drawn(text) if plain != text else "", names_in(plain), people_in(plain)
    )


def token_facts(tokens: Sequence[str], names: frozenset[str] = frozenset()) -> Facts:
    """Facts of a piece of text given as tokens of its normal form; `names` of the text that it is from."""
    return _facts(tokens, " ".join(_fractions(tokens)), "", names & frozenset(tokens), frozenset())


def _drawn(text: str) -> str:
    """The numbers of its drawings in order: names of points and the spelling of labels do not count."""
    return " ".join(t for t in figures(text).split() if is_number(t))


def _facts(tokens: Sequence[str], renamed: str, figure: str, names: frozenset[str], people: frozenset[str]) -> Facts:
    hard, soft, marks = _count(tokens)
    if decimals := sum(token in WRITTEN_OUT for token in tokens):
        marks["/"] += decimals
    asked = {ASKED[t] for t in tokens if t in ASKED}
    asked |= {f"{b.rstrip('s')}.{a}" for a, b in pairwise(tokens) if b in _NAMED_BY_LETTER and len(a) == 1}
    content = Counter(
        stem(t)
        for t in _LOWEST_TERMS.sub(" ", " ".join(tokens)).split()
        if len(t) > 2 and is_word(t) and t not in STOP and t not in NUMBER_WORDS and t not in _ONE and t not in _SCALES
    )
    return Facts(
        " ".join(_fractions(tokens)),
        renamed,
        hard,
        soft,
        marks,
        frozenset(asked),
        figure,
        content,
        names,
        people,
        signature(tokens),
        is_foreign(tokens),
    )


def _fractions(tokens: Sequence[str]) -> list[str]:
    """0.5 as 1/2: decimals below one that people also write as fractions."""
    return [part for token in tokens for part in WRITTEN_OUT.get(token, (token,))]


def forms(text: str) -> tuple[str, str]:
    """`renamed` of its facts, and the same with the words of `people` numbered as well; without the other facts.

    The second is equal for texts that differ in names alone.
    """
    plain = without_figures(text)
    renamed = _numbered(_fractions(normal_form(spelled(plain)).split()))
    people, names = people_in(plain), dict[str, str]()
    if not people:
        return renamed, renamed
    return renamed, " ".join(
        names.setdefault(piece, f"¶{len(names) + 1}") if piece in people else piece for piece in renamed.split()
    )


def people_in(text: str) -> frozenset[str]:
    """Words of a text that are written with a capital in the midst of a sentence and never without, in lower case."""
    return names_in(text) & {word.lower() for word in _MIDST.findall(text[:_NAMES_IN])}


def names_in(text: str) -> frozenset[str]:
    """Words of a text that are written with a capital and never without, in lower case."""
    text = _COMMAND.sub(" ", text[:_NAMES_IN])
    capital = {word.lower() for word in _CAPITALIZED.findall(text)}
    return frozenset(word for word in capital - set(_LOWER.findall(text)) if word not in STOP and word not in ASKED)


def is_foreign(tokens: Sequence[str]) -> bool:
    """Whether a text is in another language: letters of another script, or small words of one and few of English."""
    words = [t for t in tokens if is_word(t)]
    if not words:
        return False
    other_script = sum(not t.isascii() and not _LATIN.fullmatch(t) for t in words)
    accented = sum(not t.isascii() for t in words)
    small = sum(t in FOREIGN for t in words)
    english = sum(t in STOP and t not in FOREIGN for t in words)
    return other_script > 0.3 * len(words) or (small + accented > 0 and small + accented > english)


def numbers(text: str) -> Counter[str]:
    """The numbers of a text as a multiset; words from two to twenty (and zero) count, drawings do not.

    A minus that cannot be a subtraction belongs to its number.
    """
    return _count(normal_form(without_figures(text)).split())[0]


def _count(tokens: Sequence[str]) -> tuple[Counter[str], Counter[str], Counter[str]]:
    hard: Counter[str] = Counter()
    soft: Counter[str] = Counter()
    marks: Counter[str] = Counter()
    negative = False
    for index, piece in enumerate(tokens):
        if is_number(piece):
            hard["-" * negative + canonical_number(piece)] += 1
            negative = False
        elif piece == "-" and _is_sign(tokens, index):
            negative = True
        elif piece in _SCALES:
            _scale(hard, soft, tokens[index - 1] if index else "", _SCALES[piece])
        elif piece in NUMBER_WORDS:
            value = NUMBER_WORDS[piece]
            ten = NUMBER_WORDS.get(tokens[index - 1], "") if index else ""
            if len(value) == 1 and len(ten) == 2 and ten[1] == "0" and ten != "10":  # twenty-four
                hard[ten] -= 1
                value = ten[0] + value
            hard[value] += 1
        elif piece in SOFT_WORDS:
            soft[SOFT_WORDS[piece]] += 1
        elif piece in _MARKS:
            marks[piece] += 1
    return +hard, +soft, marks


def _scale(hard: Counter[str], soft: Counter[str], before: str, scale: int) -> None:
    """`five hundred` is one number."""
    if before == "one":
        soft["1"] -= 1
    times = 1
    if before in NUMBER_WORDS:
        hard[NUMBER_WORDS[before]] -= 1
        times = int(NUMBER_WORDS[before])
    hard[str(times * scale)] += 1


def _is_sign(tokens: Sequence[str], index: int) -> bool:
    if index + 1 >= len(tokens) or not is_number(tokens[index + 1]):
        return False
    if index == 0:
        return True
    before = tokens[index - 1]
    return (
        before in _MARKS
        or before in {"(", "[", ",", "=", "_", "*", "|", ":"}
        or before in STOP
        or not before.isascii()
        or (len(before) > 2 and is_word(before))
    )


def canonical_number(piece: str) -> str:
    """The number without zeros that change nothing: 007 is 7, 2.50 is 2.5."""
    whole, _, part = piece.partition(".")
    whole, part = whole.lstrip("0") or "0", part.rstrip("0")
    return f"{whole}.{part}" if part else whole


def variable_form(text: str) -> str:
    """Normal form with single-letter variables numbered by first use; equal for a consistent renaming.

    Runs of letters inside formulas, and short runs of capitals outside, are taken letter by letter.
    Letters stay where they are themselves the subject.
    """
    return _numbered(normal_form(spelled(text)).split())


def _numbered(tokens: Sequence[str]) -> str:
    if letters_matter(tokens):
        return " ".join(tokens)
    names: dict[str, str] = {}
    return " ".join(
        names.setdefault(piece, f"§{len(names) + 1}") if _is_variable(tokens, index) else piece
        for index, piece in enumerate(tokens)
    )


def _is_variable(tokens: Sequence[str], index: int) -> bool:
    piece = tokens[index]
    before = tokens[index - 1] if index else ""
    if piece in _FIXED_LETTERS or before == "°":
        return False
    return (len(piece) == 1 and piece.isalpha()) or piece in _GREEK


def is_letter(token: str) -> bool:
    """A single letter, or a Greek one by its name (pi is a number)."""
    return (len(token) == 1 and token.isalpha()) or token in _GREEK


def letters_matter(tokens: Sequence[str]) -> bool:
    """True where letters are the subject: words to be spelled, or digits of a base above ten."""
    return not _LETTERS_MATTER.isdisjoint(tokens) or any(
        a in ("base", "_") and b.isdecimal() and len(b) == 2 and 10 < int(b) <= 36 for a, b in pairwise(tokens)
    )


def answer_value(answer: str | None) -> Fraction | None:
    """The value of an answer that is a plain number or fraction, with `x =` before or a unit behind."""
    tokens = normal_form(answer[:200]).split() if answer else []
    if len(tokens) > 2 and tokens[1] == "=":
        tokens = tokens[2:]
    while tokens and (tokens[-1] in ("°", "%") or is_word(tokens[-1])):
        tokens = tokens[:-1]
    sign = -1 if tokens[:1] == ["-"] else 1
    tokens = tokens[1:] if sign < 0 else tokens
    if len(tokens) not in (1, 3) or any(len(t) > 60 for t in tokens) or not all(is_number(t) for t in tokens[::2]):
        return None
    try:
        if len(tokens) == 1:
            return sign * Fraction(tokens[0])
        return sign * Fraction(tokens[0]) / Fraction(tokens[2]) if tokens[1] == "/" else None
    except (ValueError, ZeroDivisionError):
        return None


def _values(answer: str) -> list[Fraction] | None:
    """The values of a plain number, or of a list or tuple of them, sorted; None if any is not plain."""
    single = answer_value(answer)
    parts = [answer] if single is not None else _BRACKETS.sub(" ", answer[:200]).split(",")
    values = [answer_value(part) for part in parts]
    return None if None in values else sorted(v for v in values if v is not None)


def answer_key(answer: str | None) -> tuple[bool | Fraction, ...] | str | None:
    """What equal answers have in common: whether in per cent and the values of numbers, else the normal form."""
    if not answer or not answer.strip():
        return None
    values = _values(answer)
    return normal_form(answer) if values is None else ("%" in answer, *values)


def same_answer(here: str | None, there: str | None) -> bool | None:
    """Whether two reference answers agree; None where that is not clear (unknown, or not plain numbers)."""
    if not here or not there:
        return None
    if normal_form(here) == normal_form(there):
        return True
    values = _values(here), _values(there)
    if values[0] is None or values[1] is None or len(values[0]) != len(values[1]):
        return None
    # A percentage and its fraction are one answer, but not one value.
    return None if ("%" in here) != ("%" in there) else values[0] == values[1]
