"""`cotkit journal`: look at paid answers, make a recording of them, take one in."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cotkit.cli.options import Json
from cotkit.cli.output import Output

app = typer.Typer(help="The paid answers of a run: count them, export a recording, import one.", no_args_is_help=True)
Where = Annotated[Path, typer.Argument(metavar="RUN|FILE", help="A run directory, or a journal file.")]


def journal_of(where: Path) -> Path:
    """The journal of a run directory, or the file itself; raises InputError where there is none."""
    from cotkit.errors import InputError

    path = where / "journal.sqlite" if where.is_dir() else where
    if not path.is_file():
        raise InputError(f"{path}: no journal there; give a run that has asked a teacher, or the journal's file")
    return path


@app.command()
def show(where: Where, as_json: Json = False) -> None:
    """How many answers a journal holds."""
    from cotkit.distill.journal import Journal

    path = journal_of(where)
    with Journal.open(path) as journal:
        count = journal.count()
    Output(as_json).data(f"{path}: {count:,} answers", {"journal": str(path), "answers": count})


@app.command()
def export(
    where: Where,
    out: Annotated[Path, typer.Argument(help="The recording to write, e.g. teacher.jsonl.gz.")],
    note: Annotated[
        list[str] | None,
        typer.Option("--note", metavar="KEY=TEXT", help="Provenance to write at its head, e.g. model=…; repeatable."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write all answers as a recording that `teacher.replay` answers from.

    Example:

      cotkit journal export runs/mine teacher.jsonl.gz --note model=r1 --note quantisation=none
    """
    from cotkit.distill.recording import export_journal
    from cotkit.errors import RecipeError

    provenance = {"exported": datetime.now(UTC).date().isoformat()}
    for item in note or ():
        key, sign, text = item.partition("=")
        if not sign or not key:
            raise RecipeError(f"--note {item}: write KEY=TEXT, e.g. --note model=deepseek-reasoner")
        provenance[key] = text
    count = export_journal(journal_of(where), out, provenance=provenance)
    output = Output(as_json)
    output.data(f"{out}: {count:,} answers", {"recording": str(out), "answers": count})
    output.next(f"cotkit run RECIPE --set distill.teacher.replay={out}")


@app.command("import")
def import_(
    recording: Annotated[Path, typer.Argument(help="A recording that `cotkit journal export` wrote.")],
    journal: Annotated[Path, typer.Argument(help="The journal to add its answers to; made if it is not there.")],
    as_json: Json = False,
) -> None:
    """Add the answers of a recording to a journal; those already in it stay as they are."""
    from cotkit.distill.recording import import_recording, load_recording

    count = import_recording(load_recording(recording), journal)
    Output(as_json).data(f"{journal}: {count:,} answers added", {"journal": str(journal), "added": count})
