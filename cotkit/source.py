"""What a source of problems is: where rows come from, and which column means what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from cotkit.config import Config, OneLine
from cotkit.errors import InputError
from cotkit.registry import Registered
from cotkit.steps import Step
from cotkit.table import Counted

# So many values that `where` leaves out are shown where it leaves out everything.
_MOST_TOLD = 8


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row as the source has it.

    Attributes:
        number: 0-based row number in the source; with the source's name it is the row's identity.
        place: where a person finds it, e.g. "problems.jsonl, line 7".
        values: column -> value; None for a row that could not be read.
        error: why it could not be read.
        left_out: a short fixed word where the source's own rule leaves the row out; the values are there all the same.
    """

    number: int
    place: str
    values: Mapping[str, Any] | None
    error: str | None = None
    left_out: str | None = None


# Where a reference answer is looked for: the answer column; in the solution the last box, what follows ####, what
# follows "the answer is", and the option letter that its last line names.
AnswerWay = Literal["column", "boxed", "hashes", "phrase", "option"]


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
    """Base of all sources. A subclass adds `kind: Literal["its-kind"]` and says how to read rows.

    Class attributes:
        excluded: key -> why it is left out of the cache key (a path whose content `materials` digests).
    """

    kind: str
    name: str = Field(description="Short name of this source; becomes the rows' `source`.", min_length=1)
    columns: Columns = Columns()
    keep: tuple[str, ...] = Field((), description="Further columns to keep, as JSON in `metadata`.")
    license: OneLine | None = Field(None, description="Licence of the source, e.g. apache-2.0; None is unknown.")
    domain: str = Field("math", description="Domain of rows that do not say their own.")
    answer_from: tuple[AnswerWay, ...] = Field(
        ("column", "boxed", "hashes", "phrase", "option"),
        description="Where the reference answer is looked for, in this order; all but column read the solution.",
    )
    option_text: bool = Field(
        False, description="Of a multiple-choice problem take the text of the right option, not its letter."
    )
    where: dict[str, Annotated[tuple[str | int | float | bool | None, ...], Field(min_length=1)]] = Field(
        default_factory=dict,
        description="Column -> values: rows that hold another value in one of these columns are not read.",
    )
    limit: int | None = Field(None, ge=1, description="Read only the first rows of the source.")

    excluded: ClassVar[Mapping[str, str]] = {}
    # What to do about it, in the words of a recipe; the CLI says it in its own for a bare file.
    to_name_a_column: ClassVar[str] = "name the right one under `columns: {{{key}: …}}`"

    def also_keep(self) -> tuple[str, ...]:
        """Columns that go into `metadata` besides `keep`, where a row has them."""
        return ()

    def materials(self, pins: Mapping[str, str]) -> dict[str, str]:
        """Digest of the source's content, usually {self.name: digest}; raises InputError where it is missing.

        A source that makes its rows from its keys alone returns {}: the keys are in the cache key anyway.

        `pins` holds what an earlier run resolved under the same names; a pinned revision is used again.
        """
        raise NotImplementedError

    def rows(self, pins: Mapping[str, str]) -> Iterator[RawRow]:
        """All rows there are, in order and lazily, each with its own number, unreadable ones with `error`.

        Raises InputError where nothing can be read.
        """
        raise NotImplementedError

    def read(self, pins: Mapping[str, str]) -> Iterator[RawRow]:
        """The rows that are meant: those that `where` lets through, and of them the first `limit`.

        Raises InputError as `rows` does, for a column of `where` that a row lacks, and where no row is let through.
        """
        read = passed = 0
        others: dict[str, None] = {}
        for raw in self.rows(pins):
            read += 1
            if self._wanted(raw):
                passed += 1
                yield raw
                if passed == self.limit:
                    return
            elif len(others) < _MOST_TOLD:
                others |= dict.fromkeys(f"{c} {(raw.values or {}).get(c)!r}"[:80] for c in self.where)
        if read and not passed:
            raise InputError(
                f"source '{self.name}': no row passes `where`: of {read:,} the first have {', '.join(others)}; "
                "change its values"
            )

    def _wanted(self, raw: RawRow) -> bool:
        if raw.values is None:
            return True  # whether a row belongs here cannot be told from a row that cannot be read
        for column, values in self.where.items():
            if column not in raw.values:
                raise InputError(
                    f"{raw.place}: source '{self.name}' has no column '{column}' for `where`; its columns are "
                    f"{', '.join(sorted(raw.values))}"
                )
            if raw.values[column] not in values:
                return False
        return True


def exclusions(key: str, sources: Sequence[Source]) -> dict[str, str]:
    """Config paths that stay out of the cache key of a step which holds `sources` under `key`."""
    return {
        f"{key}.{index}.{path}": why
        for index, source in enumerate(sources)
        for path, why in type(source).excluded.items()
    }


def materials(sources: Sequence[Source], pins: Mapping[str, str]) -> dict[str, str]:
    """Materials of several sources, each under its source's name (a source may name several)."""
    found: dict[str, str] = {}
    for source in sources:
        own = {name.removeprefix(f"{source.name}/"): digest for name, digest in pins.items()}
        for name, digest in source.materials(own).items():
            found[name if name == source.name else f"{source.name}/{name}"] = digest
    return found


class FromSources(Step):
    """Base of the steps whose rows come out of sources: they, not a table, decide how many there are."""

    sources: tuple[AnySource, ...]

    def code_modules(self) -> tuple[str, ...]:
        return (*self.code, *(type(source).__module__ for source in self.sources))

    def materials(self, pins: Mapping[str, str]) -> dict[str, str]:
        return materials(self.sources, pins)

    def exclusions(self) -> Mapping[str, str]:
        return exclusions("sources", self.sources)

    def rows_in(self, tables: Mapping[type, Counted]) -> int | None:
        return None


def not_pulled(key: str, names: Iterable[str], before: Sequence[Step]) -> list[str]:
    """A sentence where `key` names a source that no step before pulls: with a slip in it, it would do nothing."""
    if _plugged(before):
        return []
    pulled = [source.name for step in before for source in getattr(step, "sources", ())]
    return [
        f"`{key}`: no source is named '{n}'; the recipe pulls {', '.join(pulled)}" for n in names if n not in pulled
    ]


def not_kept(key: str, column: str, before: Sequence[Step]) -> list[str]:
    """A sentence where `key` names a column that no source of the steps before keeps in `metadata`."""
    if _plugged(before):
        return []
    kept = {c for step in before for s in getattr(step, "sources", ()) for c in (*s.keep, *s.also_keep())}
    if column in kept:
        return []
    known = f"the sources keep {', '.join(sorted(kept))}" if kept else "the sources keep none"
    return [f"`{key}`: no source keeps a column '{column}'; {known}; name it under `keep` of its source"]


def _plugged(before: Sequence[Step]) -> bool:
    """Whether a plug-in's step may have made problems or filled their columns."""
    return any(not type(step).__module__.startswith("cotkit.") for step in before)


AnySource = Annotated[Source, Registered("sources", "kind")]
