"""What is to be built again: a run, a published dataset, or a lock alone, with all that is known of how it was."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cotkit.content import table_digest
from cotkit.curate.layout import FOLDERS
from cotkit.curate.publish import Publish
from cotkit.curate.published import FACTS_FILE, LOCK_FILE, altered, fetch, other_files, read_facts, read_tables
from cotkit.errors import InputError, RecipeError
from cotkit.recipe.models import Recipe
from cotkit.run.comparison import Original
from cotkit.run.directory import RunDirectory
from cotkit.run.facts import fact

if TYPE_CHECKING:
    import polars as pl

_REPO = re.compile(r"(?:hub:)?([\w.-]+/[\w.-]+)")


def open_original(target: str, revision: str | None = None) -> Original:
    """What the user named: a run, a dataset's folder, a lock, or a Hub dataset.

    Raises InputError where there is no lock, RecipeError for a revision of what has none.
    """
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
    if RunDirectory(folder).step_folders():
        return _of_run(lock, RunDirectory(folder))
    told = read_facts(folder)
    if told is None and not any((folder / name).is_dir() for name in FOLDERS.values()):
        return Original(lock)
    facts = {one["step"]: one for one in told["steps"]} if told else {}
    return Original(lock, dataset=folder, facts=facts, noted=told["tables"] if told else {})


def _of_run(lock: Path, run: RunDirectory) -> Original:
    facts, changed, noted = {}, {}, {}
    for folder, name in run.step_folders():
        wrong = run.altered(name)
        if wrong:
            changed[name] = wrong
        elif (report := run.report(name)) is not None:
            facts[name] = fact(report)
        # `dataset` beside it is for its owner to edit; this is what was written then.
        inner = f"dataset/{FACTS_FILE}"
        if inner not in wrong and (told := read_facts((folder / inner).parent)) is not None:
            noted = told["tables"]
    return Original(lock, run, run.path / "dataset", facts, changed, noted)


def with_published(original: Original, recipe: Recipe) -> Original:
    """With the rows of its dataset as they are now; raises InputError for a file that is no table."""
    if original.dataset is None:
        return original
    tables = published(original.dataset, recipe)
    strange = other_files(original.dataset, _splits(recipe))
    digests = {name: table_digest(table) for name, table in tables.items()}
    became = tuple(altered(original.noted, digests, strange))
    return replace(original, tables=tables, became=became, whole=original.noted.keys() <= tables.keys() and not strange)


def published(folder: Path, recipe: Recipe) -> dict[str, pl.DataFrame]:
    """Config -> rows of a published folder, of the splits that the recipe publishes."""
    return read_tables(folder, _splits(recipe))


def _splits(recipe: Recipe) -> list[str]:
    return [split for step in recipe.steps if isinstance(step, Publish) for split in (step.split, *step.splits)]
