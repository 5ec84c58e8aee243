"""The runner: what it does again, what it leaves, and what it says about it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from teacher import FakeTeacher, boxed

from cotkit.distill import engine
from cotkit.errors import IncompleteError, InputError, RecipeError, StorageError, TeacherError
from cotkit.recipe.load import load
from cotkit.run.directory import RunDirectory
from cotkit.run.runner import Options, RunResult, run_recipe

RECIPE = """\
name: sums
seed: 3
steps:
  - step: pull
    sources: [{kind: file, name: sums, path: problems.jsonl}]
  - step: filter
    filters: [{name: length, min_chars: 5}, {name: gradable}]
  - step: dedup
    embedding: null
  - step: distill
    teacher: {base_url: URL, model: fake}
    samples: 2
    sampling: {seed: 1}
  - step: verify
  - step: select
  - step: publish
"""
STEPS = ["pull", "filter", "dedup", "distill", "verify", "select", "publish"]


@pytest.fixture
def teacher() -> Iterator[FakeTeacher]:
    with FakeTeacher() as server:
        yield server


@pytest.fixture
def recipe(tmp_path: Path, teacher: FakeTeacher) -> Path:
    rows: list[dict[str, Any]] = [{"problem": f"What is {i} + {i + 3}?", "answer": str(2 * i + 3)} for i in range(8)]
    rows += [
        {"problem": "What is 1  + 4?", "answer": "5"},
        {"problem": "Why?", "answer": "1"},
        {"problem": "No answer to 3?"},
    ]
    (tmp_path / "problems.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    path = tmp_path / "r.yaml"
    path.write_text(RECIPE.replace("URL", teacher.url))
    return path


def run(
    recipe: Path, *options: str, only: str | None = None, start: str | None = None, until: str | None = None
) -> RunResult:
    return run_recipe(load(str(recipe), options).recipe, recipe.parent / "out", Options(until, only, start))


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_rows_are_conserved_and_dropped_with_reasons(recipe: Path) -> None:
    result = run(recipe)
    assert result.ran == STEPS
    for line in result.funnel:
        assert line["rows_in"] == line["kept"] + line["dropped"]
        assert sum(line["reasons"].values()) == line["dropped"]
    by_step = {line["step"]: line for line in result.funnel}
    assert by_step["filter"]["reasons"] == {"length": 1, "ungradable": 1}
    assert by_step["dedup"]["reasons"] == {"exact_duplicate": 1}
    assert by_step["distill"]["rows_in"] == 16
    dropped = RunDirectory(result.path).dropped("filter")
    assert json.loads(dropped["evidence"][0])["filter"] == "length"


def test_a_second_run_does_nothing_and_asks_nothing(recipe: Path, teacher: FakeTeacher) -> None:
    first = run(recipe)
    asked = teacher.asked
    second = run(recipe)
    assert second.ran == []
    assert teacher.asked == asked == 16
    assert second.funnel == first.funnel


def test_a_changed_filter_runs_from_there_and_pays_for_nothing_known(recipe: Path, teacher: FakeTeacher) -> None:
    run(recipe)
    result = run(recipe, "filter.filters.length.min_chars=6")
    # The same problems pass, so the tables after the filter stand; but the card shows the recipe.
    assert result.ran == ["filter", "publish"]
    result = run(recipe, "filter.filters.length.min_chars=3")
    assert result.ran == STEPS[1:]
    assert teacher.asked == 18


def test_one_edited_row_is_one_new_problem(recipe: Path, teacher: FakeTeacher) -> None:
    run(recipe)
    edit(recipe.parent / "problems.jsonl", "What is 7 + 10?", "What is 10 + 7?")
    run(recipe)
    assert teacher.asked == 16 + 2


def test_from_and_only(recipe: Path, teacher: FakeTeacher) -> None:
    run(recipe)
    assert run(recipe, start="verify").ran == ["verify", "select", "publish"]
    assert run(recipe, only="dedup").ran == ["dedup"]
    assert teacher.asked == 16
    with pytest.raises(RecipeError, match="--only verify: the step 'filter' before it is not up to date"):
        run(recipe, "filter.filters.length.min_chars=2", only="verify")
    with pytest.raises(RecipeError, match="has no step 'verfy'"):
        run(recipe, only="verfy")


def test_until_stops_and_a_later_run_goes_on(recipe: Path) -> None:
    assert run(recipe, until="dedup").ran == STEPS[:3]
    assert run(recipe).ran == STEPS[3:]


def test_a_renamed_and_a_moved_step_keep_their_results(recipe: Path) -> None:
    run(recipe)
    edit(
        recipe,
        "  - step: dedup",
        "  - step: filter\n    name: figures\n    filters: [{name: no_figure}]\n  - step: dedup",
    )
    result = run(recipe)
    assert result.ran == ["figures", "publish"]
    folders = [p.name for p, _ in RunDirectory(result.path).step_folders()]
    assert folders == [f"{i:02d}-{n}" for i, n in enumerate(["pull", "filter", "figures", *STEPS[2:]], start=1)]


def test_a_step_that_is_gone_leaves_no_folder(recipe: Path) -> None:
    run(recipe)
    edit(recipe, "  - step: dedup\n    embedding: null\n", "")
    edit(recipe.parent / "problems.jsonl", json.dumps({"problem": "What is 1  + 4?", "answer": "5"}) + "\n", "")
    result = run(recipe)
    assert RunDirectory(result.path).find("dedup") is None


def test_a_damaged_table_is_made_again(recipe: Path) -> None:
    result = run(recipe)
    kept = next(result.path.glob("*-filter")) / "kept.parquet"
    kept.write_bytes(kept.read_bytes()[:-10])
    assert "filter" in run(recipe).ran


def test_a_result_without_its_report_is_made_again_and_a_strangers_folder_is_not(recipe: Path) -> None:
    result = run(recipe)
    folder = next(result.path.glob("*-filter"))
    (folder / "report.json").unlink()
    assert "filter" in run(recipe).ran
    for file in folder.iterdir():
        file.unlink()
    (folder / "mine.txt").write_text("x")
    with pytest.raises(StorageError, match="is in the way; move it elsewhere"):
        run(recipe)
    assert (folder / "mine.txt").read_text() == "x"


def test_the_lock_gives_the_same_bytes_elsewhere(recipe: Path, tmp_path: Path) -> None:
    first = run(recipe)
    lock = load(str(first.path / "recipe.lock.yaml")).recipe
    second = run_recipe(lock, tmp_path / "again")
    for file in (first.path / "dataset").rglob("*"):
        if file.is_file():
            assert (
                file.read_bytes() == (second.path / "dataset" / file.relative_to(first.path / "dataset")).read_bytes()
            )


def test_the_lock_notices_a_changed_input(recipe: Path, tmp_path: Path) -> None:
    first = run(recipe)
    edit(recipe.parent / "problems.jsonl", "What is 7 + 10?", "What is 10 + 7?")
    with pytest.raises(RecipeError, match="sums is not what the lock pins"):
        run_recipe(load(str(first.path / "recipe.lock.yaml")).recipe, tmp_path / "again")


def test_failed_rows_are_rows_and_are_asked_again(recipe: Path, teacher: FakeTeacher) -> None:
    teacher.fault("500", "What is 2 + 5?")
    result = run(recipe, "distill.limits.retries=0")
    assert result.incomplete == 2
    line = next(e for e in result.funnel if e["step"] == "distill")
    assert line["rows_in"] == line["kept"] + line["dropped"] == 16
    teacher.state.faults.clear()
    asked = teacher.asked
    again = run(recipe, "distill.limits.retries=0")
    assert teacher.asked - asked == 2
    assert again.incomplete == 0
    assert "distill" in again.ran


def test_a_bad_key_stops_after_one_request(recipe: Path, teacher: FakeTeacher, monkeypatch: pytest.MonkeyPatch) -> None:
    # A refusal that takes longer than a second does not hold up the others; on a busy machine this one may.
    monkeypatch.setattr(engine, "PATIENCE_S", engine.PROBE_S)
    teacher.fault("401")
    with pytest.raises(TeacherError, match="401"):
        run(recipe)
    assert teacher.asked == 1


def test_two_at_once_are_refused(recipe: Path) -> None:
    directory = RunDirectory(recipe.parent / "out")
    with directory.held(), pytest.raises(StorageError, match="another cotkit is at work"):
        run(recipe)


def test_another_recipes_directory_is_left_alone(recipe: Path) -> None:
    run(recipe, until="filter")
    edit(recipe, "name: sums\nseed", "name: other\nseed")
    with pytest.raises(RecipeError, match="belongs to the recipe 'sums'"):
        run(recipe)


def test_missing_input_stops_before_anything_runs(recipe: Path) -> None:
    (recipe.parent / "problems.jsonl").unlink()
    with pytest.raises(InputError, match="no such file"):
        run(recipe)


def test_nothing_left_to_publish_says_where_all_went(recipe: Path) -> None:
    with pytest.raises(InputError, match="length"):
        run(recipe, "filter.filters.length.min_chars=900")


def test_an_unwritable_run_directory(recipe: Path) -> None:
    (recipe.parent / "out").write_text("a file is in the way")
    with pytest.raises(StorageError, match="cannot be written"):
        run(recipe)


def test_ctrl_c_ends_with_130_and_goes_on(recipe: Path, teacher: FakeTeacher) -> None:
    # A run of 16 requests, 8 at a time: 2 are answered, and the next ones wait for the word, so that Ctrl-C comes amid
    # them however late it is.
    free, pressed = threading.Semaphore(2), threading.Event()

    def slow(text: str) -> str:
        if not free.acquire(blocking=False):
            pressed.wait()
        return boxed(text, {})

    teacher.state.answers = slow
    command = [sys.executable, "-m", "cotkit", "run", str(recipe), "--out", str(recipe.parent / "out"), "-q"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while teacher.log()["answered"] < 2 and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(2)
    pressed.set()
    _, said = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in said
    assert "run the same command again" in said
    run(recipe)
    log = teacher.log()
    assert log["asked"] <= 16 + 8


def test_the_dataset_holds_what_was_selected(recipe: Path) -> None:
    result = run(recipe)
    published = pl.read_parquet(result.path / "dataset" / "data" / "*.parquet")
    assert sorted(published["problem_id"]) == sorted(RunDirectory(result.path).kept("select")["problem_id"])
    assert all("<think>" in messages[-1]["content"] for messages in published["messages"].to_list())


def test_incomplete_is_an_exit_code_of_its_own() -> None:
    codes = {e.exit_code for e in (IncompleteError, InputError, RecipeError, StorageError, TeacherError)}
    assert codes == {2, 3, 4, 5, 6}


def test_folders_that_are_not_ours_are_never_touched(recipe: Path) -> None:
    out = recipe.parent / "out"
    (out / "2024-photos").mkdir(parents=True)
    with pytest.raises(RecipeError, match=r"holds other things \(2024-photos\)"):
        run(recipe)
    (out / "2024-photos").rmdir()
    run(recipe)
    (out / "2024-photos").mkdir()
    (out / "2024-photos" / "a.jpg").write_text("x")
    run(recipe, "filter.filters.length.min_chars=3")
    assert (out / "2024-photos" / "a.jpg").read_text() == "x"


def test_an_edited_card_stays_until_there_is_something_new(recipe: Path) -> None:
    card = run(recipe).path / "dataset" / "README.md"
    made = card.read_text()
    card.write_text(made + "my own words\n")
    run(recipe)
    assert card.read_text().endswith("my own words\n")
    run(recipe, "publish.title=Another")
    assert "my own words" not in card.read_text()


def test_a_lost_dataset_is_put_back(recipe: Path) -> None:
    dataset = run(recipe).path / "dataset"
    before = {p.name: p.read_bytes() for p in dataset.rglob("*") if p.is_file()}
    for file in sorted(dataset.rglob("*"), reverse=True):
        file.unlink() if file.is_file() else file.rmdir()
    dataset.rmdir()
    run(recipe)
    assert {p.name: p.read_bytes() for p in dataset.rglob("*") if p.is_file()} == before


def test_work_that_nobody_reads_is_refused_before_it_is_paid(recipe: Path, teacher: FakeTeacher) -> None:
    again = (
        "  - step: distill\n    name: twice\n    teacher: {base_url: http://127.0.0.1:9/v1, model: m}\n  - step: verify"
    )
    edit(recipe, "  - step: verify", again)
    with pytest.raises(RecipeError, match="step 'twice' replaces what 'distill' made, and no step has read that"):
        run(recipe)
    edit(recipe, again, "  - step: sample\n    rows: 3\n  - step: verify")
    with pytest.raises(RecipeError, match="'sample' changes the problems after 'distill' has asked them"):
        run(recipe)
    assert teacher.asked == 0


def test_a_file_that_changes_while_it_is_read_is_noticed(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cotkit.curate.sources.file import FileSource

    rows = FileSource.rows

    def edited_meanwhile(self: FileSource, pins: Any) -> Any:
        yield from rows(self, pins)
        edit(self.path, "What is 7 + 10?", "What is 10 + 7?")

    with monkeypatch.context() as patch:
        patch.setattr(FileSource, "rows", edited_meanwhile)
        with pytest.raises(InputError, match="changed meanwhile"):
            run(recipe)
    assert "pull" in run(recipe).ran


def test_a_refused_command_changes_nothing(recipe: Path) -> None:
    lock = run(recipe).path / "recipe.lock.yaml"
    before = lock.read_text()
    with pytest.raises(RecipeError, match="not up to date"):
        run(recipe, "filter.filters.length.min_chars=2", only="verify")
    assert lock.read_text() == before


def test_only_does_not_shrink_the_funnel(recipe: Path) -> None:
    whole = run(recipe).funnel
    assert [e["step"] for e in run(recipe, only="dedup").funnel] == [e["step"] for e in whole]
    assert len(json.loads((recipe.parent / "out" / "funnel.json").read_text())["steps"]) == len(whole)


def test_a_missing_key_is_told_before_the_first_step(recipe: Path, teacher: FakeTeacher) -> None:
    with pytest.raises(TeacherError, match="COTKIT_TEST_NO_SUCH_KEY"):
        run(recipe, "distill.teacher.api_key_env=COTKIT_TEST_NO_SUCH_KEY")
    assert RunDirectory(recipe.parent / "out").step_folders() == []
    assert teacher.asked == 0


def test_two_runs_load_as_two_datasets(recipe: Path, tmp_path: Path) -> None:
    """datasets caches local folders; folders of one name must not share a cache entry."""
    first = run(recipe).path / "dataset"
    second = run_recipe(load(str(recipe), (), 4).recipe, tmp_path / "o2")
    code = (
        "import sys; from datasets import load_dataset\n"
        "print(*[load_dataset(p, split='train').num_rows for p in sys.argv[1:]])"
    )
    command = [sys.executable, "-c", code, str(first), str(second.path / "dataset")]
    env = {**os.environ, "HF_HOME": str(tmp_path / "hf")}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
    rows = [pl.read_parquet(d / "data" / "*.parquet").height for d in (first, second.path / "dataset")]
    assert rows[0] != rows[1]
    assert [int(n) for n in done.stdout.split()] == rows
