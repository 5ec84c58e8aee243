"""`cotkit run` and `cotkit validate`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cotkit.cli.options import Engine, Json, Limit, Out, Quiet, RecipeArgument, Set, Workers, Yes
from cotkit.cli.output import Output
from cotkit.cli.watch import Teller, funnel_table

if TYPE_CHECKING:
    from cotkit.recipe.load import Loaded
    from cotkit.run.runner import Options, RunResult


def run(
    recipe: RecipeArgument,
    out: Out = None,
    limit: Limit = None,
    set_: Set = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say which steps would run and why; run nothing.")] = False,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="STEP", help="Run this step and all after it anew.")
    ] = None,
    only: Annotated[str | None, typer.Option("--only", metavar="STEP", help="Run this step alone.")] = None,
    engine: Engine = None,
    workers: Workers = None,
    yes: Yes = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Run a recipe; steps whose result stands are not run again, paid answers are never asked twice.

    Examples:

      cotkit run quickstart

      cotkit run my.yaml --limit 20 --set distill.samples=4 --dry-run

      cotkit run my.yaml --out runs/second --from verify

      cotkit run my.yaml --workers 8
    """
    from cotkit.errors import RecipeError
    from cotkit.recipe.load import load
    from cotkit.run.runner import Options

    output = Output(as_json, quiet, yes)
    loaded = with_engine(load(recipe, set_ or (), limit), engine, workers)
    folder = out or default_out(loaded)
    if only and (dry_run or from_):
        raise RecipeError("--only runs one step by itself; leave out --from and --dry-run")
    if dry_run:
        show_plan(loaded, folder, from_, output)
        return
    execute(loaded, folder, Options(only=only, start=from_), output)


def with_engine(loaded: Loaded, kind: str | None, workers: int | None) -> Loaded:
    """The recipe with another engine, or with other keys of its own one. Raises RecipeError."""
    from dataclasses import replace

    from pydantic import TypeAdapter, ValidationError

    from cotkit.errors import RecipeError
    from cotkit.recipe.models import AnyEngine
    from cotkit.registry import names

    if kind is None and workers is None:
        return loaded
    if kind is not None and kind not in names("engines"):
        raise RecipeError(f"--engine {kind}: unknown kind of engine; it is one of {', '.join(names('engines'))}")
    own = loaded.recipe.engine
    keys = own.model_dump() if own is not None and kind in (None, own.kind) else {"kind": kind or "local"}
    try:
        engine = TypeAdapter(AnyEngine).validate_python(keys if workers is None else {**keys, "workers": workers})
    except ValidationError as error:
        raise RecipeError(f"--engine, --workers: {error.errors()[0]['msg']}") from error
    return replace(loaded, recipe=loaded.recipe.model_copy(update={"engine": engine}))


def default_out(loaded: Loaded) -> Path:
    """runs/NAME; a lock runs where it lies."""
    return loaded.path.parent if loaded.recipe.lock is not None else Path("runs") / loaded.recipe.name


def execute(loaded: Loaded, folder: Path, options: Options, output: Output) -> RunResult:
    """Run, tell the funnel, print the path of the result, say what to do next."""
    from cotkit.errors import IncompleteError
    from cotkit.recipe.lock import other_packages
    from cotkit.run.runner import run_recipe

    recipe = loaded.recipe
    if recipe.lock is not None and (others := other_packages(recipe.lock)):
        output.warn(f"the lock was made with other packages, so bytes may differ: {'; '.join(others)}")
    result = run_recipe(recipe, folder, options, output, Teller(output))
    dataset = folder / "dataset"
    complete = [e["step"] for e in result.funnel] == [s.name for s in recipe.steps]
    if result.ran:
        output.say("")
        output.say(funnel_table(result.funnel))
    else:
        output.say("every step is up to date: nothing was run, nothing was paid")
    place = dataset if complete and dataset.is_dir() else folder
    machine = {"run": str(folder), "dataset": str(dataset) if dataset.is_dir() else None, "ran": result.ran}
    output.data(str(place), {**machine, "incomplete": result.incomplete, "funnel": result.funnel})
    if result.incomplete:
        raise IncompleteError(
            f"{result.incomplete} rows failed for a passing reason; run the same command again to ask for these alone"
        )
    if place == dataset:
        split = next((getattr(s, "split", "train") for s in reversed(recipe.steps) if s.step == "publish"), "train")
        output.next(f"cotkit report {folder}   or   load_dataset({str(dataset)!r}, split={split!r}) in Python")
    else:
        output.next(f"cotkit status {folder}   (what stands, and what is still to run)")
    return result


def show_plan(loaded: Loaded, folder: Path, start: str | None, output: Output) -> None:
    """--dry-run: a line a step."""
    from cotkit.errors import RecipeError
    from cotkit.run.directory import RunDirectory
    from cotkit.run.plan import plan
    from cotkit.run.runner import known_pins, old_pins

    recipe, directory = loaded.recipe, RunDirectory(folder)
    names = [step.name for step in recipe.steps]
    if start is not None and start not in names:
        raise RecipeError(f"--from: the recipe '{recipe.name}' has no step '{start}'; it has {', '.join(names)}")
    pins = known_pins(recipe, old_pins(directory), output.warn)
    planned = plan(recipe, directory, pins, names.index(start) if start else None)
    lines, machine = [], []
    for one in planned:
        state = "would run" if one.why else "up to date"
        lines.append(f"{one.number:02d} {one.step.name:<16} {state:<11} {'; '.join(one.why)}".rstrip())
        machine.append({"step": one.step.name, "runs": bool(one.why), "certain": one.certain, "why": list(one.why)})
    output.data("\n".join(lines), {"run": str(folder), "steps": machine})


def validate(recipe: RecipeArgument, set_: Set = None, as_json: Json = False, quiet: Quiet = False) -> None:
    """Check a recipe without running it: keys, types, steps that fit together, files that exist.

    Example:

      cotkit validate my.yaml --set vars.data=/data
    """
    from cotkit.recipe.load import load
    from cotkit.run.runner import known_pins

    output = Output(as_json, quiet)
    loaded = load(recipe, set_ or ())
    known_pins(loaded.recipe, {}, output.warn)
    names = [step.name for step in loaded.recipe.steps]
    output.data(
        f"{loaded.path}: a valid recipe '{loaded.recipe.name}' with the steps {', '.join(names)}",
        {"path": str(loaded.path), "name": loaded.recipe.name, "steps": names},
    )
    again = "".join(f" --set {shlex.quote(option)}" for option in set_ or ())
    output.next(f"cotkit run {recipe}{again}")
