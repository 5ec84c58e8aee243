"""A step in shards gives what it gives in one piece, goes on after a kill, and runs anywhere to the same bytes."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any, ClassVar, Literal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotkit.cli.output import Output
from cotkit.cli.run import with_engine
from cotkit.engine import AnyJob
from cotkit.errors import EngineError, InputError, RecipeError, StorageError
from cotkit.recipe.load import load
from cotkit.recipe.lock import resolved
from cotkit.records import Problem, Trace, dropped_frame, frame
from cotkit.run.conserve import ConservationError
from cotkit.run.cut import Shard, Size, cut
from cotkit.run.directory import RunDirectory
from cotkit.run.engines.local import Local
from cotkit.run.runner import Options, RunResult, run_recipe
from cotkit.run.shards import Job, join
from cotkit.run.tables import read_runs, write_table
from cotkit.steps import Step, StepContext, StepOutput, Tables

RECIPE = """\
name: shards
steps:
  - step: pull
    sources: [{kind: file, name: sums, path: rows.jsonl}]
  - step: filter
    filters: [{name: length, min_chars: 12}]
  - step: dedup
    embedding: null
  - step: import
    sources: [{kind: file, name: sums, path: rows.jsonl, malformed: drop}]
    teacher: someone
  - step: verify
    warn_undecided: 1
  - step: score
    scorers: [{by: cosine}, {by: repetition}]
  - step: trim
    mode: first-correct
  - step: verify
    name: again
    warn_undecided: 1
  - step: select
    max_pass_rate: 0.9
    filters: [{name: empty_reasoning}]
  - step: publish
"""

# Without the steps that start the most graders.
SHORT = RECIPE[: RECIPE.index("  - step: trim")] + RECIPE[RECIPE.index("  - step: select") :]


def rows(problems: int = 6) -> Iterator[dict[str, Any]]:
    """Attempts at sums: right, wrong, undecided, cut off, at problems that are dropped; in rounds, not by problem."""
    for sample in range(3):
        for i in range(problems):
            asked = f"What is {i} + {i + 3}?" if i % 4 else f"{i} + 3 ="
            right = 2 * i + 3 if i % 4 else i + 3
            said = {0: right, 1: right + (i % 2), 2: f"{right} or {right + 1}"}[sample]
            thought = f"First {i} and then 3. So the answer is {right}. Wait, again: it is {right}, I am sure of it."
            answer = f"<think>{thought}</think>\\boxed{{{said}}}" if (i + sample) % 5 else f"<think>{thought}"
            turns = [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
            yield {"problem": asked, "answer": str(right), "messages": turns}


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows()))
    path = tmp_path / "r.yaml"
    path.write_text(RECIPE)
    return path


def run(recipe: Path, out: str, problems: int = 10_000, engine: Local | None = None) -> RunResult:
    made = load(str(recipe)).recipe.model_copy(update={"engine": engine})
    return run_recipe(made, recipe.parent / out, Options(shard=Size(problems)), Output(quiet=True))


def tables(result: RunResult) -> dict[str, pl.DataFrame]:
    found = sorted(result.path.glob("[0-9]*/*.parquet"))
    return {path.relative_to(result.path).as_posix(): pl.read_parquet(path) for path in found}


def sorted_rows(table: pl.DataFrame) -> list[str]:
    return sorted(json.dumps(row, sort_keys=True) for row in table.iter_rows(named=True))


def files(folder: Path) -> dict[str, bytes]:
    # These tell the time or the folder.
    others = ("report.json", "report.html", "funnel.json", "recipe.lock.yaml")
    found = (path for path in folder.rglob("*") if path.is_file() and path.name not in others)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@pytest.mark.parametrize(("sizes", "trims"), [((2,), True), ((1, 7), False)])
def test_shards_of_any_size_make_what_the_whole_makes(recipe: Path, sizes: tuple[int, ...], trims: bool) -> None:
    if not trims:
        recipe.write_text(SHORT)
    whole = run(recipe, "whole")
    wanted = tables(whole)
    assert "06-score/unscored.parquet" in wanted
    assert trims == ("07-trim/overthinking.parquet" in wanted)
    by_step = {line["step"]: line for line in whole.funnel}
    assert by_step["verify"]["counters"]["undecided"]
    assert by_step["filter"]["dropped"]
    assert by_step["select"]["dropped"]
    for problems in sizes:
        cut_up = run(recipe, f"by{problems}", problems)
        found = tables(cut_up)
        assert set(found) == set(wanted)
        for name, table in wanted.items():
            assert found[name].schema == table.schema, name
            assert sorted_rows(found[name]) == sorted_rows(table), name
        for line, other in zip(whole.funnel, cut_up.funnel, strict=True):
            assert {**other, "seconds": 0} == {**line, "seconds": 0}
        assert not list(cut_up.path.glob(".[sw]*-*"))


def test_tables_in_the_order_of_the_problems_stay_in_it(recipe: Path) -> None:
    recipe.write_text(SHORT)
    ordered = sorted(rows(), key=lambda row: row["problem"])
    (recipe.parent / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ordered))
    whole, cut_up = run(recipe, "whole"), run(recipe, "cut", 2)
    assert all(table.equals(tables(cut_up)[name]) for name, table in tables(whole).items())
    reports = [RunDirectory(result.path).report("select") for result in (whole, cut_up)]
    assert reports[0]
    assert reports[1]
    assert reports[0]["content"] == reports[1]["content"]


def test_any_number_of_workers_gives_the_same_bytes(recipe: Path) -> None:
    # Starting workers takes longer than these rows.
    few = RECIPE[: RECIPE.index("  - step: filter")] + RECIPE[RECIPE.index("  - step: import") :]
    recipe.write_text(few[: few.index("  - step: score")] + RECIPE[RECIPE.index("  - step: select") :])
    alone, team = run(recipe, "alone", 3), run(recipe, "team", 3, Local(workers=2))
    assert files(team.path) == files(alone.path)
    again = run(recipe, "team", 3)
    assert again.ran == []


def test_one_shard_is_the_steps_own_bytes(recipe: Path, tmp_path: Path) -> None:
    recipe.write_text(SHORT)
    result = run(recipe, "whole")
    for path in result.path.glob("[0-9]*/kept.parquet"):
        pl.read_parquet(path).write_parquet(tmp_path / "own", compression="zstd", statistics=True)
        assert path.read_bytes() == (tmp_path / "own").read_bytes()


def test_the_command_line_chooses_the_engine_and_no_lock_names_it(recipe: Path) -> None:
    recipe.write_text(RECIPE + "engine: {kind: local, workers: 3}\n")
    loaded = load(str(recipe))
    assert loaded.recipe.engine == Local(workers=3)
    assert with_engine(loaded, None, None) is loaded
    assert with_engine(loaded, "local", None).recipe.engine == Local(workers=3)
    assert with_engine(loaded, None, 2).recipe.engine == Local(workers=2)
    recipe.write_text(RECIPE)
    assert with_engine(load(str(recipe)), None, 2).recipe.engine == Local(workers=2)
    with pytest.raises(RecipeError, match="--engine moon: unknown kind"):
        with_engine(loaded, "moon", None)
    with pytest.raises(RecipeError, match="--engine, --workers: "):
        with_engine(loaded, None, 0)
    assert "engine" not in resolved(loaded.recipe)


# The runner's own behaviour, on a step of our own.


class Double(Step):
    """Keeps even problems, drops odd ones; while it is at the shard of `at`, a `twin` runs the pickled job there."""

    step: Literal["double"] = "double"
    fault: str = ""
    at: int = 0
    twin: str = ""

    by_problem: ClassVar[bool] = True
    reads: ClassVar[tuple[type, ...]] = (Trace, Problem)
    writes: ClassVar[type] = Trace

    def run(self, tables: Tables, context: StepContext) -> StepOutput:
        table = tables[Trace]
        assert set(table["problem_id"]) <= set(tables[Problem]["problem_id"])
        hit = f"p{self.at}" in set(table["problem_id"])
        if hit and self.fault == "lose":
            return StepOutput(table.head(1), dropped_frame(table, [], [], []))
        if hit and self.fault == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if hit and self.twin:
            process = get_context("spawn").Process(target=run_pickled, args=(self.twin,))
            process.start()
            process.join()
        if hit and self.fault == "refuse":
            raise InputError("refused: mend it")
        odd = [n for n, identity in enumerate(table["problem_id"]) if int(identity[1:]) % 2]
        (context.work / "scratch.txt").write_text("not kept")
        return StepOutput(
            table[[n for n in range(table.height) if n not in odd]],
            dropped_frame(table, odd, ["odd"] * len(odd), [{}] * len(odd)),
        )


def run_pickled(path: str) -> None:
    job = pickle.loads(Path(path).read_bytes())  # noqa: S301 - of the test above
    job.run()
    Path(path).write_text(str(inode(job)))


def jobs(folder: Path, step: Step, size: Size, count: int = 8) -> list[Job]:
    ids = [f"p{n}" for n in range(count)]
    paths = {Trace: folder / "traces.parquet", Problem: folder / "problems.parquet"}
    write_table(paths[Trace], frame(Trace, [Trace(i, s, "t", "", "done", "x" * 50) for i in ids for s in range(2)]))
    write_table(paths[Problem], frame(Problem, [Problem(i, i, source="s", source_row=n) for n, i in enumerate(ids)]))
    context = StepContext(seed=0, work=folder, run=folder)
    shards = RunDirectory(folder).shards_folder(5, step.name, "one plan")
    return [Job(step, shard, paths, shards, context) for shard in cut(step, paths, size)]


def finish(found: list[Job], workers: int = 1) -> list[str]:
    ended: list[str] = []
    Local(workers=workers).run(found, lambda job: ended.append(job.place))
    return ended


def test_a_lost_row_is_told_with_its_shard(tmp_path: Path) -> None:
    with pytest.raises(ConservationError, match=r"step 'd', shard 2 of 4: 4 rows in, but 1 kept \+ 0 dropped"):
        finish(jobs(tmp_path, Double(name="d", fault="lose", at=3), Size(2)))


@pytest.mark.parametrize(("fault", "error", "told"), [
    ("die", EngineError, "step 'd', shard 2 of 4: its worker process ended by itself"),
    ("refuse", InputError, "refused: mend it"),
])  # fmt: skip
def test_what_goes_wrong_in_a_worker_is_told_here(
    tmp_path: Path, fault: str, error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        finish(jobs(tmp_path, Double(name="d", fault=fault, at=3), Size(2)), workers=2)


def test_bytes_bound_a_shard_as_well_as_problems(tmp_path: Path) -> None:
    step = Double(name="d")
    found = jobs(tmp_path, step, Size())
    assert [job.shard for job in found] == [Shard(rows=16)]
    big = frame(Trace, [Trace(f"p{n}", 0, "t", "", "done", os.urandom(400_000).hex()) for n in range(8)])
    write_table(tmp_path / "traces.parquet", big)
    shards = cut(step, found[0].tables, Size(megabytes=2))
    assert 3 <= len(shards) <= 8
    assert sum(shard.rows for shard in shards) == 8


@given(st.lists(st.integers(0, 6), max_size=30), st.permutations(range(7)), st.integers(1, 8))
def test_every_row_is_in_one_shard_and_a_problem_in_one(traces: list[int], order: list[int], each: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        step, paths = Double(name="d"), {Trace: Path(folder, "t"), Problem: Path(folder, "p")}
        write_table(paths[Trace], frame(Trace, [Trace(f"p{n}", i, "t", "", "done") for i, n in enumerate(traces)]))
        write_table(paths[Problem], frame(Problem, [Problem(f"p{n}", "q") for n in order]))
        shards = cut(step, paths, Size(each))
    columns = {Trace: traces, Problem: order}
    homes: dict[int, set[int]] = {}
    for row, ids in columns.items():
        places = [
            (place, shard.number)
            for shard in shards
            for first, length in ([(0, len(ids))] if shard.runs is None else shard.runs[row])
            for place in range(first, first + length)
        ]
        assert sorted(place for place, _ in places) == list(range(len(ids)))
        for place, number in places:
            homes.setdefault(ids[place], set()).add(number)
    assert all(len(numbers) == 1 for numbers in homes.values())
    assert len(shards) == max(1, -(-7 // each))
    if traces == sorted(traces):
        assert all(shard.runs is None or len(shard.runs[Trace]) <= 1 for shard in shards)


def test_rows_are_read_from_any_place(tmp_path: Path) -> None:
    table = pl.DataFrame({"a": range(25_000), "b": [f"t{n}" for n in range(25_000)]})
    write_table(tmp_path / "t.parquet", table)
    for runs in ([(0, 25_000)], [], [(9_999, 2)], [(3, 1), (9_990, 10_020), (24_999, 1)]):
        wanted = pl.concat([table.clear(), *(table.slice(first, length) for first, length in runs)])
        assert read_runs(tmp_path / "t.parquet", runs).equals(wanted)


def test_a_killed_run_goes_on_with_the_shards_that_are_missing(recipe: Path, tmp_path: Path) -> None:
    recipe.write_text(SHORT)
    wanted = files(run(recipe, "calm", 2).path)
    log = tmp_path / "log"
    command = [sys.executable, "-c", KILLED_RUN.format(recipe=str(recipe), log=str(log))]
    process = subprocess.Popen(command)
    while not (log.is_file() and len(log.read_text().split()) >= 2) and process.poll() is None:
        time.sleep(0.05)
    process.kill()
    process.wait()
    (folder,) = (tmp_path / "killed").glob(".shards-*")
    assert folder.name == ".shards-05-verify"
    done = sorted(path.parent for path in folder.glob("*/[0-9]*/done.json"))
    assert len(done) == 1
    seen: list[AnyJob] = []

    class Watching(Local):
        def run(self, jobs: Any, ended: Any) -> None:
            seen.extend(job for job in jobs if job.step.name == "verify")
            super().run(jobs, ended)

    assert files(run(recipe, "killed", 2, Watching()).path) == wanted
    assert [job.shard.number for job in seen] == [1]


# Verify, held up before its second shard until it is killed.
KILLED_RUN = """
import time
from pathlib import Path
from cotkit.recipe.load import load
from cotkit.run.cut import Size
from cotkit.run.runner import Options, run_recipe
from cotkit.verify.step import Verify
own = Verify.run
def slow(self, tables, context):
    with open({log!r}, "a") as log:
        log.write("shard\\n")
    if len(open({log!r}).readlines()) == 2:
        time.sleep(600)
    return own(self, tables, context)
Verify.run = slow
recipe = load({recipe!r}).recipe
run_recipe(recipe, Path({recipe!r}).parent / "killed", Options(shard=Size(2)))
"""


def inode(job: Job) -> int:
    return (job.target / "done.json").stat().st_ino


def test_a_shard_that_runs_twice_at_a_time_is_there_once(tmp_path: Path) -> None:
    """A worker that outlives its run may end while the next run is at the same shard."""
    first = jobs(tmp_path, Double(name="d", twin=str(tmp_path / "job"), at=3), Size(2))[1]
    (tmp_path / "job").write_bytes(pickle.dumps(replace(first, step=Double(name="d"))))
    first.run()
    theirs = int((tmp_path / "job").read_text())
    assert inode(first) == theirs, "the run may be reading it"
    assert [path.name for path in first.folder.iterdir()] == [first.target.name]
    # One that lacks rows for a passing reason makes way.
    done = first.target / "done.json"
    done.write_text(done.read_text().replace('"incomplete": 0', '"incomplete": 1'))
    replace(first, step=Double(name="d")).run()
    assert first.is_done()
    assert inode(first) != theirs


def test_a_worker_that_outlives_its_run_leaves_nothing_in_another_one(tmp_path: Path) -> None:
    (orphan, *_) = jobs(tmp_path, Double(name="d"), Size(2))
    directory = RunDirectory(tmp_path)
    folder = directory.shards_folder(5, "d", "another plan")
    with pytest.raises(StorageError):
        orphan.run()
    assert not list(folder.iterdir())
    assert directory.shards_folder(5, "d", "one plan") == orphan.folder
    orphan.run()
    assert orphan.is_done()
    assert directory.shards_folder(5, "d", "one plan", keep=False) == orphan.folder
    assert not orphan.is_done()


def test_a_changed_key_throws_unfinished_shards_away(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path / "d")
    folder = directory.shards_folder(5, "verify", "one plan")
    (folder / "00000").mkdir()
    assert (directory.shards_folder(5, "verify", "one plan") / "00000").is_dir()
    assert not (directory.shards_folder(5, "verify", "another") / "00000").exists()
    assert not folder.exists()
    folder = directory.shards_folder(5, "verify", "one plan")
    directory.remove_others(["pull", "filter", "dedup", "import", "verify"])
    assert folder.is_dir()
    directory.remove_others(["pull"])
    assert not folder.exists()


def test_shards_can_be_put_together_again(tmp_path: Path) -> None:
    """A kill between the first table and the last one of a step takes nothing away."""
    found = jobs(tmp_path, Double(name="d"), Size(3))
    finish(found)
    made = []
    for name in ("first", "again"):
        (tmp_path / name).mkdir()
        made.append((join(found, tmp_path / name), files(tmp_path / name)))
    assert made[0] == made[1]
    assert made[0][0].kept == made[0][0].dropped == 8


# Grades 200 MB of reasoning in shards of 14 MB, and says by how much the memory of that went beyond a small run's.
BIG = """
from pathlib import Path
import pyarrow as pa, pyarrow.parquet as pq
from cotkit.records import Problem, Trace, frame
from cotkit.run.cut import Size, cut
from cotkit.run.shards import Job, join
from cotkit.run.tables import write_table
from cotkit.steps import StepContext
from cotkit.verify.step import Verify

def grade(count, chars):
    folder = Path({folder!r}) / str(count)
    folder.mkdir()
    paths = {{Trace: folder / "traces.parquet", Problem: folder / "problems.parquet"}}
    write_table(paths[Problem], frame(Problem, [Problem(f"p{{n}}", "1 + 1?", "2", source_row=n) for n in range(count)]))
    writer = None
    for start in range(0, count, 20):
        ids = range(start, min(start + 20, count))
        text = "And so it goes on. " * (chars // 19)
        some = [Trace(f"p{{n}}", 0, "t", "", "done", f"{{n}} {{text}} {{n}}", "\\\\boxed{{2}}") for n in ids]
        table = frame(Trace, some).to_arrow()
        writer = writer or pq.ParquetWriter(paths[Trace], table.schema, use_dictionary=False)
        writer.write_table(table)
    writer.close()
    step, context = Verify(name="verify"), StepContext(seed=0, work=folder, run=folder)
    (folder / "shards").mkdir()
    jobs = [Job(step, s, paths, folder / "shards", context) for s in cut(step, paths, Size(megabytes=14))]
    for job in jobs:
        job.run()
    made = join(jobs, folder)
    assert made.kept == made.counters["correct"] == count
    # getrusage would tell of the process that started this one, too.
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return len(jobs), int(peak.split()[1]) / 1024

_, small = grade(100, 1_000)
shards, big = grade(1_000, 200_000)
print(shards, big - small)
"""


def test_memory_is_that_of_a_shard_and_not_of_the_table(tmp_path: Path) -> None:
    if not Path("/proc/self/status").is_file():
        pytest.skip("this system does not tell the peak of a process here")
    command = [sys.executable, "-c", BIG.format(folder=str(tmp_path))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    shards, more = done.stdout.split()
    assert int(shards) >= 12
    assert float(more) < 200  # in one piece it is 400
