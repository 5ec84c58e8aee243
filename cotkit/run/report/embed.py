"""What of a run's texts goes into the page: an index of its rows, facts of most, whole traces of as many as fit."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotkit.run.report.blocks import WAVES, Blocks, deflated
from cotkit.run.report.fates import Fates, columns_of, decoded, read

if TYPE_CHECKING:
    import polars as pl

EXAMPLES_PER_REASON = 3
# The index holds at most this many rows: about 10 MB, and a tenth of a second to filter.
INDEXED = 250_000
# What a row takes in the index; with the shortest head of its problem it is no more than the second number.
_INDEX_BYTES, _ROW_BYTES = 10, 120
# Characters of a problem in the index, where they are searched; shorter where many long ones would fill the page.
_HEADS = (600, 300, 150, 60)
_HEADS_SHARE, _FACTS_SHARE = 0.4, 0.5
# Longest text of one field; of a longer trace its beginning and its end are shown.
_FIELD, _TRACE_HEAD, _TRACE_TAIL = 4_000, 40_000, 10_000
# A token of reasoning takes about 1.4 bytes in the page; half as many again are read, and what is over goes.
_BYTES_PER_TOKEN, _USUAL_TOKENS, _SPARE = 1.4, 6_000, 1.5


@dataclass(frozen=True)
class Embedded:
    """The texts of a page.

    Attributes:
        index: meta data and columns, deflated: see `_index`.
        heads: beginnings of the problems, deflated.
        facts, traces: blocks of records by row number.
        head: how many characters of a problem are in `heads`.
        rows, indexed, with_facts, with_trace, attempts: how many rows there are, and of how many what is in the page.
        examples: row number -> its record with its problem, for the first rows of each reason.
        table: the rows that are in the index, with their number `row`.
    """

    index: str
    heads: str
    facts: list[str]
    traces: list[str]
    head: int
    rows: int
    indexed: int
    with_facts: int
    with_trace: int
    attempts: int
    examples: dict[int, dict[str, Any]]
    table: pl.DataFrame


def embed(fates: Fates, limit: int, meta: Mapping[str, Any]) -> Embedded:
    """Choose and pack. `limit` is in bytes; the index of all rows and the examples come first."""
    import polars as pl

    everything = fates.table.height
    table = _thinned(fates.table, min(everything, INDEXED, limit // _ROW_BYTES))
    problems = _problems(fates, table)
    numbered = problems.select("problem_id", number="row")
    table = table.join(numbered, on="problem_id", how="left", maintain_order="left")
    head, heads = _heads(problems, int(limit * _HEADS_SHARE))
    waves = _waves(table)
    examples = _examples(table)
    left = max(0, limit - len(heads) - table.height * _INDEX_BYTES)
    facts = Blocks()
    seen: dict[int, dict[str, Any]] = {}
    for row, record in _facts(fates, table, problems, head):
        if row in examples:
            seen[row] = dict(record)
        facts.add(0 if row in examples else waves[row], row, record)
    fact_blocks, fact_place = facts.within(int(left * _FACTS_SHARE))
    left -= sum(map(len, fact_blocks))
    traces = Blocks()
    for row, record in _traces(fates, table, waves, examples, left):
        if row in examples:
            seen[row] = {**seen.get(row, {}), **record}
        traces.add(0 if row in examples else waves[row], row, record)
    trace_blocks, trace_place = traces.within(left)
    index = _index(table, fact_place, trace_place, {**meta, "head": head})
    attempts = fates.table["sample"].count()
    shown = table.filter(pl.col("row").is_in(sorted(examples))).join(problems, on="problem_id", how="left")
    texts = dict(shown["row", "problem"].iter_rows())
    return Embedded(
        deflated(index),
        heads,
        fact_blocks,
        trace_blocks,
        head,
        everything,
        table.height,
        len(fact_place),
        len(trace_place),
        attempts,
        {row: {**seen[row], "problem": texts[row]} for row in examples},
        table,
    )


def _thinned(table: pl.DataFrame, count: int) -> pl.DataFrame:
    """`count` rows in their order, evenly chosen, numbered by `row`."""
    step = table.height / max(1, count)
    return table[[int(i * step) for i in range(count)]].with_row_index("row")


def _problems(fates: Fates, table: pl.DataFrame) -> pl.DataFrame:
    """Each problem of `table` once, with its text and answer, numbered by `row`."""
    import polars as pl

    wanted = table["problem_id"].unique()
    places = (*fates.problems, *fates.places)
    found = [
        read(path, ("problem_id", "problem", "answer")).drop("at").filter(pl.col("problem_id").is_in(wanted.to_list()))
        for path in dict.fromkeys(places)
        if "problem" in columns_of(path)
    ]
    if not found:
        return pl.DataFrame(
            schema={"row": pl.UInt32, "problem_id": pl.String, "problem": pl.String, "answer": pl.String}
        )
    texts = pl.concat(found).unique("problem_id", keep="first")
    order = table.select("problem_id").unique(maintain_order=True)
    return order.join(texts, on="problem_id", how="left", maintain_order="left").with_row_index("row")


def _heads(problems: pl.DataFrame, limit: int) -> tuple[int, str]:
    """`id US text`, joined by RS; control characters are blanks, so neither stands inside a text."""
    packed, head = "", _HEADS[-1]
    for head in _HEADS:
        texts = problems["problem"].fill_null("").str.slice(0, head).str.replace_all(r"[\x00-\x09\x0b-\x1f\x7f]", " ")
        packed = deflated("\x1e".join(f"{i}\x1f{t}" for i, t in zip(problems["problem_id"], texts, strict=True)))
        if len(packed) <= limit:
            break
    return head, packed


def _waves(table: pl.DataFrame) -> list[int]:
    """Wave of each row: rows of all fates and verdicts take turns, in an order that is mixed but always the same."""
    import polars as pl

    mixed = (pl.col("row").cast(pl.UInt64) * 2654435761) % 4294967296
    turn = mixed.rank("ordinal").over("step", "reason", "verdict")
    order = table.select("row", turn=turn, mixed=mixed).sort("turn", "mixed")["row"].to_list()
    waves = [0] * len(order)
    for place, row in enumerate(order):
        waves[row] = place * WAVES // len(order)
    return waves


def _examples(table: pl.DataFrame) -> dict[int, None]:
    """The first rows of each reason, one reason after the other, in the order of the steps."""
    import polars as pl

    dropped = table.filter(pl.col("reason").is_not_null())
    groups = list(dropped.group_by("step", "reason", maintain_order=True))
    return dict.fromkeys(row for _, group in reversed(groups) for row in group["row"].head(EXAMPLES_PER_REASON))


def _facts(
    fates: Fates, table: pl.DataFrame, problems: pl.DataFrame, head: int
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """problem (where longer than its head), answer, extracted, reference, method, said (by the grader), evidence."""
    import polars as pl

    texts = problems.select(
        "problem_id",
        "answer",
        problem=pl.when(pl.col("problem").str.len_chars() > head).then(pl.col("problem").str.slice(0, 10 * _FIELD)),
    )
    rows = table.select("row", "problem_id", "sample", "why", "why_at").join(texts, on="problem_id", how="left")
    if fates.verdicts is not None:
        names = ("problem_id", "sample", "extracted", "reference", "method", "reason")
        graded = read(fates.verdicts, names).drop("at").rename({"reason": "said"})
        rows = rows.join(graded.unique(("problem_id", "sample"), keep="first"), on=("problem_id", "sample"), how="left")
    evidence = [
        read(path, ("evidence",)).select(
            why=pl.lit(number, pl.Int64), why_at=pl.col("at").cast(pl.Int64), evidence="evidence"
        )
        for number, path in enumerate(fates.places)
        if "evidence" in columns_of(path)
    ]
    if evidence:
        rows = rows.join(pl.concat(evidence), on=("why", "why_at"), how="left")
    rows = rows.sort("row").drop("problem_id", "sample", "why", "why_at")
    for values in rows.iter_rows(named=True):
        row = values.pop("row")
        if values.get("evidence") is not None:
            text = values["evidence"]
            values["evidence"] = _cut(text) if len(text) > _FIELD else decoded(text) or text
        yield row, {k: _cut(v) if k != "problem" else v for k, v in values.items() if v not in (None, {})}


def _cut(value: Any) -> Any:
    return value[:_FIELD] + " …" if isinstance(value, str) and len(value) > _FIELD else value


def _traces(
    fates: Fates, table: pl.DataFrame, waves: Sequence[int], examples: Collection[int], limit: int
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """reasoning, response and error of the rows that come first and may fit."""
    import polars as pl

    order = pl.Series("wave", [-1 if row in examples else wave for row, wave in enumerate(waves)], dtype=pl.Int64)
    size = pl.col("completion_tokens").fill_null(_USUAL_TOKENS) * _BYTES_PER_TOKEN
    rows = table.with_columns(order).filter(pl.col("sample").is_not_null()).sort("wave", "row")
    rows = rows.filter((size.cum_sum() - size <= limit * _SPARE) | (pl.col("wave") < 0))
    for (place,), part in rows.group_by(["text"], maintain_order=True):
        wanted = dict(zip(part["text_at"], part["row"], strict=True))
        for at, record in _read_texts(fates.places[int(str(place))], sorted(wanted)):
            yield wanted[at], record


def _read_texts(path: Path, wanted: Sequence[int]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The rows numbered `wanted` (ascending), a few at a time: a table of traces may be far larger than memory."""
    import pyarrow.parquet as pq

    names = [n for n in ("reasoning", "response", "error") if n in columns_of(path)]
    start = 0
    with pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as file:
        for batch in file.iter_batches(batch_size=256, columns=names):
            here = wanted[bisect_left(wanted, start) : bisect_left(wanted, start + batch.num_rows)]
            for at in here:
                values = {name: batch.column(name)[at - start].as_py() for name in names}
                yield at, {name: _shortened(text) for name, text in values.items() if text}
            start += batch.num_rows
            if not wanted or start > wanted[-1]:
                return


def _shortened(text: str) -> str:
    left_out = len(text) - _TRACE_HEAD - _TRACE_TAIL
    if left_out <= 0:
        return text
    return f"{text[:_TRACE_HEAD]}\n\n[… {left_out:,} characters are left out here …]\n\n{text[-_TRACE_TAIL:]}"


def _index(table: pl.DataFrame, facts: Mapping[int, int], traces: Mapping[int, int], meta: Mapping[str, Any]) -> str:
    """JSON: `names` (the words of each coded column), `columns` (an integer a row; -1: none) and the meta data."""
    import polars as pl

    names: dict[str, list[str]] = {}
    columns: dict[str, list[int]] = {}
    for name in ("step", "reason", "verdict", "method", "source", "domain", "teacher", "status"):
        filled = table[name].fill_null("")
        names[name] = filled.unique(maintain_order=True).to_list()
        codes = {word: code for code, word in enumerate(names[name])}
        columns[name] = filled.replace_strict(codes, return_dtype=pl.Int64).to_list() if codes else []
    for name in ("source_row", "sample", "completion_tokens"):
        columns[name] = table[name].fill_null(-1).to_list()
    columns["problem"] = table["number"].cast(pl.Int64).fill_null(-1).to_list()
    columns["facts"] = [facts.get(row, -1) for row in range(table.height)]
    columns["trace"] = [traces.get(row, -1) for row in range(table.height)]
    return json.dumps({**meta, "names": names, "columns": columns}, ensure_ascii=False, separators=(",", ":"))
