"""`cotkit report --patterns` and `--reflection`: on a run directory, or on a file of rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotkit.cli.output import Output

if TYPE_CHECKING:
    from cotkit.steps import Tables
    from cotkit.verify.scorers import Attempt

# So much of a sentence is shown.
_SHOWN = 200


def attempts_in(target: Path, column: Sequence[str] | None, grade: bool, output: Output) -> list[Attempt]:
    """All attempts of a run with their last verdicts, or of a file; raises InputError where there are none.

    Args:
        column: of a file, which column holds what, as `KEY=NAME`.
        grade: whether a file without verdicts is graded.
    """
    from cotkit import records
    from cotkit.cli import graded
    from cotkit.cli.attempts import tables_of_file
    from cotkit.cli.files import read_rows
    from cotkit.records import Problem, Trace, Verdict
    from cotkit.verify.score import attempts_of

    if target.is_dir():
        tables = tables_of_run(target)
    else:
        tables = tables_of_file(target, read_rows(target, None), graded.columns(column, {}), output, grade)
    return attempts_of(
        records.rows(Trace, tables[Trace]),
        records.rows(Verdict, tables[Verdict]),
        records.rows(Problem, tables[Problem]),
    )


def tables_of_run(run: Path) -> Tables:
    """Problems, traces and verdicts as the last steps left them; raises InputError where nothing is graded."""
    from cotkit.cli.inspect_ import open_run
    from cotkit.errors import InputError
    from cotkit.recipe.load import load
    from cotkit.records import Problem, Trace, Verdict
    from cotkit.run.directory import LOCK_FILE

    directory = open_run(run)
    steps = load(str(run / LOCK_FILE)).recipe.steps
    found = {
        row: next((s.name for s in reversed(steps) if s.writes is row and directory.report(s.name)), None)
        for row in (Problem, Trace, Verdict)
    }
    if found[Verdict] is None:
        raise InputError(f"{run}: no verdicts here yet; run the recipe up to its verify step first")
    return {row: directory.kept(name) for row, name in found.items() if name is not None}


def pattern_lines(rows: Sequence[dict[str, Any]]) -> list[str]:
    head = f"{'phrases':<12} {'language':<9} {'places':>9} {'a 1,000 words':>14} {'attempts':>9}"
    return [head] + [
        f"{r['kind']:<12} {r['language']:<9} {r['places']:>9,} {r['per_1000_words']:>14,.3f} {r['attempts']:>9,}"
        for r in rows
    ]


def alike_lines(told: dict[str, Any]) -> list[str]:
    lines = [f"{'like ours':<12} {'language':<9} {'sentences':>9}"]
    lines += [f"{r['kind']:<12} {r['language']:<9} {r['sentences']:>9,}" for r in told["counts"]]
    lines += ["", "the nearest"]
    for one in told["nearest"]:
        said = " ".join(one["sentence"].split())
        shown = said if len(said) <= _SHOWN else said[:_SHOWN] + " …"
        lines.append(f"{one['similarity']:.2f}  {one['kind']:<12} {one['language']:<9} row {one['text']}: {shown}")
    return lines


def reflection_lines(told: dict[str, Any]) -> list[str]:
    lines = [f"{'reflection':<12} {'correct':>9} {'incorrect':>10} {'undecided':>10}"]
    for side, cells in told["reflection"].items():
        lines.append(f"{side:<12} {cells['correct']:>9,} {cells['incorrect']:>10,} {cells['undecided']:>10,}")
    lines += ["", "answer stated before a reflection → at the end"]
    named = {"unknown": "one of them is undecided", "no_candidate": "no answer stated before"}
    for name, count in told["transitions"].items():
        lines.append(f"{named.get(name, name.replace('_', ' → ')):<26} {count:>9,}")
    lines.append(f"{'answer unchanged':<26} {told['answer_unchanged']:>9,}")
    return lines
