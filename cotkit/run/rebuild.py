"""A lock as a recipe that can be run anew elsewhere: nothing is pushed, nothing of the first run is written to."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from cotkit.config import PACKAGE
from cotkit.errors import InputError, RecipeError
from cotkit.recipe.document import Document, KeyPath, Place, read
from cotkit.recipe.load import validate
from cotkit.recipe.models import Lock, Recipe
from cotkit.run.directory import RunDirectory
from cotkit.run.runner import check_owner, resolve_pins
from cotkit.run.tables import digest_of

# Keys of files that a step writes: those of the new run lie in its own directory.
_WRITTEN = ("journal", "cache")


@dataclass(frozen=True)
class Rebuild:
    """What to run.

    Attributes:
        recipe: without its push steps; its lock pins what is at hand now.
        lock: what the first run resolved.
        others: inputs that are not those of the first run, a sentence each.
    """

    recipe: Recipe
    lock: Lock
    others: tuple[str, ...]


def read_lock(path: Path) -> tuple[Document, Recipe, list[Path]]:
    """The lock as data, as the recipe that ran without its push steps, and the journals that it named.

    Raises RecipeError where it cannot be read or is no lock.
    """
    document = read(path)
    steps = document.data.get("steps")
    if document.data.get("lock") is None or not isinstance(steps, list):
        raise RecipeError(f"{path}: this is a recipe and no lock of a run; `cotkit run {path}` runs it")
    # Whoever rebuilds does not publish in the first one's name.
    document.data["steps"] = [s for s in steps if not (isinstance(s, dict) and s.get("step") == "push")]
    journals = [Path(text) for key, text in _cleared(document.data["steps"]) if key == "journal"]
    return document, validate(document, path), journals


def _cleared(value: Any) -> list[tuple[str, str]]:
    """Take out what names a file to write; returns what was there."""
    found = []
    if isinstance(value, dict):
        for key in _WRITTEN:
            if isinstance(value.get(key), str):
                found.append((key, value[key]))
                value[key] = None
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        found += _cleared(item)
    return found


def asking(recipe: Recipe) -> list[Any]:
    """Each teacher that would be asked over the network."""
    return [teacher for _, teacher in _teachers(recipe) if teacher.replay is None]


def unguarded(recipe: Recipe) -> list[str]:
    """Steps that would run judged programs without a cage, or by an interpreter that the lock names."""
    return [
        step.name
        for step in recipe.steps
        for _, model in _walk(step, ())
        if hasattr(model, "sandbox") and (model.sandbox == "rlimits" or model.python)
    ]


def prepare(path: Path, files: Path | None = None, answers: Path | None = None, instead: bool = False) -> Rebuild:
    """The recipe of a lock, with its files found and its teachers answering from `answers`.

    Args:
        files: folder in which, at any depth, local files are looked for by name; of several the one with the pinned
            digest. What is not in it is read where the lock says.
        answers: a recording that stands in for every teacher which was asked over the network.
        instead: it stands in for recordings, too.

    Raises RecipeError for what is no lock, InputError where a file is nowhere, naming its digest.
    """
    document, recipe, _ = read_lock(path)
    if answers is not None:
        for place, teacher in _teachers(recipe):
            if instead or teacher.replay is None:
                _put(document, (*place, "replay"), answers)
        recipe = validate(document, path)
    missing = []
    for place, found in [(p, v) for p, v in _walk(recipe, ()) if isinstance(v, Path)]:
        if found.is_relative_to(PACKAGE) or (answers is not None and found == answers.resolve()):
            continue
        pin = _pin(recipe, place)
        near = _near(files, found.name, pin[1] if pin else "") if files is not None else None
        if near is not None:
            _put(document, place, near)
        elif not found.exists():
            known = f" ({pin[0]}: {pin[1][:23]}…)" if pin else ""
            step = recipe.steps[int(place[1])].name
            missing.append(f"the step '{step}' reads {found.name}{known}, which is not at {found}")
    if missing:
        raise InputError(
            f"{path}: it cannot be rebuilt, since {'; '.join(missing)}; put it there, or name its folder with --files"
        )
    return _pinned(validate(document, path))


def must_be_new(lock: Path, folder: Path, recipe: Recipe) -> None:
    """The first run stays as it is, and so does anything else that lies at `folder`; raises RecipeError."""
    if folder.resolve() == lock.parent.resolve():
        raise RecipeError(f"--out {folder}: the first run lies there; give another folder")
    if folder.is_dir():
        check_owner(recipe, RunDirectory(folder))


def _near(files: Path, name: str, pin: str) -> Path | None:
    """A file or folder of this name in `files`: the one that was pinned, else the one nearest to the top."""
    found = [Path(top) / name for top, folders, there in os.walk(files) if name in folders or name in there]
    for path in found:
        if pin and path.is_file() and pin.endswith(digest_of(path)):
            return path
    return min(found, key=lambda path: (len(path.parts), path), default=None)


def _pinned(recipe: Recipe) -> Rebuild:
    lock = recipe.lock
    if lock is None:
        raise RecipeError(f"the recipe '{recipe.name}' has no lock")
    now = resolve_pins(recipe, {})
    names = {step.name for step in recipe.steps}
    pins: dict[str, dict[str, str]] = {}
    others = []
    for step, pinned in lock.pins.items():
        if step not in names:
            continue
        pins[step] = {name: now.get(step, {}).get(name, digest) for name, digest in pinned.items()}
        others += [
            f"step '{step}': {name} is not what the first run read ({digest[:23]}… then, {pins[step][name][:23]}… now)"
            for name, digest in pinned.items()
            if pins[step][name] != digest
        ]
    recipe = recipe.model_copy(update={"lock": lock.model_copy(update={"pins": pins})})
    return Rebuild(recipe, lock, tuple(others))


def _teachers(recipe: Recipe) -> list[tuple[KeyPath, Any]]:
    """Whatever may be answered from a recording, with where it stands."""
    return [(place, model) for place, model in _walk(recipe, ()) if hasattr(model, "replay")]


def _walk(value: Any, place: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    """Every model and every path below a value, with where it stands."""
    if isinstance(value, BaseModel):
        yield place, value
        for name in type(value).model_fields:
            yield from _walk(getattr(value, name), (*place, name))
    elif isinstance(value, Path):
        yield place, value
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _walk(item, (*place, name))
    elif isinstance(value, tuple | list):
        for number, item in enumerate(value):
            yield from _walk(item, (*place, number))


def _put(document: Document, place: KeyPath, path: Path) -> None:
    target = document.data
    for part in place[:-1]:
        target = target[part]
    target[place[-1]] = str(path.resolve())
    document.move(place, Place(str(path)))


def _pin(recipe: Recipe, place: KeyPath) -> tuple[str, str] | None:
    """(name, digest) under which the lock pins a file: that of the nearest named thing which holds it, or its key."""
    step = recipe.steps[int(place[1])]
    pins = recipe.lock.pins.get(step.name, {}) if recipe.lock is not None else {}
    names = [str(place[-1]), "recording" if place[-1] == "replay" else ""]
    value: Any = recipe
    for part in place[:-1]:
        value = getattr(value, part) if isinstance(part, str) and not isinstance(value, Mapping) else value[part]
        names.append(str(getattr(value, "name", "")))
    return next(((name, pins[name]) for name in reversed(names) if name in pins), None)
