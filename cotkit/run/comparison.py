"""A first run and the one made again from its lock: each step, then the dataset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotkit.content import dataset_digest, table_digest
from cotkit.recipe.models import Recipe
from cotkit.run.compare import Compared, compare_step, compare_tables
from cotkit.run.directory import RunDirectory
from cotkit.run.facts import Fact, fact
from cotkit.run.plan import inputs_of

if TYPE_CHECKING:
    import polars as pl

# So many files are named.
_FIRST = 3
_TABLES = ("kept", "dropped")


@dataclass(frozen=True)
class Original:
    """What is to be built again.

    Attributes:
        lock: its recipe.lock.yaml.
        run: the run directory it comes from, with all its tables.
        dataset: the folder of the published files; they may be gone.
        facts: step -> what the first run made there.
        altered: step -> its files in `run` that are not as they were written.
        noted: config -> {"rows", "digest"} of the dataset, as the first run wrote it down.
        tables: config -> the published rows as they are now.
        became: what became of the published files since, a phrase each.
        whole: every table that was noted is there, and no data besides.
    """

    lock: Path
    run: RunDirectory | None = None
    dataset: Path | None = None
    facts: Mapping[str, Fact] = field(default_factory=dict)
    altered: Mapping[str, list[str]] = field(default_factory=dict)
    noted: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    tables: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    became: tuple[str, ...] = ()
    whole: bool = True


@dataclass(frozen=True)
class Again:
    """The run made again.

    Attributes:
        ended: the steps that have ended there.
        tables: config -> the rows that it has published.
        instead: where answers were looked for, and what to do where they are not there; ends a sentence.
    """

    run: RunDirectory
    ended: Sequence[str]
    tables: Mapping[str, pl.DataFrame]
    instead: str


def compare_runs(original: Original, again: Again, recipe: Recipe) -> list[Compared]:
    """The steps in their order, then the dataset where the recipe publishes one."""
    places = _places(original, again, recipe)
    found: dict[str, Compared] = {}
    for index, step in enumerate(recipe.steps):
        if step.step == "publish":  # it passes its rows through; what it publishes is compared below
            continue
        report = again.run.report(step.name) if step.name in again.ended else None
        makers = [found[maker.name] for maker in inputs_of(recipe.steps, index).values()]
        also = [*_unanswered(again, step.name), *_given(makers)] if report else []
        altered = original.altered.get(step.name)
        unknown = f"the first run's files were changed since: {', '.join(altered[:_FIRST])}" if altered else ""
        one = compare_step(step.name, original.facts.get(step.name), fact(report) if report else None, also, unknown)
        if one.state == "differs" and original.run is not None:
            pairs = {t: (original.run.table(step.name, t), again.run.table(step.name, t)) for t in _TABLES}
            one = replace(one, tables={table: compare_tables(*pair, places) for table, pair in pairs.items()})
        found[step.name] = one
    publishes = any(step.step == "publish" for step in recipe.steps)
    return [*found.values(), *([_compare_dataset(original, again, places)] if publishes else [])]


def _places(original: Original, again: Again, recipe: Recipe) -> dict[str, str]:
    """problem_id -> SOURCE:NUMBER of the first row with this text, in either run."""
    found: dict[str, str] = {}
    for step in recipe.steps:
        if step.step != "pull":
            continue
        tables = [again.run.kept(step.name)] if step.name in again.ended else []
        if original.run is not None and step.name in original.facts:
            tables.append(original.run.kept(step.name))
        for table in tables:
            for name, source, row in table.select("problem_id", "source", "source_row").iter_rows():
                found.setdefault(name, f"{source}:{row}")
    return found


def _unanswered(again: Again, step: str) -> Iterator[str]:
    """What a step could not ask, by the reasons of its rows; a judge's reason holds the word with others."""
    tables = [again.run.table(step, name) for name in _TABLES]
    count = sum(
        int(table["reason"].str.contains("not_recorded", literal=True).sum()) for table in tables if "reason" in table
    )
    if count:
        yield f"{count:,} {'answer is' if count == 1 else 'answers are'} {again.instead}"


def _given(makers: Sequence[Compared]) -> list[str]:
    return [f"'{maker.name}' gave it other rows" for maker in makers if maker.state == "differs"]


def _compare_dataset(original: Original, again: Again, places: Mapping[str, str]) -> Compared:
    """The published rows that are there, not only what was noted of them."""
    first, made = original.tables, again.tables
    rows = {n: (first[n].height if n in first else None, made[n].height if n in made else None)
            for n in {**first, **made}}  # fmt: skip
    old = {name: table_digest(table) for name, table in first.items()}
    new = {name: table_digest(table) for name, table in made.items()}
    noted = {name: str(table["digest"]) for name, table in original.noted.items()}
    why = original.became
    if not made:
        return Compared("dataset", "not comparable", rows, (*why, "it has not been published again"))
    if not first:
        if noted:
            why += (f"the rows made now have {'the' if noted == new else 'another'} digest that was noted of them",)
        return Compared("dataset", "not comparable", rows, why or ("no published rows are at hand",))
    digest = dataset_digest(new)
    if old == new and original.whole:
        return Compared("dataset", "same", rows, (*why, f"sha256:{digest}"))
    digests = f"sha256:{dataset_digest(old)} then, sha256:{digest} now" if old != new else f"sha256:{digest}"
    tables = {name: compare_tables(first[name], made[name], places) for name in first if name in made}
    return Compared("dataset", "differs", rows, (*why, digests), tables)
