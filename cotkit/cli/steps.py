"""The verbs: run a recipe up to a step, or work directly on a file of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cotkit.cli.options import Column, Dropped, Json, Limit, OutFile, Quiet, Set, Target
from cotkit.cli.output import Output

if TYPE_CHECKING:
    import polars as pl

    from cotkit.curate.push import Rehearsal


def is_recipe(target: str) -> bool:
    """A YAML path or a bare word is a recipe; anything with another ending, or that exists, is a file."""
    path = Path(target)
    return path.suffix in (".yaml", ".yml") or not (path.suffix or path.exists() or "/" in target)


FILE_HELP = ("With a file:", "With a run:")


def refuse_file_options(context: typer.Context, target: str) -> None:
    """An option that only works on a file must not be ignored when a recipe is given."""
    from cotkit.errors import RecipeError

    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        given = source is not None and source.name == "COMMANDLINE"
        if given and (getattr(parameter, "help", None) or "").startswith(FILE_HELP):
            raise RecipeError(
                f"{parameter.opts[0]} does not work on a recipe, and '{target}' is one; use --set, or edit the recipe"
            )


def run_room(
    context: typer.Context,
    room: str,
    target: str,
    out: Path | None,
    limit: int | None,
    options: list[str] | None,
    output: Output,
) -> None:
    """Run a recipe up to the last step of a room; the steps before it run only if they have to."""
    from cotkit.cli.run import default_out, execute
    from cotkit.errors import RecipeError
    from cotkit.recipe.load import load
    from cotkit.run.runner import Options

    refuse_file_options(context, target)
    loaded = load(target, options or (), limit)
    names = [step.name for step in loaded.recipe.steps if step.room == room]
    if not names:
        raise RecipeError(f"the recipe '{loaded.recipe.name}' has no {room} step; add one, or run another verb")
    execute(loaded, out or default_out(loaded), Options(until=names[-1]), output)


def no_recipe_options(
    target: str,
    limit: int | None,
    options: list[str] | None,
    outputs: Sequence[Path | None],
    others: Sequence[str | Path] = (),
) -> None:
    """What a file is given with: `outputs` to write, and `others` that are read beside it. Raises RecipeError."""
    from cotkit.cli.files import check_outputs
    from cotkit.errors import RecipeError

    check_outputs(outputs, (target, *others))
    if options:
        raise RecipeError(
            f"--set {options[0]}: it changes a recipe, and a file was given; use the command's own options"
        )
    if limit is not None and limit < 1:
        raise RecipeError(f"--limit {limit}: give a number of rows, 1 or more")


def curate(
    context: typer.Context,
    target: Target,
    out: OutFile = None,
    dropped: Dropped = None,
    column: Column = None,
    filter_: Annotated[
        list[str] | None,
        typer.Option("--filter", metavar="NAME", help="With a file: a filter to apply; repeatable; default gradable."),
    ] = None,
    limit: Limit = None,
    set_: Set = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Read problems, find their reference answers, drop what cannot be used.

    Examples:

      cotkit curate my.yaml

      cotkit curate raw.jsonl --column problem=question --filter gradable --filter no_figure --out problems.parquet

    Subcommands: cotkit curate sources lists the problem sets known by name; cotkit curate check-source NAME checks one.
    """
    output = Output(as_json, quiet)
    if is_recipe(target):
        return run_room(context, "curate", target, out, limit, set_, output)
    from cotkit.cli import files

    no_recipe_options(target, limit, set_, (out, dropped))
    problems = files.read_problems(Path(target), column, limit, output)
    result = files.filtered(problems, filter_ or ["gradable"], output)
    files.deliver(result, out, dropped, output, f"cotkit dedup {out}" if out else "")


def dedup(
    context: typer.Context,
    target: Target,
    out: OutFile = None,
    dropped: Dropped = None,
    column: Column = None,
    against: Annotated[
        list[str] | None,
        typer.Option(
            "--against",
            metavar="NAMES",
            help="With a file: benchmarks whose items must not be in it: names or files, commas between; repeatable.",
        ),
    ] = None,
    against_column: Annotated[
        str | None,
        typer.Option("--against-column", help="With a file: column of the problem in the files of --against."),
    ] = None,
    skip_missing: Annotated[
        bool, typer.Option("--skip-missing", help="With a file: go on without a benchmark that cannot be fetched.")
    ] = False,
    no_embedding: Annotated[
        bool, typer.Option("--no-embedding", help="With a file: exact forms only, without MiniLM.")
    ] = False,
    limit: Limit = None,
    set_: Set = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Drop duplicate problems and items of benchmarks; every drop names its pair.

    Examples:

      cotkit dedup my.yaml

      cotkit dedup problems.jsonl --against aime25,math500 --out clean.parquet --dropped leaks.jsonl

    Subcommand: cotkit dedup check FILE --against NAMES tells the leaks of any dataset and changes nothing.
    """
    output = Output(as_json, quiet)
    if is_recipe(target):
        return run_room(context, "dedup", target, out, limit, set_, output)
    from cotkit.cli import files

    others = [name for names in against or () for name in names.split(",")]
    no_recipe_options(target, limit, set_, (out, dropped), others)
    benchmarks = _benchmarks(against or [], against_column, skip_missing, output)
    problems = files.read_problems(Path(target), column, limit, output)
    result = files.deduplicated(problems, benchmarks, not no_embedding, output)
    files.deliver(result, out, dropped, output, f"cotkit distill {out} --base-url … --model …" if out else "")


def _benchmarks(
    against: list[str], column: str | None, skip_missing: bool, output: Output
) -> Mapping[str, pl.DataFrame]:
    """What --against names, as Problem tables by name."""
    from cotkit.cli.anyrows import read_benchmarks
    from cotkit.errors import InputError, RecipeError

    if not against:
        return {}
    try:
        return {name: found.table for name, found in read_benchmarks(against, column, skip_missing, output).items()}
    except InputError as error:
        raise RecipeError(str(error)) from error


def select(
    context: typer.Context,
    target: Target,
    out: OutFile = None,
    dropped: Dropped = None,
    choose: Annotated[
        str, typer.Option("--choose", help="With a file: shortest, longest or first of the correct ones.")
    ] = "shortest",
    filter_: Annotated[
        list[str] | None,
        typer.Option(
            "--filter", metavar="NAME", help="With a file: a trace filter to apply; repeatable; default none."
        ),
    ] = None,
    per_problem: Annotated[
        int, typer.Option("--per-problem", min=1, help="With a file: most answers to keep of one problem.")
    ] = 1,
    explain: Annotated[
        str | None,
        typer.Option("--explain", metavar="ID", help="With a run directory: the whole story of one problem."),
    ] = None,
    limit: Limit = None,
    set_: Set = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Choose the graded answers worth training on.

    A file needs what `cotkit verify FILE --out` writes: problem, response and verdict.

    Examples:

      cotkit select my.yaml

      cotkit select graded.jsonl --choose shortest --filter loop --filter language_mix --out train.parquet

      cotkit select runs/quickstart --explain quickstart:17
    """
    output = Output(as_json, quiet)
    if explain is not None:
        from cotkit.cli.inspect_ import open_run
        from cotkit.cli.story import tell

        return tell(open_run(Path(target)), explain, output)
    if is_recipe(target):
        return run_room(context, "select", target, out, limit, set_, output)
    from cotkit.cli import files

    no_recipe_options(target, limit, set_, (out, dropped))
    result = files.selected(Path(target), choose, per_problem, filter_ or [], limit)
    files.deliver(result, out, dropped, output, "")


def warn_if_stale(run: Path, output: Output) -> None:
    """The dataset of a run whose steps have changed since is still a dataset, but not that of its recipe."""
    from cotkit.recipe.load import load
    from cotkit.run.directory import LOCK_FILE, RunDirectory
    from cotkit.run.plan import plan
    from cotkit.run.runner import old_pins, resolve_pins

    if not (run / LOCK_FILE).is_file():
        return
    recipe, directory = load(str(run / LOCK_FILE)).recipe, RunDirectory(run)
    todo = [p.step.name for p in plan(recipe, directory, resolve_pins(recipe, old_pins(directory))) if p.why]
    stale = [name for name in todo if name != "push"]
    if stale:
        output.warn(f"the step '{stale[0]}' is not up to date, so this pushes what was published before it changed")


def show_push(rehearsal: Rehearsal, output: Output) -> None:
    """--dry-run: the files with their sizes, then the card."""
    if rehearsal.forbidden:
        output.warn("a source may not be passed on (see the card); the push will ask for --redistribute")
    lines = [f"{size:>14,}  {name}" for name, size in rehearsal.files]
    text = "\n".join([f"would push to {rehearsal.to}, in one commit:", *lines, "", rehearsal.card.rstrip()])
    files = [{"name": name, "bytes": size} for name, size in rehearsal.files]
    output.data(text, {"to": rehearsal.to, "files": files, "card": rehearsal.card, "forbidden": rehearsal.forbidden})


def push(
    context: typer.Context,
    target: Annotated[str, typer.Argument(metavar="RECIPE|RUN", help="A recipe with a push step, or a run directory.")],
    to: Annotated[str | None, typer.Option("--to", help="With a run: hub:USER/NAME, or a folder.")] = None,
    public: Annotated[bool, typer.Option("--public", help="With a run: make a new Hub repository public.")] = False,
    revision: Annotated[str, typer.Option("--revision", help="With a run: branch to push to.")] = "main",
    message: Annotated[str | None, typer.Option("--message", help="With a run: the commit's message.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="With a run: replace what this run did not push.")
    ] = False,
    redistribute: Annotated[
        bool, typer.Option("--redistribute", help="With a run: push although a source's licence forbids to pass it on.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With a run: show the files and the card; send nothing.")
    ] = False,
    out: OutFile = None,
    limit: Limit = None,
    set_: Set = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Push the dataset of a finished run to the Hub or to a folder.

    Examples:

      cotkit push runs/quickstart --to hub:me/my-dataset --dry-run

      cotkit push runs/quickstart --to hub:me/my-dataset

      cotkit push runs/quickstart --to /data/published/my-dataset
    """
    output = Output(as_json, quiet)
    if not Path(target).is_dir():
        return run_room(context, "push", target, out, limit, set_, output)
    from cotkit.curate.layout import PushOptions
    from cotkit.curate.push import push_dataset, rehearse
    from cotkit.errors import InputError, RecipeError

    if to is None:
        raise RecipeError(f"cotkit push {target}: give --to hub:USER/NAME or --to FOLDER")
    folder = Path(target) / "dataset"
    if not folder.is_dir():
        raise InputError(f"{target}: no dataset here yet; run the recipe up to its publish step first")
    warn_if_stale(Path(target), output)
    if dry_run:
        return show_push(rehearse(folder, to), output)
    result = push_dataset(folder, to, PushOptions(not public, revision, message, overwrite, redistribute))
    state = "pushed" if result.changed else "up to date, nothing to push"
    output.say(state)
    output.data(result.url, {"url": result.url, "commit": result.commit, "changed": result.changed})
    name = to.removeprefix("hub:")
    output.next(
        f"load_dataset({name!r}, revision={result.commit!r}) in Python"
        if result.commit
        else f"load_dataset({name!r}) in Python"
    )
