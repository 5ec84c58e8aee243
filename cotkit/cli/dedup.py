"""`cotkit dedup check`: the leak check for any dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cotkit.cli.options import Quiet
from cotkit.cli.output import Output

if TYPE_CHECKING:
    import polars as pl

    from cotkit.dedup.check import Flag
    from cotkit.source import Source

LEAKS = 3
ID_COLUMNS = ("id", "problem_id", "uuid", "uid", "unique_id", "row_id", "ID", "Id")
TEXT_COLUMNS = ("problem", "question", "text", "prompt", "instruction", "Problem", "Question", "input", "messages")
ANSWER_COLUMNS = ("answer", "expected_answer", "final_answer", "Answer", "gold")


def check(
    file: Annotated[str, typer.Argument(metavar="FILE", help="JSONL, JSON, CSV, Parquet, or the id of a Hub dataset.")],
    against: Annotated[
        list[str],
        typer.Option("--against", metavar="NAMES", help="Benchmarks by name, or files; commas between; repeatable."),
    ],
    id_column: Annotated[
        str | None, typer.Option("--id-column", help="Column that names a row; found by itself if called id.")
    ] = None,
    text_column: Annotated[
        str | None,
        typer.Option("--text-column", help="Column of the problem; found if called problem, question, text …"),
    ] = None,
    policy: Annotated[str, typer.Option("--policy", help="strict, or a published rule: faithful:s1 …")] = "strict",
    no_embedding: Annotated[bool, typer.Option("--no-embedding", help="Without MiniLM: copies only.")] = False,
    precision: Annotated[
        str | None, typer.Option("--precision", help="Of MiniLM: auto, bf16, fp32, or int8 (fastest without a GPU).")
    ] = None,
    split: Annotated[str, typer.Option("--split", help="Split of a Hub dataset.")] = "train",
    cache: Annotated[
        Path | None, typer.Option("--cache", help="Folder where embeddings are kept for the next check.")
    ] = None,
    skip_missing: Annotated[
        bool, typer.Option("--skip-missing", help="Go on without a benchmark that cannot be fetched.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per flagged row on stdout.")] = False,
    quiet: Quiet = False,
) -> None:
    """Find benchmark items in a dataset. Ends with 3 if there are leaks, 0 if not, 2 if something cannot be read.

    Kinds: same and reworded are leaks; same-template (other numbers, or another question) is not.

    Examples:

      cotkit dedup check train.jsonl --against aime25,math500

      cotkit dedup check train.parquet --against held_out.jsonl --id-column uid --text-column prompt --json
    """
    from cotkit.errors import InputError, RecipeError

    output = Output(as_json, quiet)
    try:
        found, names, rows = _check(
            (file, against),
            (id_column, text_column, split),
            (policy, _embedding(no_embedding, precision), cache, skip_missing),
            output,
        )
    except InputError as error:
        raise RecipeError(str(error)) from error
    _report(found, names, rows, output)
    if any(flag.leak for flag, _, _ in found):
        raise typer.Exit(LEAKS)


Found = list[tuple["Flag", Any, Any]]


def _check(
    files: tuple[str, Sequence[str]],
    columns: tuple[str | None, str | None, str],
    keys: tuple[str, dict[str, Any], Path | None, bool],
    output: Output,
) -> tuple[Found, list[str], int]:
    from cotkit.dedup.check import flags
    from cotkit.dedup.leaks import decontaminate_table
    from cotkit.errors import InputError

    policy, embedding, cache, skip = keys
    id_column, text_column, split = columns
    config = _config(policy, embedding)
    benchmarks: dict[str, pl.DataFrame] = {}
    ids: dict[str, list[Any]] = {}
    for one in [part for option in files[1] for part in option.split(",") if part]:
        name = _name(one, benchmarks)
        try:
            benchmarks[name], ids[name], _ = _table(one, None, None, None)
        except InputError as error:
            if not skip:
                raise
            output.warn(f"leaks of '{one}' are not looked for: {error}")
    if not benchmarks:
        raise InputError("--against: no benchmark is left to check against; give at least one that can be read")
    table, own, unread = _table(file := files[0], id_column, text_column, split)
    if unread and unread == len(own):
        raise InputError(f"{file}: no row has a text to check; name the right column with --text-column")
    if unread:
        output.warn(f"{file}: {unread:,} rows have no text and were not checked")
    out = decontaminate_table(table, benchmarks, config, output, cache)
    found = [(flag, own[flag.row], ids[flag.benchmark][flag.item]) for flag in flags(out, benchmarks)]
    return found, list(benchmarks), len(own)


def _embedding(left_out: bool, precision: str | None) -> dict[str, Any]:
    """The step's key `embedding`, if an option changes it."""
    from cotkit.errors import RecipeError

    if left_out and precision:
        raise RecipeError("--precision: there is no MiniLM with --no-embedding; drop one of them")
    if left_out:
        return {"embedding": None}
    return {"embedding": {"precision": precision}} if precision else {}


def _config(policy: str, embedding: Mapping[str, Any]) -> Any:
    from pydantic import ValidationError

    from cotkit.dedup.step import Decontaminate
    from cotkit.errors import RecipeError

    unused = {"kind": "file", "name": "unused", "path": "unused.jsonl"}
    keys = {"step": "decontaminate", "benchmarks": [unused], "policy": policy, **embedding}
    try:
        step = Decontaminate.model_validate(keys)
    except ValidationError as error:
        first = error.errors()[0]
        raise RecipeError(f"--{first['loc'][-1]} {first['input']}: {first['msg']}") from error
    for sentence in step.check():
        raise RecipeError(sentence)
    step.ready()
    return step


def _name(one: str, taken: Mapping[str, Any]) -> str:
    from cotkit.errors import RecipeError

    name = Path(one).name.partition(".")[0] if Path(one).exists() else one
    if name in taken:
        raise RecipeError(f"--against: two benchmarks are called '{name}'; rename one of the files")
    return name


def _source(one: str, split: str | None) -> Source:
    """A file, the name of a benchmark, or a Hub id."""
    from cotkit.curate.sources.file import FileSource
    from cotkit.curate.sources.hub import HubSource
    from cotkit.dedup.benchmarks import KNOWN, named
    from cotkit.errors import InputError

    path = Path(one)
    if path.exists():
        return FileSource(name=path.stem, path=path.resolve())
    if split is None and (one in KNOWN or ("/" not in one and not path.suffix)):
        return HubSource.model_validate(named(one))
    if one.count("/") == 1 and not path.suffix:
        return HubSource(name=one, id=one, split=split or "train")
    raise InputError(f"{one}: no such file; give a file, a Hub id, or (with --against) the name of a benchmark")


def _table(
    one: str, id_column: str | None, text_column: str | None, split: str | None
) -> tuple[pl.DataFrame, list[Any], int]:
    """Rows with a text as a Problem table, the ids of all rows, and how many had none."""
    from cotkit import records
    from cotkit.errors import InputError
    from cotkit.records import Problem

    source = _source(one, split)
    rows = [raw.values or {} for raw in source.read({})]
    seen = dict.fromkeys(name for row in rows for name in row)
    named = source.columns.named()
    text = text_column or (source.columns.problem if "problem" in named else _first(TEXT_COLUMNS, seen))
    if text is None or text not in seen:
        raise InputError(
            f"{one}: no column {f'{text!r}' if text else 'problem, question or text'}; it has {', '.join(seen)}; "
            f"name the right one with --text-column"
        )
    if id_column is not None and id_column not in seen:
        raise InputError(
            f"{one}: no column '{id_column}'; it has {', '.join(seen)}; name the right one with --id-column"
        )
    key = id_column or _first(ID_COLUMNS, seen)
    answer = source.columns.answer if "answer" in named else _first(ANSWER_COLUMNS, seen)
    problems = [
        Problem(records.problem_id(words), words, _answer(row.get(answer or "")), source=one, source_row=number)
        for number, row in enumerate(rows)
        if (words := _text(row.get(text))).strip()
    ]
    ids = [row[key] if key and row.get(key) is not None else number for number, row in enumerate(rows)]
    return records.frame(Problem, problems), ids, len(rows) - len(problems)


def _first(wanted: Sequence[str], seen: Mapping[str, Any]) -> str | None:
    return next((name for name in wanted if name in seen), None)


def _text(value: Any) -> str:
    """A text as it is; of a chat, what the user says."""
    if isinstance(value, list):
        turns = [turn for turn in value if isinstance(turn, dict)]
        said = [
            turn.get("content", turn.get("value"))
            for turn in turns
            if turn.get("role", turn.get("from")) in ("user", "human")
        ]
        return "\n\n".join(part for part in said if isinstance(part, str))
    return value if isinstance(value, str) else ""


def _answer(value: Any) -> str | None:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None


def _report(found: Found, names: Sequence[str], rows: int, output: Output) -> None:
    from cotkit.dedup.check import summary

    if output.as_json:
        output.rows(
            {
                "row": flag.row,
                "id": own,
                "benchmark": flag.benchmark,
                "item": item,
                "method": flag.method,
                "score": flag.score,
                "kind": flag.kind,
                "text": flag.text,
                "item_text": flag.item_text,
            }
            for flag, own, item in found
        )
    else:
        for flag, own, item in sorted(found, key=lambda f: (not f[0].leak, f[0].row)):
            print(f"{flag.kind:<13} {own} = {flag.benchmark} {item} ({flag.method} {flag.score:.3f})")
            print(f"    {' '.join(flag.text.split())[:300]}\n    {' '.join(flag.item_text.split())[:300]}")
    leaks = sum(flag.leak for flag, _, _ in found)
    for name, counts in summary([flag for flag, _, _ in found], names).items():
        told = ", ".join(f"{count:,} {kind}" for kind, count in counts.items() if kind != "items")
        output.say(f"{name}: {told}; {counts['items']:,} of its items met")
    output.say(f"{leaks:,} of {rows:,} rows are leaks", "bold")
