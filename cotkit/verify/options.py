"""Answers to multiple-choice problems: letters, option texts, and both."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cotkit.verify.clean import clean
from cotkit.verify.read import read
from cotkit.verify.values import Choice, Value
from cotkit.verify.words import normal

_LETTER_AND_TEXT = re.compile(r"\(?([A-J])\s{0,2}[).:]\s{0,4}(.{1,200})")


def lettered(answer: str, choices: Sequence[str]) -> str:
    """`b` as B where options are asked for and none of them is the letter itself."""
    letter = answer.strip(" ()$.")
    small = len(letter) == 1 and "a" <= letter < chr(ord("a") + len(choices))
    return letter.upper() if small and letter not in [choice.strip(" $") for choice in choices] else answer


def which_option(text: str, choices: Sequence[str]) -> int | None:
    """Which option a text is: by its letter, by letter and words, or by its words alone."""
    value = read(text)
    if isinstance(value, Choice):
        index = ord(value.letter) - ord("A")
        return index if index < len(choices) else None
    mine = _plain(text)
    found = [i for i, choice in enumerate(choices) if _plain(choice) == mine]
    return found[0] if len(found) == 1 and mine else None


def _plain(text: str) -> str:
    """Words without case and punctuation; a text with digits or signs as it is, but for its dressing."""
    form = "".join(clean(text).split())
    return normal(text) if form.isalpha() else form


def contradicts_itself(answer: str, choices: Sequence[str]) -> bool:
    """`B) 12` where 12 is not option B but another one."""
    match = _LETTER_AND_TEXT.fullmatch(answer.strip())
    if match is None:
        return False
    options = [clean(choice) for choice in choices]
    index, text = ord(match[1]) - ord("A"), clean(match[2])
    return text in options and (index >= len(options) or options[index] != text)


def option_value(value: Value, other: Value, choices: Sequence[str]) -> Value:
    """A letter as the text of its option where the other side is no letter."""
    if isinstance(value, Choice) and not isinstance(other, Choice):
        index = ord(value.letter) - ord("A")
        if index < len(choices):
            return read(choices[index])
    return value
