"""The reference answer of a row: where it was found, what it is good for, and whether its two sources agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Literal

AnswerKind = Literal["gradable", "needs_judge", "proof", "multi_part", "empty", "tests"]


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference answer.

    Attributes:
        answer: None where none was found.
        method: the place it was found in: column, boxed, hashes, phrase, letter, or nowhere.
        kind: what `verify` can do with it; `tests` where there is none and tests decide instead.
        option: of a multiple-choice problem, the text of the option that the answer names.
        conflict: what the solution's box or #### says, where that is another answer than the column's.
    """

    answer: str | None
    method: str
    kind: AnswerKind
    option: str | None = None
    conflict: str | None = None


def reference(
    answer: str | None,
    solution: str | None,
    problem: str,
    choices: Sequence[str] | None,
    ways: Sequence[str],
    tests: bool = False,
) -> Reference:
    """Find the reference in the answer column and the solution, by `ways` in order (source.AnswerWay)."""
    from cotkit.verify.extract import extract_reference
    from cotkit.verify.question import facts

    options = tuple(choices or ()) or facts(problem).choices
    usable = ways if options else [way for way in ways if way != "option"]
    found = extract_reference(answer, solution, usable)
    if found.answer is None:
        return Reference(None, "nowhere", "tests" if tests else "empty")
    conflict = None
    if "column" in ways and answer is not None and answer.strip() and solution:
        conflict = _conflict(found.answer, solution, problem, choices)
    return Reference(found.answer, found.method, kind_of(found.answer), option_text(found.answer, options), conflict)


def kind_of(answer: str | None) -> AnswerKind:
    """What `verify` can do with an answer."""
    from cotkit.verify.gradable import gradable

    why = gradable(answer)
    if why is None:
        return "gradable"
    return why if why in ("empty", "proof", "multi_part") else "needs_judge"  # type: ignore[return-value]


def option_text(answer: str, options: Sequence[str]) -> str | None:
    """The option that an answer names by its letter alone: B, (B), \\text{(B)}; None where it names none."""
    from cotkit.verify.read import read
    from cotkit.verify.values import Choice

    if not options or len(answer) > 40:
        return None
    value = read(answer)
    if not isinstance(value, Choice):
        return None
    index = ascii_uppercase.find(value.letter)
    return options[index] if 0 <= index < len(options) else None


def _conflict(answer: str, solution: str, problem: str, choices: Sequence[str] | None) -> str | None:
    """Only a box or #### is held against the column: other phrases are too often about a part of the solution."""
    from cotkit.verify import grade
    from cotkit.verify.extract import extract_reference

    other = extract_reference(None, solution, ("boxed", "hashes")).answer
    if other is None or "".join(other.split()) == "".join(answer.split()):
        return None
    verdict = grade(answer, f"\\boxed{{{other}}}", question=problem, choices=choices)
    return other if verdict.value == "incorrect" else None
