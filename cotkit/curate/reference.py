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
        kind: what `verify` can do with it; `tests` where tests decide instead.
        option: of a multiple-choice problem, the text of the option that the answer names.
        conflict: the column's answer and that of the solution's box or ####, where they are not the same.
    """

    answer: str | None
    method: str
    kind: AnswerKind
    option: str | None = None
    conflict: tuple[str, str] | None = None


def reference(
    answer: str | None,
    solution: str | None,
    problem: str,
    choices: Sequence[str] | None,
    ways: Sequence[str],
    tests: bool = False,
) -> Reference:
    """Find the reference in the answer column and the solution, by `ways` in order (source.AnswerWay).

    Where `tests` decide, the solution is a program: only the column is looked at.
    """
    from cotkit.verify.boxed import PARTS
    from cotkit.verify.extract import extract_reference
    from cotkit.verify.question import facts

    if tests:
        found = extract_reference(answer, None, ("column",))
        return Reference(found.answer, "nowhere" if found.answer is None else found.method, "tests")
    asked = facts(problem)
    options = tuple(choices or ()) or asked.choices
    found = extract_reference(answer, solution, ways if options else [way for way in ways if way != "option"])
    conflict = _conflict(answer, solution, problem, choices) if "column" in ways else None
    if found.answer is None:
        return Reference(None, "nowhere", "empty")
    kind: AnswerKind = "multi_part" if found.note == PARTS else kind_of(found.answer)
    if asked.proof and found.method != "column":
        kind = "proof"  # a box in the solution of "prove that …" holds a step of the proof
    return Reference(found.answer, found.method, kind, option_text(found.answer, options), conflict)


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


def _conflict(
    answer: str | None, solution: str | None, problem: str, choices: Sequence[str] | None
) -> tuple[str, str] | None:
    """Only a box or #### is held against the column: other phrases are too often about a part of the solution."""
    from cotkit.verify import grade
    from cotkit.verify.extract import extract_reference

    column = extract_reference(answer, None, ("column",)).answer
    other = extract_reference(None, solution, ("boxed", "hashes")).answer
    if column is None or other is None or "".join(other.split()) == "".join(column.split()):
        return None
    verdict = grade(column, f"\\boxed{{{other}}}", question=problem, choices=choices)
    return (column, other) if verdict.value == "incorrect" else None
