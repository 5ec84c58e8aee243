"""What `cotkit verify` does with a file of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotkit.cli.files import as_list, as_text, mapping, read_rows, run_step, table_of
from cotkit.cli.output import Output

if TYPE_CHECKING:
    import polars as pl

    from cotkit.verify.policy import Policy
    from cotkit.verify.step import Verify

COLUMNS = ("response", "answer", "problem", "reasoning", "choices", "tests", "verdict", "status")


@dataclass(frozen=True)
class Names:
    """Which column holds what.

    Attributes:
        by_key: a column name for each of COLUMNS.
        told: the keys that the user named; their columns must be there.
    """

    by_key: Mapping[str, str]
    told: frozenset[str]

    def get(self, row: Mapping[str, Any], key: str) -> Any:
        return row.get(self.by_key[key])

    def require(self, path: Path, rows: Sequence[Mapping[str, Any]], *keys: str) -> None:
        """Raises InputError where no row has the column of one of these keys, or one that the user named."""
        from cotkit.errors import InputError

        for key in (*keys, *sorted(self.told)):
            name = self.by_key[key]
            if not any(name in row for row in rows):
                known = ", ".join(sorted({k for row in rows for k in row}))
                raise InputError(
                    f"{path}: no column '{name}' for the {key}; it has {known}; use {_OPTIONS.get(key, '--column')}"
                )


_OPTIONS = {
    "response": "--response NAME",
    "answer": "--reference NAME",
    "problem": "--question NAME",
    "choices": "--choices NAME",
    "tests": "--tests NAME",
}


def columns(column: Sequence[str] | None, own: Mapping[str, str | None]) -> Names:
    """From `--column KEY=NAME` and the options that name one column each; raises RecipeError for an unknown key."""
    told = {**mapping(column, COLUMNS), **{key: name for key, name in own.items() if name is not None}}
    return Names({key: key for key in COLUMNS} | told, frozenset(told))


def policy(path: Path | None, given: Mapping[str, Any]) -> Policy:
    """A policy file with the options that were given laid over it; raises RecipeError for what it refuses."""
    from pydantic import ValidationError

    from cotkit.errors import RecipeError
    from cotkit.recipe.document import Document, Place, parse
    from cotkit.recipe.explain import first_sentences
    from cotkit.verify.policy import Policy

    document = Document({})
    if path is not None:
        try:
            document = parse(path.read_text(encoding="utf-8"), str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(f"--policy {path}: the file cannot be read ({error}); check the path") from error
    for key, value in given.items():
        document.data[key] = value
        document.move((key,), Place(f"--{key}"))
    try:
        return Policy.model_validate(document.data)
    except ValidationError as error:
        raise RecipeError("\n".join(first_sentences(error, document))) from error


def grader(rules: Policy, cpu_s: float, workers: int | None) -> Verify:
    """The verify step of these options; raises RecipeError for what it refuses."""
    from pydantic import ValidationError

    from cotkit.errors import RecipeError
    from cotkit.verify.step import Verify

    options = {"cpu_s": "--cpu", "workers": "--workers"}
    try:
        return Verify.model_validate(
            {"step": "verify", "name": "verify", "policy": rules, "cpu_s": cpu_s, "workers": workers}
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise RecipeError(f"{options.get(str(first['loc'][0]), '--policy')}: {first['msg']}") from error


def graded(path: Path, names: Names, limit: int | None, step: Verify, output: Output) -> pl.DataFrame:
    """The file's rows, each with `verdict`, `extracted`, `verdict_method` and `verdict_reason`."""
    from cotkit import records
    from cotkit.records import Problem, Trace

    rows = read_rows(path, limit)
    tested = any(names.get(row, "tests") for row in rows)
    names.require(path, rows, "response", *(() if tested else ("answer",)))
    problems = [
        Problem(
            f"row {i}",
            as_text(names.get(row, "problem")) or "",
            as_text(names.get(row, "answer")),
            choices=as_list(names.get(row, "choices")),
            tests=as_text(names.get(row, "tests")),
        )
        for i, row in enumerate(rows)
    ]
    traces = [
        Trace(
            f"row {i}",
            0,
            "",
            "",
            str(names.get(row, "status") or "done"),
            reasoning=as_text(names.get(row, "reasoning")),
            response=as_text(names.get(row, "response")) or "",
        )
        for i, row in enumerate(rows)
    ]
    tables = {Trace: records.frame(Trace, traces), Problem: records.frame(Problem, problems)}
    verdicts = run_step(step, tables, output).kept
    found = zip(rows, verdicts.iter_rows(named=True), strict=True)
    both = [
        {
            **row,
            "verdict": v["verdict"],
            "extracted": v["extracted"],
            "verdict_method": v["method"],
            "verdict_reason": v["reason"],
        }
        for row, v in found
    ]
    return table_of(both)
