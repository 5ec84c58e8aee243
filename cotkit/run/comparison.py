"""A first run and the one made again from its lock: each step, then the dataset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cotkit.content import dataset_digest, table_digest
from cotkit.curate.layout import FOLDERS, is_ours
from cotkit.recipe.models import Recipe
from cotkit.run.compare import Compared, compare_step, compare_tables
from cotkit.run.directory import RunDirectory
from cotkit.run.facts import fact
from cotkit.run.original import Original, others, published
from cotkit.run.plan import inputs_of

if TYPE_CHECKING:
    import polars as pl

# So many files are named.
_FIRST = 3
_TABLES = ("kept", "dropped")


def compare_runs(
    original: Original, recipe: Recipe, folder: Path, ended: Sequence[str], instead: str
) -> list[Compared]:
    """The steps in their order, then the dataset where the recipe publishes one.

    Args:
        folder: the run made again.
        ended: the steps that have ended there.
        instead: where answers were looked for, and what to do where they are not there; ends a sentence.
    """
    again = RunDirectory(folder)
    places = _places(original, recipe, again, ended)
    found: dict[str, Compared] = {}
    for index, step in enumerate(recipe.steps):
        if step.step == "publish":  # it passes its rows through; what it publishes is compared below
            continue
        report = again.report(step.name) if step.name in ended else None
        makers = [found[maker.name] for maker in inputs_of(recipe.steps, index).values()]
        also = [*_unanswered(again, step.name, instead), *_given(makers)] if report else []
        altered = original.altered.get(step.name)
        unknown = f"the first run's files were changed since: {', '.join(altered[:_FIRST])}" if altered else ""
        one = compare_step(step.name, original.facts.get(step.name), fact(report) if report else None, also, unknown)
        if one.state == "differs" and original.run is not None:
            pairs = {t: (original.run.table(step.name, t), again.table(step.name, t)) for t in _TABLES}
            one = replace(one, tables={table: compare_tables(*pair, places) for table, pair in pairs.items()})
        found[step.name] = one
    publish = next((step.name for step in recipe.steps if step.step == "publish"), None)
    if publish is None:
        return list(found.values())
    first = published(original.dataset, recipe)
    made = published(folder / "dataset" if publish in ended else None, recipe)
    return [*found.values(), _compare_dataset(original, first, made, others(original.dataset, recipe), places)]


def _places(original: Original, recipe: Recipe, again: RunDirectory, ended: Sequence[str]) -> dict[str, str]:
    """problem_id -> SOURCE:NUMBER of the first row with this text, in either run."""
    found: dict[str, str] = {}
    for step in recipe.steps:
        if step.step != "pull":
            continue
        tables = [again.kept(step.name)] if step.name in ended else []
        if original.run is not None and step.name in original.facts:
            tables.append(original.run.kept(step.name))
        for table in tables:
            for name, source, row in table.select("problem_id", "source", "source_row").iter_rows():
                found.setdefault(name, f"{source}:{row}")
    return found


def _unanswered(again: RunDirectory, step: str, instead: str) -> Iterator[str]:
    """What a step could not ask, by the reasons of its rows; a judge's reason holds the word with others."""
    tables = [again.table(step, name) for name in _TABLES]
    count = sum(
        int(table["reason"].str.contains("not_recorded", literal=True).sum()) for table in tables if "reason" in table
    )
    if count:
        yield f"{count:,} {'answer is' if count == 1 else 'answers are'} {instead}"


def _given(makers: Sequence[Compared]) -> list[str]:
    return [f"'{maker.name}' gave it other rows" for maker in makers if maker.state == "differs"]


def _compare_dataset(
    original: Original,
    first: Mapping[str, pl.DataFrame],
    again: Mapping[str, pl.DataFrame],
    others: Sequence[str],
    places: Mapping[str, str],
) -> Compared:
    """The published rows that are there, not only what was noted of them."""
    rows = {n: (first[n].height if n in first else None, again[n].height if n in again else None)
            for n in {**first, **again}}  # fmt: skip
    old = {name: table_digest(table) for name, table in first.items()}
    new = {name: table_digest(table) for name, table in again.items()}
    noted = {name: str(table["digest"]) for name, table in original.noted.items()}
    # A push leaves the splits of other runs in `data`.
    splits = [name for name in others if is_ours(name) and name.startswith(f"{FOLDERS['default']}/")]
    strange = [name for name in others if name not in splits]
    why = list(_altered(original, old, strange, splits))
    if not again:
        return Compared("dataset", "not comparable", rows, (*why, "it has not been published again"))
    if not first:
        if noted:
            why.append(f"the rows made now have {'the' if noted == new else 'another'} digest that was noted of them")
        return Compared("dataset", "not comparable", rows, tuple(why) or ("no published rows are at hand",))
    digest = dataset_digest(new)
    if old == new and noted.keys() <= old.keys() and not strange:
        return Compared("dataset", "same", rows, (*why, f"sha256:{digest}"))
    digests = f"sha256:{dataset_digest(old)} then, sha256:{digest} now" if old != new else f"sha256:{digest}"
    tables = {name: compare_tables(first[name], again[name], places) for name in first if name in again}
    return Compared("dataset", "differs", rows, (*why, digests), tables)


def _altered(
    original: Original, old: Mapping[str, str], strange: Sequence[str], splits: Sequence[str]
) -> Iterator[str]:
    """What became of the published files since; `old` are the digests of the tables that are there."""
    if gone := [f"{FOLDERS.get(n, n)}/ ({t['rows']:,} rows)" for n, t in original.noted.items() if n not in old]:
        yield f"the published rows are missing: {', '.join(gone)}"
    if changed := [
        name for name, digest in old.items() if original.noted.get(name, {}).get("digest", digest) != digest
    ]:
        yield f"the rows of {', '.join(changed)} are not those that the first run wrote: they were changed since"
    if strange:
        yield f"the first run did not publish {_listed(strange)}"
    if splits:
        yield f"splits of other runs are not compared: {_listed(splits)}"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _FIRST
    return f"{', '.join(names[:_FIRST])}{f' and {more} more' if more > 0 else ''}"
