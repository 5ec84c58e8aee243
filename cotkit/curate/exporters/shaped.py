"""What exporters that go row by row share: the turn that was asked, further columns, and what is refused."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from cotkit import records
from cotkit.curate.exporters import Exporter, Refusals
from cotkit.curate.wrappings import Wrapping, survives
from cotkit.records import Example, Problem

if TYPE_CHECKING:
    import polars as pl

Row = Mapping[str, Any]
# Columns of Example that may stand beside a format's own; the texts of the turns are in the format itself.
FURTHER = tuple(f.name for f in fields(Example) if f.name not in ("messages", "reasoning", "response"))
# Those of them that are the same for every attempt at a problem.
OF_PROBLEM = tuple(name for name in FURTHER if name in {f.name for f in fields(Problem)})
_GROUP = 1_000


def _known(name: str) -> str:
    if name not in FURTHER:
        near = difflib.get_close_matches(name, FURTHER, n=1, cutoff=0.5) or [", ".join(FURTHER)]
        raise PydanticCustomError("column", "there is no column '{name}'; take {near}", {"name": name, "near": near[0]})
    return name


class Shaped(Exporter):
    """Base of the exporters that make their own columns of one row.

    Class attributes:
        held: columns of Example that the format's own columns hold already.
    """

    columns: tuple[Annotated[str, AfterValidator(_known)], ...] | None = Field(
        None, description="Further columns to publish beside the format's own; all when left out, [] for none."
    )

    held: ClassVar[frozenset[str]] = frozenset()
    by_row: ClassVar[bool] = True

    def wrapping(self) -> Wrapping | None:
        """How reasoning and response stand in one text; None where each has its own place."""
        return None

    def shape(self, row: Row) -> dict[str, Any]:
        """The format's own columns of one row of Example."""
        raise NotImplementedError

    def own(self) -> dict[str, Any]:
        """Column -> Polars type of what `shape` gives."""
        raise NotImplementedError

    def further(self) -> list[str]:
        return [name for name in FURTHER if name not in self.held and (self.columns is None or name in self.columns)]

    def refused(self, examples: pl.DataFrame) -> Refusals:
        wrapping = self.wrapping()
        found: dict[int, tuple[str, dict[str, Any]]] = {}
        for number, row in enumerate(examples.iter_rows(named=True)):
            turns = user_turns(row)
            if len(turns) > 1:
                found[number] = ("several_turns", {"user_turns": len(turns)})
            elif wrapping is not None and not survives(wrapping, row["reasoning"], row["response"]):
                evidence = {"why": "a tag of the format stands in the text where the format's own must be"}
                found[number] = ("ambiguous_tags", evidence)
        return found

    def export(self, examples: pl.DataFrame) -> pl.DataFrame:
        import polars as pl

        types = records.schema(Example)
        further = self.further()
        parts = [pl.DataFrame(schema={**self.own(), **{name: types[name] for name in further}})]
        for group in examples.iter_slices(_GROUP):
            shaped = [self.shape(row) for row in group.iter_rows(named=True)]
            parts.append(pl.DataFrame(shaped, schema=self.own()).hstack(group.select(further)))
        return pl.concat(parts)


def asked(row: Row) -> str:
    """The user turn as it was sent, else the problem."""
    turns = user_turns(row)
    return str(turns[0] if turns else row["problem"] or "")


def user_turns(row: Row) -> list[str]:
    return [m["content"] for m in row["messages"] or () if m["role"] == "user"]
