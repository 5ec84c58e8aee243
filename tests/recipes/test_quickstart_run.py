"""The quickstart, run as a user runs it: every planted row meets its fate, and the dataset loads."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cotkit.config import PACKAGE
from cotkit.run.directory import RunDirectory

# Whole runs in processes of their own: a minute and more each where others want the processors, too.
pytestmark = pytest.mark.timeout(600)

DATA = PACKAGE / "recipes" / "data" / "quickstart"
# Nothing of the environment may help: no key, and a proxy that would break any request to the outside.
CLOSED = {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "1"}


def cotkit(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cotkit", *arguments]
    env = {**os.environ, **CLOSED, **more}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    out = tmp_path_factory.mktemp("quickstart") / "run"
    done = cotkit("run", "quickstart", "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(out / "dataset")
    return RunDirectory(out)


@pytest.fixture(scope="module")
def plants() -> dict[str, str | None]:
    rows = [json.loads(line) for line in (DATA / "problems.jsonl").read_text(encoding="utf-8").splitlines()]
    return {row["id"]: row["plant"] for row in rows}


def ids(table: Any) -> dict[str, dict[str, Any]]:
    """id -> row (evidence decoded) of a table of problems or examples."""
    found = {}
    for row in table.iter_rows(named=True):
        if "evidence" in row:
            row["evidence"] = json.loads(row["evidence"])
        found[json.loads(row["metadata"])["id"]] = row
    return found


def planted(plants: dict[str, str | None], kind: str) -> dict[str, str]:
    """id -> what stands behind the colon, for one kind of plant."""
    return {i: p.partition(":")[2] for i, p in plants.items() if p and p.startswith(kind)}


def test_duplicates_are_dropped_beside_their_originals(finished: RunDirectory, plants: dict[str, str | None]) -> None:
    dropped = ids(finished.dropped("dedup"))
    exact, near = planted(plants, "exact_duplicate_of"), planted(plants, "near_duplicate_of")
    assert {i: r["reason"] for i, r in dropped.items()} == {
        **dict.fromkeys(exact, "exact_duplicate"),
        **dict.fromkeys(near, "near_duplicate"),
    }
    kept = {row["problem_id"]: i for i, row in ids(finished.kept("dedup")).items()}
    for i, original in {**exact, **near}.items():
        assert kept[dropped[i]["evidence"]["kept_problem_id"]] == original


def test_leaks_are_dropped_with_the_benchmark_item(finished: RunDirectory, plants: dict[str, str | None]) -> None:
    items = [json.loads(line)["id"] for line in (DATA / "benchmark.jsonl").read_text(encoding="utf-8").splitlines()]
    dropped = ids(finished.dropped("decontaminate"))
    assert {i: items[r["evidence"]["benchmark_row"]] for i, r in dropped.items()} == planted(plants, "leak_of")
    assert {r["reason"] for r in dropped.values()} == {"leak"}


def test_ungradable_rows_are_dropped_for_their_own_reason(
    finished: RunDirectory, plants: dict[str, str | None]
) -> None:
    dropped = ids(finished.dropped("filter"))
    wanted = {
        "proof": "proof",
        "needs_figure": "needs_figure",
        "prose_answer": "ungradable prose",
        "multi_part": "ungradable multi_part",
        "no_answer": "ungradable empty",
    }
    found = {i: f"{r['reason']} {r['evidence'].get('why', '')}".strip() for i, r in dropped.items()}
    assert found == {i: wanted[why] for i, why in planted(plants, "ungradable").items()}


def test_siblings_and_clean_rows_are_all_asked(finished: RunDirectory, plants: dict[str, str | None]) -> None:
    clean = {i for i, plant in plants.items() if plant is None or plant.startswith("sibling_of")}
    assert set(ids(finished.kept("decontaminate"))) == clean
    asked = set(finished.kept("distill")["problem_id"])
    assert asked == set(finished.kept("decontaminate")["problem_id"])


def test_the_recorded_teacher_has_every_kind_of_answer(finished: RunDirectory) -> None:
    assert finished.dropped("distill").is_empty()
    statuses = Counter(finished.kept("distill")["status"].to_list())
    assert statuses["done"] > 50
    assert statuses["length"] >= 3
    assert statuses["unclosed"] >= 3
    verdicts = Counter(finished.kept("verify")["verdict"].to_list())
    assert verdicts["correct"] >= 15
    assert verdicts["incorrect"] >= 20


def test_counts_add_up(finished: RunDirectory) -> None:
    funnel = json.loads((finished.path / "funnel.json").read_text())["steps"]
    assert [e["step"] for e in funnel][:4] == ["pull", "filter", "dedup", "decontaminate"]
    for before, line in zip([None, *funnel], funnel, strict=False):
        assert line["rows_in"] == line["kept"] + line["dropped"]
        assert line["dropped"] == sum(line["reasons"].values())
        if before is not None and line["step"] != "distill":
            assert line["rows_in"] == before["kept"]


def test_it_loads_and_says_what_it_holds(finished: RunDirectory) -> None:
    code = (
        "import sys; from datasets import load_dataset; d = load_dataset(sys.argv[1], split='train');"
        "print(d.num_rows, d[0]['messages'][0]['role'], d[0]['messages'][-1]['content'][:7])"
    )
    home = {"HF_HOME": str(finished.path.parent / "hf")}
    done = subprocess.run(
        [sys.executable, "-c", code, str(finished.path / "dataset")],
        capture_output=True, text=True, check=True, env={**os.environ, **CLOSED, **home},
    )  # fmt: skip
    rows = finished.kept("select").height
    assert done.stdout.split() == [str(rows), "user", "<think>"]
    card = (finished.path / "dataset" / "README.md").read_text()
    assert "license: cc0-1.0" in card
    assert str(rows) in card
    assert str(finished.path) not in card


def test_again_does_nothing_in_a_moment(finished: RunDirectory) -> None:
    before = {p: p.stat().st_mtime_ns for p in finished.path.rglob("*.parquet")}
    done = cotkit("run", "quickstart", "--out", str(finished.path), PYTHONPROFILEIMPORTTIME="1")
    assert done.returncode == 0
    assert "nothing was run, nothing was paid" in done.stderr
    assert {p: p.stat().st_mtime_ns for p in finished.path.rglob("*.parquet")} == before
    assert "cotkit.run.runner" in done.stderr
    assert not re.search(r"\| +(torch|sentence_transformers|datasets)$", done.stderr, re.MULTILINE)


def test_a_changed_filter_is_named_and_runs_from_there(finished: RunDirectory, tmp_path: Path) -> None:
    plan = cotkit(
        "run", "quickstart", "--out", str(finished.path), "--dry-run", "--set", "filter.filters.length.min_chars=16"
    )
    assert plan.returncode == 0
    lines = plan.stdout.splitlines()
    assert lines[0].split()[:2] == ["01", "pull"]
    assert "up to date" in lines[0]
    assert "filters.0.min_chars: 15 → 16" in lines[1]


def test_report_tells_why(finished: RunDirectory) -> None:
    rows = [
        json.loads(x) for x in cotkit("report", str(finished.path), "--dropped", "decontaminate").stdout.splitlines()
    ]
    assert len(rows) == 5
    assert all(row["evidence"]["benchmark_problem"] for row in rows)
    row = rows[0]
    name = f"{row['source']}:{row['source_row']}"
    story = json.loads(cotkit("report", str(finished.path), "--row", name, "--json").stdout)
    assert [(e["step"], e["fate"]) for e in story] == [
        ("pull", "kept"), ("filter", "kept"), ("dedup", "kept"), ("decontaminate", "dropped"),
    ]  # fmt: skip
    assert "<h2>" in (finished.path / "report.html").read_text()
    status = json.loads(cotkit("status", str(finished.path), "--json").stdout)
    assert all(step["done"] for step in status["steps"])


def leaves(value: Any) -> list[str]:
    if isinstance(value, dict | list):
        return [text for part in (value.values() if isinstance(value, dict) else value) for text in leaves(part)]
    return [str(value)]


def words(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9]+", text.lower()))


def words_in(folder: Path) -> str:
    """The words of all files below a folder, of Parquet files those of every cell."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    texts = (leaves(pl.read_parquet(p).to_dicts()) if p.suffix == ".parquet" else [p.read_text("utf-8")] for p in files)
    return " ".join(words(text) for found in texts for text in found)


def test_no_benchmark_text_is_published_or_pushed(finished: RunDirectory, tmp_path: Path) -> None:
    run, pushed = tmp_path / "run", tmp_path / "pushed"
    shutil.copytree(finished.path, run)
    every = "publish.configs=[all-traces, metadata]"
    assert cotkit("run", "quickstart", "--out", str(run), "--set", every).returncode == 0
    done = cotkit("push", str(run), "--to", str(pushed))
    assert done.returncode == 0, done.stderr
    lines = (DATA / "benchmark.jsonl").read_text("utf-8").splitlines()
    items = [words(json.loads(line)["problem"]) for line in lines]
    pairs = [json.loads(text)["benchmark_problem"] for text in finished.dropped("decontaminate")["evidence"]]
    shown = " ".join(words(text) for text in pairs)
    assert sum(item in shown for item in items) >= 5, (
        "the run itself shows them, spelled alike, so this look finds what is there"
    )
    for folder in (run / "dataset", pushed):
        text = words_in(folder)
        assert words(finished.kept("select")["problem"][0]) in text
        assert [item for item in items if item in text] == []
