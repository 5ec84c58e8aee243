"""Rows of any dataset for a leak check: a file, a Hub id or a benchmark by name, its columns found by themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotkit.cli.output import Output
from cotkit.errors import InputError, RecipeError

if TYPE_CHECKING:
    import polars as pl

    from cotkit.source import Source

ID_COLUMNS = ("id", "problem_id", "uuid", "uid", "unique_id", "row_id", "ID", "Id")
# The first of them that holds a text is read, row by row.
TEXT_COLUMNS = ("problem", "question", "text", "prompt", "instruction", "Problem", "Question", "query", "input")
CHAT_COLUMNS = ("messages", "conversations")
ANSWER_COLUMNS = ("answer", "expected_answer", "final_answer", "Answer", "gold")
# Alpaca rows have the task in one column and what it is about in another.
ALSO = {"instruction": "input"}
USER = ("user", "human")


@dataclass(frozen=True)
class AnyRows:
    """What was read.

    Attributes:
        table: Problem table of the rows with a text; `source_row` is the row's number in the file.
        ids: id of every row, its number where it has none.
    """

    table: pl.DataFrame
    ids: list[Any]

    @property
    def unread(self) -> int:
        return len(self.ids) - self.table.height


@dataclass(frozen=True)
class Wanted:
    """Columns that options name (None: find them), the option that names the text, and the split of a Hub id."""

    text: str | None = None
    option: str = "--text-column"
    identity: str | None = None
    split: str = "train"


class _Unfetched(InputError):
    """A benchmark on the Hub that cannot be read."""


def read_file(one: str, wanted: Wanted, output: Output) -> AnyRows:
    """Rows of a file or of a Hub dataset. Raises InputError, in terms of the command line."""
    source = _file_or_hub(one, wanted.split)
    if source is None:
        raise InputError(f"{one}: no such file; give a file or a Hub id")
    found = _read(one, source, wanted, output)
    if found.unread:
        output.warn(f"{one}: {found.unread:,} rows have no text and were not checked")
    return found


def read_benchmarks(against: Sequence[str], column: str | None, skip: bool, output: Output) -> dict[str, AnyRows]:
    """Benchmarks by name, files and Hub ids, commas between; each under its name.

    Args:
        column: of the problem, in files and Hub ids; None: find it.
        skip: go on without one that cannot be fetched.

    Raises InputError and RecipeError, in terms of the command line.
    """
    from cotkit.dedup.benchmarks import KNOWN

    given = [part.strip() for option in against for part in option.split(",") if part.strip()]
    if column and given and all(one in KNOWN for one in given):
        raise RecipeError("--against-column: benchmarks by name know their column; drop it, or give a file")
    found: dict[str, AnyRows] = {}
    for one in given:
        name = Path(one).name.partition(".")[0] if Path(one).exists() else one
        if name in found:
            raise RecipeError(f"--against: two benchmarks are called '{name}'; rename one of the files")
        try:
            found[name] = _benchmark(one, Wanted(column, "--against-column"), output)
        except _Unfetched as error:
            if not skip:
                raise InputError(f"{error}, give a file of it, or go on without it with --skip-missing") from error
            output.warn(f"leaks of '{one}' are not looked for: {error}")
    if not found:
        raise InputError("--against: no benchmark is left to check against; give at least one that can be read")
    return found


def _benchmark(one: str, wanted: Wanted, output: Output) -> AnyRows:
    from cotkit.curate.sources.hub import HubSource
    from cotkit.dedup.benchmarks import KNOWN, named

    source = _file_or_hub(one, wanted.split)
    if source is None and (one in KNOWN or not ("/" in one or Path(one).suffix)):
        source = HubSource.model_validate(named(one))
        wanted = Wanted(source.columns.problem)
    if source is None:
        raise InputError(f"{one}: no such file; give a file, a Hub id, or the name of a benchmark")
    try:
        found = _read(one, source, wanted, output)
    except InputError as error:
        if not isinstance(source, HubSource):
            raise
        # A revision can be pinned in recipes alone.
        raise _Unfetched(f"{one}: {str(error).partition(', or pin')[0]}") from error
    if found.unread:
        output.warn(f"{one}: {found.unread:,} items have no text and are not looked for")
    return found


def _file_or_hub(one: str, split: str) -> Source | None:
    from cotkit.curate.sources.file import SUFFIXES, FileSource
    from cotkit.curate.sources.hub import HubSource

    path = Path(one)
    if path.exists():
        if path.is_file() and not path.name.lower().removesuffix(".gz").endswith(tuple(SUFFIXES)):
            raise InputError(f"{one}: cannot tell the format from the name; end it in one of {', '.join(SUFFIXES)}")
        return FileSource(name=path.stem, path=path.resolve(), malformed="drop")
    if one.count("/") == 1 and not path.suffix:
        return HubSource(name=one, id=one, split=split)
    return None


def _read(one: str, source: Source, wanted: Wanted, output: Output) -> AnyRows:
    from cotkit import records
    from cotkit.dedup.step import one_answer
    from cotkit.records import Problem

    rows: list[Mapping[str, Any]] = []
    for raw in source.read({}):
        if raw.values is None:
            raise InputError(f"{raw.place}: {raw.error}; mend or remove the row")
        rows.append(raw.values)
    seen = dict.fromkeys(name for row in rows for name in row)
    columns = _text_columns(one, wanted, seen)
    if wanted.identity is not None and wanted.identity not in seen:
        raise InputError(
            f"{one}: no column '{wanted.identity}'; it has {', '.join(seen)}; name the right one with --id-column"
        )
    key = wanted.identity or _first(ID_COLUMNS, seen)
    answer = source.columns.answer if "answer" in source.columns.named() else _first(ANSWER_COLUMNS, seen)
    problems: list[Problem] = []
    read: Counter[str] = Counter()
    passed: set[str] = set()
    for number, row in enumerate(rows):
        texts = {name: words for name in columns if (words := _text(row.get(name)).strip())}
        if texts:
            column, *others = texts
            words = texts[column]
            if wanted.text is None and (more := ALSO.get(column)) in others:
                words, column = f"{words}\n{texts[more]}", f"{column} + {more}"
                others.remove(more)
            read[column] += 1
            passed.update(others)
            own = one_answer(row.get(answer or ""))
            problems.append(Problem(records.problem_id(words), words, own, source=one, source_row=number))
    if not problems:
        raise InputError(f"{one}: no row has a text to check; name the right column with {wanted.option}")
    if wanted.text is None:
        output.say(_told(one, read, sorted(passed), wanted))
    ids = [row[key] if key and row.get(key) is not None else number for number, row in enumerate(rows)]
    return AnyRows(records.frame(Problem, problems), ids)


def _text_columns(one: str, wanted: Wanted, seen: Mapping[str, Any]) -> tuple[str, ...]:

    columns = (wanted.text,) if wanted.text else (*TEXT_COLUMNS, *CHAT_COLUMNS)
    if not any(name in seen for name in columns):
        what = f"'{wanted.text}'" if wanted.text else "problem, question or text"
        raise InputError(f"{one}: no column {what}; it has {', '.join(seen)}; name the right one with {wanted.option}")
    return columns


def _told(one: str, read: Mapping[str, int], passed: Sequence[str], wanted: Wanted) -> str:
    """Which columns were read, and which others held texts too."""
    several = len(read) > 1
    where = ", ".join(f"'{name}'" + (f" ({count:,} rows)" if several else "") for name, count in read.items())
    others = [f"'{name}'" for name in passed]
    rest = f"; {', '.join(others)} not read beside it, {wanted.option} names another" if others else ""
    return f"{one}: text read from {where}{rest}"


def _first(wanted: Sequence[str], seen: Mapping[str, Any]) -> str | None:
    return next((name for name in wanted if name in seen), None)


def _text(value: Any) -> str:
    """A text as it is; of a chat, all that the user says."""
    if isinstance(value, list):
        turns = [turn for turn in value if isinstance(turn, dict)]
        said = [
            _content(turn.get("content", turn.get("value")))
            for turn in turns
            if turn.get("role", turn.get("from")) in USER
        ]
        return "\n\n".join(part for part in said if part)
    return value if isinstance(value, str) else ""


def _content(content: Any) -> str:
    """Of a turn: a text, or the texts among the parts of OpenAI's list form."""
    if isinstance(content, list):
        texts = [part.get("text") if isinstance(part, dict) else part for part in content]
        return "\n".join(text for text in texts if isinstance(text, str))
    return content if isinstance(content, str) else ""
