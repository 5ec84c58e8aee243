"""The final answer of a response. Reasoning never counts; nothing here is more than linear in the text."""

from __future__ import annotations

import ast
import json
import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import islice

from cotkit.verify.boxed import Extraction, boxed_answer, boxes
from cotkit.verify.conclude import bare, conclusion, stated
from cotkit.verify.doubt import doubt
from cotkit.verify.parts import QUALIFIED
from cotkit.verify.read import read
from cotkit.verify.values import Text
from cotkit.verify.words import several_letters

MAX_ANSWER = 120_000


# Noted where the last sentence holds several values, and which one is the answer is a guess.
UNSURE = "unsure"
# A value that only stands at the end, after a tag that may be no end of the reasoning.
STRAY_END = "unclear_end_of_reasoning"
_GIVEN_UP = re.compile(
    r"\bI (?:cannot|can't|could not|couldn't|am unable to|don't|do not) (?:decide|determine|solve|know|find)|\bI(?:'m| am) not sure\b|"
    r"我?(?:无法|不能)(?:确定|判断|得出|求出|解出)答?|不(?:太)?确定答案|不知道(?:答案|怎么)",
    re.IGNORECASE,
)
_OR_ELSE = re.compile(r"\bor\b|或|也可能")
_JSON = re.compile(
    r'"(?:final[_ ])?answer"\s{0,4}:\s{0,4}("(?:[^"\\\n]|\\.){0,400}"|-?\d[\d.eE+-]{0,40})', re.IGNORECASE
)
_OPEN_BOX = re.compile(r"\\(?:boxed|fbox)\s{0,4}\{")
_CALLED_WRONG = re.compile(
    r"\b(?:not correct|incorrect|is wrong|not right|cannot be right|can't be right|not the answer)\b|❌|不对|错误的",
    re.IGNORECASE,
)
_WIDE = {code: code - 0xFEE0 for code in range(0xFF10, 0xFF5B)} | {0x3000: 0x20}
_THINK = re.compile(
    r"<(?P<a>/?)(?:think|thinking|reasoning|thoughts?)>|◁(?P<b>/?)think▷|\[(?P<c>/?)THINK\]"
    r"|<\|channel\|>(?P<d>analysis|final)<\|message\|>",
    re.IGNORECASE,
)
_TAG = re.compile(r"<(/?)answer>", re.IGNORECASE)
_PHRASE = re.compile(
    r"(?:answers?[\s*_]{0,6}(?:is|are|:|：|=|would be|must be)(?![A-Za-z])|final result[\s*]{0,4}(?:is|:)|【?答案】?\**\s?(?:应该)?(?:是|为|：|:|选)|【答案】"
    r"|正确(?:的?选项|的?答案|的是)[的]?(?:是|为|:|：)?|(?:故|应|本题)?[选選](?:择|项)?(?=[\\s:：(（]*[A-J])[:：]?|^\s{0,3}A\s{0,2}[:：]"
    r"|r[ée]ponse (?:finale )?est|respuesta (?:final )?es|Antwort (?:ist|lautet)|答えは|答案選|[Оо]твет\s?[:：-])",
    re.IGNORECASE | re.MULTILINE,
)
_PHRASE_HEAD = re.compile(
    r"[\s:：*_]{0,20}(?:(?:is|therefore|thus|simply|just|clearly|obviously|evidently|indeed|equal to|给出"
    r"|(?:(?:found|given|shown|stated|listed|written)\s)?(?:below|as follows))\b)?[\s:：*_]{0,20}"
)
# `The answer is obtained by induction` says how, not what.
_HOW = re.compile(
    r"(?:found|given|shown|stated|listed|written|obtained|derived|calculated|computed|determined|by|from)\b",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"\.(?=\s|$)|[\n。]|(?:,|;|\s)(?=(?:because|since|which|where|hence|as|so|when)\s)")
_FIRST_COMMA = re.compile(r"(?:,|，|;|；|\s\(|（)\s*(?=[^\d\s])")
_OPTION_IS_RIGHT = re.compile(
    r"(?:option|choice|statement|answer|选项)\s*\(?([A-J])\)?\s*(?:is|as)?\s*(?:the\s+)?(?:correct|right|best|true|正确)",
    re.IGNORECASE,
)
_LETTER_LINE = re.compile(r"\s*\**(?:(?:option|choice|选项?)\s*)?(\([A-J]\)|[A-J])[.)]?\**\s*", re.IGNORECASE)
_EQUALS = re.compile(r"(?<![<>!=:])=(?!=)")
_WHOLE_NUMBER = re.compile(r"-?[0-9]+")
_NOT_BEFORE = re.compile(
    r"(?:\b(?:not|isn't|don't know what the|wrong|naive|incorrect|suppose|assume|if|think)\b[^.\n]{0,12}|错误的?)\s*$",
    re.IGNORECASE,
)


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    return next(iter(deque(pattern.finditer(text), maxlen=1)), None)


def beside(response: str, reasoning: str | None) -> str:
    """A response as it is to be read beside its reasoning: one in a column of its own is whole, so a tag inside it is
    a word and hides nothing. Without reasoning, or with an opening tag at its start, it is a raw text.
    """
    first = _THINK.match(response.lstrip()[:40])
    opens = first is not None and not (first["a"] or first["b"] or first["c"])
    if not (reasoning or "").strip() or opens:
        return response
    return _THINK.sub(lambda tag: tag[0] if tag["d"] else " ", response)


def _stray_ends(text: str) -> bool:
    """Whether more than one reasoning ends here and not each has its beginning: where the last one ends is a guess."""
    ends = [bool(tag["a"] or tag["b"] or tag["c"]) for tag in _THINK.finditer(text) if not tag["d"]]
    return ends.count(True) > max(1, ends.count(False))


def visible(text: str) -> str | None:
    """The text after the reasoning; None where reasoning was opened and never closed."""
    last = _last(_THINK, text)
    if last is None:
        return text
    closed = last["a"] or last["b"] or last["c"] or (last["d"] or "").lower() == "final"
    return text[last.end() :] if closed else None


def _tagged(text: str) -> Extraction | None:
    close: re.Match[str] | None = None
    opened: re.Match[str] | None = None
    pair: tuple[int, int] | None = None
    for match in _TAG.finditer(text):
        if match[1]:
            close = match
            if opened is not None:
                pair, opened = (opened.end(), close.start()), None
        else:
            opened = match
    if pair is None or not text[pair[0] : pair[1]].strip():
        return None
    body = text[pair[0] : pair[1]].strip()
    return Extraction(body, "tag") if len(body) > 200 or "\n" in body else Extraction(_bare(body), "tag")


def _hashes(text: str) -> Extraction | None:
    """What follows the last ####. A line with more text below it may be a heading: it counts if it is a value, and if
    no answer is stated below it.
    """
    at = text.rfind("####")
    line, _, below = text[at + 4 :].lstrip().partition("\n") if at >= 0 else ("", "", "")
    line = line.strip()
    if below.strip() and (len(line) > 200 or isinstance(read(line), Text) or _phrase(below) is not None):
        return None
    return Extraction(line, "hashes") if line else None


def _json(text: str) -> Extraction | None:
    """`{"answer": "12"}`, as some prompts ask for."""
    stated_as = _last(_JSON, text[-20_000:])
    if stated_as is None:
        return None
    try:
        value = json.loads(stated_as[1])
    except ValueError:  # LaTeX that was not escaped
        value = stated_as[1].strip('"')
    return Extraction(str(value), "tag") if str(value).strip() else None


def _closed(text: str) -> bool:
    r"""Whether no brace and no maths fence is open at the end: the full stop of `\text{ sq. in}` ends nothing."""
    return text.count("{") <= text.count("}") and (text.count("$") - text.count(r"\$")) % 2 == 0


def _phrase(text: str) -> Extraction | None:
    last = _last(_PHRASE, text)
    if last is None or _NOT_BEFORE.search(text[max(0, last.start() - 30) : last.start()]):
        return None
    rest = text[last.end() : last.end() + MAX_ANSWER]
    head = _PHRASE_HEAD.match(rest)
    rest = rest[head.end() :] if head else rest
    if QUALIFIED.match(rest):
        return Extraction(None, "none", "no_answer_stated")
    ends = (match.start() for match in islice(_SENTENCE_END.finditer(rest), 20))
    end = next((at for at in ends if _closed(rest[:at])), len(rest))
    answer = rest[:end].strip().strip("*").rstrip(" ,;").strip()
    if not answer:
        return None
    if isinstance(read(answer), Text):  # `Final answer: the minimum is 4`, `4950, that is, 100 less than 5050`
        first = str(_FIRST_COMMA.split(answer, maxsplit=1)[0]).strip("*` ")
        several: object = several_letters(answer) or _OR_ELSE.search(answer)
        if first != answer and not several and _closed(first) and not isinstance(read(first), Text):
            return Extraction(first, "phrase")
        found, how = stated(answer), _HOW.match(answer)
        if found is not None and not (how and isinstance(read(found[0]), Text)):
            return Extraction(found[0], "phrase", "" if found[1] else UNSURE)
        if how:
            return None
    return Extraction(answer, "phrase")


def _last_line(text: str) -> str:
    return text[-20_000:].rstrip().rpartition("\n")[2].strip()


def _letter(text: str) -> Extraction | None:
    last = _last_line(text)
    line = _LETTER_LINE.fullmatch(last[:60])
    if line and line[1].strip("()").isupper():
        return Extraction(line[1], "letter")
    said = _last(_OPTION_IS_RIGHT, last[-300:])
    return Extraction(said[1].upper(), "letter") if said else None


def _trailing(text: str) -> Extraction | None:
    """The last sentence's answer, or what its last equals sign says."""
    found = conclusion(text)
    if found is not None and _CALLED_WRONG.search(text[-160:]):
        return Extraction(None, "none", "taken_back")
    if found is not None:
        return Extraction(found[0], "trailing", "" if found[1] else UNSURE)
    line = _last_line(text)
    if not line or len(line) > MAX_ANSWER:
        return None
    equals = _last(_EQUALS, line)
    if equals is not None and line.count("{", equals.end()) == line.count("}", equals.end()):
        tail = line[equals.end() :].strip().rstrip(".").strip()
        if tail and not isinstance(read(tail), Text):
            return Extraction(_balanced_dollar(tail), "trailing")
    return None


def _whole(text: str) -> Extraction | None:
    """A response that is nothing but its answer."""
    if len(text) > 4_000 and _WHOLE_NUMBER.fullmatch(text.strip()):
        return Extraction(text.strip(), "trailing", "the whole response")
    found = bare(text)
    return Extraction(_bare(found), "trailing", "the whole response") if found is not None else None


def _balanced_dollar(text: str) -> str:
    return text.replace("$", "") if text.count("$") % 2 else text


def _bare(text: str) -> str:
    """`#### 5`, `\\boxed{5}` or `5` as 5."""
    inner = boxed_answer(text) or _hashes(text)
    return inner.answer if inner is not None and inner.answer is not None else text


def extract_answer(text: str) -> Extraction:
    """The final answer of a response: box, tag, ####, phrase, option letter, trailing value, in this order."""
    if not isinstance(text, str):
        return Extraction(None, "none", "no_candidate")
    shown = visible(text)
    if shown is None:
        return Extraction(None, "none", "unclosed_reasoning")
    if not shown.isascii():
        shown = shown.translate(_WIDE)
    if not shown.strip():
        return Extraction(None, "none", "empty")
    if _GIVEN_UP.search(shown[-400:]):
        return Extraction(None, "none", "no_answer_stated")
    for way in (boxed_answer, _tagged, _hashes, _json, _phrase, _letter, _whole, _trailing):
        found = way(shown)
        if way is boxed_answer and found is not None and found.answer is not None:
            why = _box_doubt(shown, found.answer)
            if why is not None:
                return Extraction(None, "none", why)
        if way is boxed_answer and found is None and _OPEN_BOX.search(shown[-MAX_ANSWER:]):
            return Extraction(None, "none", "unclosed_box")
        if found is not None:
            weak = found.method in ("letter", "trailing") and _stray_ends(text)
            return Extraction(None, "none", STRAY_END) if weak else found
    return Extraction(None, "none", "no_answer_found")


_OPTION_SAID = re.compile(
    r"(?:\b(?:option|choice|answer|choose|select|pick|correct)s?\b[^A-Za-z\n]{0,6}(?:is\s|are\s)?|故?应?选择?项?\s?[:：]?\s?)"
    r"[\s*$({]{0,6}(?:\\(?:text|mathrm|textbf)\{)?\(?([A-J])(?![A-Za-z])",
)


def mentions_option(text: str) -> Extraction | None:
    """An option letter that the last lines name: `so option C fits best`, `故选 C`."""
    shown = visible(text)
    last = _last(_OPTION_SAID, shown[-400:]) if shown else None
    return Extraction(last[1], "letter", "named in a sentence") if last else None


def _box_doubt(text: str, answer: str) -> str | None:
    found = boxes(text)
    tail = text[found[-1][1] :]
    stated = _hashes(tail) or _phrase(tail)
    joined = found if answer == found[-1][2].strip() else found[-1:]
    return doubt(text, joined, stated.answer if stated is not None else None)


WAYS = ("column", "boxed", "hashes", "phrase", "option")


def extract_reference(answer: str | None, solution: str | None, ways: Sequence[str] = WAYS[:-1]) -> Extraction:
    """The reference of a dataset row, by the first of `ways` that finds one.

    column is the answer column, what a box or #### in it holds; boxed, hashes, phrase and option (a letter that
    the last line names) read the solution.
    """
    missed: Extraction | None = None  # an answer that is taken back: the solution has none
    for way in ways:
        if way == "column":
            if answer is not None and answer.strip():
                text = _unlisted(answer.strip())
                found = _boxed(text) or _hashes(text)
                return found if found is not None and found.answer else Extraction(text, "column")
        elif solution is not None and solution.strip() and missed is None:
            missed = _IN_SOLUTION[way](solution)
            if missed is not None and missed.answer is not None:
                return missed
    empty = solution is None or not solution.strip()
    return missed or Extraction(None, "none", "empty" if empty else "no_answer_found")


# A box to fill in, as a problem prints it.
_BLANK_BOX = re.compile(
    r"\\(?:boxed|fbox)\s{0,4}\{(?:\s|~|\\[,;:! ]|\\q?quad|\\h?phantom\s?\{[^{}]{0,40}\}|\\(?:text|mbox)\{\s{0,9}\}){0,20}\}"
)


def _boxed(text: str) -> Extraction | None:
    """As `boxed_answer`, where an empty box is none."""
    return boxed_answer(_BLANK_BOX.sub(" ", text))


_IN_SOLUTION: Mapping[str, Callable[[str], Extraction | None]] = {
    "boxed": _boxed,
    "hashes": _hashes,
    "phrase": _phrase,
    "option": lambda text: _letter(text) or mentions_option(text),
}


def _unlisted(text: str) -> str:
    """`['5']` or `['5', '5 ']`, as some published tables write a list of one answer, as 5."""
    if not (text.startswith(("['", '["')) and text.endswith(("']", '"]'))) or len(text) > 2_000:
        return text
    try:
        items = ast.literal_eval(text)  # literals only: no names, no calls
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    if not all(isinstance(item, str) for item in items):
        return text
    forms = {"".join(item.split()): item.strip() for item in items}
    return next(iter(forms.values())) if len(forms) == 1 else text
