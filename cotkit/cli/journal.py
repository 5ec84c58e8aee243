"""`cotkit journal`: look at paid answers, make a recording of them, take one in, take answers out."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cotkit.cli.options import Json
from cotkit.cli.output import Output

if TYPE_CHECKING:
    from cotkit.distill.ledger import Line, Stats

_DAYS = re.compile(r"([0-9]{1,5})d")


class AnswerStatus(StrEnum):
    """How a kept answer ended."""

    done = "done"
    length = "length"
    unclosed = "unclosed"
    empty = "empty"
    filtered = "filtered"
    malformed = "malformed"


app = typer.Typer(help="The paid answers of a run: list, count, export, import, prune.", no_args_is_help=True)
Where = Annotated[Path, typer.Argument(metavar="RUN|FILE", help="A run directory, or a journal file.")]
Status = Annotated[
    AnswerStatus | None, typer.Option("--status", help="Only answers of this status; malformed ones cannot be read.")
]
Model = Annotated[str | None, typer.Option("--model", help="Only answers of this model.")]


def journal_of(where: Path) -> Path:
    """The journal of a run directory, or the file itself; raises InputError where there is none."""
    from cotkit.errors import InputError

    path = where / "journal.sqlite" if where.is_dir() else where
    if not path.is_file():
        raise InputError(f"{path}: no journal there; give a run that has asked a teacher, or the journal's file")
    return path


def _fits(line: Line, status: str | None, model: str | None, before: datetime | None = None) -> bool:
    return (
        (status is None or line.status == status)
        and (model is None or line.model == model)
        and (before is None or moment(line.created_at) < before)
    )


def moment(text: str) -> datetime:
    """A day or a time in ISO 8601; UTC where it names no zone. Raises ValueError."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _before(text: str | None) -> datetime | None:
    """Raises RecipeError for what is neither a date nor a number of days."""
    from cotkit.errors import RecipeError

    if text is None:
        return None
    try:
        days = _DAYS.fullmatch(text)
        return moment(text) if days is None else datetime.now(UTC) - timedelta(int(days[1]))
    except (ValueError, OverflowError):
        raise RecipeError(
            f"--before {text}: this is no date; write a day (2026-11-01), a time (2026-11-01T12:00), or an age (30d)"
        ) from None


@app.command("ls")
def list_(
    where: Where,
    status: Status = None,
    model: Model = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 50,
    as_json: Json = False,
) -> None:
    """One line an answer: hash, time, status, tokens, model, the prompt's beginning.

    Example:

      cotkit journal ls runs/mine --status length
    """
    from itertools import islice

    from cotkit.distill.ledger import lines
    from cotkit.distill.wire import excerpt

    found = list(islice((x for x in lines(journal_of(where)) if _fits(x, status, model)), limit))
    human = [
        f"{x.request_hash[:12]}  {x.created_at[:19]}  {x.status:<9} {x.usage.completion or 0:>7,} tokens  {x.model}  "
        f"{excerpt(x.prompt, 60)}"
        for x in found
    ]
    Output(as_json).data("\n".join(human), [_as_json(x) for x in found])


def _as_json(line: Line) -> dict[str, Any]:
    return {
        "request_hash": line.request_hash,
        "created_at": line.created_at,
        "model": line.model,
        "base_url": line.base_url,
        "sample": line.sample,
        "status": line.status,
        "prompt_tokens": line.usage.prompt,
        "completion_tokens": line.usage.completion,
        "prompt": line.prompt,
    }


@app.command()
def show(
    where: Where,
    request_hash: Annotated[
        str | None,
        typer.Argument(metavar="HASH", help="Beginning of a request's hash; the number of answers if left out."),
    ] = None,
    raw: Annotated[bool, typer.Option("--raw", help="Print the body as the teacher sent it.")] = False,
    as_json: Json = False,
) -> None:
    """One answer: what was asked, the reasoning, the response, the usage. Without a hash, how many there are.

    Example:

      cotkit journal show runs/mine 3f2a
    """
    from cotkit.distill.journal import count_answers
    from cotkit.distill.ledger import find
    from cotkit.errors import RecipeError

    path, output = journal_of(where), Output(as_json)
    if request_hash == "":
        raise RecipeError("cotkit journal show: HASH is empty; `cotkit journal ls` lists them, or leave it out")
    if request_hash is None:
        count = count_answers(path)
        output.data(f"{path}: {count:,} answers", {"journal": str(path), "answers": count})
        return
    line = find(path, request_hash)
    body = line.entry.body.decode("utf-8", "replace")
    if raw:
        print(body)
        return
    answer = line.answer
    reasoning, response = (answer.reasoning, answer.response) if answer is not None else (None, None)
    found = answer.found if answer is not None else None
    human = "\n".join(
        (
            f"request    {line.request_hash}",
            f"asked      {line.model} at {line.base_url}, sample {line.sample}, {line.created_at}",
            f"status     {line.status}, {line.usage.prompt} + {line.usage.completion} tokens, {line.entry.latency_s} s",
            f"\n--- prompt\n{line.prompt}",
            f"\n--- reasoning ({found or 'none'})\n{reasoning or ''}",
            f"\n--- response\n{response or ''}",
        )
    )
    output.data(human, {**_as_json(line), "reasoning": reasoning, "response": response, "found": found, "body": body})


@app.command("stats")
def stats_(where: Where, as_json: Json = False) -> None:
    """Answers by status and model, tokens, and money by the shipped price table.

    With a run directory it also tells the cost of a published row, and what was wasted for which reason.
    """
    from cotkit.distill.ledger import spent, stats
    from cotkit.errors import InputError

    path = journal_of(where)
    found = stats(path)
    priced = found.answers - found.unpriced
    machine: dict[str, Any] = {
        "journal": str(path),
        "answers": found.answers,
        "statuses": dict(found.statuses),
        "models": dict(found.models),
        "prompt_tokens": found.prompt_tokens,
        "completion_tokens": found.completion_tokens,
        "reasoning_tokens": found.reasoning_tokens,
        "unmetered": found.unmetered,
        "usd": float(found.usd) if priced else None,
        "usd_unfinished": float(found.usd_unfinished) if priced else None,
        "unpriced": found.unpriced,
        "first": found.first,
        "last": found.last,
    }
    human = [
        f"answers    {found.answers:,} ({_counts(found.statuses)})",
        *(f"teacher    {name}: {count:,}" for name, count in found.models.most_common()),
        f"tokens     {found.prompt_tokens:,} in, {found.completion_tokens:,} out",
        f"asked      {found.first[:19]} to {found.last[:19]}",
        _spent(found),
    ]
    if where.is_dir():
        try:
            machine["run"] = money = spent(where)
        except InputError:
            money = {}
        if money:
            each = f", ${money['usd_per_row']:.4f} a row" if money["usd_per_row"] is not None else ""
            human.append(
                f"run        ${money['usd']:.4f} by the recipe's price for {money['rows']:,} published rows{each}"
            )
            human += [
                f"wasted     {reason}: {one['answers']:,} answers, ${one['usd']:.4f}"
                for reason, one in money["wasted"].items()
            ]
    Output(as_json).data("\n".join(human), machine)


def _spent(found: Stats) -> str:
    if found.answers == found.unpriced:
        return "spent      unpriced: the shipped table knows no price for these, and a recipe's own is not kept here"
    unpriced = f"; {found.unpriced:,} answers are unpriced" if found.unpriced else ""
    spent = f"spent      ${found.usd:.4f} by the shipped table"
    return f"{spent}, of it ${found.usd_unfinished:.4f} on unfinished answers{unpriced}"


def _counts(counts: Any) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.most_common())


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


@app.command()
def prune(
    where: Where,
    status: Status = None,
    model: Model = None,
    before: Annotated[
        str | None, typer.Option("--before", metavar="DATE", help="Only answers older: 2026-11-01, or 30d.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this it only says what would go.")] = False,
    as_json: Json = False,
) -> None:
    """Take answers out of a journal, on purpose: they would have to be paid again.

    Example:

      cotkit journal prune runs/mine --status length --yes
    """
    from cotkit.distill.ledger import lines
    from cotkit.distill.ledger import prune as take_out
    from cotkit.errors import RecipeError

    if status is None and model is None and before is None:
        raise RecipeError("cotkit journal prune: say which answers, by --status, --model or --before")
    older = _before(before)
    path = journal_of(where)
    gone = [line.request_hash for line in lines(path) if _fits(line, status, model, older)]
    if yes:
        take_out(path, gone)
    output = Output(as_json)
    said = "taken out" if yes else "would be taken out; add --yes to do it"
    output.data(f"{path}: {len(gone):,} answers {said}", {"journal": str(path), "answers": len(gone), "pruned": yes})
