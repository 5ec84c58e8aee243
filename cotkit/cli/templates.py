"""`cotkit templates`: thought templates for `construct` with `strategy: {by: template}`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cotkit.cli.options import Json
from cotkit.cli.output import Output

app = typer.Typer(help="Thought templates: check a library, search it.", no_args_is_help=True)
Library = Annotated[
    Path | None, typer.Option("--library", "-l", help="A YAML or JSON file; the shipped templates when left out.")
]


@app.command()
def lint(
    path: Annotated[
        Path | None, typer.Argument(help="A YAML or JSON file; the shipped templates when left out.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what is wrong in a library of templates, a line each. Exit code 3 if anything is.

    ReasonFlux's form (template_name, reason_flow …) is read, too.

    Examples:

      cotkit templates lint my-templates.yaml
    """
    from cotkit.distill.templates import SHIPPED, read_library

    templates, faults = read_library(path or SHIPPED)
    told = faults or [f"{len(templates)} templates, nothing wrong"]
    Output(as_json).data("\n".join(told), {"templates": len(templates), "faults": faults})
    if faults:
        raise typer.Exit(3)


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="What is to be done, in general words.")],
    library: Library = None,
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="How many to show.")] = 3,
    as_json: Json = False,
) -> None:
    """The templates nearest in meaning, best first. MiniLM reads English; the strategy asks for methods in English.

    Examples:

      cotkit templates search "maximise a product given a sum"
    """
    from cotkit.distill.templates import index

    found = index(library).search(query, count)
    human = "\n".join(f"{score:.2f}  {template.id:<24} {template.title}" for score, template in found)
    output = Output(as_json)
    if not query.isascii() and sum(character.isascii() for character in query) < len(query) / 2:
        output.warn("the search reads English alone, and this order is chance; say it in English")
    output.data(human, [{"score": score, **template.model_dump(mode="json")} for score, template in found])
