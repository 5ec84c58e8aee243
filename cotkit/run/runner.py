"""The runner: for each step, is its result still good? If not, run it and put the new result in place."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from cotkit.engine import Engine
from cotkit.errors import InputError, RecipeError, UnreachableError
from cotkit.mean import Mean
from cotkit.recipe.lock import check_pins, lock_text, make_lock, resolved
from cotkit.recipe.models import Recipe
from cotkit.run import key
from cotkit.run.cut import Size, cut
from cotkit.run.directory import FUNNEL_FILE, LOCK_FILE, REPORT_FILE, RunDirectory
from cotkit.run.engines.local import Local
from cotkit.run.funnel import Entry, entry, told
from cotkit.run.plan import Before, Planned, inputs_of, plan, plan_step
from cotkit.run.report import write_report
from cotkit.run.shards import Job, Made, counters_of, join
from cotkit.run.tables import write_text
from cotkit.steps import NoProgress, Progress, StepContext


class Watcher(Protocol):
    """Who is told of each step; the CLI prints it."""

    def starts(self, planned: Planned) -> None: ...

    def ended(self, planned: Planned, line: Entry, seconds: float | None) -> None:
        """`seconds` is None for a step that did not have to run."""


class _Nobody:
    def starts(self, planned: Planned) -> None:
        pass

    def ended(self, planned: Planned, line: Entry, seconds: float | None) -> None:
        pass


@dataclass(frozen=True)
class Options:
    """What to run of a recipe.

    Attributes:
        until: stop after this step.
        only: run this step alone; the steps before it must have run.
        start: run this step and all after it even if their results stand.
        shard: how big the shards are that a step's tables are cut into; it decides when a run holds how much, and no
            row of the result.
    """

    until: str | None = None
    only: str | None = None
    start: str | None = None
    shard: Size = field(default_factory=Size)


@dataclass(frozen=True)
class RunResult:
    """What a run did: the funnel, which steps ran, and how many rows wait for another try."""

    path: Path
    funnel: list[Entry]
    ran: list[str]
    incomplete: int
    pins: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def run_recipe(
    recipe: Recipe,
    out: Path,
    options: Options | None = None,
    progress: Progress | None = None,
    watcher: Watcher | None = None,
) -> RunResult:
    """Run a recipe in the run directory `out`, doing only what is not done yet.

    Raises RecipeError, InputError, StorageError, TeacherError or HubError; whatever was finished before
    stays, and the same call continues there.
    """
    directory = RunDirectory(out)
    options = options or Options()
    _check_options(recipe, options)
    with directory.held():
        check_owner(recipe, directory)
        return _run(recipe, directory, options, progress or NoProgress(), watcher or _Nobody())


def _run(recipe: Recipe, directory: RunDirectory, options: Options, progress: Progress, watcher: Watcher) -> RunResult:
    names = [step.name for step in recipe.steps]
    last = names.index(options.only or options.until or names[-1])
    old = old_pins(directory)
    pins = resolve_pins(recipe, old, last)
    if recipe.lock is not None:
        check_pins(recipe.lock, pins)
    # A run up to some step must not forget what the later ones were pinned to.
    pins = {name: found for name, found in {**old, **pins}.items() if name in names}
    _look_ahead(recipe, directory, pins, options, last)
    write_text(directory.path / LOCK_FILE, lock_text(recipe, make_lock(pins), directory.path / LOCK_FILE))
    directory.remove_others(names)
    before = Before()
    funnel = before.funnel
    ran: list[str] = []
    # Of several datasets the last one is the run's own; the others are in the folders of their steps.
    published = next((step.name for step in reversed(recipe.steps) if step.step == "publish"), None)
    for index, step in enumerate(recipe.steps[: last + 1]):
        forced = step.name == options.only or (options.start is not None and index >= names.index(options.start))
        planned = plan_step(recipe, index, directory, pins, before, forced)
        if planned.why:
            watcher.starts(planned)
            report = _run_step(planned, recipe, directory, pins, before, progress, options)
            ran.append(step.name)
        else:
            report = planned.report or {}
            directory.renumber(planned.number, step.name)
        if step.name == published and (found := directory.find(step.name)) is not None:
            directory.promote(found / "dataset", "dataset", report["key"])
        before.add(step.name, report)
        watcher.ended(planned, funnel[-1], report["seconds"] if step.name in ran else None)
    _add_what_stands(recipe, directory, pins, before, last + 1)
    _write_reports(recipe.name, funnel, directory)
    return RunResult(directory.path, funnel, ran, sum(e["incomplete"] for e in funnel), pins)


def _look_ahead(
    recipe: Recipe, directory: RunDirectory, pins: Mapping[str, Mapping[str, str]], options: Options, last: int
) -> None:
    """Everything that can be refused is refused before anything is written or paid."""
    names = [step.name for step in recipe.steps]
    start = names.index(options.start) if options.start is not None else None
    for planned in plan(recipe, directory, pins, start)[: last + 1]:
        if planned.step.name == options.only or (options.only is None and planned.why):
            planned.step.ready()
        elif options.only is not None:
            _must_stand(planned, options.only)


def _add_what_stands(
    recipe: Recipe, directory: RunDirectory, pins: Mapping[str, Mapping[str, str]], before: Before, index: int
) -> None:
    """The funnel also tells of later steps whose results still stand."""
    for later in range(index, len(recipe.steps)):
        planned = plan_step(recipe, later, directory, pins, before)
        if planned.why or planned.report is None:
            return
        before.add(planned.step.name, planned.report)


def _write_reports(name: str, funnel: list[Entry], directory: RunDirectory) -> None:
    """funnel.json and report.html, unless they tell the same already."""
    text = json.dumps({"recipe": name, "steps": funnel}, indent=1, ensure_ascii=False) + "\n"
    path = directory.path / FUNNEL_FILE
    if path.is_file() and (directory.path / REPORT_FILE).is_file() and path.read_text(encoding="utf-8") == text:
        return
    write_report(name, funnel, directory)
    write_text(path, text)


def _run_step(
    planned: Planned,
    recipe: Recipe,
    directory: RunDirectory,
    pins: Mapping[str, Mapping[str, str]],
    before: Before,
    progress: Progress,
    options: Options,
) -> dict[str, Any]:
    step, name = planned.step, planned.step.name
    makers = inputs_of(recipe.steps, planned.number - 1)
    tables = {row: directory.file(makers[row.__name__].name) for row in step.reads}
    shards = cut(step, tables, options.shard)
    identity = key.key_of(planned.parts)
    # Shards that a killed run has finished are good for a run of the same key and cuts; --from wants all anew.
    plan = json.dumps({"key": identity, "shards": [shard.rows for shard in shards]})
    folder = directory.shards_folder(planned.number, name, plan, keep=len(shards) > 1 and options.start is None)
    work = directory.work_folder(planned.number, name)
    context = StepContext(
        seed=recipe.seed,
        work=work,
        run=directory.path,
        pins=pins.get(name, {}),
        recipe=resolved(recipe),
        funnel=tuple(told(line) for line in before.funnel),
        facts=tuple(before.facts),
        # Several shards share the bar of the step, and may be in other processes.
        progress=progress if len(shards) == 1 else NoProgress(),
    )
    started = time.monotonic()
    jobs = [Job(step, shard, tables, folder, context) for shard in shards]
    made = _all_shards(jobs, recipe.engine or Local(), progress)
    if step.materials(context.pins) != context.pins:
        raise InputError(f"step '{name}': a file that it reads was changed meanwhile; run the same command again")
    report = {
        "step": name,
        "key": identity,
        "parts": planned.parts,
        "funnel": entry(step, made),
        "content": dict(made.content),
        "seconds": round(time.monotonic() - started, 3),
    }
    return directory.commit(work, planned.number, name, report)


def _all_shards(jobs: Sequence[Job], engine: Engine, progress: Progress) -> Made:
    """What is not done yet of the shards, and then all of them in one. A single shard is this process's own work."""
    if len(jobs) == 1:
        jobs[0].run()
    else:
        with progress.task(jobs[0].step.name, sum(job.shard.rows for job in jobs)) as task:

            def ended(job: Job) -> None:
                counters = counters_of(job.outcome()["parts"])
                task.advance(job.shard.rows, **{n: v for n, v in counters.items() if not isinstance(v, Mean)})

            missing: list[Job] = []
            for job in jobs:
                (ended if job.is_done() else missing.append)(job)
            engine.run(missing, ended)
    made = join(jobs, jobs[0].context.work)
    for note in made.notes:
        progress.note(note)
    return made


def resolve_pins(
    recipe: Recipe, old: Mapping[str, Mapping[str, str]], last: int | None = None
) -> dict[str, dict[str, str]]:
    """Digests of all files, revisions and weights that the steps up to number `last` read.

    What the lock (or an earlier run here) resolved is used again where the step says so.
    """
    locked = recipe.lock.pins if recipe.lock is not None else old
    steps = recipe.steps if last is None else recipe.steps[: last + 1]
    return {step.name: step.materials(locked.get(step.name, {})) for step in steps}


def known_pins(
    recipe: Recipe, old: Mapping[str, Mapping[str, str]], tell: Callable[[str], None]
) -> dict[str, dict[str, str]]:
    """As resolve_pins, for a look without running: what cannot be reached now is told and left out."""
    locked = recipe.lock.pins if recipe.lock is not None else old
    found: dict[str, dict[str, str]] = {}
    for step in recipe.steps:
        try:
            found[step.name] = step.materials(locked.get(step.name, {}))
        except UnreachableError as error:
            found[step.name] = {}
            tell(f"{step.name}: not checked, {error}")
    return found


def old_pins(directory: RunDirectory) -> dict[str, dict[str, str]]:
    """What the last run in this directory resolved; empty where there is none."""
    import yaml

    try:
        data = yaml.safe_load((directory.path / LOCK_FILE).read_text(encoding="utf-8"))
        return {step: dict(found) for step, found in data["lock"]["pins"].items()}
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError):
        return {}


def _check_options(recipe: Recipe, options: Options) -> None:
    names = [step.name for step in recipe.steps]
    for flag, name in (("--only", options.only), ("--from", options.start), ("the verb", options.until)):
        if name is not None and name not in names:
            raise RecipeError(f"{flag}: the recipe '{recipe.name}' has no step '{name}'; it has {', '.join(names)}")


def check_owner(recipe: Recipe, directory: RunDirectory) -> None:
    """Another recipe's tables are not ours to remove; raises RecipeError for a folder with those, or with strangers."""
    import yaml

    try:
        owner = yaml.safe_load((directory.path / LOCK_FILE).read_text(encoding="utf-8"))["name"]
    except (OSError, yaml.YAMLError, KeyError, TypeError):
        strangers = sorted(p.name for p in directory.path.iterdir() if not p.name.startswith("."))
        if strangers:
            raise RecipeError(
                f"{directory.path}: the folder holds other things ({', '.join(strangers[:3])}) and no run of cotkit; "
                f"give --out a new or an empty folder"
            ) from None
        return
    if owner != recipe.name:
        raise RecipeError(
            f"{directory.path}: this run directory belongs to the recipe '{owner}'; give --out another folder"
        )


def _must_stand(planned: Planned, only: str) -> None:
    if planned.report is None or planned.why:
        reason = "; ".join(planned.why)
        raise RecipeError(
            f"--only {only}: the step '{planned.step.name}' before it is not up to date ({reason}); run without --only"
        )
