"""Every shipped recipe, on its golden miniature: see golden.py."""

from __future__ import annotations

import json
from pathlib import Path

import golden
import pytest
from typer.testing import CliRunner

from cotkit.cli.app import app
from cotkit.recipe.load import load, shipped
from cotkit.run.directory import RunDirectory
from cotkit.run.runner import run_recipe

MINIATURES = [golden.read(path) for path in sorted(golden.FOLDER.glob("*.yaml"))]
CASES = [pytest.param(mini, name, id=name) for mini in MINIATURES for name in mini.expect]


def test_every_shipped_recipe_has_a_miniature() -> None:
    covered = {name for mini in MINIATURES for name in mini.expect}
    assert covered == {path.stem for path in shipped()} - {"quickstart"}  # it has test_quickstart_run.py


@pytest.mark.parametrize(("mini", "name"), CASES)
def test_every_row_meets_its_planted_fate(mini: golden.Miniature, name: str, tmp_path: Path) -> None:
    with golden.prepared(mini, name, tmp_path) as options:
        loaded = load(name, options)
        run_recipe(loaded.recipe, tmp_path / "run")
        found = golden.outcome(mini, loaded, RunDirectory(tmp_path / "run"))
        wrong = golden.differences(mini.expect[name], found)
        assert not wrong, "\n".join(wrong)
        again = run_recipe(loaded.recipe, tmp_path / "run")
    assert again.ran == []


@pytest.mark.parametrize(("mini", "name"), CASES)
def test_it_validates_and_tells_its_steps_and_its_cost(mini: golden.Miniature, name: str, tmp_path: Path) -> None:
    with golden.prepared(mini, name, tmp_path) as options:
        sets = [part for option in options for part in ("--set", option)]
        for command in (["validate", name], ["run", name, "--dry-run", "--out", str(tmp_path / "run")]):
            done = CliRunner().invoke(app, [*command, *sets])
            assert done.exit_code == 0, done.output
        if any(step.step == "distill" for step in load(name, options).recipe.steps):
            given = ["--rows", "1000", "--json", "--out", str(tmp_path / "run")]
            done = CliRunner().invoke(app, ["estimate", name, *given, *sets])
            assert done.exit_code == 0, done.output
            assert json.loads(done.stdout)["requests"] > 0
