"""The closer look at a candidate pair: the same problem reworded, or the same template with something changed.

A cosine threshold alone calls nearly every number-changed problem a copy; this look is what separates them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

from cotkit.dedup.facts import Facts, letters_matter, same_answer
from cotkit.dedup.normal import is_number
from cotkit.dedup.symbols import GREEK

Kind = Literal["same_problem", "renamed", "other_numbers", "other_question", "other_answer"]
_GREEK = frozenset(GREEK)
_TRIVIAL = frozenset({"0", "1"})
# From this share of covered words on, an item stands in the text as it is.
VERBATIM = 0.9
# More numbers than this beside those of the item are a longer formula, not a remark put in.
_EXTRA = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """What the closer look found.

    Attributes:
        kind: same_problem, renamed (same up to names of variables), other_numbers (one template),
            other_question (same numbers, but other operators, functions, question words, variables asked
            for or drawings), other_answer (nothing differs but the reference answers).
        detail: what decided, e.g. the numbers that only one text has.
    """

    kind: Kind
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def same(self) -> bool:
        return self.kind in ("same_problem", "renamed")


def confirm_duplicate(here: Facts, there: Facts, answers: tuple[str | None, str | None] = (None, None)) -> Finding:
    """Whether two problems of one pool are the same; symmetric but for the order inside `detail`.

    Numbers and operators must agree in number; where the reference answers agree, one text may have more.
    Unclear counts as different: a problem lost is worse than a problem twice.
    """
    agree = same_answer(*answers)
    if agree is False:
        return Finding("other_answer", {"answers": list(answers)})
    if here.figure != there.figure:
        return Finding("other_question", {"figure": "the drawings differ"})
    if here.renamed == there.renamed:
        return Finding("same_problem" if here.normal == there.normal else "renamed")
    only_here, only_there = _unmatched(here, there)
    if (only_here and only_there) or ((only_here or only_there) and not agree):
        return _other_numbers(only_here, only_there)
    marks_here, marks_there = here.marks - there.marks, there.marks - here.marks
    if (marks_here and marks_there) or ((marks_here or marks_there) and not agree):
        return Finding("other_question", _sides(marks_here, marks_there))
    return _asks(here, there) or _aligned(here, there) or Finding("same_problem")


def confirm_leak(
    candidate: Facts, item: Facts, answers: tuple[str | None, str | None] = (None, None), coverage: float | None = None
) -> Finding:
    """Whether `candidate` holds the benchmark item, reworded or as it is.

    The candidate may say more than the item, and may lack up to half of its numbers (a truncated copy).

    Args:
        candidate: facts of the problem, or of the part of it that matched.
        coverage: where shared n-grams brought the pair: share of the item that they cover. What shares its
            words must share its numbers as often; from VERBATIM on it stands there as it is, whatever answer
            the longer text has, and what else is asked around it is not compared.
    """
    if candidate.renamed == item.renamed and (coverage is not None or candidate.figure == item.figure):
        return Finding("same_problem" if candidate.normal == item.normal else "renamed")
    extra, missing = _unmatched(candidate, item)
    if coverage is None:
        # Reworded, a number may be said once more or once less, and 0 and 1 come and go.
        weighty_extra = {n for n in extra if n not in item.numbers and n not in _TRIVIAL}
        weighty_missing = {n for n in missing if n not in candidate.numbers and n not in _TRIVIAL}
        swapped = {n for n in extra if n not in item.numbers} and {n for n in missing if n not in candidate.numbers}
        both = bool((weighty_extra and weighty_missing) or (not weighty_extra and not weighty_missing and swapped))
    else:
        weighty_missing = {n for n in missing if n not in candidate.numbers and n not in _TRIVIAL}
        both = bool((extra and missing) or (coverage < VERBATIM and extra.total() > _EXTRA))
    shared = set(item.numbers) & (set(candidate.numbers) | set(candidate.soft))
    if both or len(shared) < len(weighty_missing):
        return _other_numbers(extra, missing)
    marks_here, marks_there = candidate.marks - item.marks, item.marks - candidate.marks
    if marks_here and marks_there:
        return Finding("other_question", _sides(marks_here, marks_there))
    if coverage is not None and coverage >= VERBATIM:
        return _aligned(candidate, item) or Finding("same_problem")
    if coverage is not None and not set(item.numbers) - _TRIVIAL:
        # Words alone, half of them: a template without content of its own.
        return Finding("other_question", {"numbers": "none to compare, and only a part of the words agrees"})
    if same_answer(*answers) is False:
        return Finding("other_answer", {"answers": list(answers)})
    return _asks(candidate, item) or _aligned(candidate, item) or Finding("same_problem")


def _unmatched(here: Facts, there: Facts) -> tuple[Counter[str], Counter[str]]:
    """Numbers that only one text has, after words that may stand for them."""
    return here.numbers - there.numbers - there.soft, there.numbers - here.numbers - here.soft


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
    letters = all(_is_letter(a) and _is_letter(b) for a, b in pairs)
    sides = {"only_here": [a for a, _ in pairs][:20], "only_there": [b for _, b in pairs][:20]}
    return Finding("other_question" if letters else "other_numbers", sides)


def _is_symbol(token: str) -> bool:
    return is_number(token) or _is_letter(token)


def _is_letter(token: str) -> bool:
    return (len(token) == 1 and token.isalpha()) or token in _GREEK
