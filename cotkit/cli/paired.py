"""What `cotkit pairs` does with a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from cotkit.cli.files import as_count, items_of, read_rows
from cotkit.curate.pairing import RATIO, By, broken_rule
from cotkit.curate.regraded import regraded
from cotkit.errors import InputError, RecipeError

if TYPE_CHECKING:
    import polars as pl

_NEEDED = ("chosen", "rejected", "chosen_length", "rejected_length", "length_unit", "rejected_kind", "chosen_verdict")
_SIDES = ("chosen", "rejected")


def paired(
    path: Path, by: str, ratio: float | None, most: int, tokenizer: str | None, limit: int | None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The pairs, and the attempts that are in none with the reason. Raises InputError and RecipeError."""
    import polars as pl
    from pydantic import ValidationError

    from cotkit.cli.attempts import read_attempts
    from cotkit.curate.exporters.preference import Preference
    from cotkit.curate.select import Select, counted, select
    from cotkit.records import dropped_frame

    keys: dict[str, Any] = {"by": rule(by), "pairs": most, "length": "tokens" if tokenizer else "characters"}
    try:
        shape = Preference.model_validate({"kind": "preference", **keys, **({} if ratio is None else {"ratio": ratio})})
    except ValidationError as error:
        raise RecipeError(f"--{error.errors()[0]['loc'][-1]}: {error.errors()[0]['msg']}") from error
    attempts, _ = read_attempts(path, limit)
    config = Select(name="select", verdicts=("correct", "incorrect"), per_problem=max(1, len(attempts)))
    chosen = counted(select(attempts, config), tokenizer)
    refused = dict(sorted(shape.refused(chosen.kept).items()))
    kept = chosen.kept[[n for n in range(chosen.kept.height) if n not in refused]]
    evidence = [why for _, why in refused.values()]
    alone = dropped_frame(chosen.kept, list(refused), [reason for reason, _ in refused.values()], evidence)
    return shape.export(kept), pl.concat([chosen.dropped, alone], how="diagonal_relaxed")


def broken(path: Path, by: str, ratio: float | None) -> tuple[int, list[tuple[int, str]], int]:
    """How many pairs there are, (row from 1, broken rule) of those that break theirs, and how many sides could not be
    graded again.

    Raises InputError where a column that the proof needs is missing.
    """
    known = rule(by)
    rows = read_rows(path, None)
    missing = next((name for name in _NEEDED if not all(name in row for row in rows)), None)
    if missing is not None:
        raise InputError(f"{path}: no column '{missing}'; give a file that `cotkit pairs FILE --out` wrote")
    counts = ("chosen_length", "rejected_length")
    typed = [
        {**row, **{name: as_count(row[name]) for name in counts}, **{side: items_of(row.get(side)) for side in _SIDES}}
        for row in rows
    ]
    contradicted, ungraded = regraded(typed)
    found = (broken_rule(row, known, RATIO if ratio is None else ratio) for row in typed)
    told = enumerate((first or second for first, second in zip(found, contradicted, strict=True)), 1)
    return len(rows), [(number, why) for number, why in told if why is not None], ungraded


def rule(name: str) -> By:
    """Raises RecipeError for a name that is none."""
    for known in get_args(By):
        if name == known:
            return known  # type: ignore[no-any-return]
    raise RecipeError(f"--by {name}: there is no such rule; there are {', '.join(get_args(By))}")
