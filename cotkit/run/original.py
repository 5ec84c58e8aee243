"""What is to be built again: a run, a published dataset, or a lock alone, with all that is known of how it was."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotkit.curate.layout import FOLDERS
from cotkit.curate.publish import Publish
from cotkit.curate.published import FACTS_FILE, LOCK_FILE, fetch, other_files, read_facts, read_tables
from cotkit.errors import InputError, RecipeError
from cotkit.recipe.models import Recipe
from cotkit.run.directory import RunDirectory
from cotkit.run.facts import Fact, fact

if TYPE_CHECKING:
    import polars as pl

_REPO = re.compile(r"(?:hub:)?([\w.-]+/[\w.-]+)")


@dataclass(frozen=True)
class Original:
    """What is to be built again.

    Attributes:
        lock: its recipe.lock.yaml.
        run: the run directory it comes from, with all its tables.
        dataset: the folder of the published files; they may be gone.
        facts: step -> what the first run made there.
        altered: step -> its files in `run` that are not as they were written.
        noted: config -> {"rows", "digest"} of the dataset, as the first run wrote it down.
    """

    lock: Path
    run: RunDirectory | None = None
    dataset: Path | None = None
    facts: Mapping[str, Fact] = field(default_factory=dict)
    altered: Mapping[str, list[str]] = field(default_factory=dict)
    noted: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


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
    facts, altered, noted = {}, {}, {}
    for folder, name in run.step_folders():
        wrong = run.altered(name)
        if wrong:
            altered[name] = wrong
        elif (report := run.report(name)) is not None:
            facts[name] = fact(report)
        # `dataset` beside it is for its owner to edit; this is what was written then.
        inner = f"dataset/{FACTS_FILE}"
        if inner not in wrong and (told := read_facts((folder / inner).parent)) is not None:
            noted = told["tables"]
    return Original(lock, run, run.path / "dataset", facts, altered, noted)


def published(folder: Path | None, recipe: Recipe) -> dict[str, pl.DataFrame]:
    """Config -> rows of a published folder, of the splits that the recipe publishes; none where there is no folder."""
    return read_tables(folder, _splits(recipe)) if folder is not None else {}


def others(folder: Path | None, recipe: Recipe) -> list[str]:
    """Data files of a published folder that the recipe did not make."""
    return other_files(folder, _splits(recipe)) if folder is not None else []


def _splits(recipe: Recipe) -> list[str]:
    return [split for step in recipe.steps if isinstance(step, Publish) for split in (step.split, *step.splits)]
