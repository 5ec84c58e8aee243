"""What a source of problems is: where rows come from, and which column means what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import Field

from cotkit.config import Config
from cotkit.registry import Registered


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row as the source has it.

    Attributes:
        number: 0-based row number in the source; with the source's name it is the row's identity.
        place: where a person finds it, e.g. "problems.jsonl, line 7".
        values: column -> value; None for a row that could not be read.
        error: why it could not be read.
    """

    number: int
    place: str
    values: Mapping[str, Any] | None
    error: str | None = None


class Columns(Config):
    """Which column of the source holds what. A column left out is looked for under its own name."""

    problem: str = "problem"
    answer: str = "answer"
    solution: str = "solution"
    choices: str = "choices"
    domain: str = "domain"
    language: str = "language"
    tests: str = "tests"

    def named(self) -> set[str]:
        """The keys that the recipe changes: their columns must exist."""
        return {key for key, field in type(self).model_fields.items() if getattr(self, key) != field.default}


class Source(Config):
    """Base of all sources. A subclass adds `kind: Literal["its-kind"]` and says how to read rows."""

    kind: str
    name: str = Field(description="Short name of this source; becomes the rows' `source`.", min_length=1)
    columns: Columns = Columns()
    keep: tuple[str, ...] = Field((), description="Further columns to keep, as JSON in `metadata`.")
    license: str | None = Field(None, description="Licence of the source, e.g. apache-2.0; None is unknown.")
    domain: str = Field("math", description="Domain of rows that do not say their own.")
    limit: int | None = Field(None, ge=1, description="Read only the first rows of the source.")

    excluded: ClassVar[Mapping[str, str]] = {}

    def materials(self, pins: Mapping[str, str]) -> dict[str, str]:
        """Digest of the source's content by name; raises InputError where it is missing.

        `pins` holds what an earlier run resolved under the same names; a pinned revision is used again.
        """
        raise NotImplementedError

    def rows(self, pins: Mapping[str, str]) -> Iterator[RawRow]:
        """Its rows in order, unreadable ones with `error`; raises InputError where nothing can be read."""
        raise NotImplementedError


AnySource = Annotated[Source, Registered("sources", "kind")]
