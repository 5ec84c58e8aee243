"""`cotkit reproduce`: the same dataset from its lock, elsewhere; what is not the same is told at its step."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cotkit.cli.app import main
from cotkit.config import PACKAGE
from cotkit.run.directory import RunDirectory

sys.path.insert(0, str(Path(__file__).parents[1] / "servers"))
from hub import HubServer
from hub_store import ATTRIBUTES, File, Repo
from teacher import FakeTeacher

RECIPE = """\
name: sums
seed: 3
steps:
  - step: pull
    sources: [{kind: file, name: sums, path: problems.jsonl}]
  - step: filter
    filters: [{name: length, min_chars: 5}, {name: gradable}]
  - step: distill
    teacher: {base_url: URL, model: fake, api_key_env: SUMS_KEY}
    samples: 2
    sampling: {seed: 1}
  - step: verify
  - step: select
  - {step: publish, configs: [all-traces, metadata]}
"""
STEPS = ["pull", "filter", "distill", "verify", "select", "dataset"]
# Several whole runs in processes of their own: a minute and a half where others want the processors, too.
WHOLE_RUNS = pytest.mark.timeout(600)


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


# A key that must reach nobody but the teacher of the first run.
KEY = {"SUMS_KEY": "sk-not-for-you"}


class First:
    """A finished run, its published folder moved elsewhere, its input and a recording of its answers."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.input = home / "problems.jsonl"
        self.run = home / "run"
        self.answers = home / "answers.jsonl.gz"
        self.dataset = home / "moved" / "far" / "away"

    def make(self, cli: Any, teacher: FakeTeacher, *options: str) -> First:
        home = self.home
        rows = [{"problem": f"What is {i} + {i + 3}?", "answer": str(2 * i + 3)} for i in range(6)] + [{"problem": "?"}]
        self.input.write_text("".join(json.dumps(row) + "\n" for row in rows))
        (home / "sums.yaml").write_text(RECIPE.replace("URL", teacher.url))
        self.check(cli("run", home / "sums.yaml", "--out", self.run, *options, env=KEY))
        self.check(cli("journal", "export", self.run, self.answers, env={}))
        shutil.copytree(self.run / "dataset", self.dataset)
        return self

    def copied(self, home: Path) -> First:
        """The same as if it had been made in another home."""
        shutil.copytree(self.home, home)
        copy = First(home)
        copy.edit(copy.run / "recipe.lock.yaml", str(self.home), str(home))
        return copy

    @staticmethod
    def check(done: Any) -> None:
        assert done.returncode == 0, done.stderr

    def edit(self, path: Path, old: str, new: str) -> None:
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))


@pytest.fixture(scope="module")
def teacher() -> Iterator[FakeTeacher]:
    with FakeTeacher() as server:
        yield server


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, teacher: FakeTeacher) -> First:
    return First(tmp_path_factory.mktemp("made")).make(cotkit, teacher)


@pytest.fixture
def first(tmp_path: Path, made: First) -> First:
    return made.copied(tmp_path / "home")


def cotkit(*arguments: str | Path, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> Done:
    """`cotkit …` in this process: what it does but for starting Python."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        for name, value in (env or {}).items():
            patch.setenv(name, value)
        if cwd is not None:
            patch.chdir(cwd)
        patch.setattr(sys, "argv", ["cotkit", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
    return Done(int(stop.value.code or 0), out.getvalue(), err.getvalue())


@pytest.fixture
def here(tmp_path: Path) -> Callable[..., Done]:
    """`cotkit …` in tmp_path."""
    return partial(cotkit, cwd=tmp_path)


def untouched(run: Path) -> dict[Path, int]:
    """When each file was written last; a reader of SQLite touches its -shm."""
    return {p: p.stat().st_mtime_ns for p in run.rglob("*") if not p.name.endswith("-shm")}


def states(done: Any) -> dict[str, str]:
    return {one["name"]: one["state"] for one in json.loads(done.stdout)["steps"]}


def step(done: Any, name: str) -> Any:
    return next(one for one in json.loads(done.stdout)["steps"] if one["name"] == name)


@WHOLE_RUNS
def test_the_quickstart_on_a_second_checkout(tmp_path: Path, cli: Any) -> None:
    """Done-when 5: other code folder, other working directory, other run directory; no network, no key."""
    First.check(cli("run", "quickstart", "--out", tmp_path / "first"))
    First.check(cli("push", tmp_path / "first", "--to", tmp_path / "published"))
    shutil.rmtree(tmp_path / "first")
    second = tmp_path / "second"
    shutil.copytree(PACKAGE, second / "cotkit", ignore=shutil.ignore_patterns("__pycache__"))
    # A comment changes no row; that it is told proves which code has run.
    with (second / "cotkit" / "curate" / "filter.py").open("a") as code:
        code.write("# the second checkout\n")
    (tmp_path / "elsewhere").mkdir()
    env = {"PYTHONPATH": str(second)}
    done = cli("reproduce", "../published", "--out", "again", "--json", cwd=tmp_path / "elsewhere", env=env)
    assert done.returncode == 0, done.stderr
    assert set(states(done).values()) == {"same"}
    assert step(done, "filter")["why"] == ["other code: cotkit.curate.filter"]
    told = json.loads((tmp_path / "published" / "reproduce.json").read_text())
    again = json.loads((tmp_path / "elsewhere" / "again" / "dataset" / "reproduce.json").read_text())
    assert again["dataset"] == told["dataset"]
    assert str(tmp_path) not in json.dumps(told)


def test_a_run_answers_from_its_own_journal_and_stays_as_it_is(first: First, here: Any, teacher: FakeTeacher) -> None:
    asked = teacher.asked
    before = untouched(first.run)
    done = here("reproduce", first.run, "--json")  # the key is not set
    assert done.returncode == 0, done.stderr
    assert states(done) == dict.fromkeys(STEPS, "same")
    assert json.loads(done.stdout)["run"] == "runs/sums-reproduced"
    assert teacher.asked == asked
    assert untouched(first.run) == before
    again = here("reproduce", first.run)
    assert again.returncode == 0
    assert "▸" not in again.stderr  # nothing had to run


def test_a_moved_dataset_with_a_recording(first: First, here: Any) -> None:
    shutil.rmtree(first.run)
    done = here("reproduce", first.dataset, "--journal", first.answers, "--files", first.home, "--json")
    assert done.returncode == 0, done.stderr
    assert states(done) == dict.fromkeys(STEPS, "same")
    # A lock by its path is its folder.
    lock = first.dataset / "recipe.lock.yaml"
    done = here("reproduce", lock, "--journal", first.answers, "--files", first.home, "--out", "b", "--json")
    assert (done.returncode, states(done)) == (0, dict.fromkeys(STEPS, "same"))
    assert sorted(p.name for p in first.dataset.iterdir()) == sorted(
        ["README.md", "recipe.yaml", "recipe.lock.yaml", "reproduce.json", "data", "all-traces", "metadata", "plots"]
    )


def test_a_lock_alone_is_rebuilt_but_proves_nothing(first: First, here: Any, tmp_path: Path) -> None:
    lock = tmp_path / "old.lock.yaml"
    shutil.copy(first.run / "recipe.lock.yaml", lock)
    done = here("reproduce", lock, "--journal", first.run, "--json")
    assert done.returncode == 8
    assert set(states(done).values()) == {"not comparable"}
    assert (tmp_path / "runs" / "sums-reproduced" / "dataset").is_dir()


def test_without_answers_nobody_is_asked_unless_the_user_agrees(first: First, here: Any, teacher: FakeTeacher) -> None:
    asked = teacher.asked
    refused = here("reproduce", first.dataset, "--files", first.home, env=KEY)
    assert refused.returncode == 2
    assert f"fake at {teacher.url.split('/')[2]} (key in SUMS_KEY) would be asked anew, and paid" in refused.stderr
    assert teacher.asked == asked
    agreed = here("reproduce", first.dataset, "--files", first.home, "--yes", "--json", env=KEY)
    assert agreed.returncode == 0, agreed.stderr
    assert teacher.asked == 2 * asked
    assert KEY["SUMS_KEY"] not in agreed.stdout + agreed.stderr


def test_one_altered_input_row_is_told_at_pull(first: First, here: Any) -> None:
    first.edit(first.input, '"answer": "5"', '"answer": "6"')
    done = here("reproduce", first.run, "--json")
    assert done.returncode == 8, done.stderr
    assert "sums is not what the first run read" in done.stderr
    assert states(done) | {"select": "", "dataset": ""} == {
        "pull": "differs", "filter": "differs", "distill": "same", "verify": "differs", "select": "", "dataset": "",
    }  # fmt: skip
    kept = step(done, "pull")["tables"]["kept"]
    assert (kept["changed"], kept["only_first"], kept["only_again"]) == (1, 0, 0)
    assert kept["examples"] == [{"row": "sums:1", "in": "both", "columns": ["answer"]}]
    assert "'pull' gave it other rows" in step(done, "filter")["why"]
    human = here("reproduce", first.run)
    assert human.returncode == 8
    assert "sums:1  answer" in human.stdout
    strict = here("reproduce", first.run, "--strict", "--out", "strict")
    assert strict.returncode == 2
    assert "sums is not what the first run read" in strict.stderr


def test_one_altered_answer_is_told_at_distill(first: First, here: Any) -> None:
    lines = gzip.decompress(first.answers.read_bytes()).decode().splitlines()
    entry = json.loads(lines[1])
    entry["body"] = entry["body"].replace("boxed{", "boxed{9")
    assert entry["body"] != json.loads(lines[1])["body"]
    lines[1] = json.dumps(entry)
    first.answers.write_bytes(gzip.compress("\n".join([*lines, ""]).encode()))
    done = here("reproduce", first.run, "--journal", first.answers, "--json")
    assert done.returncode == 8, done.stderr
    found = states(done)
    assert (found["pull"], found["filter"], found["distill"]) == ("same", "same", "differs")
    kept = step(done, "distill")["tables"]["kept"]
    assert (kept["changed"], kept["only_first"], kept["only_again"]) == (1, 0, 0)
    assert "response" in kept["examples"][0]["columns"]
    assert {*kept["examples"][0]["columns"]} <= {"reasoning", "response"}
    # Its row in the source, as `cotkit report RUN --row` takes it.
    row, _, sample = kept["examples"][0]["row"].partition(", sample ")
    assert row in {f"sums:{number}" for number in range(6)}
    assert sample in ("0", "1")
    # The published folder alone shows it, too: by its digests, and by every attempt that it holds.
    done = here("reproduce", first.dataset, "--journal", first.answers, "--files", first.home, "--out", "d", "--json")
    assert done.returncode == 8
    assert states(done)["filter"] == "same"
    assert states(done)["distill"] == "differs"
    attempts = step(done, "dataset")["tables"]["all-traces"]
    assert attempts["changed"] >= 1
    assert attempts["examples"][0]["row"] == f"{row}, sample {sample}"


def test_a_missing_answer_is_a_dropped_row_and_asks_nobody(first: First, here: Any, teacher: FakeTeacher) -> None:
    lines = gzip.decompress(first.answers.read_bytes()).splitlines()
    first.answers.write_bytes(gzip.compress(b"\n".join([*lines[:-1], b""])))
    asked = teacher.asked
    done = here("reproduce", first.run, "--journal", first.answers, "--json", env=KEY)
    assert done.returncode == 8, done.stderr
    assert step(done, "distill")["rows"] == {"kept": [12, 11], "dropped": [0, 1]}
    (why,) = step(done, "distill")["why"]
    assert why.startswith("1 answer is not in the journal given; leave --journal out")
    assert teacher.asked == asked
    moved = here("reproduce", first.dataset, "--journal", first.answers, "--files", first.home, "--out", "m", "--json")
    assert "add --yes to ask, and pay, the teacher" in step(moved, "distill")["why"][0]
    # Several places together have them all.
    both = here("reproduce", first.run, "--journal", first.answers, "--journal", first.run, "--out", "both")
    assert both.returncode == 0, both.stderr


def test_a_missing_file_is_told_by_its_digest(first: First, here: Any) -> None:
    done = here("reproduce", first.dataset, "--journal", first.answers)
    assert done.returncode == 3
    pins = json.loads((first.dataset / "reproduce.json").read_text())["steps"][0]["pins"]
    assert f"the step 'pull' reads problems.jsonl (sums: {pins['sums'][:23]}…)" in done.stderr
    assert "--files" in done.stderr


def test_files_are_found_by_their_digest(first: First, here: Any, tmp_path: Path) -> None:
    """Published paths are names: another file may have the same one, even the dataset's own data folder."""
    for name, text in (("a", '{"problem": "What is 1?", "answer": "1"}\n'), ("z/deep", first.input.read_text())):
        (tmp_path / "files" / name).mkdir(parents=True)
        (tmp_path / "files" / name / "problems.jsonl").write_text(text)
    shutil.copy(tmp_path / "files" / "a" / "problems.jsonl", first.dataset / "problems.jsonl")
    given = ("reproduce", first.dataset, "--journal", first.answers, "--json")
    done = here(*given, "--files", tmp_path / "files", "--strict")
    assert done.returncode == 0, done.stderr
    beside = here(*given, "--out", "beside")
    assert states(beside)["pull"] == "differs"


def test_other_packages_are_a_warning(first: First, here: Any) -> None:
    lock = first.run / "recipe.lock.yaml"
    first.edit(lock, f"polars: {pl.__version__}", "polars: 0.1.2")
    done = here("reproduce", first.run)
    assert done.returncode == 0
    assert f"polars 0.1.2 then, {pl.__version__} now" in done.stderr
    strict = here("reproduce", first.run, "--strict", "--out", "s")
    assert strict.returncode == 2
    assert not (first.home.parent / "s" / "01-pull").exists()


def test_a_run_with_options_is_built_again_as_it_ran(tmp_path: Path, here: Any, teacher: FakeTeacher) -> None:
    first = First(tmp_path).make(here, teacher, "--limit", "3", "--set", "distill.samples=1")
    done = here("reproduce", first.dataset, "--journal", first.answers, "--files", tmp_path, "--json")
    assert done.returncode == 0, done.stderr
    assert step(done, "distill")["rows"]["kept"] == [3, 3]


def test_changed_published_rows_are_told(first: First, here: Any) -> None:
    shard = next((first.dataset / "data").glob("*.parquet"))
    rows = pl.read_parquet(shard)
    pl.concat([rows[1:], rows[:1]]).write_parquet(shard)
    done = here("reproduce", first.dataset, "--journal", first.answers, "--files", first.home, "--json")
    assert done.returncode == 8
    dataset = step(done, "dataset")
    assert "they were changed since" in " ".join(dataset["why"])
    assert dataset["tables"]["default"]["moved"] is True


def test_published_rows_that_are_gone_are_not_the_same(first: First, here: Any) -> None:
    given = ("--journal", first.answers, "--files", first.home, "--json")
    shutil.rmtree(first.dataset / "metadata")
    done = here("reproduce", first.dataset, *given)
    assert (done.returncode, states(done)["dataset"]) == (8, "differs")
    found = step(done, "dataset")
    assert f"the published rows are missing: metadata/ ({found['rows']['metadata'][1]} rows)" in found["why"]
    assert found["rows"]["metadata"][0] is None
    human = here("reproduce", first.dataset, *given[:-1])
    assert "metadata (in this one alone)" in human.stdout
    for name in ("data", "all-traces"):
        shutil.rmtree(first.dataset / name)
        done = here("reproduce", first.dataset, *given)
        assert done.returncode == 8
        assert f"{name}/ (" in step(done, "dataset")["why"][0]
    assert states(done) == dict.fromkeys(STEPS, "same") | {"dataset": "not comparable"}
    assert "the rows made now have the digest that was noted of them" in step(done, "dataset")["why"]
    # A run knows of its dataset, too.
    shutil.rmtree(first.run / "dataset")
    done = here("reproduce", first.run, "--out", "of-run", "--json")
    assert done.returncode == 8
    assert "the published rows are missing: data/" in step(done, "dataset")["why"][0]


def test_data_that_the_run_did_not_publish_is_told(first: First, here: Any) -> None:
    shard = next((first.dataset / "data").glob("*.parquet"))
    given = ("reproduce", first.dataset, "--journal", first.answers, "--files", first.home, "--json")
    # Another run's split is left there by a push.
    shutil.copy(shard, shard.with_name("test-00000-of-00001.parquet"))
    done = here(*given)
    assert done.returncode == 0
    (first.dataset / "extra").mkdir()
    shutil.copy(shard, first.dataset / "extra")
    done = here(*given)
    assert (done.returncode, states(done)["dataset"]) == (8, "differs")
    assert f"the first run did not publish extra/{shard.name}" in step(done, "dataset")["why"]


def test_changed_tables_of_a_run_are_told(first: First, here: Any) -> None:
    table = first.run / "02-filter" / "kept.parquet"
    table.write_bytes(table.read_bytes()[:-8] + b"notbytes")  # as long as before
    (first.run / "04-verify" / "dropped.parquet").unlink()
    shard = next((first.run / "dataset" / "data").glob("*.parquet"))
    rows = pl.read_parquet(shard)
    shard.unlink()  # it is a link to the step's own
    rows.reverse().write_parquet(shard)
    done = here("reproduce", first.run, "--json")
    assert done.returncode == 8
    assert states(done) == dict.fromkeys(STEPS, "same") | dict.fromkeys(("filter", "verify"), "not comparable") | {
        "dataset": "differs"
    }
    assert step(done, "filter")["why"] == ["the first run's files were changed since: kept.parquet"]
    assert step(done, "verify")["why"] == ["the first run's files were changed since: dropped.parquet"]
    assert "the rows of default are not those that the first run wrote: they were changed since" in " ".join(
        step(done, "dataset")["why"]
    )


def test_nothing_is_pushed_and_nothing_is_written_to_the_first_run(first: First, here: Any, tmp_path: Path) -> None:
    lock = first.dataset / "recipe.lock.yaml"
    first.edit(lock, "lock:", f"- step: push\n  to: {tmp_path / 'stolen'}\nlock:")
    first.edit(lock, "  journal: null", f"  journal: {tmp_path / 'their.sqlite'}")
    done = here("reproduce", first.dataset, "--journal", first.answers, "--files", first.home)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "stolen").exists()
    assert not (tmp_path / "their.sqlite").exists()


def test_a_lock_that_asks_for_no_cage_is_not_obeyed_unasked(first: First, here: Any) -> None:
    lock = first.dataset / "recipe.lock.yaml"
    first.edit(lock, "sandbox: auto", "sandbox: rlimits")
    done = here("reproduce", first.dataset, "--journal", first.answers, "--files", first.home)
    assert done.returncode == 2
    assert "the step 'verify'" in done.stderr


def test_mistakes_are_one_sentence(first: First, here: Any) -> None:
    for target, options, expected in (
        ("home/run", ["--out", "home/run"], "the first run lies there"),
        ("home/run", ["--out", "home"], "holds other things"),
        ("home/run", ["--revision", "v1"], "has no revisions"),
        ("home/sums.yaml", [], "is a recipe and no lock"),
        ("home", [], "no recipe.lock.yaml"),
        ("nowhere", [], "nothing is there"),
        ("not/here", [], "no such folder here"),
    ):
        done = here("reproduce", target, *options)
        assert done.returncode in (2, 3)
        assert expected in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
        assert done.stdout == ""


@WHOLE_RUNS
def test_a_pinned_hub_source_that_has_moved_and_a_dataset_on_the_hub(tmp_path: Path, cli: Any) -> None:
    with HubServer() as hub, FakeTeacher() as teacher:
        repo = hub.repos["a/sums"] = Repo(False)

        def commit(rows: int, title: str) -> None:
            lines = [{"problem": f"What is {i} + {rows}?", "answer": str(i + rows)} for i in range(rows)]
            data = "".join(json.dumps(line) + "\n" for line in lines).encode()
            head = repo.branches.get("main")
            repo.add("main", head, {".gitattributes": File(ATTRIBUTES), "train.jsonl": File(data)}, title)

        commit(4, "first")
        source = "{kind: hub, name: sums, id: a/sums}"
        recipe = RECIPE.replace("URL", teacher.url).replace("{kind: file, name: sums, path: problems.jsonl}", source)
        (tmp_path / "sums.yaml").write_text(recipe.replace(", api_key_env: SUMS_KEY", ""))
        clean = {name: "" for name in os.environ if name.startswith(("HF_", "HUGGING"))}
        env = {**clean, "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hf"), "HF_TOKEN": "hf_secretToken"}
        env |= {"HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0", "HF_DATASETS_OFFLINE": "0"}
        First.check(cli("run", "sums.yaml", "--out", "run", env=env))
        First.check(cli("push", "run", "--to", "hub:me/sums", env=env))
        commit(9, "moved on")
        env["HF_HOME"] = str(tmp_path / "hf2")
        done = cli("reproduce", "me/sums", "--journal", "run", "--json", env=env)
        assert done.returncode == 0, done.stderr
        assert states(done) == dict.fromkeys(STEPS, "same")
        assert step(done, "pull")["rows"]["kept"] == [4, 4]
        gone = cli("reproduce", "hub:me/nothing", "--journal", "run", env=env)
        assert gone.returncode == 3
        assert "the Hub has no dataset me/nothing" in gone.stderr


def test_a_report_keeps_the_digests(first: First) -> None:
    told = json.loads((first.dataset / "reproduce.json").read_text())
    run = RunDirectory(first.run)
    for fact in told["steps"]:
        report = run.report(fact["step"])
        assert report is not None
        assert report["content"] == {"kept": fact["kept"]["digest"], "dropped": fact["dropped"]["digest"]}
        assert fact["kept"]["rows"] == run.kept(fact["step"]).height
