"""The answer that the last sentence of a response states, where nothing marks it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cotkit.verify.parts import BOLD, LEAD, candidates, qualified
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
_MARK = re.compile(r"^(?:[>#\s]+|[-*]\s+|\d+[.)]\s+)+(?!\*)")


def bare(text: str) -> str | None:
    """The whole response where it is nothing but an answer: a formula, or a few words."""
    whole = text.strip()
    if len(whole) <= 20_000:
        whole = LEAD.sub("", whole) or whole
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
    kept = [line for line in lines if not _TALK.match(line) or BOLD.search(line)]
    for line in list(reversed(kept or lines))[:1]:
        cell = line.strip("|").rpartition("|")[2].strip() if line.startswith("|") and line.endswith("|") else line
        yield _MARK.sub("", cell).strip()


def stated(sentence: str) -> tuple[str, bool] | None:
    """The answer in one sentence, and whether only one part of it can be meant."""
    sentence = " ".join(sentence[-MAX_SENTENCE:].split()).lstrip(">#").strip()
    short = _SIDE_CLAUSE.sub("", sentence)
    for clause in (short, sentence) if short.strip() and short != sentence else (sentence,):
        words = None
        for part, sure in candidates(clause):
            answer = part.strip().strip("*`").strip().rstrip(".。，,；;").strip()
            if not answer:
                continue
            value = read(answer)
            if not isinstance(value, Text) or value.formula:
                if qualified(clause, answer):
                    return None
                return answer, sure
            if _is_words(value, answer) and (words is None or len(answer) < len(words[0])):
                words = answer, True
        if words is not None:
            return words
    return None


def _is_words(value: Value, answer: str) -> bool:
    if not isinstance(value, Text) or value.why not in ("", "words") or len(answer) > 60:
        return False
    words = answer.casefold().split()
    return len(words) <= 4 and not set(words) & _NO_ANSWER
