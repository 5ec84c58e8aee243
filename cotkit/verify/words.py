"""Answers in words."""

from __future__ import annotations

import re

from cotkit.verify.scalars import Outcome, no, unknown, yes

_DAYS = "monday tuesday wednesday thursday friday saturday sunday"
_MONTHS = "january february march april may june july august september october november december"
_SAME = {
    "是": "yes", "否": "no", "不是": "no", "对": "true", "错": "false", "正确": "true", "错误": "false", "不正确": "false",
    "偶数": "even", "奇数": "odd", "星期一": "monday", "星期二": "tuesday", "星期三": "wednesday", "星期四": "thursday",
    "星期五": "friday", "星期六": "saturday", "星期日": "sunday", "星期天": "sunday", "周一": "monday", "周二": "tuesday",
    "周三": "wednesday", "周四": "thursday", "周五": "friday", "周六": "saturday", "周日": "sunday",
    "存在": "exists", "不存在": "does not exist", "无解": "no solution", "no solutions": "no solution",
    "no real solutions": "no real solution", "dne": "does not exist", "correct": "true", "incorrect": "false",
}  # fmt: skip
_VOCABULARIES = tuple(
    frozenset(words.split("|"))
    for words in (
        "yes|no|true|false", "even|odd|neither|both", _DAYS.replace(" ", "|"), _MONTHS.replace(" ", "|"),
        "exists|does not exist", "converges|diverges|convergent|divergent", "increasing|decreasing|constant",
        "red|green|blue|yellow|black|white|orange|purple|brown|pink|gray|grey", "left|right|up|down|top|bottom",
        "north|south|east|west|northeast|northwest|southeast|southwest", "clockwise|counterclockwise|anticlockwise",
        "circle|ellipse|parabola|hyperbola|line|point|two lines|empty",
        "acute|obtuse|right", "isosceles|equilateral|scalene", "square|rectangle|rhombus|trapezoid|parallelogram|kite",
        "endothermic|exothermic", "injective|surjective|bijective", "reflexive|symmetric|transitive",
        "大于|小于|等于", "增大|减小|不变|先增后减|先减后增", "上升|下降", "锐角三角形|钝角三角形|直角三角形|等腰三角形|等边三角形",
        "相切|相交|相离|不相切", "质数|合数|偶数|奇数", "圆|椭圆|抛物线|双曲线|直线", "甲|乙|丙|丁|戊", "红色|绿色|蓝色|黄色|黑色|白色", "增函数|减函数", "奇函数|偶函数|非奇非偶函数",
        "上|下|左|右", "东|南|西|北",
    )
)  # fmt: skip
_ARTICLES = re.compile(r"^(?:the|an?|it is|it's|they are)\s+|\bthe\s+")
_PUNCTUATION = re.compile(r"[\s.,;:!?\"'`’‘“”()\[\]{}$*_\\/~-]+")
_SEPARATORS = re.compile(r"[\s,;、()]|and")
_SEVERAL_LETTERS = re.compile(r"[A-J]{2,10}")
_NAME_ZH = re.compile(r"[小老][\u4e00-\u9fff]")
_NAME = re.compile(r"[A-Z][a-z]{1,20}")


def normal(text: str) -> str:
    """Case, articles, punctuation and dressing taken off."""
    words = _PUNCTUATION.sub(" ", text.casefold()).strip()
    words = _ARTICLES.sub("", words).strip()
    return _SAME.get(words, _SAME.get(words.rstrip("的"), words))


# Words that say that an answer is no number.
NO_NUMBERS = frozenset(
    [
        "undefined",
        "true",
        "false",
        "yes",
        "no",
        "all",
        "nothing",
        "even",
        "odd",
        "unknown",
        "nan",
        "error",
        "indeterminate",
    ]
)


def several_letters(text: str) -> bool:
    """Whether a text is two option letters or more: `ACD`, `A, C and D`."""
    return bool(_SEVERAL_LETTERS.fullmatch(_SEPARATORS.sub("", text)))


_FILLING = frozenset(
    [
        "the",
        "a",
        "an",
        "limit",
        "series",
        "sequence",
        "answer",
        "is",
        "it",
        "are",
        "there",
        "wins",
        "win",
        "of",
        "them",
        "only",
        "exactly",
    ]
)


def _core(text: str) -> list[str]:
    """The words that say something: `Alice` of "Alice wins", yes of "yes it is possible"."""
    words = text.split()
    if len(words) > 6:
        return []
    if words and words[0] in ("yes", "no") and len(words) > 2 and words[1] in ("it", "there", "they", "this"):
        return words[:1]
    core = [word for word in words if word not in _FILLING]
    return core[:-1] if core[:2] == ["infinitely", "many"] and core[2:] in (["solutions"], ["values"]) else core


def _closing_words(sentence: str, word: str) -> Outcome | None:
    """`压强减小` against `减小`: a Chinese sentence that ends in a word of the vocabulary."""
    for words in _VOCABULARIES:
        ends = [w for w in words if not w.isascii() and sentence.endswith(w) and sentence != w]
        if word in words and ends and not word.isascii():
            last = max(ends, key=len)
            before = sentence[: -len(last)]
            return (
                unknown("prose")
                if before.endswith(tuple("不非没否"))
                else yes()
                if last == word
                else no("words_differ")
            )
    return None


def compare_words(a: str, b: str) -> Outcome:
    """Equal words are equal; different ones are so only within a closed vocabulary or as names."""
    letters = [_SEPARATORS.sub("", text) for text in (a, b)]
    if several_letters(a) and several_letters(b):
        if sorted(letters[0]) != sorted(letters[1]):
            return no("letters_differ")
        # ABC and ACB may be orders; A, C, B and ABC are options that were ticked
        return yes() if letters != [a, b] or a == b else unknown("order_unclear")
    x, y = normal(a), normal(b)
    if x == y:
        return yes() if x or a.strip() == b.strip() else unknown("prose")
    if sorted(x.split()) == sorted(y.split()) and ("," in a or " and " in a):
        return yes("same words")
    if _NAME_ZH.fullmatch(a.strip()) and _NAME_ZH.fullmatch(b.strip()):
        return no("names_differ")
    if _core(x) and _core(x) == _core(y):
        return yes("same words")
    found = _closing_words(x, y) or _closing_words(y, x)
    if found is not None:
        return found
    if any(x in words and y in words for words in _VOCABULARIES):
        return no("words_differ")
    if (
        _NAME.fullmatch(a.strip())
        and _NAME.fullmatch(b.strip())
        and not x.startswith(y[:4])
        and not y.startswith(x[:4])
    ):
        return no("names_differ")
    return unknown("prose")
