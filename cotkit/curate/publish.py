"""The publish step: a folder that `datasets` opens and the Hub accepts."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from cotkit.config import LocalPath, OneLine
from cotkit.content import dataset_digest, table_digest
from cotkit.curate.card import CardInput, render_card
from cotkit.curate.card_header import forbidding
from cotkit.curate.card_sources import origins
from cotkit.curate.exporters import AnyExporter, Exporter
from cotkit.curate.exporters.messages import Messages
from cotkit.curate.layout import FOLDERS, digest_of_files, listed
from cotkit.curate.plots import files as plot_files
from cotkit.curate.portable import local_files, portable_recipe
from cotkit.curate.tables import Extra, all_traces, metadata, negatives, unanswered
from cotkit.errors import InputError
from cotkit.records import Example, Problem, Trace, Verdict
from cotkit.source import not_pulled
from cotkit.steps import Step, StepContext, StepOutput, Tables

if TYPE_CHECKING:
    import polars as pl

# Rows of one Parquet row group: some 100 MB of long traces, what a streaming reader holds at a time.
_GROUP = 1_000
# Tables that need every attempt of the run.
_OF_ATTEMPTS = frozenset(("all-traces", "negatives"))
_LONGEST_NOTES = 100_000
SplitName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$")]


class Publish(Step):
    """Write the chosen rows as Parquet files with a dataset card and the recipe that made them."""

    step: Literal["publish"] = "publish"
    format: AnyExporter = Field(Messages(), description="The shape of the rows.")
    title: str | None = Field(None, min_length=1, description="Title of the card; the recipe's name when left out.")
    license: OneLine | None = Field(
        None,
        min_length=1,
        description="Licence of the dataset, if you may state one; else computed from the rows' licences.",
    )
    language: str | None = Field(
        None,
        pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
        description="Language code of the dataset; else computed from the rows.",
    )
    problems: bool = Field(
        False,
        description="Publish the problems themselves, without traces, in a recipe that asks no teacher to solve them; "
        "the format must be one without a trace (verl).",
    )
    split: SplitName = Field("train", description="Name of the split.")
    splits: dict[SplitName, tuple[str, ...]] = Field(
        default_factory=dict,
        description="Further splits: name -> sources whose rows go there; all other rows are in `split`.",
    )
    max_shard_rows: int = Field(100_000, ge=1, description="Most rows in one Parquet file.")
    configs: tuple[Extra, ...] = Field(
        (),
        description="Further tables, each a config of its own: all-traces (every attempt with its verdict), "
        "negatives (those of them that are finished and provably wrong) and metadata (the rows with all columns, in "
        "whatever format the rows are).",
    )
    notes: LocalPath | None = Field(None, description="A Markdown file whose text is put into the card as it is.")
    teacher_terms: str | None = Field(
        None, min_length=1, description="The terms under which the teacher's provider lets its output be used."
    )

    room: ClassVar[str] = "publish"
    writes: ClassVar[type] = Example
    tells_story: ClassVar[bool] = True
    code: ClassVar[tuple[str, ...]] = (
        "cotkit.curate.publish",
        "cotkit.curate.card",
        "cotkit.curate.card_header",
        "cotkit.curate.card_making",
        "cotkit.curate.card_sources",
        "cotkit.curate.layout",
        "cotkit.curate.markdown",
        "cotkit.curate.plots",
        "cotkit.curate.tables",
        "cotkit.curate.portable",
        "cotkit.curate.exporters",
        "cotkit.curate.wrappings",
        "cotkit.content",
        "cotkit.records",
    )

    @model_validator(mode="after")
    def _one_split_for_each_source(self) -> Publish:
        named = [source for sources in self.splits.values() for source in sources]
        twice = next((source for source in named if named.count(source) > 1), None)
        if twice is not None:
            raise PydanticCustomError("splits", "the source '{name}' is in two splits", {"name": twice})
        if self.split in self.splits:
            raise PydanticCustomError("splits", "'{name}' is the split of all other rows", {"name": self.split})
        return self

    @property
    def reads(self) -> tuple[type, ...]:  # type: ignore[override]
        """Problems alone, or examples, with more tables where every attempt is published."""
        if self.problems:
            return (Problem,)
        every = self.format.every_attempt or not _OF_ATTEMPTS.isdisjoint(self.configs)
        return (Example, Verdict, Trace, Problem) if every else (Example,)

    def check(self) -> list[str]:
        if not self.problems:
            return []
        if self.format.needs_traces:
            return [
                f"`problems` are published without traces, and the format '{self.format.kind}' holds traces; take "
                f"`format: {{kind: verl}}`, or leave out `problems`"
            ]
        if wanted := sorted(_OF_ATTEMPTS & set(self.configs)):
            return [f"`problems` are published without traces; take {wanted[0]} out of `configs`"]
        return []

    def check_after(self, before: Sequence[Step]) -> list[str]:
        return not_pulled("splits", [name for names in self.splits.values() for name in names], before)

    def materials(self, pins: Mapping[str, str]) -> dict[str, str]:
        return {} if self.notes is None else {"notes": hashlib.sha256(_notes(self.notes).encode()).hexdigest()}

    def code_modules(self) -> tuple[str, ...]:
        return (*self.code, type(self.format).__module__, *self.format.code)

    def run(self, tables: Tables, context: StepContext) -> StepOutput:
        rows = tables[self.reads[0]]
        if rows.is_empty():
            raise InputError(_nothing_left(context.funnel))
        examples = unanswered(rows) if self.problems else rows
        numbers, dropped = _that_fit(self.format, examples, rows)
        kept = examples[numbers]
        attempts = all_traces(tables, kept) if Trace in tables else kept.clear()
        makers = {
            "all-traces": lambda: attempts,
            "negatives": lambda: negatives(attempts),
            "metadata": lambda: metadata(rows[numbers]),
        }
        splits = {split: _exported(self.format, part, attempts) for split, part in self._parts(kept).items()}
        missing = sorted({self.split, *self.splits} - set(splits))
        if missing:
            context.progress.note(f"publish: no row is of the split {', '.join(missing)}, so it is left out")
        tables_of = {name: makers[name]() for name in dict.fromkeys(self.configs)}
        if empty := [name for name, table in tables_of.items() if table.is_empty()]:
            context.progress.note(f"publish: no row is in the config {', '.join(empty)}, so it is left out")
        recipe = portable_recipe(context.recipe)
        lock = _lock(context.run / "recipe.lock.yaml")
        card = CardInput(
            examples=kept,
            splits=splits,
            title=self.title or str(recipe.get("name") or "Chain-of-thought dataset"),
            layout=self.format.describe(),
            row=self.format.row,
            license=self.license,
            language=self.language,
            recipe=recipe,
            files=local_files(_steps_without_push(context.recipe)),
            funnel=(*context.funnel, *_own_line(self, kept.height, dropped)),
            tables={name: table for name, table in tables_of.items() if table.height},
            notes=_notes(self.notes) if self.notes else "",
            teacher_terms=self.teacher_terms,
            locked=bool(lock),
        )
        beside = {**self.format.files(next(iter(splits))), **lock, **_facts(context.facts, card)}
        write_dataset(context.work / "dataset", card, self.max_shard_rows, beside)
        for sentence in forbidding(origins(kept, card.tables), card.recipe):
            context.progress.note(f"{sentence} A push will ask for `redistribute`.")
        return StepOutput(kept=kept, dropped=dropped)

    def _parts(self, kept: pl.DataFrame) -> dict[str, pl.DataFrame]:
        """Split -> its rows, for the splits that have any."""
        import polars as pl

        home = {source: split for split, sources in self.splits.items() for source in sources}
        split = pl.col("source").replace_strict(home, default=self.split, return_dtype=pl.String)
        found = {name: kept.filter(split == name) for name in (self.split, *self.splits)}
        return {name: part for name, part in found.items() if part.height}


def write_dataset(folder: Path, card: CardInput, max_shard_rows: int, files: Mapping[str, str]) -> None:
    """Write `data/SPLIT-00000-of-00001.parquet` …, `README.md`, `recipe.yaml`, plots and `files` into a fresh folder.

    Equal input gives equal bytes (for one version of pyarrow).
    """
    import yaml

    shutil.rmtree(folder, ignore_errors=True)
    digests = {}
    for name, splits in card.configs.items():
        shards = folder / FOLDERS[name]
        shards.mkdir(parents=True)
        for split, table in splits.items():
            _write_shards(shards, table, split, max_shard_rows)
        digests[name] = digest_of_files(shards, listed(shards))
    text = yaml.safe_dump(dict(card.recipe), sort_keys=False, allow_unicode=True, width=100)
    for name, content in {"recipe.yaml": text, **files, **plot_files(card.examples)}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8", newline="\n")
    digest = digest_of_files(folder, listed(folder))
    (folder / "README.md").write_text(render_card(card, digests, digest), encoding="utf-8", newline="\n")


def _notes(path: Path) -> str:
    """Raises InputError."""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: the notes of the card cannot be read ({error}); check the path") from error
    if len(text) > _LONGEST_NOTES:
        raise InputError(f"{path}: notes of {len(text):,} characters are too long for a card; shorten them")
    return text


def _lock(path: Path) -> dict[str, str]:
    """The run's lock as it may be published; nothing where the rows come from no run."""
    import yaml

    if not path.is_file():
        return {}
    lock = portable_recipe(yaml.safe_load(path.read_text(encoding="utf-8")))
    head = "# The recipe as it ran, with all defaults, and what it resolved. Written by cotkit.\n"
    return {"recipe.lock.yaml": head + yaml.safe_dump(lock, sort_keys=False, allow_unicode=True, width=100)}


def _facts(facts: Sequence[Mapping[str, Any]], card: CardInput) -> dict[str, str]:
    """What `cotkit reproduce` compares a rebuilt dataset with; nothing where the rows come from no run."""
    if not facts:
        return {}
    tables = {"default": card.exported, **card.tables}
    digests = {name: table_digest(table) for name, table in tables.items()}
    told = {
        "about": "Digests of what the run made, by which `cotkit reproduce` compares a rebuilt one.",
        "dataset": dataset_digest(digests),
        "tables": {name: {"rows": table.height, "digest": digests[name]} for name, table in tables.items()},
        "steps": list(facts),
    }
    return {"reproduce.json": json.dumps(told, indent=1, ensure_ascii=False) + "\n"}


def _write_shards(folder: Path, table: pl.DataFrame, split: str, max_shard_rows: int) -> None:
    import pyarrow.parquet as pq

    schema = _plain_schema(table)
    shards = -(-table.height // max_shard_rows)
    for shard in range(shards):
        path = folder / f"{split}-{shard:05d}-of-{shards:05d}.parquet"
        rows = table.slice(shard * max_shard_rows, max_shard_rows)
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            for group in rows.iter_slices(_GROUP):
                writer.write_table(group.to_arrow().cast(schema))


def _plain_schema(table: pl.DataFrame) -> Any:
    """Polars writes 64-bit strings and lists; `datasets` then gives columns other types than anyone's. It
    makes its features of these types, so they need not be written a second time.
    """
    import pyarrow as pa

    def plain(kind: Any) -> Any:
        if pa.types.is_large_list(kind) or pa.types.is_list(kind):
            return pa.list_(plain(kind.value_type))
        if pa.types.is_struct(kind):
            return pa.struct([pa.field(f.name, plain(f.type)) for f in kind])
        return pa.string() if pa.types.is_large_string(kind) or pa.types.is_string_view(kind) else kind

    return pa.schema([pa.field(f.name, plain(f.type)) for f in table.clear().to_arrow().schema])


def _exported(shape: Exporter, examples: pl.DataFrame, attempts: pl.DataFrame) -> pl.DataFrame:
    return shape.export_all(examples, attempts) if shape.every_attempt else shape.export(examples)


def _that_fit(shape: Exporter, examples: pl.DataFrame, rows: pl.DataFrame) -> tuple[list[int], pl.DataFrame]:
    """Numbers of the examples that the format can hold, and the rows of the others as dropped ones.

    Raises InputError where none fits.
    """
    from cotkit.records import dropped_frame

    refused = dict(sorted(shape.refused(examples).items()))
    reasons = [reason for reason, _ in refused.values()]
    dropped = dropped_frame(rows, list(refused), reasons, [evidence for _, evidence in refused.values()])
    kept = [n for n in range(examples.height) if n not in refused]
    if not kept:
        why = max(sorted(set(reasons)), key=reasons.count)
        raise InputError(
            f"no rows are left to publish: the format '{shape.kind}' can hold none of {examples.height} examples, "
            f"mainly for '{why}' ({reasons.count(why)}); take another format, or see docs/formats.md for what it needs"
        )
    return kept, dropped


def _own_line(step: Publish, kept: int, dropped: pl.DataFrame) -> list[dict[str, Any]]:
    """The funnel line of this step for the card, where it dropped anything."""
    if dropped.is_empty():
        return []
    counts = {"rows_in": kept + dropped.height, "kept": kept, "dropped": dropped.height}
    reasons = dict(dropped["reason"].value_counts().sort("reason").iter_rows())
    unit = "problems" if step.problems else "examples"
    return [{"step": step.name or "publish", "kind": "publish", "unit": unit, **counts, "reasons": reasons}]


def _steps_without_push(recipe: Mapping[str, Any]) -> list[Any]:
    return [step for step in recipe.get("steps", ()) if step.get("step") != "push"]


def _nothing_left(funnel: Sequence[Mapping[str, Any]]) -> str:
    """Which step dropped the last rows, and mainly why."""
    for entry in funnel:
        if not entry["kept"]:
            reasons = sorted(entry.get("reasons", {}).items(), key=lambda item: (-item[1], item[0]))
            why = f", most of them for '{reasons[0][0]}' ({reasons[0][1]} of {entry['rows_in']})" if reasons else ""
            instead = "loosen that step, or look at its dropped.parquet"
            if reasons and reasons[0][0] == "over_budget":
                instead = "raise its `budget` and run again, nothing is paid twice"
            return (
                f"no rows are left to publish: the step '{entry['step']}' dropped all {entry['rows_in']} "
                f"{entry.get('unit', 'rows')} it got{why}; {instead}"
            )
    return "no rows are left to publish: the table of examples is empty; run the steps before it on more problems"
