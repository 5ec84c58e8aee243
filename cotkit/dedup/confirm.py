"""The closer look at a candidate pair: the same problem reworded, or the same template with something changed.

A cosine threshold alone calls nearly every number-changed problem a copy; this look is what separates them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from cotkit.dedup.edits import Edits, edits
from cotkit.dedup.facts import WRITTEN_OUT, Facts, is_letter, letters_matter, numbers, same_answer
from cotkit.dedup.normal import is_number
from cotkit.dedup.signature import formula_share, numbers_bits, pieces_bits, shared_bits

Kind = Literal["same_problem", "renamed", "other_numbers", "other_question", "answers_differ", "unclear"]
_TRIVIAL = frozenset({"0", "1"})
# From this share of covered words on, an item stands in the text as it is.
VERBATIM = 0.9
# From this cosine on, a problem with the same numbers and operators is the same (MiniLM; docs/dedup.md).
MEANING = 0.83
# So much more where numbers and formulas in common say less than _TOLD bits.
_ALONE = 0.03
_TOLD = 4.0
# Where the numbers of the text say so much, two drawings of it may differ.
_FIGURE = 8.0
# Share of the formulas that two rewordings have in common at least.
_FORMULAS = 0.4
# From this share of tokens in place on (letters and names renamed back), a text is a copy.
IN_PLACE = 0.80
# Self-dedup: a rewording above SURE; from LOOK on if nearly all content words are the same (reordered sentences).
SURE = 0.92
LOOK = 0.80
COPY = 0.9
_OTHER_WORDS = 0.1
_LONG = 150
# Numbers and formula pieces: what share both sides must have in common, and how many bits are enough. A rewording
# below MEANING needs fewer of them the closer it is; a translation, which shares no words, needs fewer at once.
AGREE = 0.85
REWORDED = 24.0
TRANSLATED = 13.0
# Two questions about one thing seldom have an answer of so many bits in common by chance (225 has 10).
_TELLING = 8.0
# The answers of a translation count where the texts share so many bits themselves.
_SAID = 2.5
_COSINE_BITS = 40.0
_COSINE_BITS_FOREIGN = 20.0
_FAR = 0.5
_PARTLY = 0.5
# An item whose tokens stand in the text in order to this share is all there; what was put in between may be long.
_INSIDE = 0.9
# A copy cut short: so many tokens, and this share of the item.
_CUT = 10
_CUT_SHARE = 0.4
# More numbers than this beside those of the item are a longer formula, not a remark put in.
_EXTRA = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """What the closer look found.

    Attributes:
        kind: same_problem, renamed (same up to names of variables), other_numbers (one template),
            other_question (same numbers, but other operators, functions, question words, variables asked
            for or drawings), answers_differ (the same problem but for the reference answers, one of which
            may be wrong).
        detail: what decided, e.g. the numbers that only one text has.
    """

    kind: Kind
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def same(self) -> bool:
        return self.kind in ("same_problem", "renamed")


def confirm_duplicate(
    here: Facts, there: Facts, answers: tuple[str | None, str | None] = (None, None)
) -> Callable[[float], Finding]:
    """Whether two problems of one pool are the same: the finding for a cosine of their embeddings.

    Numbers and operators must agree in number; where the reference answers agree, one text may have more.
    Unclear counts as different: a problem lost is worse than a problem twice.
    """
    agree = same_answer(*answers)
    finding_at = _duplicate(here, there, bool(agree))
    return _disputed(finding_at, answers) if agree is False else finding_at


def _duplicate(here: Facts, there: Facts, agree: bool) -> Callable[[float], Finding]:
    if here.figure != there.figure:
        return _always(Finding("other_question", {"figure": "the drawings differ"}))
    if here.renamed == there.renamed:
        return _always(Finding("same_problem" if here.normal == there.normal else "renamed"))
    change = edits(here, there)
    apart = (
        _numbers_apart(here, there, agree)
        or _edited_apart(here, there, change, agree)
        or _asks(here, there)
        or _aligned(here, there)
    )
    return _always(apart) if apart else _alike(here, there, change)


def _numbers_apart(here: Facts, there: Facts, agree: bool) -> Finding | None:
    """Numbers or operators differ on both sides; on one side too, unless the answers agree."""
    only_here, only_there = _unmatched(here, there)
    if (only_here and only_there) or ((only_here or only_there) and not agree):
        return _other_numbers(only_here, only_there)
    marks_here, marks_there = here.marks - there.marks, there.marks - here.marks
    if (marks_here and marks_there) or ((marks_here or marks_there) and not agree):
        return Finding("other_question", _sides(marks_here, marks_there))
    return None


def _edited_apart(here: Facts, there: Facts, change: Edits, agree: bool) -> Finding | None:
    """One is an edited copy of the other, and the edit changes more than words of the same meaning."""
    if change.edited and change.numbers:
        return Finding("other_numbers", {"pairs": [list(pair) for pair in change.numbers[:20]]})
    if change.edited and (change.patched or change.swapped):
        letters = [list(pair) for pair in change.swapped[:20]]
        return Finding("other_question", {"formula": list(change.patched[:20]), "letters": letters})
    if change.edited and change.qualified:
        return Finding("other_question", {"qualified": list(change.qualified[:20])})
    prefixed = len(here.normal.split()) > _LONG  # long texts that share a prompt are close whatever they ask
    if (change.edited or prefixed) and change.here and change.there:
        return Finding("other_question", _sides(change.here, change.there))
    new = (change.here.keys() - there.content.keys()) | (change.there.keys() - here.content.keys())
    return Finding("unclear", _sides(change.here, change.there)) if change.edited and new and not agree else None


def _alike(here: Facts, there: Facts, change: Edits) -> Callable[[float], Finding]:
    """Nothing differs; is enough the same?"""
    if change.renamed and change.similarity >= COPY:
        return _always(Finding("renamed"))
    words = change.here.total() + change.there.total()
    same_words = words <= _OTHER_WORDS * (here.content.total() + there.content.total())
    spelled = formula_share(here.signature, there.signature) >= AGREE

    def finding(cosine: float) -> Finding:
        if cosine < SURE and not (same_words and cosine >= LOOK):
            return Finding("unclear", {"cosine": cosine, "words": words})
        return Finding("same_problem") if spelled else Finding("unclear", {"formulas": "spelled otherwise"})

    return finding


def confirm_leak(
    candidate: Facts,
    item: Facts,
    answers: tuple[str | None, str | None] = (None, None),
    coverage: float | None = None,
    meaning: float = MEANING,
) -> Callable[[float], Finding]:
    """Whether `candidate` holds the benchmark item, reworded, translated or as it is: the finding for a cosine.

    First what makes it another problem: other numbers, operators, drawings, another question in an edited copy. What
    is left is the same problem if the evidence reaches far enough: words in place, meaning (cosine of the two
    embeddings, 0 where there is none), or numbers and formulas; else it is "unclear", the grey band. Reference
    answers that clearly differ speak against a rewording, never against a copy that is nearly word for word. A higher
    cosine never makes "unclear" of the same problem.

    Args:
        candidate: facts of the problem, or of the part of it that matched.
        coverage: where shared n-grams brought the pair: share of the item that they cover.
        meaning: cosine from which on a problem with the same numbers and operators is the same.
    """
    if candidate.renamed == item.renamed and (coverage is not None or candidate.figure == item.figure):
        return _always(Finding("same_problem" if candidate.normal == item.normal else "renamed"))
    change = edits(candidate, item)
    if change.prefix and len(candidate.normal.split()) >= max(_CUT, _CUT_SHARE * len(item.normal.split())):
        return _always(Finding("same_problem", {"cut": "the beginning of the item, word for word"}))
    if change.inside >= _INSIDE and _nothing_changed(candidate, item, change):
        detail = {"inside": round(change.inside, 3)}
        return _always(Finding("renamed" if change.renamed else "same_problem", detail))
    answered = _answer_bits(*answers)
    apart = (
        _other_values(candidate, item, change, coverage)
        or _other_marks(candidate, item, change)
        or _other_ask(candidate, item, change, coverage, answered)
    )
    if apart:
        return _always(apart)
    weighed = _weighed(candidate, item, change, coverage, meaning, answered)
    copied = change.similarity >= VERBATIM or (coverage is not None and coverage >= VERBATIM)
    return _disputed(weighed, answers) if same_answer(*answers) is False and not copied else weighed


def _disputed(
    finding_at: Callable[[float], Finding], answers: tuple[str | None, str | None]
) -> Callable[[float], Finding]:
    """The finding where the reference answers clearly differ: the same problem is none then, but is told."""

    def finding(cosine: float) -> Finding:
        found = finding_at(cosine)
        return Finding("answers_differ", {**found.detail, "answers": list(answers)}) if found.same else found

    return finding


def _always(finding: Finding) -> Callable[[float], Finding]:
    """The finding whatever the cosine."""
    return lambda _: finding


def _nothing_changed(candidate: Facts, item: Facts, change: Edits) -> bool:
    """What the candidate has beside the item was put in between, not in its place."""
    lost = (
        change.there or item.numbers - candidate.numbers or item.soft - candidate.soft or item.marks - candidate.marks
    )
    changed = change.numbers or change.patched or change.swapped or change.qualified
    return not (lost or changed or _asks(candidate, item))


def _other_values(candidate: Facts, item: Facts, change: Edits, coverage: float | None) -> Finding | None:
    """Numbers of the item are missing and others stand in their place, or too many are missing."""
    extra, missing = _unmatched(candidate, item)
    if candidate.foreign != item.foreign:
        # Number words are words of the other language, and a minus may stand otherwise.
        ours, theirs = candidate.signature.numbers, item.signature.numbers
        missing, extra = theirs - ours - candidate.soft, ours - theirs - item.numbers - item.soft
    gone = {n for n in missing if n not in candidate.numbers and n not in _TRIVIAL}
    if change.edited or coverage is not None:
        # In an edited copy each number has its place.
        swapped = bool(extra and missing) or bool(change.edited and change.numbers)
        swapped |= coverage is not None and coverage < VERBATIM and extra.total() > _EXTRA
    else:
        come = {n for n in extra if n not in item.numbers and n not in _TRIVIAL}
        swapped = bool(
            (come and gone)
            or (not come and not gone and set(extra) - set(item.numbers) and set(missing) - set(candidate.numbers))
            or (extra and missing and _in_their_place(candidate.signature.order, item.signature.order))
        )
    shared = set(item.numbers) & (set(candidate.numbers) | set(candidate.soft))
    if swapped or len(shared) < len(gone):
        return _other_numbers(extra, missing)
    return None


def _in_their_place(ours: Sequence[str], theirs: Sequence[str]) -> bool:
    """Number for number, most of them are others."""
    differ = sum(a != b for a, b in zip(ours, theirs, strict=False))
    return len(ours) == len(theirs) and 2 * differ > len(ours)


def _other_marks(candidate: Facts, item: Facts, change: Edits) -> Finding | None:
    """Operators and functions differ on both sides, drawings differ, or letters changed places."""
    here, there = candidate.marks - item.marks, item.marks - candidate.marks
    if here and there:
        return Finding("other_question", _sides(here, there))
    if change.edited and change.patched:
        number = any(is_number(t) for t in change.patched)
        return Finding("other_numbers" if number else "other_question", {"formula": list(change.patched[:20])})
    told = numbers_bits(candidate.numbers & item.numbers)
    if candidate.figure and item.figure and candidate.figure != item.figure and told < _FIGURE:
        return Finding("other_question", {"figure": "the drawings differ"})
    if change.swapped and change.edited:
        return Finding("other_question", {"letters": [list(pair) for pair in change.swapped[:20]]})
    return None


def _other_ask(candidate: Facts, item: Facts, change: Edits, coverage: float | None, answered: float) -> Finding | None:
    """An edited copy with content words replaced asks something else, unless it has the same rare answer.

    A rewording replaces words all over.
    """
    if candidate.foreign != item.foreign:
        return None
    if change.edited and change.here and change.there and answered < _TELLING:
        return Finding("other_question", _sides(change.here, change.there))
    if change.qualified and (change.edited or change.inside >= _INSIDE):
        return Finding("other_question", {"qualified": list(change.qualified[:20])})
    return _asks(candidate, item) if coverage is None or coverage < VERBATIM else None


def _weighed(
    candidate: Facts, item: Facts, change: Edits, coverage: float | None, meaning: float, answered: float
) -> Callable[[float], Finding]:
    """The same problem, if words in place, meaning, or numbers and formulas (of a translation, the answer) say so."""
    if coverage is not None and coverage < VERBATIM and not set(item.numbers) - _TRIVIAL:
        # Words alone, half of them: a template without content of its own.
        detail = {"numbers": "none to compare, and only a part of the words agrees"}
        return _always(Finding("other_question", detail))
    bits, least = shared_bits(candidate.signature, item.signature)
    partly = coverage is not None and coverage < VERBATIM and least < _PARTLY
    in_place = coverage is not None or change.similarity >= IN_PLACE
    enough = _enough_meaning(candidate, item, meaning)
    foreign = candidate.foreign != item.foreign
    if foreign and bits >= _SAID:
        bits += answered

    def finding(cosine: float) -> Finding:
        if partly and cosine < meaning:
            return Finding("unclear", {"agreement": round(least, 2), "coverage": coverage})
        if in_place or cosine >= enough:
            return Finding("renamed" if change.renamed else "same_problem")
        detail = {"bits": round(bits, 1), "agreement": round(least, 2), "cosine": round(cosine, 2)}
        needed = TRANSLATED - _COSINE_BITS_FOREIGN * cosine if foreign else REWORDED - _COSINE_BITS * (cosine - 0.5)
        if least >= AGREE and bits >= needed and (foreign or cosine >= _FAR):
            return Finding("same_problem", detail)
        return Finding("unclear", detail)

    return finding


def _enough_meaning(candidate: Facts, item: Facts, meaning: float) -> float:
    """The cosine that is close enough: closer where there is no number to compare, none where formulas differ."""
    if formula_share(candidate.signature, item.signature) < _FORMULAS:
        return math.inf
    told = numbers_bits(candidate.numbers & item.numbers) + pieces_bits(
        candidate.signature.pieces & item.signature.pieces
    )
    return meaning if told >= _TOLD else meaning + _ALONE


def _answer_bits(here: str | None, there: str | None) -> float:
    """What it says that two reference answers agree: the bits of their numbers; 0 where they do not."""
    return numbers_bits(numbers(here or "")) if same_answer(here, there) else 0.0


def _unmatched(here: Facts, there: Facts) -> tuple[Counter[str], Counter[str]]:
    """Numbers that only one text has, after words of the other alone that may stand for them."""
    ours, theirs = here.soft - there.soft, there.soft - here.soft
    only_here, only_there = here.numbers - there.numbers - theirs, there.numbers - here.numbers - ours
    _match_fractions(only_here, only_there)
    _match_fractions(only_there, only_here)
    return +only_here, +only_there


def _match_fractions(decimals: Counter[str], parts: Counter[str]) -> None:
    """0.75 on one side meets 3 and 4 on the other; of 1/2 the 1 may have met another 1."""
    for number in [n for n in decimals if n in WRITTEN_OUT]:
        over, _, under = WRITTEN_OUT[number]
        if parts[under] > 0 and (parts[over] > 0 or over in _TRIVIAL):
            decimals[number] -= 1
            parts[under] -= 1
            parts[over] -= parts[over] > 0


def _other_numbers(here: Counter[str], there: Counter[str]) -> Finding:
    return Finding("other_numbers", _sides(here, there))


def _sides(here: Counter[str], there: Counter[str]) -> dict[str, Any]:
    return {"only_here": sorted(here.elements())[:20], "only_there": sorted(there.elements())[:20]}


def _asks(here: Facts, there: Facts) -> Finding | None:
    """Both ask something of the same row of the question table that the other does not."""
    only_here, only_there = here.asked - there.asked, there.asked - here.asked
    clash = {c.partition(".")[0] for c in only_here} & {c.partition(".")[0] for c in only_there}
    if clash:
        return Finding("other_question", {"question_words": "of one kind, but not the same"})
    return None


def _aligned(here: Facts, there: Facts) -> Finding | None:
    """Token for token the same but for letters and numbers that change places: x and y, or 2/3 and 3/2."""
    ours, theirs = here.normal.split(), there.normal.split()
    if len(ours) != len(theirs):
        return None
    pairs = [(a, b) for a, b in zip(ours, theirs, strict=True) if a != b]
    if pairs and letters_matter(ours):
        return Finding(
            "other_question", {"only_here": [a for a, _ in pairs][:20], "only_there": [b for _, b in pairs][:20]}
        )
    if not pairs or not all(_is_symbol(a) and _is_symbol(b) for a, b in pairs):
        return None
    letters = all(is_letter(a) and is_letter(b) for a, b in pairs)
    sides = {"only_here": [a for a, _ in pairs][:20], "only_there": [b for _, b in pairs][:20]}
    return Finding("other_question" if letters else "other_numbers", sides)


def _is_symbol(token: str) -> bool:
    return is_number(token) or is_letter(token)
