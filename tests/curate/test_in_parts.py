"""Steps that see all rows and hold a few at a time: the same result as in one piece."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import polars as pl
import pytest
from published_rows import example

from cotkit import records
from cotkit.content import table_digest
from cotkit.curate.choose import Choose
from cotkit.curate.exporters import Exporter, Refusals
from cotkit.curate.import_step import Import
from cotkit.curate.publish import Publish
from cotkit.curate.pull import Pull
from cotkit.curate.written import write_split
from cotkit.records import Example, Problem, Trace, Verdict
from cotkit.run.tables import FileTable, write_table
from cotkit.steps import StepContext, StepOutput, joined
from cotkit.table import Held


@dataclass(frozen=True)
class Few(Held):
    """A table in batches of two rows."""

    def batches(self) -> Iterator[pl.DataFrame]:
        yield from self.rows.iter_slices(2)


@dataclass(frozen=True)
class Never(Few):
    """One that is larger than memory."""

    def whole(self) -> pl.DataFrame:
        raise MemoryError


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def same(one: StepOutput, other: StepOutput) -> bool:
    tables = ((a.kept, a.dropped, *a.secondary.values()) for a in (one, other))
    return all(a.equals(b) and a.schema == b.schema for a, b in zip(*tables, strict=True))


def tables(apart: bool = False) -> dict[type, pl.DataFrame]:
    """Two attempts at each of four problems; a problem's rows lie together, or those of a second round behind."""
    shown = [
        example(n, sample=s, source="hard" if n % 3 else "easy", verdict="incorrect" if s else "correct")
        for n in range(4)
        for s in range(2)
    ]
    problems = [Problem(e.problem_id, e.problem, source=e.source, source_row=n) for n, e in enumerate(shown[::2])]
    shown = sorted(shown, key=lambda one: one.sample) if apart else shown
    traces = [Trace(e.problem_id, e.sample, "t", "", "done", "So.", "\\boxed{1}") for e in shown]
    verdicts = [
        Verdict(t.problem_id, t.sample, "incorrect" if t.sample else "correct", "1", "1", "number", "") for t in traces
    ]
    rows = {Example: shown, Verdict: verdicts, Trace: traces, Problem: problems}
    return {row: records.frame(row, found) for row, found in rows.items()}


@pytest.mark.parametrize(("count", "keys"), [
    (3, {"format": {"kind": "messages"}, "configs": ["all-traces", "negatives", "metadata"], "max_shard_rows": 3}),
    (2, {"format": {"kind": "r1"}, "splits": {"test": ["easy"]}}),
    (1, {"format": {"kind": "openr1"}, "configs": ["metadata"]}),
    (2, {"format": {"kind": "openr1"}, "splits": {"test": ["easy"]}}),
    (1, {"format": {"kind": "preference"}}),
    (2, {"format": {"kind": "preference", "columns": []}, "splits": {"test": ["easy"]}}),
    (1, {"format": {"kind": "verl"}}),
    (2, {"format": {"kind": "verl"}, "splits": {"test": ["easy"]}}),
])  # fmt: skip
@pytest.mark.parametrize("apart", [False, True])
def test_a_dataset_is_written_as_its_rows_are_read(
    tmp_path: Path, count: int, keys: dict[str, Any], apart: bool
) -> None:
    step, made = Publish.model_validate(keys), []
    for name, kind in (("whole", Held), ("few", Few)):
        work = tmp_path / name
        context = StepContext(seed=0, work=work, run=tmp_path, facts=({"step": "select"},))
        given = {row: kind(table) for row, table in tables(apart).items() if row in step.reads}
        made.append((joined(list(step.parts(given, context))), files(work / "dataset")))
    (whole, wanted), (few, found) = made
    assert same(whole, few)
    assert found == wanted
    assert len([name for name in found if name.startswith("data/")]) == count
    assert [path.name for path in (tmp_path / "few").iterdir()] == ["dataset"]
    digest = json.loads(found["reproduce.json"])["tables"]["default"]["digest"]
    splits = ("train", "test") if "splits" in keys else ("train",)
    paths = [p for split in splits for p in sorted((tmp_path / "few/dataset/data").glob(f"{split}-*"))]
    assert digest == table_digest(pl.concat([pl.read_parquet(path) for path in paths]))


@pytest.mark.parametrize(("kind", "rows"), [("openr1", 4), ("preference", 4), ("verl", 4)])
def test_shapes_that_see_all_rows_do_not_ask_for_all(tmp_path: Path, kind: str, rows: int) -> None:
    step = Publish.model_validate({"format": {"kind": kind}})
    given = {row: Never(table) for row, table in tables(apart=True).items() if row in step.reads}
    made = list(step.parts(given, StepContext(seed=0, work=tmp_path, run=tmp_path)))
    assert [part.kept.height + part.dropped.height for part in made] == [2] * 4
    assert pl.read_parquet(tmp_path / "dataset/data/*.parquet").height == rows


class Ranked(Exporter):
    """A plug-in's shape that says nothing of parts: each row with how many there are."""

    kind: Literal["ranked"] = "ranked"

    def refused(self, examples: pl.DataFrame) -> Refusals:
        return {n: ("second_half", {"of": examples.height}) for n in range(examples.height // 2, examples.height)}

    def export(self, examples: pl.DataFrame) -> pl.DataFrame:
        return examples.select("problem_id", of=examples.height)


def test_a_shape_that_says_nothing_of_parts_is_given_all_rows_at_once(tmp_path: Path) -> None:
    table, shape = tables()[Example][:5], Ranked()
    sieved = list(shape.sieved(lambda: table.iter_slices(2)))
    assert [part.height for part, _ in sieved] == [2, 2, 1]
    why = ("second_half", {"of": 5})
    assert [dict(found) for _, found in sieved] == [{}, {0: why, 1: why}, {0: why}]
    (exported,) = shape.export_in(lambda: table.iter_slices(2), lambda: iter(()), tmp_path / "x.pile")
    assert exported["of"].to_list() == [5] * 5


def test_files_and_row_groups_do_not_depend_on_the_parts(tmp_path: Path) -> None:
    table = pl.DataFrame({"a": range(4_700), "b": [["x", str(n)] for n in range(4_700)]})
    cuts: list[Callable[[], Iterator[pl.DataFrame]]] = [lambda: iter([table]), lambda: table.iter_slices(701)]
    for number, parts in enumerate(cuts):
        assert write_split(tmp_path / str(number), "train", parts(), 2_300).height == 4_700
    assert files(tmp_path / "0") == files(tmp_path / "1")
    assert sorted(files(tmp_path / "0")) == [f"train-{n:05d}-of-00003.parquet" for n in range(3)]
    assert not write_split(tmp_path / "none", "train", iter([table.clear()]), 10).height
    assert not (tmp_path / "none").exists()


def test_rows_are_chosen_among_all_and_gathered_in_parts(tmp_path: Path) -> None:
    step = Choose.model_validate({"rows": 3, "by": {"by": "random"}})
    context = StepContext(seed=5, work=tmp_path, run=tmp_path)
    table = tables()[Example]
    whole, parts = step.run({Example: table}, context), list(step.parts({Example: Few(table)}, context))
    assert len(parts) == 4
    assert same(whole, joined(parts))
    assert whole.kept.height == 3


def test_a_file_is_read_by_its_row_groups(tmp_path: Path) -> None:
    table = pl.DataFrame({"a": range(12_000), "b": ["x"] * 12_000})
    write_table(tmp_path / "t.parquet", table)
    found = FileTable(tmp_path / "t.parquet")
    assert found.height == 12_000
    assert [batch.height for batch in found.batches()] == [10_000, 2_000]
    assert pl.concat(found.batches()).equals(table)
    assert found.columns(["b"]).columns == ["b"]
    some = FileTable(tmp_path / "t.parquet", [(9_999, 2)])
    assert some.columns(["a"])["a"].to_list() == [9_999, 10_000]
    assert some.height == 2


def test_attempts_come_out_of_published_rows(jsonl: Callable[..., Path], tmp_path: Path) -> None:
    def row(asked: str, answer: str) -> dict[str, Any]:
        return {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]}

    path = jsonl("rows.jsonl", [
        row("What is 1 + 1?", "<think>Two.</think>\\boxed{2}"),
        row("What is 1 + 1?", "<think>Three?"),
        row("What is lost?", "\\boxed{0}"),
        {"messages": [{"role": "user", "content": "And?"}]},
    ])  # fmt: skip
    step = Import.model_validate({"sources": [{"kind": "file", "name": "set", "path": str(path)}], "teacher": "echo"})
    problems = records.frame(Problem, [Problem(records.problem_id("What is 1 + 1?"), "What is 1 + 1?")])
    context = StepContext(seed=0, work=tmp_path, run=tmp_path)
    out = step.run({Problem: problems}, context)
    assert [(t.sample, t.teacher, t.status) for t in records.rows(Trace, out.kept)] == [
        (0, "echo", "done"), (1, "echo", "unclosed"),
    ]  # fmt: skip
    assert out.dropped["reason"].to_list() == ["no_problem", "unreadable_row"]
    assert out.rows_in == 4
    assert out.counters == {"done": 1.0, "unclosed": 1.0}


def test_pull_gives_the_same_rows_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[dict[str, Any]] = [{"problem": f"Find {n}.", "answer": str(n)} for n in range(11)]
    rows[4] = {"problem": "", "answer": "4"}
    for n in (1, 7):
        rows[n]["solution"] = f"It is \\boxed{{{n + 1}}}."
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    sources = [{"kind": "file", "name": name, "path": str(tmp_path / "rows.jsonl")} for name in ("one", "two")]
    step = Pull.model_validate({"sources": sources})
    context = StepContext(seed=1, work=tmp_path, run=tmp_path, pins=step.materials({}))
    (whole,) = step.parts({}, context)
    monkeypatch.setattr("cotkit.curate.pull._ROWS", 3)
    parts = list(step.parts({}, context))
    assert [part.rows_in for part in parts] == [3] * 7 + [1]
    again = joined(parts)
    assert same(again, whole)
    assert (again.counters, again.rows_in) == (whole.counters, 22)
    assert whole.counters["conflicts"] == 4
