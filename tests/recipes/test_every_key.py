"""Every key that a shipped recipe sets changes a step's cache key, or its step says why it is left out of it.

Nothing is read and nobody is asked: recipes are loaded and keys computed, without what files and the Hub hold.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from cotkit.errors import CotkitError
from cotkit.recipe.document import Document
from cotkit.recipe.load import load, shipped, validate
from cotkit.recipe.lock import resolved
from cotkit.recipe.models import Recipe
from cotkit.run import key
from cotkit.steps import Step

NAMES = [path.stem for path in shipped()]
INCLUDING = [path for path in shipped() if "\ninclude: " in path.read_text(encoding="utf-8")]
# Where no other value is valid alone: the others come with keys of their own, or it is all that a step does.
ONE_VALUE = {"step", "kind", "by", "name", "variant", "subject", "problems"}
# Tried besides what the value itself suggests; a refused value counts for nothing.
OTHERS: tuple[Any, ...] = yaml.safe_load("""
[null, true, false, 0, 1, 2, 0.5, other, none, math, code, aime24, deepscaler, fr, raw, first, openrouter, together,
 deepseek-v4-flash, "http://127.0.0.1:9/v1", OTHER_KEY, "hub:a/b", "{problem} Go.", [other], [incorrect], [math], [1],
 topics, {}, {max_tokens: 99}, {math: [incorrect]}, {math: 1.0}, {other: [x]}, {math: {user: "{problem} Go."}}]
""")
GONE = object()


def options(name: str) -> list[str]:
    """Values for the variables that have none, and all steps switched on."""
    declared: dict[str, Any] = load_data(name).get("vars") or {}
    return [f"vars.{k}={'hub:me/it' if 'push' in k else '/data'}" for k, v in declared.items() if v is None] + [
        f"vars.{k}=true" for k, v in declared.items() if v is False
    ]


def load_data(name: str) -> dict[str, Any]:
    """A recipe's own data; that of the one it includes where it has no variables itself."""
    path = next(p for p in shipped() if p.stem == name)
    data: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    if "vars" in data or "include" not in data:
        return data
    return load_data(data["include"].removesuffix(".yaml"))


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    items = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    for k, item in items:
        yield from leaves(item, (*path, k))
    if not items:
        yield path


def at(data: Any, path: tuple[str | int, ...]) -> Any:
    for part in path:
        data = data[part]
    return data


def with_value(data: Any, path: tuple[str | int, ...], value: Any) -> Any:
    changed = copy.deepcopy(data)
    target = at(changed, path[:-1])
    if value is GONE:
        del target[path[-1]]
    else:
        target[path[-1]] = value
    return changed


def parts(step: Step) -> key.Components:
    return key.components(step, 0, {}, {})


def read(data: Any, path: Path) -> Recipe | str:
    """The recipe, or why it is none."""
    try:
        return validate(Document(copy.deepcopy(data)), path)
    except CotkitError as error:
        return str(error)


def named_values(data: Any, path: tuple[str | int, ...]) -> list[Any]:
    """The values that the model itself names when it meets a wrong one."""
    try:
        Recipe.model_validate(with_value(data, path, "no-such-value"), context={"base": "/"})
    except ValidationError as error:
        told = [c for e in error.errors() for c in (e.get("ctx") or {}).values() if isinstance(c, str)]
        return [word for text in told for word in re.findall(r"'([^']+)'", text)]
    return []


def variants(data: Any, path: tuple[str | int, ...]) -> Iterator[tuple[Any, bool]]:
    """The recipe with another value there, the likeliest first; and whether there is a value at all."""
    for value in candidates(data, path):
        yield with_value(data, path, value), value is not GONE
    value, parent = at(data, path), at(data, path[:-1])
    if isinstance(value, str):  # a name that other keys use, too
        yield renamed(data, value), True
    if isinstance(parent, list):
        yield with_value(data, path[:-1], parent[::-1]), True


def renamed(data: Any, name: str) -> Any:
    if isinstance(data, dict):
        return {k: renamed(item, name) for k, item in data.items()}
    if isinstance(data, list):
        return [renamed(item, name) for item in data]
    return f"{name}x" if data == name else data


def candidates(data: Any, path: tuple[str | int, ...]) -> Iterator[Any]:
    value = at(data, path)
    own: list[Any] = [GONE]
    if isinstance(value, bool):
        own.append(not value)
    elif isinstance(value, int | float):
        own += [value + 1, value - 1, value / 2]
    elif isinstance(value, str):
        own += [str(int(value) + 1)] if value.isdigit() else [value + "x", value + "-x"]
    yield from own
    yield from (other for other in named_values(data, path) if other != value)
    yield from (other for other in OTHERS if other != value)


@pytest.mark.parametrize("name", NAMES)
def test_every_key_of_its_steps_changes_the_key_of_the_step(name: str) -> None:
    loaded = load(name, options(name))
    data = loaded.document.data
    idle, refused = [], []
    for path in leaves(data["steps"], ("steps",)):
        number, inside = int(path[1]), ".".join(map(str, path[2:]))
        step = loaded.recipe.steps[number]
        if key.is_excluded(inside, {**key.EXCLUDED, **step.exclusions()}):
            continue
        before, tried = parts(step), 0
        for changed, is_set in variants(data, path):
            found = read(changed, loaded.path)
            if isinstance(found, Recipe):
                tried += is_set  # without it the default may say the same
                if len(found.steps) != len(loaded.recipe.steps) or parts(found.steps[number]) != before:
                    break
        else:
            (idle if tried else refused).append(f"{step.name}.{inside}")
    assert not idle, f"set, and nothing changes: {idle}"
    unexpected = [path for path in refused if path.rpartition(".")[2] not in ONE_VALUE]
    assert not unexpected, f"no other value is known to be valid: {unexpected}"


def test_what_stays_out_of_a_key_says_why() -> None:
    steps = {type(step): step for name in NAMES for step in load(name, options(name)).recipe.steps}
    for step in steps.values():
        assert all(why.strip() for why in step.exclusions().values())


@pytest.mark.parametrize("name", NAMES)
def test_its_name_description_and_seed_are_in_the_lock_and_its_variables_in_the_steps(name: str) -> None:
    loaded = load(name, options(name))
    whole = resolved(loaded.recipe)
    assert whole["description"], "a recipe says what it makes"
    for top, value in (("name", "other"), ("description", "other"), ("version", 99), ("seed", 99)):
        changed = resolved(loaded.recipe.model_copy(update={top: value}))
        assert changed != whole, top
    for variable, value in (loaded.document.data.get("vars") or {}).items():
        other = not value if isinstance(value, bool) else value + 1 if isinstance(value, int) else f"{value}x"
        try:
            moved = load(name, [*options(name), f"vars.{variable}={other}"])
        except CotkitError:
            continue  # it is looked at: no teacher, price or class is called so
        assert resolved(moved.recipe)["steps"] != whole["steps"], f"the variable {variable} changes no step"


@pytest.mark.parametrize("path", INCLUDING, ids=lambda path: path.stem)
def test_every_change_to_an_included_recipe_is_one(path: Path, tmp_path: Path) -> None:
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    data["include"] = str(path.parent / data["include"]) if data["include"].endswith(".yaml") else data["include"]
    whole = _made(data, tmp_path)
    assert not isinstance(whole, str), whole
    for section in ("set", "remove", "insert"):
        for place in list(data.get(section) or ()) if section == "set" else range(len(data.get(section) or ())):
            assert _made(with_value(data, (section, place), GONE), tmp_path) != whole, f"{section} {place} is idle"
    for top in set(data) - {"include", "set", "remove", "insert", "steps", "version"}:
        assert _made(with_value(data, (top,), GONE), tmp_path) != whole, f"{top} is as in the included recipe"


def _made(data: Any, folder: Path) -> Any:
    """The recipe that the data makes, as its lock shows it; or why it makes none."""
    file = folder / "recipe.yaml"
    file.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    try:
        return resolved(load(str(file), options_of(file)).recipe)
    except CotkitError as error:
        return str(error)


def options_of(file: Path) -> list[str]:
    included = yaml.safe_load(file.read_text(encoding="utf-8"))["include"]
    return options(Path(included).name.removesuffix(".yaml"))
