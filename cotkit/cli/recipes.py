"""`cotkit recipes`: the shipped recipes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from cotkit.cli.options import Json, RecipeArgument
from cotkit.cli.output import Output
from cotkit.cli.recipe_diff import diff

app = typer.Typer(help="List, show, copy and compare recipes.", no_args_is_help=False, invoke_without_command=True)


@app.callback()
def default(context: typer.Context) -> None:
    """List, show, copy and compare recipes."""
    if context.invoked_subcommand is None:
        list_()


@app.command("list")
def list_(as_json: Json = False) -> None:
    """The shipped recipes, a line each: name, mode (faithful or strict), cost at list prices, what it makes."""
    from dataclasses import asdict

    from cotkit.recipe.shelf import shelf

    output = Output(as_json)
    found = shelf()
    rows = [(entry.name, entry.mode, entry.cost.removeprefix("about "), entry.description) for entry in found]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    lines = ["  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[3]]) for row in rows]
    output.data("\n".join(lines), [asdict(entry) for entry in found])
    output.next("cotkit recipes show NAME   or   cotkit recipes copy NAME")


@app.command()
def show(recipe: RecipeArgument) -> None:
    """Print a recipe's YAML."""
    from cotkit.errors import RecipeError
    from cotkit.recipe.load import find

    path = find(recipe)
    try:
        print(path.read_text(encoding="utf-8"), end="")
    except OSError as error:
        raise RecipeError(f"{path}: the recipe cannot be read ({error.strerror}); check the path") from error


@app.command()
def copy(
    recipe: RecipeArgument,
    target: Annotated[Path | None, typer.Argument(help="Where to write it; NAME.yaml here when left out.")] = None,
) -> None:
    """Copy a shipped recipe to edit it; paths into the package go on working."""
    from cotkit.config import PACKAGE
    from cotkit.errors import RecipeError
    from cotkit.recipe.load import SHIPPED, find, slug
    from cotkit.run.tables import write_text

    path = find(recipe)
    to = target or Path(f"{path.stem}.yaml")
    if to.is_dir():
        to = to / f"{path.stem}.yaml"
    if to.exists():
        raise RecipeError(f"{to}: the file is there already; give another name or remove it")
    text = path.read_text(encoding="utf-8")
    if path.parent == SHIPPED:
        # In the package, data lies beside the recipe; the copy lies elsewhere.
        text = text.replace(": data/", ": cotkit:recipes/data/")
        text = text.replace("$schema=../recipe/", f"$schema={(PACKAGE / 'recipe').as_posix()}/")
        # A run directory belongs to a recipe by its name: the copy must not share the original's.
        text = re.sub(rf"^name: {re.escape(path.stem)}$", f"name: {slug(to.stem)}", text, flags=re.MULTILINE)
    write_text(to, text)
    Output().next(f"edit {to}, then: cotkit run {to}")


app.command()(diff)


@app.command()
def schema() -> None:
    """Print the JSON Schema of recipes, for editors; plug-ins that are installed are in it."""
    from cotkit.recipe.schema import recipe_schema

    print(recipe_schema(), end="")
