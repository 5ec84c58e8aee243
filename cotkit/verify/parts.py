"""The parts of a sentence that may be its answer, the likeliest first."""

from __future__ import annotations

import re
from collections.abc import Iterator

BOLD = re.compile(r"\*\*\s*([^*\n]{1,300}?)\s*\*\*|__([^_\n]{1,200}?)__")


_CODE = re.compile(r"`([^`\n]{1,200})`")


_MATH = re.compile(
    r"\$\$(.{1,1000}?)\$\$|(?<![\\$])\$([^$]{1,600}?)(?<!\\)\$|\\\((.{1,600}?)\\\)|\\\[(.{1,1000}?)\\\]", re.DOTALL
)


_SAID = re.compile(r"(?:\bis|\bare|\bequals|\bof|\bget|\bbe|为|是|得|有)\s*$", re.IGNORECASE)


_SAME_RUN = re.compile(r"\s*(?:,|;|、|，|and|or|&|和|或|以及|,\s*and|,\s*or|，?或|，?和)\s*", re.IGNORECASE)


_COLON = re.compile(r"[:：](?!\d)\s*(?=\S)")


_COPULA = re.compile(
    r"\b(?:is|are|was|were|equals?|becomes?|be|gives?|get|find|yields?|obtain|have|has|holds?|at|by|simplifies to|comes to|"
    r"amounts to|totals?|costs?|takes?|falls on|about|of|to be|made up of|choose|select|pick)\s+|"
    r"(?:等于|分别[为是]|应[为是]|答案[为是]?|结果[为是]?|为|是|得到?|有|需要|需|要|共|即|选择?|故|则|约|用了|花了|花费|所以|因此)\s*[:：]?\s*",
    re.IGNORECASE,
)


LEAD = re.compile(
    r"^(?:so|thus|hence|therefore|then|finally|in conclusion|in total|altogether|overall|putting it together|we (?:get|have|find)|"
    r"this gives|it follows that|and|now|final answer|answer|ans|因此|所以|故|则|即|综上所述?|于是|从而|答|可得|解得|得)\b[\s,:：，]*|"
    r"^(?:因此|所以|故|则|即|综上所述?|综上|于是|从而|答|可得|解得|得)[\s,:：，]*",
    re.IGNORECASE,
)


_MARKERS = re.compile(r"(?<![A-Za-z0-9])\((?:a|b|c|d|i|ii|iii|1|2|3)\)\s*")


_SO = re.compile(
    r"[,，;；]\s*(?:and\s)?(?:so|thus|hence|therefore|giving|which gives|which means|所以|故|因此|即|从而)\b[\s,，]*|[,，](?:所以|故|因此|即|从而)",
    re.IGNORECASE,
)


_TIME = re.compile(
    r"(?:上午|下午|晚上|早上|凌晨|中午|傍晚)?\s?\d{1,2}\s?[点时:]\s?(?:\d{1,2}\s?分?|半)?(?:\s?[ap]\.?\s?m\.?)?|\d{1,2}\s?[ap]\.?m\.?",
    re.IGNORECASE,
)


_LASTS = re.compile(
    r"\d+\s?(?:小时|时|分钟?|hours?|hrs?|h|minutes?|mins?|m|米|元|feet|ft|kg|千克)\s?(?:and\s)?\d+\s?"
    r"(?:分钟?|秒钟?|minutes?|mins?|seconds?|secs?|s|厘米|cm|角|inches|in|g|克)(?![a-z])"
)


_NUMBER = re.compile(
    r"[-−]?(?:[$€£¥￥₹]\s?)?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:\s?/\s?\d+)?(?:[½¼¾]|\s?(?:×|x|\\times|·)\s?10\s?\^?\{?[-⁻]?[\d⁰¹²³⁴⁵⁶⁷⁸⁹]+\}?|[eE][-+]?\d+)?"
    r"(?:\s?%|\s?(?:thousand|million|billion)|\s?°C?|\s?[ap]\.?m\.?)?"
)


# What turns a number into another statement: at least 5, not 5, twice 5, 5 squared.
QUALIFIED = re.compile(
    r"\s*(?:not|never|neither|n't|at least|at most|no more than|no less than|more than|less than|greater than|fewer than|"
    r"twice|thrice|double|triple|half of|the (?:square|cube) root of|either|between|不是|不为|至少|至多|大于|小于)\b",
    re.IGNORECASE,
)


_BEFORE = re.compile(QUALIFIED.pattern + r"[\s$*`:]*(?:be\s|is\s|equal to\s)?[\s$*`]*$", re.IGNORECASE)


_AFTER = re.compile(
    r"[\s$*`]*(?:squared|cubed|hundred|dozen|(?:less|more|fewer|greater) than|times as|or (?:more|less|so)|maybe)\b",
    re.IGNORECASE,
)


_MAYBE = re.compile(r"\b(?:maybe|perhaps|probably|might be|could be|either)\b|可能|或许|也许", re.IGNORECASE)


def qualified(clause: str, answer: str) -> bool:
    if _MAYBE.search(clause):
        return True
    at = clause.rfind(answer)
    if at < 0:
        return False
    return bool(
        _BEFORE.search(clause[max(0, at - 40) : at]) or _AFTER.match(clause[at + len(answer) : at + len(answer) + 30])
    )


def candidates(clause: str) -> Iterator[tuple[str, bool]]:
    """What may be the answer, the likeliest first."""
    bold = list(BOLD.finditer(clause))
    if bold:
        inner = bold[-1][1] or bold[-1][2]
        colon = _COLON.split(inner)
        yield colon[-1], True
        if len(colon) == 1:
            yield from ((part, True) for part, _ in _tails(inner))
    code = list(_CODE.finditer(clause))
    if code:
        yield code[-1][1], True
    plain = re.sub(r"\*\*|__", "", clause)
    marks = _MARKERS.findall(plain)
    if len(marks) > 1:
        plain = _MARKERS.sub(" ", plain)
    concluded = _SO.split(plain)
    if len(concluded) > 1:
        yield LEAD.sub("", concluded[-1]), True
        yield from ((part, True) for part, _ in _tails(concluded[-1]))
    if "$" in plain and re.search(r"[\u4e00-\u9fff]", plain):
        yield from _maths(plain)
    yield LEAD.sub("", plain), True
    tail = _COLON.split(plain)
    if len(tail) > 1:
        yield tail[-1], True
    yield from _maths(plain)
    yield from _tails(plain)
    if "$" not in plain:
        for match in list(_LASTS.finditer(plain))[-1:]:
            yield match[0], True
        for match in list(_TIME.finditer(plain))[-1:]:
            yield match[0], True
        yield from _numbers(plain)


def _maths(plain: str) -> Iterator[tuple[str, bool]]:
    spans = list(_MATH.finditer(plain))
    if not spans:
        return
    run = [spans[-1]]
    for span in reversed(spans[:-1]):
        between = plain[span.end() : run[0].start()]
        if not _SAME_RUN.fullmatch(between):
            break
        run.insert(0, span)
    said = next((span for span in spans if _SAID.search(plain[max(0, span.start() - 30) : span.start()])), None)
    if said is not None and said not in run:
        yield plain[said.start() : said.end()], False
    joined = plain[run[0].start() : run[-1].end()]
    alone = len({span[0] for span in spans}) == len(run) or said in run
    after = re.match(r"\s*([A-Za-z°%\u4e00-\u9fff][\w/^°\u4e00-\u9fff]{0,14})?", plain[run[-1].end() :])
    if len(run) == 1 and after and after[1]:
        inner = next(group for group in run[0].groups() if group)
        yield f"{inner} {after[1]}", alone
    yield joined, alone
    last = next(group for group in run[-1].groups() if group)
    yield last, alone
    if re.match(r"\s*\\(?:sin|cos|tan|log|ln|angle|triangle|Delta|operatorname)", last) and "=" in last:
        yield last.rpartition("=")[2], True  # sin A = …: the question asked for it


def _tails(plain: str) -> Iterator[tuple[str, bool]]:
    """What stands behind a verb, from the first one on: `the solutions are x = 1 and x = 2`."""
    numbers = set(_NUMBER.findall(plain))
    for match in list(_COPULA.finditer(plain))[:12]:
        tail = plain[match.end() :]
        yield tail, numbers <= set(_NUMBER.findall(tail))


def _numbers(plain: str) -> Iterator[tuple[str, bool]]:
    found = list(_NUMBER.finditer(plain))
    if not found:
        return
    last = found[-1]
    if last.start() and (
        (plain[last.start() - 1].isalnum() and plain[last.start() - 1].isascii()) or plain[last.start() - 1] in "^_\\"
    ):
        return
    sure = len({re.sub(r"[^\d./]", "", number[0]) for number in found}) == 1
    unit = re.match(r"\s*([A-Za-z°\u4e00-\u9fff][A-Za-z/^²³°\u4e00-\u9fff0-9]*(?: per [a-z]+)?)", plain[last.end() :])
    if unit:
        yield f"{last[0]} {unit[1]}", sure
    yield last[0], sure
