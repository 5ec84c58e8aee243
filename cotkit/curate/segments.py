"""The solution attempts in a trace: where one ends with a stated answer and the next line of thought begins.

An attempt, as in "Do NOT Think That Much for 2+3=?" (arXiv 2412.21187), is a stretch that comes to an explicit
answer, and a check that states the answer again is one, too. There a model cuts the trace; here rules do, in English
and Chinese. What they find and miss is in docs/shorter-traces.md, measured on traces segmented by hand.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from cotkit.curate.segment_words import (
    AROUND,
    BUT,
    COMMON,
    CONCLUDES,
    CONFIRMS,
    COUNTED,
    DOUBT,
    EXPLICIT,
    GENERIC,
    HEDGE,
    LEADS,
    SETTLED,
    TURN,
    UNIT,
)
from cotkit.curate.sentences import sentences
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

_NUMBER = re.compile(r"\d+")
_EQUATION = re.compile(
    r"[=≡≈]|\d\)?\s?[+*/×÷·^-]\s?\(?[\da-z]|\b[a-z]\s?[+*/×÷·^]\s?[\da-z]|\\(?:times|cdot|binom)",
    re.IGNORECASE,
)
_VALUE = re.compile(r"\d|\$|\\[(a-z]")
_WORD = re.compile(r"[A-Za-z]{3,}")
_TALK = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,}|[\u4e00-\u9fff]")
_CHINESE = re.compile(r"[\u4e00-\u9fff]+")
_CLAUSE = re.compile(r"(?<=[.!?。！？；，])\s*")
# One number with a name before it or a unit behind it.
_ONE_NUMBER = re.compile(
    r"(?:[A-Za-z]\s*=\s*|[\u4e00-\u9fff]{1,12}\s?)?[$€£¥]?(-?\d+(?:[.,]\d+)*)"
    r"(?:\s?°|\s[A-Za-z]{2,}[A-Za-z ]{0,30}|\s?[\u4e00-\u9fff]{1,12})?[.。!?？]?"
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


@dataclass(frozen=True, slots=True)
class _Line:
    """A sentence text[start:end]; `code`: a fenced block; `opens`: the first one of a paragraph."""

    text: str
    start: int
    end: int
    code: bool
    opens: bool


def segments(text: str, problem: str = "", final: str | None = None) -> list[Segment]:
    """The attempts of a trace in order; [] for a text that is blank or longer than MAX_TEXT.

    Args:
        text: the reasoning, or a whole response.
        problem: its words tell a conclusion ("so the area is 40") from a step on the way.
        final: the answer that the response gives; else the last one that the text states.
    """
    if not text.strip() or len(text) > MAX_TEXT:
        return []
    lines = _lines(text)
    said = _stated(lines, problem, final)
    starts = _starts(lines, said)
    found: list[Segment] = []
    for first, after in pairwise([0, *starts, len(lines)]):
        start = lines[first].start if first else 0
        end = lines[after].start if after < len(lines) else len(text)
        last = max((n for n in range(first, after) if said[n] is not None), default=None)
        answer, answered = (None, end) if last is None else (said[last], lines[last].end)
        found.append(Segment(start, end, answer, answered))
    return found


def statements(text: str, problem: str = "", final: str | None = None) -> list[tuple[int, str]]:
    """(end of the sentence, answer) for every sentence that states an answer, in order; arguments as of `segments`."""
    if len(text) > MAX_TEXT:
        return []
    lines = _lines(text)
    said = zip(lines, _stated(lines, problem, final), strict=True)
    return [(line.end, answer) for line, answer in said if answer is not None]


def same(a: str, b: str) -> bool:
    """Whether two answers are plainly the same, units aside; what only algebra could tell is not."""
    numbers = _ONE_NUMBER.fullmatch(a), _ONE_NUMBER.fullmatch(b)
    if numbers[0] and numbers[1]:
        return numbers[0][1].replace(",", "") == numbers[1][1].replace(",", "")
    return grade_answer(a, b, (), ladder(DEFAULT, _unproved)).verdict == "correct"


def _unproved(a: Node, b: Node) -> tuple[bool | None, str]:  # noqa: ARG001 - the signature of a proof
    return None, "not_asked"


def _lines(text: str) -> list[_Line]:
    found: list[_Line] = []
    before = 0
    for span in sentences(text):
        opens = not found or "\n" in text[before : span.start]
        found.append(_Line(text[span.start : span.end], span.start, span.end, span.code, opens))
        before = span.end
    return found


def _stated(lines: Sequence[_Line], problem: str, final: str | None) -> list[str | None]:
    """Of each sentence the answer to the whole problem that it states, or None.

    One that is called the answer counts, one that equals the final answer where the sentence concludes, and another
    value where the sentence speaks of what is asked for and the next one takes it back.
    """
    asked = _asked(problem)
    found = [_called_answer(line) for line in lines]
    final = final if final is not None else _last(lines, found)
    for number, line in enumerate(lines):
        after = lines[number + 1] if number + 1 < len(lines) else None
        if found[number] is None and _may_state(line, after, asked, final):
            found[number] = _concluded(line, after, asked, problem, final)
    return found


def _called_answer(line: _Line) -> str | None:
    if line.code or len(line.text) > _MAX_SENTENCE:
        return None
    calls = list(EXPLICIT.finditer(line.text))
    return (_value(line.text[calls[-1].start() :]) or _value(line.text)) if calls else None


def _concluded(line: _Line, after: _Line | None, asked: frozenset[str], problem: str, final: str | None) -> str | None:
    value = _value(line.text)
    for said in dict.fromkeys(v for v in (value, _tail(line.text)) if v):
        posed = said in problem and not said.isalnum()  # the expression that is to be worked out
        if final is not None and not posed and same(said, final):
            return said
    if value is None or after is None or not _takes_back(line, after) or not _about(line.text, asked):
        return None
    return None if isinstance(read(value), Text) else value


def _may_state(line: _Line, after: _Line | None, asked: frozenset[str], final: str | None) -> bool:
    text = line.text
    if line.code or len(text) > _MAX_SENTENCE or text.endswith(("?", "？")):
        return False
    if not _VALUE.search(text) and (final is None or final not in text):
        return False
    # the last sentence of a paragraph before one that goes another way
    ends = after is None or (after.opens and TURN.match(after.text) is not None and not DOUBT.match(after.text))
    return bool(ends or CONCLUDES.search(text) or CONFIRMS.search(text) or _about(text, asked))


def _takes_back(line: _Line, after: _Line) -> bool:
    """Whether the sentence after this one doubts what it says."""
    return bool(DOUBT.match(after.text) or (BUT.match(after.text) and CONCLUDES.search(line.text)))


def _value(text: str) -> str | None:
    found = extract_answer(HEDGE.sub("is", text)).answer
    return AROUND.sub("", found).rstrip(" .。?？:：") or None if found is not None else None


def _tail(text: str) -> str | None:
    """What stands behind the last word that leads to a value: so, is, an equals sign."""
    ends = [match.end() for match in LEADS.finditer(text)]
    return text[ends[-1] :].strip(" .,。，!！*") if ends and len(text) - ends[-1] <= 80 else None


def _last(lines: Sequence[_Line], called: Sequence[str | None]) -> str | None:
    """The answer that the trace ends with: a value in its last lines, else the last that is called an answer."""
    for line, answer in list(zip(lines, called, strict=True))[-3:][::-1]:
        value = answer
        if value is None and len(line.text) <= _MAX_SENTENCE:
            guess = _value(line.text)
            value = None if guess is None or isinstance(read(guess), Text) else guess
        if value is not None:
            return value
    return next((value for value in reversed(called) if value is not None), None)


def _starts(lines: Sequence[_Line], said: Sequence[str | None]) -> list[int]:
    """Numbers of the sentences with which an attempt after the first begins."""
    work = _Work(lines)
    starts: list[int] = []
    answered: int | None = None  # the last sentence that stated an answer
    begun: int | None = None  # the turn that an attempt may have begun with
    for number, line in enumerate(lines):
        turns = answered is not None and (
            TURN.match(line.text) is not None
            or (answered == number - 1 and BUT.match(line.text) is not None)
            or _comes_to_an_answer(lines, said, work, number)
        )
        if turns and (begun is None or _is_over(lines, work, begun, number)):
            begun = number
        if said[number] is None:
            continue
        if begun is not None and answered is not None:
            changed = not same(str(said[number]), str(said[answered]))
            if changed or work.between(begun, number) or _worked(line.text):
                starts.append(begun)
        begun, answered = None, number
    return starts


def _comes_to_an_answer(lines: Sequence[_Line], said: Sequence[str | None], work: _Work, number: int) -> bool:
    """Whether a paragraph begins here that comes to an answer by work of its own, though no word announces it."""
    line = lines[number]
    if not line.opens or CONCLUDES.match(line.text) or len(_TALK.findall(line.text)) < 3:  # also: a bare formula
        return False
    end = next((n for n in range(number + 1, len(lines)) if lines[n].opens), len(lines))
    stated = next((n for n in range(number, end) if said[n] is not None), None)
    return stated is not None and (work.between(number, stated) or _worked(lines[stated].text))


def _is_over(lines: Sequence[_Line], work: _Work, begun: int, number: int) -> bool:
    """Whether the turn at sentence `begun` came to nothing before the one at `number`, in a paragraph of its own."""
    if not lines[number].opens:
        return False
    return SETTLED.search(lines[number - 1].text) is not None or not work.between(begun, number)


class _Work:
    """Where something is worked out: an equation, or several numbers; code that nobody ran does not count."""

    def __init__(self, lines: Sequence[_Line]) -> None:
        texts = ["" if line.code else line.text for line in lines]
        self._equations = [0, *accumulate(_EQUATION.search(text) is not None for text in texts)]
        self._numbers = [0, *accumulate(len(_NUMBER.findall(text)) for text in texts)]

    def between(self, start: int, end: int) -> bool:
        """Whether it happens in the sentences from number `start` up to `end`."""
        equations = self._equations[end] - self._equations[start]
        return equations > 0 or self._numbers[end] - self._numbers[start] >= 3


def _worked(text: str) -> bool:
    """Whether the sentence that states the answer works something out."""
    return _EQUATION.search(text) is not None or len(_NUMBER.findall(text)) >= 3


def _asked(problem: str) -> frozenset[str]:
    """Words and pairs of Chinese characters of the problem's last two clauses, which say what is asked for."""
    clause = " ".join([part for part in _CLAUSE.split(problem) if part.strip()][-2:])
    words = {word.casefold() for word in _WORD.findall(clause)} - COMMON
    return frozenset(words | _pairs(clause) | set(UNIT.findall(clause)))


def _pairs(text: str) -> set[str]:
    return {run[i : i + 2] for run in _CHINESE.findall(text) for i in range(len(run) - 1)}


def _about(text: str, asked: frozenset[str]) -> bool:
    """Whether a sentence speaks of what is asked for, or counts in its unit."""
    if not asked.isdisjoint(COUNTED.findall(text)):
        return True
    return not (asked | GENERIC).isdisjoint({word.casefold() for word in _WORD.findall(text)} | _pairs(text))
