"""report.html without a browser: what is in it, how large it is, what it says is left out."""

from __future__ import annotations

import base64
import json
import random
import re
import zlib
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from conftest import Cli
from report import line, make_run, put

from cotkit.records import Problem, frame
from cotkit.run.directory import RunDirectory
from cotkit.run.report import write_report
from cotkit.run.report.fates import gather

ROWS = 300


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large") / "run"
    make_run(folder, ROWS, random.Random(1))
    return folder


def funnel_of(folder: Path) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = json.loads((folder / "funnel.json").read_text())["steps"]
    return steps


def page_of(folder: Path, megabytes: int = 32) -> str:
    write_report("large", funnel_of(folder), RunDirectory(folder), megabytes)
    return (folder / "report.html").read_text(encoding="utf-8")


def opened(page: str, name: str) -> str:
    """The text of one block, as the page opens it."""
    block = re.search(f"id='data-{name}'>([^<]*)<", page)
    assert block, name
    return zlib.decompress(base64.b64decode(block[1]), -zlib.MAX_WBITS).decode()


def test_every_row_ends_once_and_where_the_funnel_says(large: Path) -> None:
    fates = gather(funnel_of(large), RunDirectory(large)).table
    assert fates.height == ROWS
    assert fates.select("problem_id", "sample", "source_row").is_duplicated().sum() == 0
    for entry in funnel_of(large):
        there = fates.filter((pl.col("step") == entry["step"]) & pl.col("reason").is_not_null())
        assert dict(there["reason"].value_counts().iter_rows()) == entry["reasons"], entry["step"]
    assert fates["reason"].is_null().sum() == funnel_of(large)[-1]["kept"]


def test_a_page_with_room_holds_every_text(large: Path) -> None:
    page = page_of(large)
    assert f"All {ROWS} rows are in this page with all their texts." in page
    index = json.loads(opened(page, "index"))
    columns = index["columns"]
    assert {len(column) for column in columns.values()} == {ROWS}
    traces = pl.read_parquet(large / "05-distill" / "kept.parquet")
    heads = opened(page, "heads").split("\x1e")
    for row in range(0, ROWS, 37):
        if columns["sample"][row] < 0:
            continue
        identity = heads[columns["problem"][row]].split("\x1f")[0]
        record = json.loads(opened(page, f"trace-{columns['trace'][row]}"))[str(row)]
        of = traces.filter((pl.col("problem_id") == identity) & (pl.col("sample") == columns["sample"][row]))
        assert record["reasoning"] == of["reasoning"].item()
        assert record["response"] == of["response"].item()


def test_a_page_without_room_stays_small_and_says_what_is_left_out(large: Path) -> None:
    page = page_of(large, 1)
    own = sum(len(asset.read_bytes()) for asset in (files("cotkit.run.report") / "assets").iterdir())
    blocks = sum(len(block) for block in re.findall(r"id='data-[^']+'>([^<]*)<", page))
    assert blocks < 1_050_000
    assert len(page) < blocks + own + 200_000
    said = re.search(r"and ([\d,]+) of\s+([\d,]+) attempts", page)
    assert said
    traces = json.loads(opened(page, "index"))["columns"]["trace"]
    assert int(said[1]) == sum(code >= 0 for code in traces) < int(said[2])
    # Each reason has its examples, whole, however small the page.
    reasons = {(entry["step"], reason) for entry in funnel_of(large) for reason in entry["reasons"]}
    assert page.count("<summary>") - page.count("more pairs</summary>") == len(reasons)


def test_equal_runs_give_equal_bytes(large: Path) -> None:
    assert page_of(large) == page_of(large)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.handlers += [name for name, value in attrs if name.startswith("on") or "javascript:" in (value or "")]


def test_a_run_of_one_step_and_hostile_text_has_a_page(cli: Cli, tmp_path: Path) -> None:
    evil = "</script><script>alert(1)</script><img src=x onerror=alert(2)> \u2028 ]]> <!-- $name What is 1 + 1?"
    rows = [{"problem": evil, "answer": "2"}, {"problem": "", "answer": evil}]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    recipe = "name: hostile\nsteps:\n  - step: pull\n    sources: [{kind: file, name: s, path: p.jsonl}]\n"
    (tmp_path / "r.yaml").write_text(recipe + "  - step: filter\n    filters: [{name: length, max_chars: 20}]\n")
    assert cli("run", "r.yaml", "--out", "out").returncode == 0
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    parser = _Tags()
    parser.feed(page)
    assert "img" not in parser.tags
    assert parser.handlers == []
    assert parser.tags.count("script") == 3 + page.count("<script type='text/plain'")
    assert "alert(1)" in page
    assert "default-src 'none'" in page


def test_the_command_writes_the_page_anew(cli: Cli, large: Path) -> None:
    (large / "recipe.lock.yaml").write_text("name: large\n")
    done = cli("report", str(large), "--megabytes", "1")
    assert done.returncode == 0, done.stderr
    assert "at most 1 MB of texts" in (large / "report.html").read_text(encoding="utf-8")
    assert cli("report", str(large), "--megabytes", "0").returncode == 2


def test_odd_evidence_and_metadata_break_nothing(tmp_path: Path) -> None:
    """What a plug-in may write: NaN, half characters, depths, no JSON at all. The page's blocks stay JSON."""
    evidence = ['{"a": NaN, "kept_problem": "x", "score": "high"}', '{"x": "\\ud800"}', "[" * 3000, "[1, 1e999]", ""]
    metadata = ['{"difficulty": NaN}', "[1]", 'no "level"', '{"level": "Level 5"}', '{"difficulty": 1e999}']
    rows = [Problem(f"{i:016x}", f"p {i}", source_row=i, metadata=text) for i, text in enumerate(metadata)]
    table = frame(Problem, rows)
    gone = table.with_columns(reason=pl.lit("odd"), evidence=pl.Series(evidence))
    put(tmp_path / "01-pull", table, gone.clear())
    put(tmp_path / "02-filter", table.clear(), gone)
    lines = [line("pull", "pull", "rows", 5, 5, {}), line("filter", "filter", "problems", 5, 0, {"odd": 5})]
    write_report("odd", lines, RunDirectory(tmp_path))
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "kept instead" in page

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    found = {}
    for number in range(page.count("id='data-facts-")):
        found |= json.loads(opened(page, f"facts-{number}"), parse_constant=refuse)
    assert len(found) == 5


def test_more_rows_than_fit_are_thinned_evenly(tmp_path: Path) -> None:
    rows = [Problem(f"{i:016x}", f"problem number {i}", source=f"s{i % 3}", source_row=i) for i in range(20_000)]
    table = frame(Problem, rows)
    put(tmp_path / "01-pull", table, table.clear().with_columns(reason=pl.lit(""), evidence=pl.lit("")))
    write_report("many", [line("pull", "pull", "rows", 20_000, 20_000, {})], RunDirectory(tmp_path), 1)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    columns = json.loads(opened(page, "index"))["columns"]
    assert "8,333 of 20,000 rows can be searched" in page
    assert len(columns["source_row"]) == len(set(columns["source_row"])) == 8_333
    assert columns["source_row"][4_000] == pytest.approx(20_000 * 4_000 / 8_333, abs=1)
    assert sum(len(block) for block in re.findall(r"id='data-[^']+'>([^<]*)<", page)) < 1_000_000


def test_ratings_and_subjects_of_a_features_step_are_drawn(tmp_path: Path) -> None:
    rated = [Problem(f"{i:016x}", f"p {i}", source_row=i, difficulty=float(i % 2 + 4), subject="05") for i in range(4)]
    table = frame(Problem, [*rated, Problem("f" * 16, "p 4", source_row=4, difficulty=float("nan"))])
    put(tmp_path / "01-pull", table, table.clear().with_columns(reason=pl.lit(""), evidence=pl.lit("")))
    write_report("rated", [line("pull", "pull", "rows", 5, 5, {})], RunDirectory(tmp_path))
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Difficulty, as a model rates it" in page
    assert "Subject (MSC 2020)" in page
