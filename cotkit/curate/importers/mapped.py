"""Rows in columns of anybody's own, named by the user: transcripts that a person copied out of a web page, say."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cotkit.curate.importers import Published, PublishedTrace, Reader
from cotkit.curate.importers.cells import optional, text
from cotkit.curate.importers.shapes import trace
from cotkit.errors import RecipeError

ROLES = ("problem", "reasoning", "response", "answer", "solution", "teacher")
_NEEDED = ("problem", "response")


@dataclass(frozen=True, slots=True)
class Mapped:
    """Role -> column; stands where a Format does."""

    columns: Mapping[str, str]

    def load(self) -> Reader:
        return self.read

    def read(self, row: Mapping[str, Any]) -> Published:
        """One attempt; without a column for the reasoning it is looked for in the tags of the response."""
        names = self.columns
        response = text(row, names["response"])
        found = trace(response)
        if "reasoning" in names:
            found = PublishedTrace(optional(row, names["reasoning"]), response)
        who = optional(row, names["teacher"]) if "teacher" in names else None
        used = frozenset(names.values())
        # A column of ours that the user names another one for is what the set says, and kept with that.
        shadowed = [n for n in ("problem", "answer", "teacher") if n in names and n not in used and n in row]
        said = {name: row[name] for name in shadowed if row[name] is not None}
        own = {"teacher": None} if "teacher" in shadowed else {}
        one = PublishedTrace(found.reasoning, found.response, who or "", closed=found.closed, said=said, own=own)
        solution = optional(row, names["solution"]) if "solution" in names else None
        told = {"problem": None, **({"answer": row.get(names["answer"])} if "answer" in names else {})}
        return Published(text(row, names["problem"]), (one,), used, solution, columns=told)


def mapped(options: Sequence[str], columns: Collection[str]) -> Mapped:
    """`ROLE=COLUMN` options. Raises RecipeError for a role or a column that there is not, and one that is missing."""
    found: dict[str, str] = {}
    for option in options:
        role, sign, column = option.partition("=")
        if not sign or role not in ROLES or role in found:
            raise RecipeError(f"--map {option}: write ROLE=COLUMN, each role once; the roles are {', '.join(ROLES)}")
        if column not in columns:
            raise RecipeError(f"--map {option}: there is no column '{column}'; the rows have {', '.join(columns)}")
        found[role] = column
    missing = [role for role in _NEEDED if role not in found]
    if missing:
        raise RecipeError(f"--map: say which column is the {' and the '.join(missing)}, as in --map {missing[0]}=NAME")
    return Mapped(found)
