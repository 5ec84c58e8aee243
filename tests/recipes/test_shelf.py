"""The shipped recipes tell what they make and cost, and the README's table says the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cotkit.recipe.load import load, shipped
from cotkit.recipe.shelf import Entry, shelf

README = Path(__file__).parents[2] / "README.md"
SHELF = {entry.name: entry for entry in shelf()}


def named(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def table() -> dict[str, list[str]]:
    """Name of a recipe -> the cells of its row in the README."""
    text = README.read_text(encoding="utf-8").partition("\n## Recipes\n")[2].partition("\n## ")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| `")
    ]
    return {name: row for row in rows for name in named(row[0])}


def test_every_shipped_recipe_is_on_the_shelf_in_order() -> None:
    assert list(SHELF) == sorted(path.stem for path in shipped())
    assert SHELF["strict-math"].mode == SHELF["still2-strict"].mode == "strict"
    assert SHELF["still2"].mode == "faithful"
    assert SHELF["quickstart"].mode == ""


@pytest.mark.parametrize("entry", SHELF.values(), ids=lambda entry: entry.name)
def test_a_header_says_what_it_costs_and_how_it_is_run(entry: Entry) -> None:
    assert entry.description.endswith(".")
    assert re.fullmatch(r"none|about \$[\d,]+|as [\w.-]+", entry.cost), entry.cost
    if entry.cost.startswith("as "):
        assert SHELF[entry.cost[3:]].cost.startswith("about $")
    assert re.search(rf"cotkit run {re.escape(entry.name)}(?=$|[\s)])", entry.run), entry.run


def test_the_readme_lists_every_recipe_and_no_other() -> None:
    assert set(table()) == set(SHELF)


@pytest.mark.parametrize("name", table())
def test_a_row_of_the_readme_says_what_the_recipe_says(name: str) -> None:
    _, _, teacher, cost, command = table()[name]
    teachers = {s.teacher.model for s in load_any(name) if s.step == "distill"} or {"none"}
    assert set(named(teacher)) == teachers or teachers == {"none"}
    first = named(table()[name][0])[0]
    if name == first:
        assert f"cotkit run {name}" in command
    said = SHELF[SHELF[name].cost[3:]].cost if SHELF[name].cost.startswith("as ") else SHELF[name].cost
    assert said.removeprefix("about ") in cost, f"the header says {said}"


def load_any(name: str) -> list[object]:
    """The steps of a recipe, with something for each variable that must be given."""
    declared = re.findall(r"^  (\w+): null$", next(p for p in shipped() if p.stem == name).read_text(), re.MULTILINE)
    return list(load(name, [f"vars.{variable}=/tmp/x" for variable in declared]).recipe.steps)
