"""Does a solution that was written with the answer in view show that it was? Our own rules; linear in the text.

STaR (arXiv 2203.14465) keeps every hinted rationale that ends right. Some of those say where the answer is from, begin
with it, or copy the worked solution (the hint of its GSM8K prompts), and would teach a model to do the same.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from cotkit.distill.strategies.shared.spelled import early_value

# Looked for in texts as `plain` gives them, without marks of emphasis.
PHRASES: dict[str, tuple[str, ...]] = {
    "en": (
        "reference answer", "reference solution", "reference result", "given answer", "provided answer",
        "provided solution", "given solution", "supplied answer", "supplied solution", "expected answer",
        "expected result", "known answer", "stated answer", "official answer", "official solution", "target answer",
        "intended answer", "answer key", "answer sheet", "the answer is given", "the answer was given",
        "the answer given", "answer provided", "answer we were given", "answer i was given", "answer supplied",
        "solution provided", "solution given", "was told the answer", "were told the answer", "told that the answer",
        "we are told the answer", "already know the answer", "already know that the answer", "knowing the answer",
        "knowing that the answer", "the hint", "a hint", "this hint", "as hinted", "hinted",
        "matches the given", "match the given answer", "agrees with the given answer",
        "to arrive at the answer given", "work backwards from the answer", "working backwards from the answer",
        "marked as correct", "marked correct", "this is the right one", "the marked option", "the marked choice",
    ),
    "zh": (
        "参考答案", "参考解答", "参考结果", "标准答案", "给定的答案", "给定答案", "给出的答案", "给的答案",
        "提供的答案", "提供的解答", "给出的解答", "所给答案", "所给的答案", "已知答案", "预期答案", "官方答案",
        "目标答案", "答案已经给", "答案已给", "答案已知", "已经知道答案", "已知道答案", "根据答案",
        "由答案可知", "从答案倒推", "由答案倒推", "既然答案", "因为答案是", "提示", "与答案一致", "和答案一致",
        "标记为正确", "标为正确",
    ),
}  # fmt: skip
# The same in other forms, and the words of the request itself (star.ASK). Looked for in the same texts.
PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        r"\bhint(?:s|ed|ing)?\b",
        r"\bremark(?:s|ed)?\b",
        r"\beyes only\b",
        r"\bcheck (?:my|our|your)sel(?:f|ves) against\b",
        r"\breference (?:answer|result|solution|value)s?\b",
        r"\b(?:answer|result|solution|value|number|option|choice)s? (?:(?:that|which) )?(?:i|we|you) "
        r"(?:am|was|were|are|have been|had been|'ve been|'d been) "
        r"(?:told|given|shown|supplied|provided|informed|handed)\b",
        r"\b(?:answer|result|solution|value)s? (?:(?:that|which) )?(?:you|they) (?:have |had |'ve |'d )?"
        r"(?:told|gave|given|showed|shown|supplied|provided|handed|mentioned|revealed|disclosed)\b",
        r"\b(?:you|they) (?:have |had |'ve |'d )?(?:told|gave|given|showed|shown|supplied|provided|handed) (?:me|us)\b",
        r"\b(?:told|given|gave|showed|shown|supplied|provided|handed)(?: to)? (?:me|us) (?:the |this |that |an? )?"
        r"(?:final |correct |right |true )?(?:answer|result|solution|value)\b",
        r"\b(?:answer|result|solution|value)s? (?:is|was|has been|had been) "
        r"(?:told|given|shown|supplied|provided|revealed|disclosed) (?:to (?:me|us)|beforehand|in advance|above)\b",
        r"\b(?:know|knew|known|knowing) (?:what )?(?:the |my )?(?:final |correct |right |true )?(?:answer|result)\b",
        r"\b(?:marked|flagged|labell?ed) (?:as )?(?:the )?(?:right|correct|true)\b",
        r"备注|批注|附注|仅供|(?:供|用[来于]?)(?:你|我)?(?:最后)?(?:自己)?核对|只[给供]我看|给我看的|告知|告诉(?:过|了)?[我你您]|[我你您]被告诉",
        r"[你您](?:们)?(?:已经|已|事先|预先|提前)?(?:所)?(?:给|告诉|提供|提示|透露|说)[^，。；,.;\n]{0,6}(?:答案|结果|数值|的值)",
        r"给[我我们]{1,2}的(?:答案|结果|值)|(?:事先|预先|提前|早就|已经?)(?:就)?知道[^，。；,.;\n]{0,4}(?:答案|结果)",
        r"参考(?:答案|结果|值|解)",
    )
)
# A shared run of so many characters is no chance: formulas of a problem repeat, but whole sentences do not.
COPIED = 60
# A whole short solution counts as copied from this length on.
_SHORTEST = 24
# The beginning of a text in which the answer is too early: a tenth of it, and of short ones so much.
_HEAD = 80
_HIDDEN = re.compile("[\u200b-\u200f\u2060\ufeff]")
_EMPHASIS = str.maketrans("", "", "*_`~")
_WORKING = re.compile(r"[=≈⇒→<>≤≥+×÷·]|\\(?:frac|times|cdot|implies|le|ge|approx)\b")
# After these a value is computed, not quoted.
_EQUATION = re.compile(r"[=≈⇒→]|\\approx\b|\\implies\b")
_LETTER = re.compile(r"[a-z]")


@dataclass(frozen=True, slots=True)
class Leak:
    """How a text gives its hint away: "cites_hint", "gold_first" or "hint_copied", and the words that do."""

    kind: str
    words: str


def plain(text: str) -> str:
    """One form for all that looks the same: NFKC, small letters, single spaces, nothing invisible."""
    return " ".join(_HIDDEN.sub("", unicodedata.normalize("NFKC", text)).casefold().split())


def find_leak(text: str, gold: str, problem: str, secrets: Sequence[str] = ()) -> Leak | None:
    """The first sign that `text` was written with the answer in view.

    Args:
        text: reasoning and response.
        gold: the reference answer.
        problem: what the problem says itself gives nothing away.
        secrets: what the prompt held besides the problem: the line of the hint, a worked solution.
    """
    said, asked = plain(text), plain(problem)
    bare, bare_asked = said.translate(_EMPHASIS), asked.translate(_EMPHASIS)
    for phrases in PHRASES.values():
        for phrase in phrases:
            if phrase in bare and phrase not in bare_asked:
                return Leak("cites_hint", phrase)
    for pattern in PATTERNS:
        for match in pattern.finditer(bare):
            if match.group() not in bare_asked:
                return Leak("cites_hint", match.group())
    for secret in secrets:
        copied = _copied(said, plain(secret), asked)
        if copied is not None:
            return Leak("hint_copied", copied)
    found = _gold_first(said, plain(gold), asked) or early_value(text, gold, problem)
    return None if found is None else Leak("gold_first", found)


def from_equation(text: str, gold: str) -> bool:
    """Whether some equation of the text has the answer on its right side."""
    said, wanted = plain(text), plain(gold)
    pattern = _literal(wanted)
    if pattern is None:
        return False
    return any(pattern.search(said, m.end(), m.end() + len(wanted) + 24) for m in _EQUATION.finditer(said))


def _literal(gold: str) -> re.Pattern[str] | None:
    """The answer as a word of its own; a lone letter only where it is called the answer."""
    if not gold:
        return None
    if len(gold) == 1 and _LETTER.match(gold):
        return re.compile(rf"(?:answer|option|choice|答案|选项|选)(?: is|为|是)?[\s:\\$({{]{{0,4}}{gold}(?![\w])")
    return re.compile(rf"(?<![\w.]){re.escape(gold)}(?!\w|\.\d)")


def _gold_first(said: str, gold: str, asked: str) -> str | None:
    pattern = _literal(gold)
    if pattern is None or pattern.search(asked):
        return None
    head = max(len(said) // 10, _HEAD)
    found = pattern.search(said)
    if found is None or found.start() >= head or _WORKING.search(said, 0, found.start()):
        return None
    return said[max(0, found.start() - 40) : found.end() + 40]


def _copied(said: str, secret: str, asked: str) -> str | None:
    """A long run of the secret that stands in the text and not in the problem."""
    size = min(COPIED, len(secret))
    if size < _SHORTEST:
        return None
    runs = {secret[i : i + size] for i in range(len(secret) - size + 1)}
    runs -= {asked[i : i + size] for i in range(len(asked) - size + 1)}
    return next((run for i in range(len(said) - size + 1) if (run := said[i : i + size]) in runs), None)
