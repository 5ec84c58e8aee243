"""Looking through a journal: what was asked, what came, what it cost, and taking answers out on purpose."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from cotkit.distill.journal import Entry, Journal, read_journal
from cotkit.distill.presets import presets, provider_of
from cotkit.distill.prices import Pricing, Usage, table_rows
from cotkit.distill.wire import Answer, read_answer
from cotkit.errors import InputError, StorageError


@dataclass(frozen=True)
class Line:
    """One answer, read: what `journal ls` and `journal show` tell."""

    request_hash: str
    created_at: str
    model: str
    base_url: str
    sample: int
    status: str
    usage: Usage
    prompt: str
    answer: Answer | None
    entry: Entry


@dataclass
class Stats:
    """Sums over a journal. `usd` counts the priced answers alone; `unpriced` is how many have no price."""

    answers: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    models: Counter[str] = field(default_factory=Counter)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    unmetered: int = 0
    usd: Decimal = Decimal(0)
    usd_unfinished: Decimal = Decimal(0)
    unpriced: int = 0
    first: str = ""
    last: str = ""


def lines(path: Path) -> Iterator[Line]:
    """All answers of a journal, read, by hash; see read_journal for what it raises."""
    for entry in read_journal(path):
        asked = _asked(entry)
        answer = read_answer(entry.body)
        good = answer if isinstance(answer, Answer) else None
        messages = asked.get("messages")
        yield Line(
            entry.request_hash,
            entry.created_at,
            str(asked.get("model", "")),
            str(asked.get("base_url", "")),
            int(asked.get("sample") or 0),
            good.status if good is not None else "malformed",
            good.usage if good is not None else Usage(),
            str(messages[-1].get("content", "")) if isinstance(messages, list) and messages else "",
            good,
            entry,
        )


def _asked(entry: Entry) -> Mapping[str, Any]:
    try:
        asked = json.loads(entry.request)
    except ValueError:
        return {}
    return asked if isinstance(asked, dict) else {}


def stats(path: Path) -> Stats:
    """Sums over all answers. Costs are by the shipped price table, at the time of each answer."""
    found = Stats()
    prices: dict[tuple[str, str], Pricing] = {}
    for line in lines(path):
        found.answers += 1
        found.statuses[line.status] += 1
        found.models[f"{line.model} at {line.base_url}"] += 1
        found.prompt_tokens += line.usage.prompt or 0
        found.completion_tokens += line.usage.completion or 0
        found.reasoning_tokens += line.usage.reasoning or 0
        found.unmetered += line.usage.completion is None
        found.first = min(found.first or line.created_at, line.created_at)
        found.last = max(found.last, line.created_at)
        who = (line.base_url, line.model)
        if who not in prices:
            prices[who] = _pricing(line)
        usd = prices[who].cost(line.usage, datetime.fromisoformat(line.created_at), line.entry.batched)
        if usd is None:
            found.unpriced += 1
        else:
            found.usd += usd
            found.usd_unfinished += usd if line.status != "done" else 0
    return found


def _pricing(line: Line) -> Pricing:
    provider = provider_of(None, line.base_url)
    if provider is None:
        return Pricing()
    discounts = [Decimal(str(p.batch_discount)) for p in presets().values() if p.prices == provider]
    return Pricing(
        table_rows(provider, line.model), charged=provider == "openrouter", discount=min(discounts, default=Decimal(1))
    )


def find(path: Path, prefix: str) -> Line:
    """The answer whose request hash begins so; raises InputError where there is none, or more than one."""
    found = [line for line in lines(path) if line.request_hash.startswith(prefix)]
    if len(found) == 1:
        return found[0]
    what = "no answer" if not found else f"{len(found)} answers"
    raise InputError(f"{path}: {what} with a hash that begins with '{prefix}'; `cotkit journal ls` lists them")


def prune(path: Path, hashes: Sequence[str]) -> None:
    """Take answers out, and give their room back to the disk. They would have to be paid again.

    Raises StorageError where it cannot be written or another process uses it.
    """
    with Journal.open(path) as journal:
        for name in hashes:
            journal.drop(name)
    try:
        connection = sqlite3.connect(path)
        connection.execute("VACUUM")
        connection.close()
    except sqlite3.Error as error:
        raise StorageError(f"{path}: the room could not be given back ({error})") from error


def spent(run: Path) -> dict[str, Any]:
    """Money of a run: spent, per published row, and wasted by the reason that a later step gave.

    Reads the tables of distill, select and publish in the run directory `run`; raises InputError where
    distill has not run there.
    """
    tables = _tables(run)
    if "distill" not in tables:
        raise InputError(f"{run}: no distill step has run here; give the directory of a run that has asked a teacher")
    kept, dropped = tables["distill"]
    cost: dict[tuple[str, int], Decimal] = {}
    unpriced = 0
    for row in kept.select("problem_id", "sample", "cost_usd").iter_rows():
        cost[(row[0], row[1])] = Decimal(str(row[2])) if row[2] is not None else Decimal(0)
        unpriced += row[2] is None
    wasted: Counter[str] = Counter()
    money: dict[str, Decimal] = {}
    published = tables["select"][0].height if "select" in tables else 0
    if "select" in tables:
        for name, sample, reason in tables["select"][1].select("problem_id", "sample", "reason").iter_rows():
            wasted[reason] += 1
            money[reason] = money.get(reason, Decimal(0)) + cost.get((name, sample), Decimal(0))
    total = sum(cost.values(), Decimal(0))
    return {
        "answers": kept.height,
        "failed": dropped.height,
        "usd": float(total),
        "unpriced": unpriced,
        "rows": published,
        "usd_per_row": float(total / published) if published else None,
        "wasted": {reason: {"answers": count, "usd": float(money[reason])} for reason, count in wasted.most_common()},
    }


def _tables(run: Path) -> dict[str, Any]:
    """Step name -> (kept, dropped) of the steps that money is told of."""
    import polars as pl

    found = {}
    for folder in sorted(run.iterdir()) if run.is_dir() else ():
        name = folder.name.partition("-")[2]
        if name in ("distill", "select") and (folder / "kept.parquet").is_file():
            found[name] = (pl.read_parquet(folder / "kept.parquet"), pl.read_parquet(folder / "dropped.parquet"))
    return found
