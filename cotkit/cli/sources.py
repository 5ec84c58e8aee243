"""`cotkit curate sources` and `cotkit curate check-source`: the problem sets that cotkit knows by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from cotkit.cli.options import Json
from cotkit.cli.output import Output

if TYPE_CHECKING:
    from cotkit.curate.sources.catalogue import Preset


def sources(
    as_json: Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="As the Markdown table of docs/sources.md.")] = False,
) -> None:
    """The problem sets that a recipe may name: Hub id, rows, licence, domain, and what to know of each."""
    from cotkit.curate.sources.catalogue import presets

    output = Output(as_json)
    known = presets()
    if markdown:
        print(table(known))
        return
    width, ids = max(map(len, known)), max(len(p.id) for p in known.values())
    lines = []
    for name, p in known.items():
        rows = f"{p.rows:>9,}" if p.rows is not None else "        ?"
        gated = "  gated" if p.gated else ""
        lines.append(f"{name:<{width}}  {p.id:<{ids}}  {rows}  {p.domain:<7}  {p.license}{gated}")
        lines += [f"{'':<{width}}    {oddity}" for oddity in p.oddities]
    output.data("\n".join(lines), {name: p.model_dump(mode="json") for name, p in known.items()})
    output.next("cotkit curate check-source NAME   or, in a recipe, sources: [{kind: preset, name: NAME}]")


def table(known: Mapping[str, Preset]) -> str:
    """The presets as a Markdown table."""
    head = "| name | Hub id; configurations; splits | rows | licence | domain | to know |"
    lines = [head, "| --- | --- | ---: | --- | --- | --- |"]
    for name, p in known.items():
        parts = [f"`{p.id}`", *([", ".join(p.configs)] if p.configs else []), ", ".join(p.splits)]
        rows = f"{p.rows:,}" if p.rows is not None else "?"
        gated = " (gated)" if p.gated else ""
        lines.append(
            f"| `{name}` | {'; '.join(parts)} | {rows} | {p.license}{gated} | {p.domain} | {' '.join(p.oddities)} |"
        )
    return "\n".join(lines)


def check_source(
    name: Annotated[str, typer.Argument(help="A preset.")],
    rows: Annotated[int, typer.Option("--rows", min=1, help="Rows to look at in each configuration and split.")] = 3,
    as_json: Json = False,
) -> None:
    """Ask the Hub whether a preset still fits: the commit, the columns and the form of the first rows.

    Example:

      cotkit curate check-source gsm8k
    """
    from dataclasses import asdict

    from cotkit.curate.sources.catalogue import presets
    from cotkit.curate.sources.check import check_source as look
    from cotkit.errors import InputError

    output = Output(as_json)
    parts = look(name, rows)
    lines = []
    for part in parts:
        where = f"{part.config or 'default'} {part.split}"
        state = "fits" if part.fits else "has no rows" if not part.rows else "DIFFERS"
        lines.append(f"{where}: {state}; {part.rows} rows of {part.revision}")
        lines += [f"  missing column {column}" for column in part.missing]
        lines += [f"  column {column} holds {kind}" for column, kind in part.changed.items()]
        lines += [f"  new column {column} (not read)" for column in part.new]
        lines += [f"  {part.unusable}"] * (part.unusable is not None)
    machine = [{**asdict(part), "fits": part.fits} for part in parts]
    output.data("\n".join(lines), {"name": name, "parts": machine})
    if not all(part.fits for part in parts):
        raise InputError(
            f"the Hub dataset {presets()[name].id} is not as the preset '{name}' expects; name its columns in a "
            f"`kind: hub` source, or set `revision` to a commit that fits"
        )
