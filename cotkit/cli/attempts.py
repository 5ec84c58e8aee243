"""Rows of a file as attempts: a problem, a trace and a verdict each, as the steps after verify read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from cotkit.cli.files import as_count, as_list, as_number, as_text, items_of, read_rows, run_step
from cotkit.records import VerdictName

if TYPE_CHECKING:
    from cotkit.cli.graded import Names
    from cotkit.cli.output import Output
    from cotkit.curate.select import Attempt
    from cotkit.steps import Tables


def read_attempts(path: Path, limit: int | None, graded: bool = True) -> tuple[list[Attempt], list[dict[str, Any]]]:
    """The attempts and the rows as they stand in the file, in one order.

    Raises InputError where a column that `distill`, or with `graded` that `verify`, leaves is missing.
    """
    from cotkit.cli.graded import columns
    from cotkit.errors import InputError

    rows = read_rows(path, limit)
    for key in ("problem", "response", *(("verdict",) if graded else ())):
        if not any(key in row for row in rows):
            raise InputError(f"{path}: no column '{key}'; give a file that `cotkit verify FILE --out` wrote")
    return attempts_of_rows(rows, path, columns(None, {})), rows


def attempts_of_rows(rows: Sequence[Mapping[str, Any]], path: Path, names: Names) -> list[Attempt]:
    """One attempt for each row. Rows of one problem text are attempts at one problem, numbered in their order.

    A row without a text belongs to the problem that its problem_id names, or is alone. Raises InputError for a verdict
    that is no word for one.
    """
    from cotkit import records
    from cotkit.curate.select import Attempt
    from cotkit.records import Problem, Trace, Verdict

    attempts: list[Attempt] = []
    seen: dict[str, int] = {}
    for number, row in enumerate(rows):
        text, choices = as_text(names.get(row, "problem")) or "", as_list(names.get(row, "choices"))
        named = as_text(row.get("problem_id")) or f"row {number}"
        identity = records.problem_id(text, choices) if text.strip() else named
        sample = seen[identity] = seen.get(identity, -1) + 1
        problem = Problem(
            identity,
            text,
            as_text(names.get(row, "answer")),
            choices=choices,
            tests=as_text(names.get(row, "tests")) or None,
            source=as_text(row.get("source")) or path.stem,
            source_row=int(row["source_row"]) if str(row.get("source_row")).isdecimal() else number,
            license=as_text(row.get("license")),
            domain=as_text(row.get("domain")) or "math",
            language=as_text(row.get("language")),
            metadata=as_text(row.get("metadata")) or "{}",
            subject=as_text(row.get("subject")),
            difficulty=as_number(row.get("difficulty")),
            solved_by=as_list(row.get("solved_by")),
            unsolved_by=as_list(row.get("unsolved_by")),
        )
        trace = Trace(
            identity,
            sample,
            as_text(row.get("teacher")) or "",
            "",
            as_text(names.get(row, "status")) or "done",
            reasoning=as_text(names.get(row, "reasoning")),
            response=as_text(names.get(row, "response")),
            reasoning_kind=as_text(row.get("reasoning_kind")) or "none",
            finish_reason=as_text(row.get("finish_reason")),
            completion_tokens=as_count(row.get("completion_tokens")),
            strategy=as_text(row.get("strategy")) or "plain",
            provenance=as_text(row.get("provenance")) or "{}",
            scores=records.read_scores(items_of(row.get("scores"))),
        )
        verdict = Verdict(
            identity,
            sample,
            _verdict(row, number, path, names),
            as_text(row.get("extracted")),
            problem.answer,
            as_text(row.get("verdict_method")) or "",
            as_text(row.get("verdict_reason")) or "",
        )
        attempts.append(Attempt(problem, trace, verdict))
    return attempts


def _verdict(row: Mapping[str, Any], number: int, path: Path, names: Names) -> str:
    """The row's verdict, in small or capital letters; undecided where there is none."""
    from cotkit.errors import InputError

    told = as_text(names.get(row, "verdict"))
    word = (told or "").strip().casefold() or "undecided"
    if word not in get_args(VerdictName):
        words = ", ".join(get_args(VerdictName))
        raise InputError(
            f"{path}, row {number + 1}: the verdict '{(told or '')[:40]}' is none of {words}; write one of these, or "
            "grade the file with `cotkit verify`"
        )
    return word


def tables_of_file(
    path: Path, rows: Sequence[Mapping[str, Any]], names: Names, output: Output, grade: bool = True
) -> Tables:
    """Problem, Trace and Verdict tables of a file's rows, a trace a row in their order.

    Where the file has no verdicts, its answers are graded first; without `grade` they stay undecided. Raises
    InputError where the columns for that are missing.
    """
    from cotkit import records
    from cotkit.records import Problem, Trace, Verdict
    from cotkit.verify.step import Verify

    judged = any(names.get(row, "verdict") for row in rows)
    tested = any(names.get(row, "tests") for row in rows)
    names.require(path, rows, "response", *(() if judged or tested or not grade else ("answer",)))
    attempts = attempts_of_rows(rows, path, names)
    tables = {
        Problem: records.frame(Problem, {a.problem.problem_id: a.problem for a in attempts}.values()),
        Trace: records.frame(Trace, [a.trace for a in attempts]),
        Verdict: records.frame(Verdict, [a.verdict for a in attempts]),
    }
    if grade and not judged:
        output.say(f"{path}: no column '{names.by_key['verdict']}', so its answers are graded first")
        tables[Verdict] = run_step(Verify(name="verify"), tables, output).kept
    return tables
