"""`cotkit curate import`: a published trace set as problems and attempts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cotkit.cli.options import Json, Limit, Quiet
from cotkit.cli.output import Output

if TYPE_CHECKING:
    from cotkit.source import Source

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


def import_(
    target: Annotated[
        str, typer.Argument(metavar="FILE|HUB_ID", help="A file (.jsonl, .json, .csv, .parquet), or a Hub dataset.")
    ],
    format_: Annotated[
        str | None, typer.Option("--format", metavar="NAME", help="Format of the rows; told by the columns if it can.")
    ] = None,
    map_: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="ROLE=COLUMN",
            help="Instead of a format: which column is the problem, response, reasoning, answer, solution, teacher.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Where to write the attempts, each with its problem; stdout when left out."),
    ] = None,
    problems: Annotated[
        Path | None, typer.Option("--problems", metavar="FILE", help="Where to write the problems, each once.")
    ] = None,
    dropped: Annotated[
        Path | None, typer.Option("--dropped", metavar="FILE", help="Where to write unreadable rows, with the reason.")
    ] = None,
    config: Annotated[str | None, typer.Option("--config", help="Configuration of a Hub dataset.")] = None,
    split: Annotated[str, typer.Option("--split", help="Split of a Hub dataset.")] = "train",
    revision: Annotated[str | None, typer.Option("--revision", help="Branch, tag or commit of a Hub dataset.")] = None,
    license_: Annotated[
        str | None, typer.Option("--license", metavar="ID", help="Licence of the set, where its rows name none.")
    ] = None,
    domain: Annotated[str, typer.Option("--domain", help="Domain of rows that name none.")] = "math",
    teacher: Annotated[
        str, typer.Option("--teacher", metavar="MODEL", help="Who wrote the traces, where the rows do not say.")
    ] = "",
    limit: Limit = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Read a published trace set back, to verify it, filter it, or have its problems traced anew.

    What the set says of its own traces (a grade, a verdict) is kept in `provenance` and not believed.

    Examples:

      cotkit curate import simplescaling/s1K-1.1 --out attempts.jsonl && cotkit verify attempts.jsonl --out graded.jsonl

      cotkit curate import open-thoughts/OpenThoughts-114k --config metadata --limit 1000 --problems problems.jsonl

      cotkit curate import chats.csv --map problem=frage --map response=antwort --teacher "r1-lite (web)" --out a.jsonl
    """
    from itertools import chain, islice

    from cotkit.cli import files
    from cotkit.curate.importers import find_format
    from cotkit.curate.importers.mapped import mapped
    from cotkit.curate.importing import Defaults, import_rows
    from cotkit.errors import InputError, RecipeError

    output = Output(as_json, quiet)
    files.check_outputs((out, problems, dropped), (target,))
    if limit is not None and limit < 1:
        raise RecipeError(f"--limit {limit}: give a number of rows, 1 or more")
    source = dataset(target, config, split, revision, limit)
    rows = source.read(source.materials({}))
    # The columns of the first rows tell the format: JSON lines may leave empty ones out.
    first = list(islice(rows, 20))
    columns = sorted({name for row in first for name in row.values or ()})
    if map_ and format_ is not None:
        raise RecipeError(f"--format {format_} and --map say both what the columns are; drop one of them")
    name, shape = ("your columns", mapped(map_, columns)) if map_ else find_format(format_, columns)
    found = import_rows(chain(first, rows), shape, Defaults(source.name, license_, domain, teacher))
    output.say(
        f"{name}: {found.problems.height:,} problems, {found.attempts.height:,} attempts, "
        f"{found.dropped.height:,} rows unreadable"
    )
    if found.counters:
        output.say(", ".join(f"{label} {value:,.0f}" for label, value in found.counters.items()), "dim")
    for path, table in ((problems, found.problems), (dropped, found.dropped)):
        if path is not None:
            files.write(path, table)
    if found.problems.is_empty():
        evidence = found.dropped["evidence"][0] if found.dropped.height else "{}"
        raise InputError(f"{target}: no row is in the format '{name}' ({evidence}); name another one with --format")
    if found.attempts.is_empty():
        if problems is None:
            raise InputError(f"{target}: the format '{name}' holds no attempts; give --problems FILE for its problems")
        return output.data(str(problems), {"problems": str(problems), "rows": found.problems.height})
    files.deliver_rows(found.attempts, out, output, f"cotkit verify {out}" if out else "")


def dataset(target: str, config: str | None, split: str, revision: str | None, limit: int | None) -> Source:
    """A file, or a Hub dataset, as a source of rows."""
    from cotkit.cli.given import GivenFile
    from cotkit.curate.sources.hub import HubSource

    path, identity = Path(target), target.removeprefix("hub:")
    if path.exists() or not _HUB_ID.fullmatch(identity) or path.suffix.lower() in (".json", ".jsonl", ".csv"):
        return GivenFile(name=path.stem or "file", path=path.resolve(), malformed="drop", limit=limit)
    return HubSource(name=identity, id=identity, config=config, split=split, revision=revision, limit=limit)
