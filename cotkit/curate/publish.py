"""The publish step: a folder that `datasets` opens and the Hub accepts."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from cotkit.config import LocalPath, OneLine
from cotkit.content import dataset_digest
from cotkit.curate.card import CardInput, render_card
from cotkit.curate.card_header import forbidding
from cotkit.curate.card_sources import origins
from cotkit.curate.exporters import AnyExporter, Exporter, Refusals
from cotkit.curate.exporters.messages import Messages
from cotkit.curate.layout import FOLDERS, digest_of_files, listed
from cotkit.curate.measured import measured
from cotkit.curate.plots import files as plot_files
from cotkit.curate.portable import local_files, portable_recipe
from cotkit.curate.tables import PROBLEM, VERDICT, Extra, all_traces, metadata, negatives, unanswered, unverified
from cotkit.curate.written import Written, digest_of, write_split
from cotkit.errors import InputError
from cotkit.records import Example, Problem, Trace, Verdict, dropped_frame
from cotkit.source import not_pulled
from cotkit.steps import Step, StepContext, StepOutput
from cotkit.table import Table

if TYPE_CHECKING:
    import polars as pl

# Tables that need every attempt of the run.
_OF_ATTEMPTS = frozenset(("all-traces", "negatives", "unverified"))
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
        "unverified (those of them that are finished, whatever was found of them), negatives (those that are finished "
        "and provably wrong) and metadata (the rows with all columns, in "
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
        "cotkit.curate.measured",
        "cotkit.curate.tables",
        "cotkit.curate.written",
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

    def parts(self, tables: Mapping[type, Table], context: StepContext) -> Iterator[StepOutput]:
        if not tables[self.reads[0]].height:
            raise InputError(_nothing_left(context.funnel))
        rows = _Rows(tables, self.format, self.problems, context.work / "shaped.pile")
        kept, dropped = rows.fit()
        folder = context.work / "dataset"
        shutil.rmtree(folder, ignore_errors=True)
        homes = {source: split for split, sources in self.splits.items() for source in sources}
        splits = {
            split: write_split(
                folder / FOLDERS["default"], split, rows.exported(split, homes, self.split), self.max_shard_rows
            )
            for split in (self.split, *self.splits)
        }
        if missing := sorted(split for split, table in splits.items() if not table.height):
            context.progress.note(f"publish: no row is of the split {', '.join(missing)}, so it is left out")
        splits = {split: table for split, table in splits.items() if table.height}
        first = next(iter(splits))
        further: dict[str, Written] = {
            name: write_split(folder / FOLDERS[name], first, rows.config(name), self.max_shard_rows)
            for name in dict.fromkeys(self.configs)
        }
        if empty := [name for name, table in further.items() if not table.height]:
            context.progress.note(f"publish: no row is in the config {', '.join(empty)}, so it is left out")
        further = {name: table for name, table in further.items() if table.height}
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
            tables=further,
            notes=_notes(self.notes) if self.notes else "",
            teacher_terms=self.teacher_terms,
            locked=bool(lock),
        )
        facts = _facts(
            context.facts, {"default": list(splits.values()), **{n: [t] for n, t in further.items() if t.height}}
        )
        write_beside(folder, card, {**self.format.files(first), **lock, **facts})
        for sentence in forbidding(origins(kept, card.tables), card.recipe):
            context.progress.note(f"{sentence} A push will ask for `redistribute`.")
        yield from rows.outputs()


class _Rows:
    """The rows that are published, some at a time."""

    def __init__(self, tables: Mapping[type, Table], shape: Exporter, problems: bool, aside: Path) -> None:
        self.tables, self.shape, self.problems, self.aside = tables, shape, problems, aside
        self.table = tables[Problem if problems else Example]
        # Number of the batch -> row of it -> (reason, evidence).
        self.refused: list[Refusals] = []

    def _sieved(self) -> Iterator[tuple[pl.DataFrame, Refusals]]:
        """The batches, each with what is refused of it."""
        return zip(self.table.batches(), self.refused, strict=True)

    def _read(self) -> Iterator[pl.DataFrame]:
        return map(unanswered, self.table.batches()) if self.problems else self.table.batches()

    def fit(self) -> tuple[pl.DataFrame, Counter[str]]:
        """What is measured of the rows that the format can hold, and the reasons of the others.

        Raises InputError where none fits.
        """
        import polars as pl

        kept, why, count = [], Counter[str](), 0
        for examples, found in self.shape.sieved(self._read):
            refused = dict(sorted(found.items()))
            self.refused.append(refused)
            why.update(reason for reason, _ in refused.values())
            count += examples.height
            kept.append(measured(examples[_others(examples, refused)]))
        if why.total() == count:
            reason = max(sorted(why), key=lambda name: why[name])
            raise InputError(
                f"no rows are left to publish: the format '{self.shape.kind}' can hold none of {count} examples, "
                f"mainly for '{reason}' ({why[reason]}); take another format, or see docs/formats.md for what it needs"
            )
        return pl.concat(kept), why

    def kept(self) -> Iterator[pl.DataFrame]:
        for rows, refused in self._sieved():
            yield rows[_others(rows, refused)]

    def examples(self) -> Iterator[pl.DataFrame]:
        for rows in self.kept():
            yield unanswered(rows) if self.problems else rows

    def exported(self, split: str, homes: Mapping[str, str], default: str) -> Iterator[pl.DataFrame]:
        """The rows of a split as the format shapes them."""
        import polars as pl

        home = pl.col("source").replace_strict(homes, default=default, return_dtype=pl.String)

        def parts() -> Iterator[pl.DataFrame]:
            return (part for examples in self.examples() if (part := examples.filter(home == split)).height)

        if next(parts(), None) is not None:
            yield from self.shape.export_in(parts, self.attempts, self.aside)

    def attempts(self) -> Iterator[pl.DataFrame]:
        """The table all-traces."""
        import polars as pl

        chosen = pl.concat([rows.select("problem_id", "sample") for rows in self.kept()])
        problems = self.tables[Problem].columns(PROBLEM).unique("problem_id", keep="first", maintain_order=True)
        verdicts = self.tables[Verdict].columns(VERDICT)
        for traces in self.tables[Trace].batches():
            yield all_traces({Trace: traces, Problem: problems, Verdict: verdicts}, chosen)

    def config(self, name: str) -> Iterator[pl.DataFrame]:
        """A further table."""
        if name == "metadata":
            return map(metadata, self.kept())
        of_attempts = {"negatives": negatives, "unverified": unverified}
        return map(of_attempts[name], self.attempts()) if name in of_attempts else self.attempts()

    def outputs(self) -> Iterator[StepOutput]:
        for rows, refused in self._sieved():
            reasons, evidence = [reason for reason, _ in refused.values()], [told for _, told in refused.values()]
            dropped = dropped_frame(rows, list(refused), reasons, evidence)
            kept = rows[_others(rows, refused)]
            yield StepOutput(kept=unanswered(kept) if self.problems else kept, dropped=dropped)


def _others(rows: pl.DataFrame, refused: Collection[int]) -> list[int]:
    return [n for n in range(rows.height) if n not in refused]


def write_beside(folder: Path, card: CardInput, files: Mapping[str, str]) -> None:
    """Write `README.md`, `recipe.yaml`, plots and `files` beside the data.

    Equal input gives equal bytes (for one version of pyarrow).
    """
    import yaml

    below = {name: folder / FOLDERS[name] for name in card.configs}
    digests = {name: digest_of_files(shards, listed(shards)) for name, shards in below.items()}
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


def _facts(facts: Sequence[Mapping[str, Any]], configs: Mapping[str, Sequence[Written]]) -> dict[str, str]:
    """What `cotkit reproduce` compares a rebuilt dataset with; nothing where the rows come from no run."""
    if not facts:
        return {}
    digests = {name: digest_of(splits) for name, splits in configs.items()}
    rows = {name: sum(table.height for table in splits) for name, splits in configs.items()}
    told = {
        "about": "Digests of what the run made, by which `cotkit reproduce` compares a rebuilt one.",
        "dataset": dataset_digest(digests),
        "tables": {name: {"rows": rows[name], "digest": digest} for name, digest in digests.items()},
        "steps": list(facts),
    }
    return {"reproduce.json": json.dumps(told, indent=1, ensure_ascii=False) + "\n"}


def _own_line(step: Publish, kept: int, dropped: Mapping[str, int]) -> list[dict[str, Any]]:
    """The funnel line of this step for the card, where it dropped anything; `dropped` is reason -> rows."""
    if not dropped:
        return []
    gone = sum(dropped.values())
    counts = {"rows_in": kept + gone, "kept": kept, "dropped": gone}
    reasons = dict(sorted(dropped.items()))
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
