"""`cotkit report RUN --row ID`, `cotkit select RUN --explain ID`: all that a run knows of one problem, step by step."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

    from cotkit.cli.output import Output
    from cotkit.run.directory import RunDirectory

Event = dict[str, Any]

# Texts and what only machines read.
_LEFT_OUT = frozenset(
    {"problem", "solution", "answer", "choices", "tests", "messages", "reasoning", "response", "metadata"}
    | {"provenance", "request_hash", "reply", "usd", "license", "language", "domain", "verdict_method"}
)
_ALWAYS = ("problem_id", "sample", "verdict", "reason", "evidence", "why")
_MAX_SHOWN = 600


def tell(directory: RunDirectory, row: str, output: Output) -> None:
    """Print the story of one row; raises as `story` does."""
    events = story(directory, row)
    output.data("" if output.as_json else told(directory, row, events), events)


def story(directory: RunDirectory, row: str) -> list[Event]:
    """Where a problem and its attempts were seen: {"step", "fate": kept | dropped | noted, …what is new there}.

    `noted` rows come from a step's further tables (`table` names it): a judge's words, ratings. Raises InputError where
    no table knows the row, a problem_id or SOURCE:NUMBER.
    """
    from cotkit.errors import InputError

    identity = _problem_id(directory, row)
    events: list[Event] = []
    known: dict[Any, Event] = {}
    gone = False
    for folder, name in directory.step_folders():
        if gone:
            break  # what comes after under the same problem_id is another row's
        whys = _whys(folder)
        tables = [("kept", directory.kept(name)), ("dropped", directory.dropped(name)), *_further(folder)]
        for fate, table in tables:
            for raw in table.filter(_matches(table, identity, row)).iter_rows(named=True):
                found = decoded(raw)
                if fate == "kept" and (found.get("problem_id"), found.get("sample", 0)) in whys:
                    found["why"] = whys[found["problem_id"], found.get("sample", 0)]
                before = known.setdefault(found.get("sample"), dict(known.get(None, {})))
                new = {
                    k: v
                    for k, v in found.items()
                    if v is not None and k not in _LEFT_OUT and (k in _ALWAYS or before.get(k) != v)
                }
                before |= found
                seen = {"fate": fate} if fate in ("kept", "dropped") else {"fate": "noted", "table": fate}
                events.append({"step": name, **seen, **new})
                gone |= fate == "dropped" and ":" in row and "source_row" in found and "sample" not in found
    if not events:
        raise InputError(f"{directory.path}: no row '{row}' in this run; give a problem_id or SOURCE:NUMBER")
    return events


def told(directory: RunDirectory, row: str, events: Sequence[Event]) -> str:
    """The story for a person."""
    lines = _header(directory, row)
    width = max(len(event["step"]) for event in events)
    for event in events:
        who = f"sample {event['sample']}: " if "sample" in event else ""
        fate = event["fate"] if event["fate"] != "noted" else event["table"]
        if event["fate"] == "dropped":
            fate = f"dropped as {event['reason']}"
        said = {
            key: value
            for key, value in event.items()
            if key not in ("step", "fate", "table", "sample", "problem_id", "source", "source_row")
            and not (key == "reason" and event["fate"] == "dropped")
        }
        shown = "  ".join(f"{key}={_shown(value)}" for key, value in said.items())
        lines.append(f"{event['step']:<{width}}  {who}{fate}{'  ' if shown else ''}{shown}")
    return "\n".join(lines)


def _header(directory: RunDirectory, row: str) -> list[str]:
    """The problem itself, as the first table that has it."""
    identity = _problem_id(directory, row)
    for _, name in directory.step_folders():
        for table in (directory.kept(name), directory.dropped(name)):
            if "problem" in table.columns:
                for found in table.filter(_matches(table, identity, row)).head(1).iter_rows(named=True):
                    place = f"{found.get('source')}:{found.get('source_row')}"
                    text = [printable(str(found[key])) for key in ("problem", "answer") if found.get(key) is not None]
                    answer = [f"  reference answer: {text[1]}"] if len(text) > 1 else []
                    return [f"{found.get('problem_id')} ({printable(place)})", f"  {text[0]}", *answer, ""]
    return []


def printable(text: str) -> str:
    """One line without control characters, which could speak to the terminal; cut after some lines' length."""
    plain = "".join(c if c.isprintable() else "�" for c in " ".join(text.split()))
    return plain if len(plain) <= _MAX_SHOWN else f"{plain[:_MAX_SHOWN]}… ({len(plain)} characters)"


def _shown(value: Any) -> str:
    return printable(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str))


def _further(folder: Path) -> Iterator[tuple[str, pl.DataFrame]]:
    """A step's tables beside kept and dropped that are about problems; chosen.parquet is told with the kept rows."""
    from cotkit.run.tables import read_table

    for path in sorted(folder.glob("*.parquet")):
        if path.stem not in ("kept", "dropped", "chosen"):
            table = read_table(path)
            if "problem_id" in table.columns:
                yield path.stem, table


def _whys(folder: Path) -> dict[tuple[str, int], Any]:
    """(problem_id, sample) -> why a selector took the row."""
    from cotkit.run.tables import read_table

    path = folder / "chosen.parquet"
    if not path.is_file():
        return {}
    return {(i, sample): json.loads(why) for i, sample, why in read_table(path).iter_rows()}


def _problem_id(directory: RunDirectory, row: str) -> str:
    """The id that is meant: of the first row with this source and number, where those are given."""
    source, _, number = row.rpartition(":")
    if not source:
        return row
    for _, name in directory.step_folders():
        for table in (directory.kept(name), directory.dropped(name)):
            if {"source", "source_row", "problem_id"} <= set(table.columns):
                found = table.filter((table["source"] == source) & (table["source_row"] == _number(number)))
                if found.height:
                    return str(found["problem_id"][0])
    return ""


def _matches(table: pl.DataFrame, identity: str, row: str) -> Any:
    """Tables with the source columns are matched by them where SOURCE:NUMBER was given."""
    source, _, number = row.rpartition(":")
    if source and "source_row" in table.columns:
        return (table["source"] == source) & (table["source_row"] == _number(number))
    return table["problem_id"] == identity


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 18 else -1


def decoded(row: Mapping[str, Any]) -> Event:
    """The row with its evidence as JSON values."""
    return {**row, "evidence": json.loads(row["evidence"])} if "evidence" in row else dict(row)
