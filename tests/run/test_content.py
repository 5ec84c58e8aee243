"""The digest of a table says when two tables hold the same, however they are stored."""

from __future__ import annotations

import io

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cotkit.content import dataset_digest, table_digest
from cotkit.records import Trace, frame
from cotkit.run.compare import compare_tables

ROWS = st.lists(
    st.tuples(st.text(max_size=8), st.none() | st.integers(-9, 9), st.floats(allow_nan=False, width=32)),
    min_size=1,
    max_size=12,
)
SCHEMA = {"text": pl.String, "number": pl.Int64, "share": pl.Float64}


def table(rows: list[tuple[str, int | None, float]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


@settings(max_examples=40, deadline=None)
@given(ROWS, st.randoms(use_true_random=False))
def test_storage_and_volatile_columns_do_not_count(rows: list[tuple[str, int | None, float]], random: object) -> None:
    plain = table(rows)
    digest = table_digest(plain)
    buffer = io.BytesIO()
    pq.write_table(plain.to_arrow(), buffer, row_group_size=2, compression="none")
    buffer.seek(0)
    columns = random.sample(plain.columns, 3)  # type: ignore[attr-defined]
    assert table_digest(pl.read_parquet(buffer).select(columns)) == digest
    timed = plain.with_columns(latency_s=pl.lit(random.random()), evidence=pl.lit("/home/me"))  # type: ignore[attr-defined]
    assert table_digest(timed) == digest
    assert table_digest(pl.concat([plain[:1], plain[1:]], rechunk=False)) == digest


@settings(max_examples=40, deadline=None)
@given(ROWS, ROWS)
def test_rows_and_their_order_count(
    rows: list[tuple[str, int | None, float]], others: list[tuple[str, int, float]]
) -> None:
    same = [[(t, n, repr(s)) for t, n, s in side] for side in (rows, others)]
    assert (table_digest(table(rows)) == table_digest(table(others))) == (same[0] == same[1])
    turned = rows[::-1]
    assert (table_digest(table(turned)) == table_digest(table(rows))) == (repr(turned) == repr(rows))


def test_values_do_not_run_into_each_other() -> None:
    digests = {
        table_digest(pl.DataFrame(columns))
        for columns in ({"a": ["x", "y"], "b": ["", ""]}, {"a": ["x", ""], "b": ["y", ""]}, {"a": ["xy"], "b": [""]},
                        {"a": ["x", "y"], "c": ["", ""]}, {"a": ["x", None], "b": ["", ""]})
    }  # fmt: skip
    assert len(digests) == 5
    assert dataset_digest({"default": "a", "metadata": "b"}) == dataset_digest({"metadata": "b", "default": "a"})
    assert dataset_digest({"default": "a"}) != dataset_digest({"metadata": "a"})


def traces(*texts: str) -> pl.DataFrame:
    return frame(Trace, [Trace(f"p{i // 2}", i % 2, "m", "h", "done", response=text) for i, text in enumerate(texts)])


@pytest.mark.parametrize(
    ("again", "counts", "rows"),
    [
        (traces("a", "b", "c", "d"), (0, 0, 0, False), []),
        (traces("a", "X", "c", "d"), (0, 0, 1, False), ["p0, sample 1"]),
        (traces("a", "b", "c"), (1, 0, 0, False), ["p1, sample 1"]),
        (traces("a", "b", "c", "d", "e"), (0, 1, 0, False), ["p2, sample 0"]),
        (traces("a", "b", "c", "d")[[1, 0, 2, 3]], (0, 0, 0, True), []),
    ],
)
def test_what_differs_between_two_tables(
    again: pl.DataFrame, counts: tuple[int, int, int, bool], rows: list[str]
) -> None:
    found = compare_tables(traces("a", "b", "c", "d"), again)
    assert (found.only_first, found.only_again, found.changed, found.moved) == counts
    assert [example["row"] for example in found.examples] == rows


def test_rows_without_a_name_are_counted_and_other_columns_told() -> None:
    first, again = pl.DataFrame({"text": ["a", "a", "b"]}), pl.DataFrame({"text": ["a", "b", "b"], "more": [1, 2, 3]})
    found = compare_tables(first, again)
    assert (found.only_first, found.only_again, found.changed, found.columns) == (1, 1, 0, ("more",))
