"""`cotkit reproduce`: build a dataset again from its lock, and say step by step whether it is the same."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cotkit.cli.options import Json, Quiet
from cotkit.cli.output import DIFFERENT, Output
from cotkit.cli.watch import Teller

if TYPE_CHECKING:
    import polars as pl

    from cotkit.recipe.models import Recipe
    from cotkit.run.compare import Compared
    from cotkit.run.directory import RunDirectory
    from cotkit.run.facts import Fact
    from cotkit.run.funnel import Entry
    from cotkit.run.plan import Planned

_REPO = re.compile(r"(?:hub:)?([\w.-]+/[\w.-]+)")
# Begins with a dot, since a new run directory must be empty but for such files.
_ANSWERS = ".answers.jsonl.gz"


@dataclass(frozen=True)
class Original:
    """What is to be built again.

    Attributes:
        lock: its recipe.lock.yaml.
        run: the run directory it comes from, with all its tables.
        dataset: the folder of the published files.
        facts: step -> what the first run made there.
        digest: of the dataset, as the first run wrote it down.
    """

    lock: Path
    run: RunDirectory | None = None
    dataset: Path | None = None
    facts: dict[str, Fact] = field(default_factory=dict)
    digest: str | None = None


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
    from cotkit.errors import IncompleteError, InputError, RecipeError, TeacherError
    from cotkit.recipe.lock import other_packages
    from cotkit.run.rebuild import prepare, read_lock
    from cotkit.run.runner import run_recipe

    output = Output(as_json, quiet, yes)
    original = open_original(target, revision)
    _, recipe, journals = read_lock(original.lock)
    folder = out or Path("runs") / f"{recipe.name}-reproduced"
    _must_be_new(original, folder, recipe)
    _published(original, recipe)  # a damaged file is told now, not after the work
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
    steps = _compare(original, rebuild.recipe, folder, heard.ended_steps)
    told = _tell(original, folder, steps, warnings, output)
    if failure is not None:
        raise failure
    if incomplete:
        raise IncompleteError(f"{incomplete} rows failed for a passing reason; run the same command again")
    if not told:
        raise typer.Exit(DIFFERENT)


class _Heard(Teller):
    """Also remembers which steps have ended."""

    def __init__(self, output: Output) -> None:
        super().__init__(output)
        self.ended_steps: list[str] = []

    def ended(self, planned: Planned, line: Entry, seconds: float | None) -> None:
        super().ended(planned, line, seconds)
        self.ended_steps.append(planned.step.name)


def open_original(target: str, revision: str | None = None) -> Original:
    """What the user named; raises InputError where there is no lock."""
    from cotkit.curate.published import LOCK_FILE, fetch, read_facts
    from cotkit.errors import InputError, RecipeError
    from cotkit.run.directory import RunDirectory
    from cotkit.run.facts import fact

    path = Path(target).expanduser()
    if not path.exists():
        found = _REPO.fullmatch(target)
        if found is None:
            raise InputError(f"{target}: nothing is there; give a run, a dataset's folder, or a Hub dataset OWNER/NAME")
        try:
            path = fetch(found[1], revision)
        except InputError as error:
            raise InputError(f"{target}: no such folder here, and {error}") from error
    elif revision is not None:
        raise RecipeError(f"--revision {revision}: {target} is on this disk; it has no revisions")
    folder = path if path.is_dir() else path.parent
    lock = folder / LOCK_FILE if path.is_dir() else path
    if not lock.is_file():
        raise InputError(f"{target}: no {LOCK_FILE} is there; only a run, or a dataset published by one, has it")
    if lock.name != LOCK_FILE:
        return Original(lock)
    run = RunDirectory(folder)
    if names := [name for _, name in run.step_folders()]:
        reports = {name: run.report(name) for name in names}
        facts = {name: fact(report) for name, report in reports.items() if report is not None}
        dataset = folder / "dataset"
        return Original(lock, run, dataset if dataset.is_dir() else None, facts)
    told = read_facts(folder)
    facts = {one["step"]: one for one in told["steps"]} if told else {}
    return Original(
        lock, None, folder if (folder / "data").is_dir() else None, facts, told["dataset"] if told else None
    )


def _must_be_new(original: Original, folder: Path, recipe: Recipe) -> None:
    """The first run stays as it is, and so does anything else that lies at --out."""
    from cotkit.errors import RecipeError
    from cotkit.run.directory import RunDirectory
    from cotkit.run.runner import check_owner

    if folder.resolve() == original.lock.parent.resolve():
        raise RecipeError(f"--out {folder}: the first run lies there; give another folder")
    if folder.is_dir():
        check_owner(recipe, RunDirectory(folder))


def _answers(
    original: Original, recipe: Recipe, given: list[Path], journals: list[Path], folder: Path, output: Output
) -> Path | None:
    """A recording with the answers of the first run, or None where no teacher is to be asked, or the user agrees to
    ask it. Raises RecipeError where the user does not."""
    from cotkit.cli.journal import journal_of
    from cotkit.run.rebuild import asking, unguarded

    if original.run is None and (steps := unguarded(recipe)):
        _agree(
            output,
            f"the lock lets the step '{steps[0]}' run programs from the dataset with a sandbox or interpreter of its "
            "own choice",
            "",
        )
    if given:
        return _recording([journal_of(path) for path in given], folder)
    teachers = asking(recipe)
    if not teachers:
        return None
    if original.run is not None:
        known = [path for path in (original.run.path / "journal.sqlite", *journals) if path.is_file()]
        if known:
            return _recording(known, folder)
    who = {f"{t.model} at {t.host}" + (f" (key in {t.api_key_env})" if t.api_key_env else "") for t in teachers}
    _agree(
        output,
        f"the answers of the first run are not at hand, so {', '.join(sorted(who))} would be asked anew, and paid",
        "give --journal FILE (a journal or a recording of the first run), or ",
    )
    return None


def _agree(output: Output, what: str, instead: str) -> None:
    from cotkit.cli.story import printable
    from cotkit.errors import RecipeError

    if not output.confirm(f"{printable(what)}; go on?"):
        raise RecipeError(f"{printable(what)}; nothing was run: {instead}add --yes to agree")


def _recording(journals: list[Path], folder: Path) -> Path:
    """The answers of journals and recordings as one recording in the new run directory; of equal requests the first."""
    from cotkit.distill.journal import read_journal
    from cotkit.distill.paid import is_database
    from cotkit.distill.recording import load_recording, write_recording

    entries = {
        entry.request_hash: entry
        for path in reversed(journals)
        for entry in (read_journal(path) if is_database(path) else load_recording(path).entries.values())
    }
    write_recording(folder / _ANSWERS, [entries[name] for name in sorted(entries)], {})
    return folder / _ANSWERS


def _compare(original: Original, recipe: Recipe, folder: Path, ended: list[str]) -> list[Compared]:
    """The steps in their order, then the dataset where the recipe publishes one."""
    from dataclasses import replace

    from cotkit.run.compare import compare_step, compare_tables
    from cotkit.run.directory import RunDirectory
    from cotkit.run.facts import fact
    from cotkit.run.plan import inputs_of

    again = RunDirectory(folder)
    found: dict[str, Compared] = {}
    for index, step in enumerate(recipe.steps):
        if step.step == "publish":  # it passes its rows through; what it publishes is compared below
            continue
        report = again.report(step.name) if step.name in ended else None
        makers = [found[maker.name] for maker in inputs_of(recipe.steps, index).values()]
        one = compare_step(step.name, original.facts.get(step.name), fact(report) if report else None, makers)
        if one.state == "differs" and original.run is not None:
            pairs = {t: (original.run.table(step.name, t), again.table(step.name, t)) for t in ("kept", "dropped")}
            one = replace(one, tables={table: compare_tables(*pair) for table, pair in pairs.items()})
        found[step.name] = one
    publish = next((step.name for step in reversed(recipe.steps) if step.step == "publish"), None)
    if publish is None:
        return list(found.values())
    made = Original(original.lock, dataset=folder / "dataset" if publish in ended else None)
    return [*found.values(), _compare_dataset(original, _published(original, recipe), _published(made, recipe))]


def _published(original: Original, recipe: Recipe) -> dict[str, pl.DataFrame]:
    """The tables of the published folder; none where there is none."""
    from cotkit.curate.publish import Publish
    from cotkit.curate.published import read_tables

    publish = [step for step in recipe.steps if isinstance(step, Publish)]
    splits = [split for step in publish for split in (step.split, *step.splits)]
    return read_tables(original.dataset, splits) if original.dataset is not None else {}


def _compare_dataset(
    original: Original, first: Mapping[str, pl.DataFrame], again: Mapping[str, pl.DataFrame]
) -> Compared:
    from cotkit.content import dataset_digest, table_digest
    from cotkit.run.compare import Compared, compare_tables

    rows = {n: (first[n].height if n in first else None, again[n].height if n in again else None)
            for n in {**first, **again}}  # fmt: skip
    old = dataset_digest({name: table_digest(table) for name, table in first.items()}) if first else original.digest
    if not again or old is None:
        return Compared("dataset", "not comparable", rows, ("only one of the two is there",))
    new = dataset_digest({name: table_digest(table) for name, table in again.items()})
    why = []
    if original.digest not in (None, old):
        why.append("the published rows are not those that the first run wrote: they were changed since")
    if old == new:
        return Compared("dataset", "same", rows, (f"sha256:{new}", *why))
    tables = {name: compare_tables(first[name], again[name]) for name in first if name in again}
    return Compared("dataset", "differs", rows, (f"sha256:{old} then, sha256:{new} now", *why), tables)


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
    if first is None or again is None or first == again:
        return f"{again if first is None else first:,} {table}" if (first, again) != (None, None) else ""
    return f"{first:,} → {again:,} {table}"
