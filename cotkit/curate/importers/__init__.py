"""Published trace sets, read back: a format is one small function from a row to what it says.

`FORMATS` names them; the first one whose columns a file has is taken where the user names none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from cotkit.errors import RecipeError


@dataclass(frozen=True, slots=True)
class PublishedTrace:
    """One attempt as a published row has it.

    Attributes:
        kind: reasoning_kind where there is reasoning.
        closed: False where the reasoning never ends.
        said: what the set itself says of the attempt (a grade, a finish reason, a system turn).
        own: columns of Example that belong to this attempt, where the row has them.
    """

    reasoning: str | None
    response: str
    teacher: str = ""
    kind: str = "raw"
    closed: bool = True
    said: Mapping[str, Any] = field(default_factory=dict)
    own: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Published:
    """What one row says: the problem as it was asked, its attempts, and the columns that were used up for it.

    `columns` stand in for columns of Example that the format has under another name, and for the solution where
    cotkit wrote it.
    """

    asked: str
    traces: tuple[PublishedTrace, ...]
    used: frozenset[str]
    solution: str | None = None
    tests: str | None = None
    columns: Mapping[str, Any] = field(default_factory=dict)


class Unreadable(ValueError):
    """A row that is not in the format, with the reason in plain words."""


Reader = Callable[[Mapping[str, Any]], Published]


@dataclass(frozen=True, slots=True)
class Format:
    """Where a format's reader is, and the columns that tell it: one of these sets; none where nothing does."""

    reader: str
    told_by: tuple[frozenset[str], ...]

    def load(self) -> Reader:
        module, _, name = self.reader.partition(":")
        return getattr(import_module(f"cotkit.curate.importers.{module}"), name)  # type: ignore[no-any-return]


def _told(*signatures: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(s.split()) for s in signatures)


# From the most telling columns to the least.
FORMATS: Mapping[str, Format] = {
    "s1": Format(
        "sets:s1",
        _told(
            "question thinking_trajectories attempt",
            "question gemini_thinking_trajectory gemini_attempt",
            "question deepseek_thinking_trajectory deepseek_attempt",
        ),
    ),
    "openthoughts_metadata": Format(
        "sets:openthoughts_metadata", _told("problem deepseek_reasoning deepseek_solution")
    ),
    "openr1": Format("sets:openr1", _told("problem generations")),
    "still": Format("sets:still", _told("question combined_text")),
    "verl": Format("shapes:verl", _told("data_source prompt reward_model")),
    "preference": Format("shapes:preference", _told("prompt chosen rejected")),
    "text": Format("shapes:plain", _told("text prompt_chars reasoning_chars")),
    "r1_zero": Format("shapes:r1_zero", _told("question prompt completion")),
    "prompt_completion": Format("shapes:prompt_completion", _told("prompt completion")),
    "r1": Format("shapes:r1", _told("prompt text")),
    "sharegpt": Format("shapes:sharegpt", _told("conversations")),
    "alpaca": Format("shapes:alpaca", _told("instruction output", "instruction response")),
    "messages": Format("shapes:messages", _told("messages")),
    "limo": Format("sets:limo", ()),
}
# Names under which people know a format.
ALIASES: Mapping[str, str] = {
    "s1k": "s1",
    "openthoughts": "sharegpt",
    "marco-o1": "alpaca",
    "open-o1": "alpaca",
    "axolotl": "messages",
    "trl": "messages",
    "dpo": "preference",
}


def find_format(name: str | None, columns: Collection[str]) -> tuple[str, Format]:
    """The format of that name, else the one that the columns tell. Raises RecipeError."""
    names = ", ".join([*FORMATS, *ALIASES])
    if name is not None:
        known = ALIASES.get(name, name)
        if known not in FORMATS:
            raise RecipeError(f"--format {name}: there is no such format; there are {names}")
        return known, FORMATS[known]
    for known, found in FORMATS.items():
        if any(signature <= set(columns) for signature in found.told_by):
            return known, found
    raise RecipeError(
        f"the columns {', '.join(sorted(columns)) or '(none)'} tell no format; name one with --format: {names}; "
        "or name the columns: --map problem=NAME --map response=NAME"
    )
