"""The solution attempts in a trace: where one ends with a stated answer and the next line of thought begins.

As in "Do NOT Think That Much for 2+3=?" (arXiv 2412.21187) an attempt is a stretch that comes to an explicit answer, and
a check that states the answer again is one, too. There a model cuts the trace; here rules do, in English and Chinese.
What they find and miss is in docs/overthinking.md, measured on traces segmented by hand.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cotkit.curate.sentences import Sentence, sentences
from cotkit.verify.compare import ladder
from cotkit.verify.extract import extract_answer
from cotkit.verify.grade import grade_answer
from cotkit.verify.policy import DEFAULT
from cotkit.verify.read import read
from cotkit.verify.tree import Node
from cotkit.verify.values import Text

# A longer sentence states no answer, it is a table or a loop.
_MAX_SENTENCE = 1_500
# A longer trace is not segmented: it is broken, or no trace.
MAX_TEXT = 400_000

_FILLER = (
    r"(?:(?:okay|ok|so|but|and|now|then|yes|well|good|great|right|alright|oh|ah|also|hmm+|maybe|嗯+|好的?|哦|那么?|但是?|不过|然后|我们?)"
    r"[\s,，.。…!！:：]*){0,3}"
)
_HEAD = r"^[\s>*#\-]*(?:(?:step\s*)?\d{1,2}[.):：]\s*)?\**"
_TURN = re.compile(
    _HEAD + _FILLER + r"(?:"
    r"hmm+\b|wait\b|oops\b|that (?:can(?:no|')t|doesn't|does not|isn't|is not|is wrong)|no,? wait\b|hold on\b|actually\b|alternatively\b|no\b[,.]|on second thought|let'?s? ?me see if|"
    r"(?:another|a different|a second|one more|the other) (?:way|approach|method|idea|check|thought|possibility|option)|"
    r"(?:let me|let'?s|let us|i(?:'ll| will| should| could| can| want to)|we (?:can|could|should))\s+(?:\w+\s+){0,2}?"
    r"(?:re-?|(?:double|cross)[- ]?)?(?:check|verify|confirm|validate|make sure|be sure|redo|do|recompute|recalculate|compute|recount|count|"
    r"reconsider|consider|rethink|try|test|list|apply|plug|solve|think|look|see|go)\b|"
    r"to (?:double[- ]?check|check|verify|confirm|be (?:sure|safe|certain|extra))|"
    r"(?:(?:double|cross)[- ]?)?check(?:ing)?\b|verif(?:y|ying|ication)\b|plug(?:ging)?\b|as a (?:check|sanity)|sanity check|"
    r"or (?:maybe|perhaps|else|equivalently)\b|(?:we|i) (?:can|could) also|(?:pair|list|try|use|count)\b[^.]{0,40}\binstead|"
    r"等等|等一?下|哎|哦不|糟|且慢|慢着|不对|不[，不]|错了|换(?:一?[种个]|句)|另(?:一?[种个]|外)|或者|也可以|还可以|其实|"
    r"(?:让我们?|我们?)?(?:来|再|重新|直接)[^，。]{0,8}?(?:想|算|看|数|检|验|核|确认|试|推|列|举|画)|"
    r"(?:检验|验证|验算|检查|核对|核实|确认|代入|代回|反过来)|"
    r"从[^，。]{1,8}(?:再|来)看|用[^，。]{1,12}(?:检验|验证|验算|核对|再)|为了(?:确认|保险|确保|验证)"
    r")",
    re.IGNORECASE,
)
# "But the order does not matter" takes an answer back only where it stands right behind it.
_BUT = re.compile(_HEAD + r"(?:but|however|except|oops|但是?|可是|不过|然而)(?:\b|(?=[^\x00-\x7f]))", re.IGNORECASE)
# A turn that doubts what was just said, rather than a step that goes on.
_DOUBT = re.compile(
    _HEAD + r"(?:oh,?\s+|but\s+|hmm+[,.\s]*|嗯+[，,\s]*)?"
    r"(?:wait|hold on|actually|no\b[,.]|hmm|that(?:'s| is) (?:wrong|not)|that (?:can(?:no|')t|doesn't|isn't)|oops|等等|等一?下|哎|哦不|糟|不对|不[，不]|错了|嗯)",
    re.IGNORECASE,
)
_EXPLICIT = re.compile(
    r"\\boxed|\\fbox|\banswers?\b[\s*_]{0,4}(?:\w+\s+){0,2}?(?:is|are|would|should|might|must|could|comes?|stays?|remains?|[:：=]|-?\d)|"
    r"final result|答案|\bfinal(?:ly)?\s*[:：]",
    re.IGNORECASE,
)
_CONCLUDES = re.compile(
    _HEAD + _FILLER + r"(?:so|thus|therefore|hence|in total|altogether|in conclusion|finally|that(?:'s| is| means| gives| makes| leaves)|this (?:means|gives|makes)|"
    r"which (?:means|gives|makes)|it(?:'s| is| will be| must be)|there are|both|everything|所以|因此|故|综上|总之|即|可见|于是|结果|这样|一共|共)"
    r"|[,，;；]\s*(?:so|thus|hence|therefore|giving|which (?:gives|is|makes)|所以|因此|故|就是|一共|共|那)",
    re.IGNORECASE,
)
# "So the total is 9" speaks of the answer whatever is asked for.
_GENERIC = frozenset(("total", "result", "结果", "总共", "一共"))
_LEADS = re.compile(r"\b(?:so|thus|hence|therefore|is|are|gives?|get|to|on|be)\s+(?:it'?s |a |an |the |exactly |just )?|[=是为得有]|所以|因此|就是|还是", re.IGNORECASE)
_COPULA = re.compile(r"^(?:(?:[是为有]|is |stays |remains |it'?s |(?:yes|no|ok|okay|good|great|right|so|没错|对)[,，:]\s*)\s*)+|\s+(?:again|indeed)$", re.IGNORECASE)
_ONE_NUMBER = re.compile(
    r"(?:[A-Za-z]\s*=\s*|[\u4e00-\u9fff]{1,12}\s?)?[$€£¥]?(-?\d+(?:[.,]\d+)*)"
    r"(?:\s?°|\s[A-Za-z]{2,}[A-Za-z ]{0,30}|\s?[\u4e00-\u9fff]{1,12})?[.。!?？]?"
)
_HEDGE = re.compile(r"\b(?:might|may|could|should|would|must|will) be\b|\b(?:is|are) (?:probably|perhaps|maybe|indeed|still|again|then)\b", re.IGNORECASE)
_CONFIRMS = re.compile(
    r"\b(?:yes|indeed|again|same|match(?:es)?|agrees?|consistent|confirm(?:s|ed)?|correct|as before|works?|still)\b|"
    r"一致|没错|正确|没有?问题|同样|吻合|符合|成立|相同|还是",
    re.IGNORECASE,
)
# A doubt that was looked into and laid to rest.
_SETTLED = re.compile(r"^(?:[^,.。，]{0,24}[,，]\s*)?(?:that'?s\s+)?(?:fine|okay|ok|good|right|correct|all good|yes|no problem|没问题|没错|好的?|对的?|可以)[.!。！]*$", re.IGNORECASE)
# Something was worked out: an equation, or several numbers.
_NUMBERS = re.compile(r"\d+")
_VALUE = re.compile(r"\d|\$|\\[(a-z]")
_EQUATION = re.compile(r"[=≡≈]|\d\)?\s?[+*/×÷·^-]\s?\(?[\da-z]|\b[a-z]\s?[+*/×÷·^]\s?[\da-z]|\\(?:times|cdot|binom)", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z]{3,}")
_TALK = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,}|[\u4e00-\u9fff]")
_CHINESE = re.compile(r"[\u4e00-\u9fff]+")
# 多少种, 几棵: what is counted; 120 种 answers it.
_UNIT = re.compile(r"(?:多少|几)([\u4e00-\u9fff])")
_COUNTED = re.compile(r"\d\s?([\u4e00-\u9fff])")
_ASKED = re.compile(r"(?<=[.!?。！？；，])\s*")
_COMMON = frozenset(
    "what which that this many much does have with from there when where find value will would their there each every "
    "such then than into only possible given find the are for its how one you and was has has per".split()
)


@dataclass(frozen=True, slots=True)
class Segment:
    """One attempt, text[start:end] with the white space around it; all attempts together are the text.

    Attributes:
        answer: the answer it states last, as it stands there; None where it states none.
        answered: where the sentence that states it ends; `end` where there is none.
    """

    start: int
    end: int
    answer: str | None
    answered: int


def segments(text: str, problem: str = "", final: str | None = None) -> list[Segment]:
    """The attempts of a trace in order; [] for a text that is blank or longer than MAX_TEXT.

    Args:
        text: the reasoning, or a whole response.
        problem: its words tell a conclusion ("so the area is 40") from a step on the way.
        final: the answer that the response gives; else the last one that the text states.
    """
    if not text.strip() or len(text) > MAX_TEXT:
        return []
    spans = sentences(text)
    lines = [text[s.start : s.end] for s in spans]
    said = _stated(text, spans, lines, problem, final)
    starts = _starts(text, spans, lines, said)
    bounds = [0, *(spans[n].start for n in starts), len(text)]
    edges = [0, *starts, len(spans)]
    found: list[Segment] = []
    for number, (start, end) in enumerate(zip(bounds, bounds[1:], strict=False)):
        mine = [n for n in range(edges[number], edges[number + 1]) if said[n] is not None]
        last = mine[-1] if mine else None
        found.append(
            Segment(start, end, None, end) if last is None else Segment(start, end, said[last], spans[last].end)
        )
    return found


def _stated(
    text: str, spans: Sequence[Sentence], lines: Sequence[str], problem: str, final: str | None
) -> list[str | None]:
    """Of each sentence the answer to the whole problem that it states, or None."""
    asked = _asked(problem)
    explicit: list[str | None] = [None] * len(lines)
    for number, (span, line) in enumerate(zip(spans, lines, strict=True)):
        if not span.code and len(line) <= _MAX_SENTENCE and _EXPLICIT.search(line):
            *_, last = _EXPLICIT.finditer(line)
            explicit[number] = _value(line[last.start() :]) or _value(line)
    if final is None:
        final = _last(lines, explicit)
    found = list(explicit)
    for number, (span, line) in enumerate(zip(spans, lines, strict=True)):
        ends = number + 1 == len(lines) or (
            "\n" in text[span.end : spans[number + 1].start]
            and _TURN.match(lines[number + 1]) is not None
            and not _DOUBT.match(lines[number + 1])
        )
        if explicit[number] is not None or span.code or not _may_state(line, asked, final, ends):
            continue
        value, tail = _value(line), _tail(line)
        doubted = number + 1 < len(lines) and _takes_back(line, lines[number + 1])
        for said in dict.fromkeys(v for v in (value, tail) if v):
            posed = said in problem and not said.isalnum()  # the expression that is to be worked out
            if final is not None and not posed and same(said, final):
                found[number] = said
                break
        else:
            if value is not None and doubted and _about(line, asked) and not isinstance(read(value), Text):
                found[number] = value
    return found


def _may_state(line: str, asked: frozenset[str], final: str | None, ends: bool) -> bool:
    """Whether a sentence may state the answer; `ends`: a turn, and no doubt, follows in the next paragraph."""
    if len(line) > _MAX_SENTENCE or line.endswith(("?", "？")):
        return False
    if not _VALUE.search(line) and (final is None or final not in line):
        return False
    return bool(ends or _CONCLUDES.search(line) or _CONFIRMS.search(line) or _about(line, asked))


def _value(line: str) -> str | None:
    found = extract_answer(_HEDGE.sub("is", line)).answer
    return _COPULA.sub("", found).rstrip(" .。?？:：") or None if found is not None else None


def _tail(line: str) -> str | None:
    """What stands behind the last word that leads to a value: so, is, an equals sign."""
    *_, last = [0, *(m.end() for m in _LEADS.finditer(line))]
    return line[last:].strip(" .,。，!！*") if last and len(line) - last <= 80 else None


def _last(lines: Sequence[str], explicit: Sequence[str | None]) -> str | None:
    """The answer that the trace ends with: in its last lines a conclusion, else the last that is called an answer."""
    for line, value in list(zip(lines, explicit, strict=True))[-3:][::-1]:
        if value is None and len(line) <= _MAX_SENTENCE:
            value = _value(line)
            value = None if value is None or isinstance(read(value), Text) else value
        if value is not None:
            return value
    return next((value for value in reversed(explicit) if value is not None), None)


def _takes_back(line: str, after: str) -> bool:
    """Whether the sentence after this one doubts what it says."""
    return bool(_DOUBT.match(after) or (_BUT.match(after) and _CONCLUDES.search(line)))


def _starts(text: str, spans: Sequence[Sentence], lines: Sequence[str], said: Sequence[str | None]) -> list[int]:
    """Numbers of the sentences with which an attempt after the first begins."""
    starts: list[int] = []
    answered = None  # the last sentence that stated an answer
    begun: int | None = None  # the turn that an attempt may have begun with
    for number, line in enumerate(lines):
        turns = answered is not None and (
            _TURN.match(line) is not None
            or (answered == number - 1 and _BUT.match(line) is not None)
            or _opens(text, spans, lines, said, number)
        )
        if turns and (begun is None or _is_over(text, spans, lines, begun, number)):
            begun = number
        if said[number] is None:
            continue
        if begun is not None and answered is not None:
            changed = not same(str(said[number]), str(said[answered]))
            if changed or _works(spans, lines, begun, number) or _worked(line):
                starts.append(begun)
        begun, answered = None, number
    return starts


def _opens(
    text: str, spans: Sequence[Sentence], lines: Sequence[str], said: Sequence[str | None], number: int
) -> bool:
    """Whether a paragraph begins here that comes to an answer by work of its own, though no word announces it."""
    if "\n" not in text[spans[number - 1].end : spans[number].start] or _CONCLUDES.match(lines[number]):
        return False
    if len(_TALK.findall(lines[number])) < 3:  # a formula by itself, a heading
        return False
    end = number
    while end + 1 < len(spans) and "\n" not in text[spans[end].end : spans[end + 1].start]:
        end += 1
    stated = next((n for n in range(number, end + 1) if said[n] is not None), None)
    return stated is not None and (_works(spans, lines, number, stated) or _worked(lines[stated]))


def _is_over(text: str, spans: Sequence[Sentence], lines: Sequence[str], begun: int, number: int) -> bool:
    """Whether the turn at sentence `begun` came to nothing before the one at `number`, in a paragraph of its own."""
    if "\n" not in text[spans[number - 1].end : spans[number].start]:
        return False
    return _SETTLED.search(lines[number - 1]) is not None or not _works(spans, lines, begun, number)


def _works(spans: Sequence[Sentence], lines: Sequence[str], start: int, end: int) -> bool:
    """Whether something is worked out in these sentences; code that nobody ran works nothing out."""
    numbers = 0
    for span, line in zip(spans[start:end], lines[start:end], strict=True):
        if span.code:
            continue
        if _EQUATION.search(line):
            return True
        numbers += len(_NUMBERS.findall(line))
    return numbers >= 3


def _worked(line: str) -> bool:
    """As `_works`, of the sentence that states the answer, which has a number of its own."""
    return _EQUATION.search(line) is not None or len(_NUMBERS.findall(line)) >= 3


def _asked(problem: str) -> frozenset[str]:
    """Words and pairs of Chinese characters of the problem's last two clauses, which say what is asked for."""
    clause = " ".join([part for part in _ASKED.split(problem) if part.strip()][-2:])
    words = {word.casefold() for word in _WORD.findall(clause)} - _COMMON
    return frozenset(words | _pairs(clause) | set(_UNIT.findall(clause)))


def _pairs(text: str) -> set[str]:
    return {run[i : i + 2] for run in _CHINESE.findall(text) for i in range(len(run) - 1)}


def _about(line: str, asked: frozenset[str]) -> bool:
    """Whether a sentence speaks of what is asked for, or counts in its unit."""
    if not asked.isdisjoint(_COUNTED.findall(line)):
        return True
    return not (asked | _GENERIC).isdisjoint({word.casefold() for word in _WORD.findall(line)} | _pairs(line))


def same(a: str, b: str) -> bool:
    """Whether two answers are plainly the same, units aside; what only algebra could tell is not."""
    numbers = _ONE_NUMBER.fullmatch(a), _ONE_NUMBER.fullmatch(b)
    if numbers[0] and numbers[1]:
        return numbers[0][1].replace(",", "") == numbers[1][1].replace(",", "")
    return grade_answer(a, b, (), ladder(DEFAULT, _unproved)).verdict == "correct"


def _unproved(a: Node, b: Node) -> tuple[bool | None, str]:  # noqa: ARG001 - the signature of a proof
    return None, "not_asked"
