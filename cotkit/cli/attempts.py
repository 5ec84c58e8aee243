"""The rows of a file that `cotkit verify` wrote, as graded attempts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cotkit import records
from cotkit.cli.files import as_count, as_list, as_number, as_text, read_rows
from cotkit.curate.select import Attempt
from cotkit.errors import InputError
from cotkit.records import Problem, Trace, Verdict


def read_attempts(path: Path, limit: int | None, graded: bool = True) -> tuple[list[Attempt], list[dict[str, Any]]]:
    """The attempts and the rows as they stand in the file, in one order; samples of one problem are counted from 0.

    Raises InputError where a column that `distill`, or with `graded` that `verify`, leaves is missing.
    """
    rows = read_rows(path, limit)
    for key in ("problem", "response", *(("verdict",) if graded else ())):
        if not any(key in row for row in rows):
            raise InputError(f"{path}: no column '{key}'; give a file that `cotkit verify FILE --out` wrote")
    attempts: list[Attempt] = []
    seen: dict[str, int] = {}
    for number, row in enumerate(rows):
        choices = as_list(row.get("choices"))
        identity = records.problem_id(as_text(row.get("problem")) or "", choices)
        sample = seen[identity] = seen.get(identity, -1) + 1
        problem = _problem(identity, row, choices, path.stem, number)
        attempts.append(
            Attempt(
                problem,
                _trace(identity, sample, row),
                Verdict(
                    identity,
                    sample,
                    as_text(row.get("verdict")) or "undecided",
                    as_text(row.get("extracted")),
                    problem.answer,
                    as_text(row.get("verdict_method")) or "",
                    as_text(row.get("verdict_reason")) or "",
                ),
            )
        )
    return attempts, rows


def _problem(identity: str, row: dict[str, Any], choices: list[str] | None, name: str, number: int) -> Problem:
    return Problem(
        identity,
        as_text(row.get("problem")) or "",
        as_text(row.get("answer")),
        choices=choices,
        source=as_text(row.get("source")) or name,
        source_row=int(row["source_row"]) if str(row.get("source_row")).isdecimal() else number,
        license=as_text(row.get("license")),
        domain=as_text(row.get("domain")) or "math",
        tests=as_text(row.get("tests")) or None,
        language=as_text(row.get("language")),
        metadata=as_text(row.get("metadata")) or "{}",
        subject=as_text(row.get("subject")),
        difficulty=as_number(row.get("difficulty")),
        solved_by=as_list(row.get("solved_by")),
        unsolved_by=as_list(row.get("unsolved_by")),
    )


def _trace(identity: str, sample: int, row: dict[str, Any]) -> Trace:
    return Trace(
        identity,
        sample,
        as_text(row.get("teacher")) or "",
        "",
        as_text(row.get("status")) or "done",
        reasoning=as_text(row.get("reasoning")),
        response=as_text(row.get("response")),
        reasoning_kind=as_text(row.get("reasoning_kind")) or "none",
        completion_tokens=as_count(row.get("completion_tokens")),
        strategy=as_text(row.get("strategy")) or "plain",
        provenance=as_text(row.get("provenance")) or "{}",
    )
