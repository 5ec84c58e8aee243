"""The answer that the last sentence of a response states, where nothing marks it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cotkit.verify.read import read
from cotkit.verify.values import Text, Value

MAX_SENTENCE = 1_500
# Lines after the conclusion that are not part of it.
_TALK = re.compile(
    r"\s*(?:[>*#-]\s*)?(?:let me know|i hope|hope this|feel free|note\b|we (?:can )?(?:verify|check)|check\b|to verify|verif|"
    r"this (?:matches|agrees)|because\b|since\b|where\b|as \w+ is\b|you can|thank|please|as a check|sanity|remark|\(?with\b|validate|验证|检验|检查|注[:：意]|希望|如果你|"
    r"```|-{3,}|\*\*why|why\?|\d+\.\s|[-*]\s+(?:multipl|check))",
    re.IGNORECASE,
)
_BREAK = re.compile(r"(?<=[.?])\s+(?=[A-Z$\\(*\u4e00-\u9fff])|(?<=[a-z]!)\s+(?=[A-Z])|(?<=[。！？；])\s*(?=\S)")
_SIDE_CLAUSE = re.compile(
    r"(?:,|\s)\s*(?:which|because|since|even though|although|though|so that|as (?:required|desired|expected|claimed|wanted)|not|"
    r"rather than|instead of|by the way|whereas|in contrast|to finish|left over)\b.*$|\s\((?:not|with|since|because|as)\b.*$"
    r"|[,，](?:因为|其中|而不是|不是|且不)[^,，]*$",
    re.IGNORECASE | re.DOTALL,
)
_BOLD = re.compile(r"\*\*\s*([^*\n]{1,300}?)\s*\*\*|__([^_\n]{1,200}?)__")
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
_LEAD = re.compile(
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
_MARK = re.compile(r"^(?:[>#\s]+|[-*]\s+|\d+[.)]\s+)+(?!\*)")
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


def bare(text: str) -> str | None:
    """The whole response where it is nothing but an answer: a formula, or a few words."""
    whole = text.strip()
    if len(whole) <= 20_000:
        whole = _LEAD.sub("", whole) or whole
    if not whole or len(whole) > 100_000:
        return None
    words = _PLAIN_WORD.findall(_COMMANDS.sub(" ", whole))
    if _is_sentence(whole, words) or ("\n" in whole and words):
        return None
    value = read(whole)
    if not isinstance(value, Text):
        return whole
    if value.why == "empty":
        return None
    if _readable_words(value, whole):
        return whole
    # one unreadable formula is still the answer, if it is no sentence
    if not value.why or "**" in whole.strip("*") or ("$" in whole.strip("$. ") and words) or len(words) > 2:
        return None
    if re.match(r"[A-Z][a-z]* [a-z]{2,}", whole):
        return None
    return None if re.search(r"[\u4e00-\u9fff]{2}|(?<!\d)\. \w", whole) else whole


def _is_sentence(whole: str, words: list[str]) -> bool:
    """Words around an answer: a capital at the start and a full stop, a verb, or Chinese before a formula."""
    if len(words) > 2 and _VERB.search(whole):
        return True
    if (
        len(words) > 1
        and whole.endswith(".")
        and words[0][0].isupper()
        and whole.startswith(words[0])
        and re.search(r"\d", whole)
    ):
        return True
    if words and "**" in whole.strip("*"):
        return True
    if len(words) > 1 and ("$" in whole.strip("$. ") or "\\(" in whole[2:]):
        return True
    chinese = re.match(r"[\u4e00-\u9fff]{1,20}(?:\s|，|,)?\s?\$", whole) or re.search(
        r"[\u4e00-\u9fff]{2}[为是得].", whole
    )
    return bool(chinese) and len(whole) > 4


_COMMANDS = re.compile(r"\\[A-Za-z]+|\\(?:text|mathrm)\{[^{}]{0,60}\}")
_PLAIN_WORD = re.compile(r"(?<![A-Za-z])[A-Za-z]{3,}(?![A-Za-z(])")


_ALIGNED_END = re.compile(r"\\end\{((?:align|aligned|gather|gathered|split|eqnarray)\*?)\}$")
_NO_ANSWER = frozenset(
    [
        "i",
        "we",
        "me",
        "my",
        "you",
        "let",
        "think",
        "see",
        "this",
        "that",
        "it",
        "so",
        "then",
        "will",
        "would",
        "can",
        "do",
        "what",
        "how",
        "why",
        "first",
        "going",
        "next",
        "here",
        "there",
    ]
)
_VERB = re.compile(
    r"\b(?:is|are|was|were|has|have|takes?|gives?|equals|holds|costs|need|needs|be|there|we|it|so|because)\b",
    re.IGNORECASE,
)
_VERB_ZH = re.compile("[是为得有选故则因所此要用共等]|答")


def _readable_words(value: Text, whole: str) -> bool:
    """A few words that are no sentence: a name, a day, yes."""
    if value.formula:
        return True
    if (
        value.why not in ("", "words")
        or len(whole) > 80
        or "$" in whole.strip("$")
        or re.search(r"\d.*\s.*[a-z]{4}", whole)
    ):
        return False
    if re.search(r"[\u4e00-\u9fff]", whole):
        return len(whole) <= 12 and not (_VERB_ZH.search(whole) and len(whole) > 3)
    return len(whole.split()) <= 6 and not _VERB.search(whole)


def conclusion(text: str) -> tuple[str, bool] | None:
    """(answer, whether it is plain which part of the sentence it is), from the last sentence that says one."""
    for line in _last_lines(text):
        sentences = [s for s in _BREAK.split(line) if s.strip()] or [line]
        for number, sentence in enumerate(reversed(sentences)):
            if number > 1 or (_TALK.match(sentence) and number + 1 < len(sentences)):
                if number > 1:
                    break
                continue
            found = stated(sentence)
            if found is not None:
                return found
        if not _TALK.match(line):
            return None
    return None


def _last_lines(text: str) -> Iterator[str]:
    """The last line that is no talk, with a formula over several lines as one; then, as a last resort, those before."""
    block = text[-20_000:].rstrip()
    for opening, closing in (("$$", "$$"), ("\\[", "\\]")):
        if block.endswith(closing):
            start = block[: -len(closing)].rfind(opening)
            if start >= 0:
                yield block[start:]
                return
    if block.endswith("}") and (end := _ALIGNED_END.search(block[-20:])):
        start = block.rfind("\\begin{" + end[1])
        rows = [
            row for row in re.split(r"\\\\|\n", block[start : len(block) - len(end[0])]) if "&" in row or "=" in row
        ]
        if rows:
            yield "$" + rows[-1].replace("&", " ").strip() + "$"
            return
    lines = [line.strip() for line in block.split("\n") if line.strip()][-8:]
    kept = [line for line in lines if not _TALK.match(line) or _BOLD.search(line)]
    for line in list(reversed(kept or lines))[:1]:
        cell = line.strip("|").rpartition("|")[2].strip() if line.startswith("|") and line.endswith("|") else line
        yield _MARK.sub("", cell).strip()


def stated(sentence: str) -> tuple[str, bool] | None:
    """The answer in one sentence, and whether only one part of it can be meant."""
    sentence = " ".join(sentence[-MAX_SENTENCE:].split()).lstrip(">#").strip()
    short = _SIDE_CLAUSE.sub("", sentence)
    for clause in (short, sentence) if short.strip() and short != sentence else (sentence,):
        words = None
        for part, sure in _parts(clause):
            answer = part.strip().strip("*`").strip().rstrip(".。，,；;").strip()
            if not answer:
                continue
            value = read(answer)
            if not isinstance(value, Text) or value.formula:
                if _qualified(clause, answer):
                    return None
                return answer, sure
            if _is_words(value, answer) and (words is None or len(answer) < len(words[0])):
                words = answer, True
        if words is not None:
            return words
    return None


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


def _qualified(clause: str, answer: str) -> bool:
    if _MAYBE.search(clause):
        return True
    at = clause.rfind(answer)
    if at < 0:
        return False
    return bool(
        _BEFORE.search(clause[max(0, at - 40) : at]) or _AFTER.match(clause[at + len(answer) : at + len(answer) + 30])
    )


def _is_words(value: Value, answer: str) -> bool:
    if not isinstance(value, Text) or value.why not in ("", "words") or len(answer) > 60:
        return False
    words = answer.casefold().split()
    return len(words) <= 4 and not set(words) & _NO_ANSWER


def _parts(clause: str) -> Iterator[tuple[str, bool]]:
    """What may be the answer, the likeliest first."""
    bold = list(_BOLD.finditer(clause))
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
        yield _LEAD.sub("", concluded[-1]), True
        yield from ((part, True) for part, _ in _tails(concluded[-1]))
    if "$" in plain and re.search(r"[\u4e00-\u9fff]", plain):
        yield from _maths(plain)
    yield _LEAD.sub("", plain), True
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
