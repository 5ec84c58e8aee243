"""Plug-ins by entry point: they work by name, their edits are noticed, and a broken one harms nobody else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

FILTER = """\
from typing import Any, ClassVar, Literal
from cotkit.curate.filters import Filter
from cotkit.records import Problem

class Even(Filter):
    \"\"\"Drop even rows.\"\"\"
    name: Literal["even"] = "even"
    reason: ClassVar[str] = "even"

    def reject(self, problem: Problem) -> dict[str, Any] | None:
        return BODY
"""
SOURCE = """\
from typing import Literal
from cotkit.source import RawRow, Source

class Numbers(Source):
    \"\"\"Sums made up from the keys.\"\"\"
    kind: Literal["numbers"] = "numbers"
    path: str = "a"

    def materials(self, pins):
        return {}

    def rows(self, pins):
        for i in range(5):
            yield RawRow(i, f"row {i}", {"problem": f"{self.path}: what is {i} + 1?", "answer": str(i + 1)})
"""
RECIPE = """\
name: plugged
steps:
  - step: pull
    sources: [{kind: numbers, name: n}]
  - step: filter
    filters: [{name: even}]
"""


@pytest.fixture
def plugged(tmp_path: Path) -> Path:
    """A site folder with two plug-ins, found as an installed distribution is found."""
    info = tmp_path / "site" / "cotkit_test_plugins-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: cotkit-test-plugins\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[cotkit.filters]\neven = cotkit_test_even:Even\nbroken = cotkit_test_broken:Nothing\n"
        "[cotkit.sources]\nnumbers = cotkit_test_numbers:Numbers\n"
    )
    (tmp_path / "site" / "cotkit_test_even.py").write_text(
        FILTER.replace("BODY", '{"row": problem.source_row} if problem.source_row % 2 == 0 else None')
    )
    (tmp_path / "site" / "cotkit_test_numbers.py").write_text(SOURCE)
    (tmp_path / "site" / "cotkit_test_broken.py").write_text("import not_there_at_all\n")
    (tmp_path / "r.yaml").write_text(RECIPE)
    return tmp_path


def in_process(path: Path, code: str) -> str:
    head = f"import sys; sys.path.insert(0, {str(path / 'site')!r})\n"
    # -B: Python takes a compiled module for the edited one's, where both sources are of one size and one second.
    command = [sys.executable, "-B", "-c", head + code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=path)
    return done.stdout + done.stderr


RUN = """
from pathlib import Path
from cotkit.errors import CotkitError
from cotkit.recipe.load import load
from cotkit.run.runner import run_recipe
import json
try:
    result = run_recipe(load("r.yaml", OPTIONS).recipe, Path("out"))
    print(json.dumps([result.ran, result.funnel[-1]["reasons"]]))
except CotkitError as error:
    print("refused:", error)
"""


def test_a_filter_and_a_source_work_by_name(plugged: Path) -> None:
    assert json.loads(in_process(plugged, RUN.replace("OPTIONS", "[]"))) == [["pull", "filter"], {"even": 3}]
    assert json.loads(in_process(plugged, RUN.replace("OPTIONS", "[]")))[0] == []


def test_an_edited_plugin_and_a_key_called_path_are_noticed(plugged: Path) -> None:
    in_process(plugged, RUN.replace("OPTIONS", "[]"))
    code = plugged / "site" / "cotkit_test_even.py"
    code.write_text(code.read_text().replace("% 2", "% 3"))
    assert json.loads(in_process(plugged, RUN.replace("OPTIONS", "[]"))) == [["filter"], {"even": 2}]
    options = '["pull.sources.n.path=/b"]'
    assert json.loads(in_process(plugged, RUN.replace("OPTIONS", options)))[0] == ["pull", "filter"]


def test_limit_holds_for_a_source_that_does_not_know_it(plugged: Path) -> None:
    options = '["pull.sources.n.limit=2"]'
    assert json.loads(in_process(plugged, RUN.replace("OPTIONS", options)))[1] == {"even": 1}


@pytest.mark.parametrize("body", ["1 / 0", '{"a": {1, 2}}', "True", '{"a": float("nan")}', '{"a": "\\ud800"}'])
def test_a_filter_that_fails_is_named_with_the_row(plugged: Path, body: str) -> None:
    (plugged / "site" / "cotkit_test_even.py").write_text(FILTER.replace("BODY", body))
    said = in_process(plugged, RUN.replace("OPTIONS", "[]"))
    assert said.startswith("refused: filter 'even' failed at row n:0"), said


def test_a_broken_plugin_is_told_only_where_it_is_used(plugged: Path) -> None:
    assert json.loads(in_process(plugged, RUN.replace("OPTIONS", "[]")))[0] == ["pull", "filter"]
    said = in_process(plugged, RUN.replace("OPTIONS", '["filter.filters=[{name: broken}]"]'))
    assert "the plug-in 'broken' (cotkit_test_broken:Nothing) of filters cannot be imported" in said


def test_a_plugin_cannot_take_a_name_of_ours(plugged: Path) -> None:
    points = next(plugged.glob("site/*.dist-info")) / "entry_points.txt"
    points.write_text("[cotkit.filters]\nlength = cotkit_test_even:Even\n")
    assert "is called 'length' like one of cotkit's own filters" in in_process(plugged, RUN.replace("OPTIONS", "[]"))
