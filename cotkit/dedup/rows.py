"""Problems as the methods see them: one text each, and where it came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

# Evidence shows this much of the other problem; its row number leads to the rest.
SHOWN = 300


@dataclass(frozen=True, slots=True)
class Item:
    """A row of a table.

    Attributes:
        text: the problem with its options, if it has any.
        solution: it has a reference solution.
        copies: other texts of it, which a dedup step dropped.
    """

    source: str
    row: int
    problem_id: str
    text: str
    answer: str | None
    solution: bool
    copies: tuple[str, ...] = ()


def items_of(table: pl.DataFrame, source: str = "") -> list[Item]:
    """Rows of a Problem table, or of any table with a column `problem`, in order.

    Used if there: choices, answer, solution, source, source_row (else the row's number), problem_id, copies.
    """
    found = []
    for number, row in enumerate(table.iter_rows(named=True)):
        answer = row.get("answer")
        found.append(
            Item(
                source=row.get("source") or source,
                row=number if row.get("source_row") is None else row["source_row"],
                problem_id=row.get("problem_id") or "",
                text="\n".join([row["problem"], *(c for c in row.get("choices") or () if c)]),
                answer=answer,
                solution=bool(row.get("solution")),
                copies=tuple(row.get("copies") or ()),
            )
        )
    return found


def shown(text: str) -> str:
    """The beginning of a text, for evidence."""
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def evidence_of(kept: Item) -> dict[str, Any]:
    """What a dropped duplicate tells of the row that is kept for it."""
    return {
        "kept_source": kept.source,
        "kept_row": kept.row,
        "kept_problem_id": kept.problem_id,
        "kept_problem": shown(kept.text),
    }


def siblings_frame(records: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Pairs that look alike and are not the same: neither kept nor dropped for it, but worth a look."""
    import polars as pl

    schema = {
        "source": pl.String,
        "source_row": pl.Int64,
        "problem_id": pl.String,
        "other_source": pl.String,
        "other_row": pl.Int64,
        "other_problem": pl.String,
        "kind": pl.String,
        "method": pl.String,
        "score": pl.Float64,
        "detail": pl.String,
    }
    return pl.DataFrame([dict(r) for r in records], schema=schema, strict=False)
