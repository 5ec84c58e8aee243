"""`cotkit reproduce`: build a dataset again from its lock, and say step by step whether it is the same."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cotkit.cli.options import Json, Quiet
from cotkit.cli.output import DIFFERENT, Output
from cotkit.cli.watch import Teller

if TYPE_CHECKING:
    from cotkit.recipe.models import Recipe
    from cotkit.run.compare import Compared
    from cotkit.run.comparison import Original
    from cotkit.run.funnel import Entry
    from cotkit.run.plan import Planned

# Begins with a dot, since a new run directory must be empty but for such files.
_ANSWERS = ".answers.jsonl.gz"


def reproduce(
    target: Annotated[
        str,
        typer.Argument(
            metavar="RUN|DATASET",
            help="A run directory, a published dataset's folder, a recipe.lock.yaml, or a Hub dataset OWNER/NAME.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="New run directory; default runs/NAME-reproduced.", show_default=False),
    ] = None,
    journal: Annotated[
        list[Path] | None,
        typer.Option("--journal", help="Answers of the first run: a run, a journal, or a recording; repeatable."),
    ] = None,
    files: Annotated[
        Path | None, typer.Option("--files", help="Folder of the local files that the first run read, at any depth.")
    ] = None,
    revision: Annotated[
        str | None, typer.Option("--revision", help="With a Hub dataset: branch, tag or commit; default the newest.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop, not warn, at other inputs and other package versions.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Ask, and pay, the teacher where the first run's answers are not there.")
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Build a dataset again from the lock that is published with it, and compare it step by step.

    Exit code 0: the dataset has the same digest. 8: it has not, or nothing is there to compare with.

    Examples:

      cotkit reproduce runs/quickstart

      cotkit reproduce me/my-dataset --journal teacher.jsonl.gz --files /data/problems

      cotkit reproduce downloads/dataset/recipe.lock.yaml --out runs/again --strict
    """
    from cotkit.cli.original import open_original, published, with_published
    from cotkit.errors import IncompleteError, InputError, RecipeError, TeacherError
    from cotkit.recipe.lock import other_packages
    from cotkit.run.comparison import Again, compare_runs
    from cotkit.run.directory import RunDirectory
    from cotkit.run.rebuild import must_be_new, prepare, read_lock
    from cotkit.run.runner import run_recipe

    output = Output(as_json, quiet, yes)
    original = open_original(target, revision)
    _, recipe, journals = read_lock(original.lock)
    folder = out or Path("runs") / f"{recipe.name}-reproduced"
    must_be_new(original.lock, folder, recipe)
    original = with_published(original, recipe)  # a damaged file is told now, not after the work
    answers = _answers(original, recipe, journal or [], journals, folder, output)
    rebuild = prepare(original.lock, files, answers, bool(journal))
    packages = other_packages(rebuild.lock)
    warnings = [*rebuild.others, *([f"other packages, so bytes may differ: {'; '.join(packages)}"] if packages else [])]
    if strict and warnings:
        raise RecipeError(f"{original.lock}: {'; '.join(warnings)}; leave out --strict to go on all the same")
    for warning in warnings:
        output.warn(warning)
    heard, failure, incomplete = _Heard(output), None, 0
    try:
        incomplete = run_recipe(rebuild.recipe, folder, None, output, heard).incomplete
    except (InputError, TeacherError) as error:
        if not heard.ended_steps:
            raise
        failure = error  # what was made until here can be compared
    tables = published(folder / "dataset", recipe) if _publishes(recipe, heard.ended_steps) else {}
    again = Again(RunDirectory(folder), heard.ended_steps, tables, _elsewhere(original, bool(journal)))
    steps = compare_runs(original, again, rebuild.recipe)
    told = _tell(original, folder, steps, warnings, output)
    if failure is not None:
        raise failure
    if incomplete:
        raise IncompleteError(f"{incomplete} rows failed for a passing reason; run the same command again")
    if not told:
        raise typer.Exit(DIFFERENT)


def _publishes(recipe: Recipe, ended: list[str]) -> bool:
    last = next((step.name for step in reversed(recipe.steps) if step.step == "publish"), None)
    return last in ended


class _Heard(Teller):
    """Also remembers which steps have ended."""

    def __init__(self, output: Output) -> None:
        super().__init__(output)
        self.ended_steps: list[str] = []

    def ended(self, planned: Planned, line: Entry, seconds: float | None) -> None:
        super().ended(planned, line, seconds)
        self.ended_steps.append(planned.step.name)


def _answers(
    original: Original, recipe: Recipe, given: list[Path], journals: list[Path], folder: Path, output: Output
) -> Path | None:
    """A recording with the answers of the first run, or None where no teacher is to be asked, or the user agrees to
    ask it. Raises RecipeError where the user does not."""
    from cotkit.cli.journal import journal_of
    from cotkit.distill.recording import gather
    from cotkit.run.rebuild import asking, unguarded

    if original.run is None and (steps := unguarded(recipe)):
        _agree(
            output,
            f"the lock lets the step '{steps[0]}' run programs from the dataset with a sandbox or interpreter of its "
            "own choice",
            "",
        )
    if given:
        return gather([journal_of(path) for path in given], folder / _ANSWERS)
    teachers = asking(recipe)
    if not teachers:
        return None
    if original.run is not None:
        known = [path for path in (original.run.path / "journal.sqlite", *journals) if path.is_file()]
        if known:
            return gather(known, folder / _ANSWERS)
    who = {f"{t.model} at {t.host}" + (f" (key in {t.api_key_env})" if t.api_key_env else "") for t in teachers}
    _agree(
        output,
        f"the answers of the first run are not at hand, so {', '.join(sorted(who))} would be asked anew, and paid",
        "give --journal FILE (a journal or a recording of the first run), or ",
    )
    return None


def _elsewhere(original: Original, given: bool) -> str:
    """Where answers were looked for, and what to do where they are not there."""
    if not given:
        return "not in the journal or recording of the first run; name one that has them with --journal"
    if original.run is not None:
        return "not in the journal given; leave --journal out to answer from the first run's own"
    return (
        "not in the journal given; name another that has them with --journal, or leave --journal out and add --yes to "
        "ask, and pay, the teacher for all of them"
    )


def _agree(output: Output, what: str, instead: str) -> None:
    from cotkit.cli.story import printable
    from cotkit.errors import RecipeError

    if not output.confirm(f"{printable(what)}; go on?"):
        raise RecipeError(f"{printable(what)}; nothing was run: {instead}add --yes to agree")


def _tell(original: Original, folder: Path, steps: list[Compared], warnings: list[str], output: Output) -> bool:
    """Print the comparison; True where the dataset (or, without one, every step) is the same."""
    last = steps[-1]
    equal = last.state == "same" if last.name == "dataset" else all(one.state == "same" for one in steps)
    width = max(len(one.name) for one in steps)
    lines = [line for one in steps for line in _lines(one, width)]
    machine: dict[str, Any] = {
        "lock": str(original.lock),
        "run": str(folder),
        "equal": equal,
        "warnings": warnings,
        "steps": [asdict(one) for one in steps],
    }
    output.data("\n".join(lines), machine)
    output.say("the same dataset" if equal else "not shown to be the same dataset", "bold")
    return equal


def _lines(one: Compared, width: int) -> list[str]:
    from cotkit.cli.story import printable

    counts = ", ".join(_counted(table, *pair) for table, pair in one.rows.items())
    tail = "; ".join(part for part in (counts, *one.why) if part)
    lines = [f"{one.name:<{width}}  {one.state:<14}  {printable(tail)}".rstrip()]
    for table, found in one.tables.items():
        said = [
            f"{count:,} {what}"
            for count, what in (
                (found.changed, "changed"),
                (found.only_first, "only in the first run"),
                (found.only_again, "only in this one"),
            )
            if count
        ]
        said += ["the same rows in another order"] if found.moved else []
        said += [f"columns of one alone: {', '.join(found.columns)}"] if found.columns else []
        if said:
            lines.append(f"{'':<{width}}    {table}: {', '.join(said)}")
        for row in found.examples:
            where = {"first": "only in the first run", "again": "only in this one"}.get(row["in"])
            lines.append(f"{'':<{width}}      {printable(row['row'])}  {where or ', '.join(row['columns'])}")
    return lines


def _counted(table: str, first: int | None, again: int | None) -> str:
    if first == again:
        return f"{again:,} {table}" if again is not None else ""
    if first is None:
        return f"{again:,} {table} (in this one alone)"
    return f"{first:,} → {again:,} {table}" if again is not None else f"{first:,} {table} (in the first run alone)"
