"""What a step is: a frozen config with a `run` that turns typed tables into kept and dropped rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from pydantic import Field

from cotkit.config import Config
from cotkit.table import Counted, Table, held

if TYPE_CHECKING:
    import polars as pl

Tables = Mapping[type, "pl.DataFrame"]
# Most rows, and most bytes of their texts, in a part of an output that is put together out of smaller ones.
_PART_ROWS = 10_000
_PART_BYTES = 16 * 2**20


class Task(Protocol):
    """One progress bar."""

    def advance(self, n: int = 1, **counters: float) -> None:
        """`n` units are done; `counters` (tokens, usd, errors …) are added to the bar's running sums."""


class Progress(Protocol):
    """Where long work reports. The CLI draws bars on stderr; a library caller may pass NoProgress."""

    def task(self, label: str, total: int) -> AbstractContextManager[Task]:
        """A bar of `total` units for the time of a with block."""

    def note(self, text: str) -> None:
        """One line of talk for the user."""


class _Silent:
    def advance(self, n: int = 1, **counters: float) -> None:
        pass


class NoProgress:
    """Says nothing."""

    def task(self, label: str, total: int) -> AbstractContextManager[Task]:
        return nullcontext(_Silent())

    def note(self, text: str) -> None:
        pass


@dataclass(frozen=True)
class StepContext:
    """What a step may use besides its tables and its config.

    Attributes:
        seed: the recipe's seed; every random choice starts from it.
        work: a scratch folder of this step; what is left there lands beside its tables.
        run: the run directory (for what outlives a step, as the distill journal does).
        pins: what an earlier run of this recipe resolved (dataset revisions); key -> value.
        recipe: the resolved recipe as plain data, for steps that publish it.
        funnel: the funnel of the steps before this one.
        facts: what those steps made, as digests (cotkit.run.facts), for steps that publish them.
        progress: where long work reports.
    """

    seed: int
    work: Path
    run: Path
    pins: Mapping[str, str] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    funnel: tuple[Mapping[str, Any], ...] = ()
    facts: tuple[Mapping[str, Any], ...] = ()
    progress: Progress = field(default_factory=NoProgress)


@dataclass(frozen=True)
class StepOutput:
    """Kept and dropped rows, plus counters for the funnel.

    Attributes:
        kept: rows of the step's `writes` type.
        dropped: rows with the columns `reason` and `evidence`.
        rows_in: how many rows came in, where the runner cannot count them itself (see Step.rows_in).
        counters: label -> number, e.g. {"correct": 51, "usd": 0.12}; shown in the funnel. Those of shards are added,
            but for a cotkit.mean.Mean.
        incomplete: how many rows failed for a passing reason; a later run asks for these again.
        secondary: table file stem -> table, for evidence that is neither kept nor dropped.
    """

    kept: pl.DataFrame
    dropped: pl.DataFrame
    rows_in: int | None = None
    counters: Mapping[str, float] = field(default_factory=dict)
    incomplete: int = 0
    secondary: Mapping[str, pl.DataFrame] = field(default_factory=dict)


def joined(parts: Sequence[StepOutput]) -> StepOutput:
    """Parts of an output, of which none has a Mean, as one."""
    import polars as pl

    if len(parts) == 1:
        return parts[0]
    counters: dict[str, float] = {}
    for part in parts:
        counters |= {name: counters.get(name, 0.0) + value for name, value in part.counters.items()}
    stems = dict.fromkeys(stem for part in parts for stem in part.secondary)
    return StepOutput(
        kept=pl.concat([part.kept for part in parts]),
        dropped=pl.concat([part.dropped for part in parts]),
        rows_in=sum(part.rows_in or 0 for part in parts),
        counters=counters,
        incomplete=sum(part.incomplete for part in parts),
        secondary={stem: pl.concat([p.secondary[stem] for p in parts if stem in p.secondary]) for stem in stems},
    )


def gathered(parts: Iterable[StepOutput]) -> Iterator[StepOutput]:
    """The same output in fewer parts, some MB each; which, its rows alone decide. At least one, of which none has a
    Mean.
    """
    held: list[StepOutput] = []
    rows = size = 0
    for part in parts:
        own_rows, own_size = max(part.kept.height, part.dropped.height), _bytes_of(part.kept) + _bytes_of(part.dropped)
        if held and (rows + own_rows > _PART_ROWS or size + own_size > _PART_BYTES):
            yield joined(held)
            held, rows, size = [], 0, 0
        held.append(part)
        rows, size = rows + own_rows, size + own_size
    yield joined(held)


def _bytes_of(table: pl.DataFrame) -> int:
    """Bytes of its texts."""
    import polars as pl

    return sum(table.select(pl.col(pl.String).str.len_bytes().sum()).row(0)) if table.height else 0


class Step(Config):
    """Base of all steps. A subclass adds `step: Literal["its-kind"]` and its own keys.

    Class attributes:
        room: the CLI verb that runs it.
        reads: row types of the tables it needs; the first one is what its funnel counts.
        writes: row type of what it keeps.
        code: modules or packages whose source decides its result; their digest is in the cache key.
        excluded: config path -> why it is left out of the cache key.
        adds_rows: it may keep rows that did not come in, so only the step itself can tell how many there are.
        by_problem: what becomes of a problem's rows depends on the rows of this problem alone, in every table it reads
            (and on config, materials and seed); and kept and dropped rows come in the order of the first table. The
            runner then cuts the tables into shards of whole problems, and calls `run` for each. What such a step
            leaves in context.work is not kept.
        alone: its shards run one after another in one process, since it holds what only one process may have (the
            journal, the rate limits of a server).
        tells_story: its result shows the recipe, the funnel and the facts, so all are in its cache key.
    """

    step: str
    name: str = Field("", description="Name of this step in the run directory; the kind when left out.")

    room: ClassVar[str] = ""
    reads: ClassVar[tuple[type, ...]] = ()
    writes: ClassVar[type]
    code: ClassVar[tuple[str, ...]] = ()
    excluded: ClassVar[Mapping[str, str]] = {}
    adds_rows: ClassVar[bool] = False
    by_problem: ClassVar[bool] = False
    alone: ClassVar[bool] = False
    tells_story: ClassVar[bool] = False

    def code_modules(self) -> tuple[str, ...]:
        """Modules or packages whose source is part of the cache key; a step with plug-ins adds theirs."""
        return self.code

    def exclusions(self) -> Mapping[str, str]:
        """`excluded` of this very step; one that holds sources adds what those exclude."""
        return self.excluded

    def materials(self, pins: Mapping[str, str]) -> dict[str, str]:
        """Digest by name of everything the step reads besides tables: files, Hub revisions, weights.

        Called before the step may run, so that the cache key holds them; must be cheap.
        Raises InputError where one is missing.
        """
        return {}

    def rows_in(self, tables: Mapping[type, Counted]) -> int | None:
        """How many rows must come out, kept or dropped; None where only the step itself can tell."""
        return tables[self.reads[0]].height if self.reads else None

    def check(self) -> list[str]:
        """What this config asks that cannot work, a sentence each; run by `cotkit validate`."""
        return []

    def check_after(self, before: Sequence[Step]) -> list[str]:
        """As `check`, where it depends on the steps `before` this one."""
        return []

    def published(self) -> tuple[int, str]:
        """How many rows of a problem it makes that are all to be published, at most, and the key that says so.

        One and no key where it only offers more to choose from.
        """
        return 1, ""

    def ready(self) -> None:
        """Called before any step of a run starts, if this one will have to work.

        Raises a CotkitError for what it needs then and does not have (a key in the environment, say).
        """

    def run(self, tables: Tables, context: StepContext) -> StepOutput:
        """Do the work. Pure in (tables, self, context.seed) but for the files under context.work."""
        if type(self).parts is Step.parts:
            raise NotImplementedError(f"{type(self).__name__} defines neither run nor parts")
        return joined(list(self.parts(held(tables), context)))

    def parts(self, tables: Mapping[type, Table], context: StepContext) -> Iterator[StepOutput]:
        """What the runner calls: the result of `run`, in parts that follow one another.

        A step overrides it that must see all rows, and must not hold them all.
        """
        yield self.run({row: table.whole() for row, table in tables.items()}, context)
