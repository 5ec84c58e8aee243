"""recipe.lock.yaml: the resolved recipe with everything that decided its result."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml

from cotkit import __version__
from cotkit.errors import RecipeError
from cotkit.recipe.models import Lock, Recipe

# Packages whose version can change a row: readers and writers of tables, embeddings, algebra.
PACKAGES = (
    "datasets",
    "faiss-cpu",
    "numpy",
    "polars",
    "pydantic",
    "sentence-transformers",
    "sympy",
    "torch",
    "transformers",
)
_HEAD = """\
# Written by cotkit: the recipe as it ran, with all defaults, and what it resolved.
# Run it again with: cotkit run {path}
"""


def resolved(recipe: Recipe) -> dict[str, Any]:
    """The recipe as plain data with all defaults; variables have been put in their places already,
    and the engine decides nothing."""
    return recipe.model_dump(mode="json", exclude={"vars", "engine", "lock"})


def make_lock(pins: Mapping[str, Mapping[str, str]]) -> Lock:
    """The lock of a run; `pins` is step -> name -> digest."""
    packages = {}
    for name in PACKAGES:
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            continue
    return Lock(
        cotkit=__version__,
        python=platform.python_version(),
        packages=packages,
        pins={step: dict(found) for step, found in pins.items() if found},
    )


def lock_text(recipe: Recipe, lock: Lock, path: Path) -> str:
    data = {**resolved(recipe), "lock": lock.model_dump(mode="json")}
    body = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=110)
    return _HEAD.format(path=path) + body


def check_pins(lock: Lock, pins: Mapping[str, Mapping[str, str]]) -> None:
    """Raises RecipeError for the first input that is not what the lock says."""
    for step, wanted in lock.pins.items():
        for name, digest in wanted.items():
            found = pins.get(step, {}).get(name)
            if found is not None and found != digest:
                raise RecipeError(
                    f"step '{step}': {name} is not what the lock pins ({digest[:23]}… then, {found[:23]}… now); "
                    f"put the old content back, or run the recipe itself instead of its lock"
                )


def other_packages(lock: Lock) -> list[str]:
    """Package versions that differ from the lock's: results may then differ in their last digits."""
    now = make_lock({}).packages
    found = [f"{n} {v} then, {now.get(n, 'none')} now" for n, v in lock.packages.items() if now.get(n) != v]
    if lock.cotkit != __version__:
        found.insert(0, f"cotkit {lock.cotkit} then, {__version__} now")
    return found
