"""The dedup and decontaminate steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, field_validator
from pydantic_core import PydanticCustomError

from cotkit.config import LocalPath
from cotkit.dedup.adjudicate import EXCLUDED, JOURNAL, Judge, asking, read_key
from cotkit.dedup.benchmarks import KNOWN, by_name
from cotkit.dedup.config import Containment, DedupPolicy, Embedding, LeakEmbedding, Policy, Preference
from cotkit.errors import InputError
from cotkit.records import KEYS, Domain, Problem
from cotkit.source import AnySource, RawRow, Source, exclusions, materials, not_pulled
from cotkit.steps import Step, StepContext, StepOutput, Tables

if TYPE_CHECKING:
    import polars as pl

    from cotkit.dedup.adjudicate import Asking

EMBEDDINGS = "embeddings"
_WEIGHTS = "MiniLM weights"
_CACHE = "where embeddings are kept does not change them"
_WEIGHTS_PATH = "the digest of the weights is in the key instead"
# Keys of dedup that only the policy strict reads.
_STRICT = {"exact", "renamed", "contained", "embedding", "prefer", "against"}


class Dedup(Step):
    """Keep one of each problem: equal texts, renamed variables, and rewordings found by meaning."""

    step: Literal["dedup"] = "dedup"
    policy: DedupPolicy = Field(
        "strict",
        description="strict: all comparisons and a closer look; faithful:…: one published rule as it is, the first "
        "row staying: by `source_order`, then the order of the sources in the recipe, then the row's number.",
    )
    exact: bool = Field(True, description="Equal up to layout: LaTeX spelling, case, punctuation, white space.")
    renamed: bool = Field(True, description="Equal up to the names of single-letter variables.")
    contained: bool = Field(True, description="A whole problem inside a longer text, word for word.")
    embedding: Embedding | None = Field(Embedding(), description="Near duplicates by meaning; null: none.")
    prefer: tuple[Preference, ...] = Field(
        ("answer", "solution", "source"), description="Which row of a cluster survives: the first difference decides."
    )
    domains: tuple[Domain, ...] = Field(
        (), description="Only problems of these domains are compared; the others stay. Empty: all."
    )
    source_order: tuple[str, ...] = Field(
        (),
        description="Sources from the most to the least preferred, for `prefer: source` and `faithful:…`; others come "
        "after: by name, with `faithful:…` as the recipe pulls them.",
    )
    compared: tuple[str, ...] = Field(
        (),
        description="With faithful:s1 and faithful:deepscaler-…: only rows of these sources are compared with the "
        "earlier ones, and may be dropped; all when left out.",
    )
    against: tuple[AnySource, ...] = Field(
        (), description="Earlier datasets: what is in one of them is dropped as its duplicate."
    )
    cache: LocalPath | None = Field(
        None, description="Folder where embeddings are kept; `embeddings` in the run directory when unset."
    )

    room: ClassVar[str] = "dedup"
    reads: ClassVar[tuple[type, ...]] = (Problem,)
    writes: ClassVar[type] = Problem
    code: ClassVar[tuple[str, ...]] = ("cotkit.dedup", "cotkit.records", "cotkit.source")
    excluded: ClassVar[Mapping[str, str]] = {"embedding.weights": _WEIGHTS_PATH, "cache": _CACHE}

    def code_modules(self) -> tuple[str, ...]:
        return (*self.code, *(type(source).__module__ for source in self.against))

    def materials(self, pins: Mapping[str, str]) -> dict[str, str]:
        from cotkit.dedup.published_self import EMBEDS

        embeds = self.policy in ("strict", *EMBEDS)
        return materials(self.against, pins) | (_weights(self.embedding) if embeds else {})

    def exclusions(self) -> Mapping[str, str]:
        return {**self.excluded, **exclusions("against", self.against)}

    def check(self) -> list[str]:
        from cotkit.dedup.published_self import BY_SOURCE

        unread = self.altered() & (_STRICT if self.policy != "strict" else set())
        if self.policy not in BY_SOURCE:
            unread |= self.altered() & {"compared"}
        if unread:
            return [f"the policy {self.policy} does not read `{min(unread)}`; drop one of them"]
        if self.policy != "strict":
            return []
        if self.source_order and "source" not in self.prefer:
            return ["a `source_order` is given, but not preferred by; add source to `prefer`"]
        if self.exact or self.renamed or self.contained or self.embedding:
            return []
        return ["nothing is compared; set `exact`, `renamed`, `contained` or `embedding`"]

    def check_after(self, before: Sequence[Step]) -> list[str]:
        order = not_pulled("source_order", self.source_order, before)
        return order + not_pulled("compared", self.compared, before)

    def ready(self) -> None:
        _have(self.embedding)

    def run(self, tables: Tables, context: StepContext) -> StepOutput:
        import polars as pl

        table = tables[Problem]
        if not self.domains:
            return self._of(table, context)
        found = self._of(table.filter(pl.col("domain").is_in(self.domains)), context)
        kept = table.join(found.dropped, on=KEYS[Problem], how="anti", maintain_order="left")
        copies = found.kept.select(*KEYS[Problem], "copies")
        return replace(found, kept=kept.update(copies, on=list(KEYS[Problem])))

    def _of(self, table: pl.DataFrame, context: StepContext) -> StepOutput:
        from cotkit.dedup.duplicates import dedup_table
        from cotkit.dedup.published_self import published_dedup

        cache = self.cache or context.run / EMBEDDINGS
        if self.policy != "strict":
            order = (*self.source_order, *(name for name in _pulled(context.recipe) if name not in self.source_order))
            return published_dedup(table, self.policy, order, self.compared, context.progress, cache)
        earlier = _earlier(self.against, context.pins)
        _tell_memory(table, earlier, self.embedding is not None, context)
        return dedup_table(table, self, context.progress, cache, earlier)


Benchmark = Annotated[AnySource, BeforeValidator(by_name, json_schema_input_type=AnySource | Literal[*KNOWN])]


class Decontaminate(Step):
    """Drop the problems that hold an item of a benchmark; each drop shows the pair and why."""

    step: Literal["decontaminate"] = "decontaminate"
    benchmarks: tuple[Benchmark, ...] = Field(
        min_length=1, description="What must not be among the problems: names of known benchmarks, or sources."
    )
    missing: Literal["stop", "skip"] = Field(
        "stop", description="A benchmark that cannot be fetched: stop, or go on without it and say so."
    )
    policy: Policy = Field(
        "strict", description="strict: all methods and a closer look; faithful:…: one published rule as it is."
    )
    cache: LocalPath | None = Field(
        None, description="Folder where embeddings are kept; `embeddings` in the run directory when unset."
    )
    exact: bool = Field(True, description="Equal up to layout: LaTeX spelling, case, punctuation, white space.")
    renamed: bool = Field(True, description="Equal up to the names of single-letter variables.")
    containment: Containment | None = Field(
        Containment(), description="Items inside longer problems, by shared word n-grams; null: none."
    )
    formulas: bool = Field(
        True, description="Rewordings and translations by the numbers and formulas they share; needs `embedding`."
    )
    embedding: LeakEmbedding | None = Field(LeakEmbedding(), description="Rewordings, by meaning; null: none.")

    judge: Judge | None = Field(
        None, description="A teacher for the pairs that the rules leave open, each asked in both orders; null: none."
    )

    room: ClassVar[str] = "dedup"
    reads: ClassVar[tuple[type, ...]] = (Problem,)
    writes: ClassVar[type] = Problem
    code: ClassVar[tuple[str, ...]] = ("cotkit.dedup", "cotkit.records", "cotkit.source")
    excluded: ClassVar[Mapping[str, str]] = {"embedding.weights": _WEIGHTS_PATH, "cache": _CACHE, **EXCLUDED}

    @field_validator("benchmarks")
    @classmethod
    def _names_differ(cls, benchmarks: tuple[Source, ...]) -> tuple[Source, ...]:
        twice = [name for name, count in Counter(b.name for b in benchmarks).items() if count > 1]
        if twice:
            raise PydanticCustomError(
                "same_name", "two benchmarks are named '{name}'; leaks are reported by it", {"name": twice[0]}
            )
        return benchmarks

    def code_modules(self) -> tuple[str, ...]:
        return (*self.code, *(type(benchmark).__module__ for benchmark in self.benchmarks))

    def materials(self, pins: Mapping[str, str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for benchmark in self.benchmarks:
            try:
                found |= materials((benchmark,), pins)
            except InputError as error:
                if self.missing == "stop":
                    raise _stopped(benchmark, error) from error
                found[benchmark.name] = "missing"
        if self.judge is not None:
            found |= self.judge.recordings()
        return found | _weights(self.embedding)

    def asking(self, problems: Sequence[Problem]) -> list[Asking]:
        """What its judge may be asked, for an estimate."""
        texts = [(p.problem_id, p.problem) for p in problems]
        return asking(self.judge, texts, f"{self.name or self.step}: judge") if self.judge is not None else []

    def exclusions(self) -> Mapping[str, str]:
        return {**self.excluded, **exclusions("benchmarks", self.benchmarks)}

    def check(self) -> list[str]:
        strict = self.altered() & {"exact", "renamed", "containment", "formulas", "embedding"}
        if self.policy != "strict" and strict:
            return [
                f"the policy {self.policy} is followed as it is, so `{min(strict)}` changes nothing; drop one of them"
            ]
        if self.judge is not None and (self.embedding is None or self.policy != "strict"):
            return ["a `judge` is given, but no embedding to find pairs for it; use strict with `embedding`"]
        if self.policy != "strict" or self.exact or self.renamed or self.containment or self.embedding:
            return []
        return ["nothing is compared; set `exact`, `renamed`, `containment` or `embedding`"]

    def ready(self) -> None:
        _have(self.embedding)
        if self.judge is not None and self.judge.teacher.replay is None:
            read_key(self.judge.teacher)

    def run(self, tables: Tables, context: StepContext) -> StepOutput:
        from cotkit.dedup.leaks import decontaminate_table

        benchmarks = {}
        for benchmark in self.benchmarks:
            try:
                benchmarks[benchmark.name] = read_benchmark(benchmark, context.pins)
            except InputError as error:
                if self.missing == "stop":
                    raise _stopped(benchmark, error) from error
                context.progress.note(f"warning: leaks of '{benchmark.name}' are not looked for: {error}")
        _tell_memory(tables[Problem], None, self.embedding is not None, context)
        if not benchmarks:
            raise InputError("none of the benchmarks can be read; a leak check against nothing finds nothing")
        return decontaminate_table(
            tables[Problem],
            benchmarks,
            self,
            context.progress,
            self.cache or context.run / EMBEDDINGS,
            context.run / JOURNAL,
        )


def _tell_memory(table: pl.DataFrame, more: pl.DataFrame | None, embedded: bool, context: StepContext) -> None:
    from cotkit.dedup.memory import told

    both = [one["problem"] for one in (table, more) if one is not None]
    if sentence := told(sum(map(len, both)), sum(int(one.str.len_chars().sum()) for one in both), embedded):
        context.progress.note(sentence)


def _pulled(recipe: Mapping[str, Any]) -> list[str]:
    """Sources as the recipe pulls them. The input has its rows in this order, so it counts in the cache key, too."""
    pulls = [step for step in recipe.get("steps", ()) if step.get("step") == "pull"]
    return [source["name"] for step in pulls for source in step["sources"]]


def _stopped(benchmark: Source, error: InputError) -> InputError:
    """What can be done about a benchmark that is not on this machine."""
    if benchmark.kind == "file":
        return error
    return type(error)(f"{error}; or give a file of it, or set `missing: skip` to go on without it")


def _earlier(sources: Sequence[Source], pins: Mapping[str, str]) -> pl.DataFrame | None:
    """Rows of earlier datasets: problem, answer, choices, source, source_row."""
    import polars as pl

    tables = [read_benchmark(s, pins).with_columns(pl.lit(s.name).alias("source")) for s in sources]
    return pl.concat(tables) if tables else None


def _weights(embedding: Embedding | None) -> dict[str, str]:
    if embedding is None:
        return {}
    from cotkit.dedup.weights import weights_digest

    return {_WEIGHTS: weights_digest(embedding.weights)}


def _have(embedding: Embedding | None) -> None:
    """Before any work: raises InputError where int8 is asked for and its packages are not installed."""
    from cotkit.dedup.int8 import missing_extra

    if embedding is not None and embedding.precision == "int8" and (sentence := missing_extra()):
        raise InputError(sentence)


def read_benchmark(source: Source, pins: Mapping[str, str]) -> pl.DataFrame:
    """A benchmark as a table: problem, answer, choices, source_row.

    A benchmark must be whole: raises InputError, with the place, for a row that cannot be read or has no
    problem text, and for a source without rows or without its problem column.
    """
    import polars as pl

    columns = source.columns
    rows = []
    for raw in source.read(pins):
        values = _values(raw, source)
        choices = values.get(columns.choices)
        rows.append(
            {
                "problem": values[columns.problem].strip(),
                "answer": one_answer(values.get(columns.answer)),
                "choices": [str(c) for c in choices] if isinstance(choices, list) else None,
                "source_row": raw.number,
            }
        )
    if not rows:
        raise InputError(f"the benchmark '{source.name}' has no rows; a leak check against nothing finds nothing")
    schema: dict[str, Any] = {
        "problem": pl.String,
        "answer": pl.String,
        "choices": pl.List(pl.String),
        "source_row": pl.Int64,
    }
    return pl.DataFrame(rows, schema=schema)


def _values(raw: RawRow, source: Source) -> Mapping[str, Any]:
    if raw.values is None:
        raise InputError(
            f"{raw.place}: {raw.error}; the benchmark '{source.name}' must be whole, so mend or remove the row"
        )
    column = source.columns.problem
    if column not in raw.values:
        raise InputError(
            f"{raw.place}: the benchmark '{source.name}' has no column '{column}' for the problem; its columns are "
            f"{', '.join(raw.values)}; name the right one under `columns: {{problem: …}}`"
        )
    text = raw.values[column]
    if not isinstance(text, str) or not text.strip():
        raise InputError(
            f"{raw.place}: no problem text in column '{column}'; the benchmark '{source.name}' must be whole, "
            f"so mend or remove the row"
        )
    return raw.values


def one_answer(value: Any) -> str | None:
    """Of a cell: a text or a number as text, a list of one as its item; anything else is no single answer."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
