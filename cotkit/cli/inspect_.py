"""`cotkit status` and `cotkit report`: what a run directory holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cotkit.cli.options import Column, Json, RunArgument
from cotkit.cli.output import Output
from cotkit.cli.overthinking import tell_overthinking
from cotkit.cli.story import decoded, tell
from cotkit.cli.watch import funnel_table

if TYPE_CHECKING:
    from cotkit.run.directory import RunDirectory


def status(run: RunArgument, as_json: Json = False) -> None:
    """Which steps of a run stand, which are to be run and why.

    Example:

      cotkit status runs/quickstart
    """
    from cotkit.recipe.load import load
    from cotkit.run.directory import LOCK_FILE
    from cotkit.run.plan import plan
    from cotkit.run.runner import old_pins, resolve_pins

    output, directory = Output(as_json), open_run(run)
    recipe = load(str(run / LOCK_FILE)).recipe
    planned = plan(recipe, directory, resolve_pins(recipe, old_pins(directory)))
    lines, machine = [], []
    for one in planned:
        rows = one.report["funnel"]["kept"] if one.report else None
        state = "to run" if one.why else "done"
        count = "" if rows is None else f"{rows:,} rows"
        lines.append(f"{one.number:02d} {one.step.name:<16} {state:<8} {count:>12}  {'; '.join(one.why)}".rstrip())
        machine.append({"step": one.step.name, "done": not one.why, "rows": rows, "why": list(one.why)})
    output.data("\n".join(lines), {"run": str(run), "recipe": recipe.name, "steps": machine})
    todo = any(one.why for one in planned)
    output.next(f"cotkit run RECIPE --out {run}" if todo else f"cotkit report {run}")


def report(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="A run directory; with --patterns or --reflection also a file.")
    ],
    dropped: Annotated[
        str | None,
        typer.Option("--dropped", metavar="STEP", help="Print what a step dropped, as JSON Lines."),
    ] = None,
    row: Annotated[
        str | None,
        typer.Option("--row", metavar="ID", help="Tell the story of one row: a problem_id, or SOURCE:NUMBER."),
    ] = None,
    overthinking: Annotated[
        bool, typer.Option("--overthinking", help="What the trim step found: attempts a trace, efficiencies, lengths.")
    ] = False,
    megabytes: Annotated[
        int | None,
        typer.Option(min=1, help="Write report.html anew, holding at most so many megabytes of texts."),
    ] = None,
    patterns: Annotated[
        bool,
        typer.Option("--patterns", help="Count phrases of checking, turning back, other ways and parts of the task."),
    ] = False,
    sentences: Annotated[
        int | None,
        typer.Option(
            "--sentences",
            min=1,
            metavar="N",
            help="With --patterns: the N sentences that are most like ours.",
        ),
    ] = None,
    reflection: Annotated[
        bool, typer.Option("--reflection", help="How often reflection goes with a right answer, and changes one.")
    ] = False,
    column: Column = None,
    as_json: Json = False,
) -> None:
    """The funnel of a run; why rows were dropped.

    Examples:

      cotkit report runs/quickstart

      cotkit report runs/quickstart --dropped decontaminate

      cotkit report runs/quickstart --row quickstart:17

      cotkit report runs/quickstart --overthinking

      cotkit report runs/quickstart --megabytes 200

      cotkit report graded.jsonl --patterns --reflection

      cotkit report corpus.parquet --patterns --sentences 50 --column response=text
    """
    from cotkit.errors import InputError, RecipeError
    from cotkit.run.directory import FUNNEL_FILE, REPORT_FILE
    from cotkit.run.report import write_report

    output = Output(as_json)
    if sentences is not None and not patterns:
        raise RecipeError("--sentences goes with --patterns; give both")
    if patterns or reflection:
        return tell_reasoning(run, column, patterns, sentences, reflection, output)
    directory = open_run(run)
    if dropped is not None:
        output.rows(decoded(r) for r in directory.dropped(dropped).iter_rows(named=True))
        return
    if row is not None:
        tell(directory, row, output)
        return
    if overthinking:
        tell_overthinking(directory, output)
        return
    try:
        kept = json.loads((run / FUNNEL_FILE).read_text(encoding="utf-8"))
        recipe, funnel = kept["recipe"], kept["steps"]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{run}: no funnel here yet; run the recipe first") from error
    if megabytes is not None:
        with directory.held():
            write_report(recipe, funnel, directory, megabytes)
    output.data(funnel_table(funnel), funnel)
    output.next(f"open {run / REPORT_FILE}   or   cotkit report {run} --dropped STEP")


def tell_reasoning(
    target: Path,
    column: list[str] | None,
    patterns: bool,
    sentences: int | None,
    reflection: bool,
    output: Output,
) -> None:
    """What the texts of a run or a file say about themselves."""
    from cotkit.cli.tallied import alike_lines, attempts_in, pattern_lines, reflection_lines
    from cotkit.curate.alike import alike_table
    from cotkit.curate.tallies import pattern_table, reflection_table

    attempts = attempts_in(target, column, reflection, output)
    lines: list[str] = []
    machine: dict[str, Any] = {"attempts": len(attempts)}
    if patterns:
        machine["patterns"] = pattern_table(attempts)
        lines += [*pattern_lines(machine["patterns"]), ""]
    if sentences is not None:
        machine["alike"] = alike_table((attempt.text for attempt in attempts), sentences)
        lines += [*alike_lines(machine["alike"]), ""]
    if reflection:
        machine["reflections"] = reflection_table(attempts)
        lines += [*reflection_lines(machine["reflections"]), ""]
    output.data("\n".join(lines).rstrip(), machine)


def open_run(run: Path) -> RunDirectory:
    """Raises InputError for a folder that is no run directory."""
    from cotkit.errors import InputError
    from cotkit.run.directory import LOCK_FILE, RunDirectory

    if not (run / LOCK_FILE).is_file():
        raise InputError(f"{run}: not a run directory (it has no {LOCK_FILE}); give the --out folder of a run")
    return RunDirectory(run)
