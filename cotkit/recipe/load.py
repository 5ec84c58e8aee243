"""From a path or a shipped name to a checked Recipe."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from pydantic import ValidationError

from cotkit.config import PACKAGE
from cotkit.errors import RecipeError
from cotkit.recipe import override, variables
from cotkit.recipe.blocks import PATH_KEYS, anchor_paths, expand, is_relative
from cotkit.recipe.check import check
from cotkit.recipe.document import Document, KeyPath, Place, merge, read
from cotkit.recipe.edit import insert_steps, remove_steps, switch_steps
from cotkit.recipe.explain import first_sentences
from cotkit.recipe.models import Recipe

SHIPPED = PACKAGE / "recipes"


@dataclass(frozen=True)
class Loaded:
    """A recipe, where it came from, and its data with the places for later messages."""

    recipe: Recipe
    path: Path
    document: Document


def shipped() -> list[Path]:
    """Files of the recipes that come with cotkit, by name."""
    return sorted(SHIPPED.glob("*.yaml"))


def find(reference: str) -> Path:
    """The file of a recipe given as a path or as a shipped name; raises RecipeError with the nearest name."""
    path = Path(reference).expanduser() if reference.startswith("~/") else Path(reference)
    if path.suffix in (".yaml", ".yml") or path.is_file():
        return path
    if (named := SHIPPED / f"{reference}.yaml") in shipped():
        return named
    raise RecipeError(f"no recipe '{reference}': neither a YAML file nor a shipped recipe; {_nearest(reference)}")


def _nearest(name: str) -> str:
    near = difflib.get_close_matches(name, [p.stem for p in shipped()], n=1, cutoff=0.5)
    return f"did you mean '{near[0]}'?" if near else "`cotkit recipes` lists those"


def slug(stem: str) -> str:
    """A file's stem as the name of a recipe."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", stem).lstrip("-._") or "recipe"


def load(reference: str, options: Sequence[str] = (), limit: int | None = None) -> Loaded:
    """Read, include, override, substitute, leave out the steps that are not enabled, validate.

    Args:
        reference: path of a YAML file, or the name of a shipped recipe.
        options: `key=value` overrides, applied last.
        limit: read only the first rows of each source of problems.

    Raises RecipeError with file:line:column, the key and the nearest valid one.
    """
    path = find(reference)
    document, in_files = _included(path, ())
    for option in options:
        key, value = override.parse_option(option)
        _check_variable(document, key, option)
        override.apply(document, key, _from_here(key, value), Place(f"--set {option}"))
    if limit is not None:
        _limit(document, limit)
    variables.substitute(document, in_files)
    switch_steps(document)
    recipe = validate(document, path)
    return Loaded(recipe, path, document)


def written(reference: str) -> Document:
    """A recipe as its files write it: what is included is in it, variables are not yet put in their places."""
    return _included(find(reference), ())[0]


def validate(document: Document, path: Path) -> Recipe:
    """The data as a Recipe whose steps have names and fit together."""
    context = {"base": str(path.parent.resolve())}
    try:
        recipe = Recipe.model_validate(document.data, context=context)
    except ValidationError as error:
        raise RecipeError("\n".join(first_sentences(error, document))) from error
    named = tuple(s if s.name else s.model_copy(update={"name": s.step}) for s in recipe.steps)
    recipe = recipe.model_copy(update={"steps": named})
    check(recipe, document)
    return recipe


def _included(path: Path, above: tuple[Path, ...]) -> tuple[Document, set[str]]:
    """What a file and those that it includes come to, and the variables that these name: an edit may take out what
    named one, and the file that declares it is right all the same."""
    document = expand(read(path), path, _block_path)
    includes = "include" in document.data
    include = document.data.pop("include", None)
    edits = {key: document.data.pop(key) for key in ("remove", "insert", "set") if key in document.data}
    if not includes:
        if edits:
            key = next(iter(edits))
            raise RecipeError(
                f"{document.place((key,))}: `{key}:` changes an included recipe; edit the steps here instead"
            )
        return document, variables.named(document.data)
    base = _include_path(include, path, document)
    if base.resolve() in above or base.resolve() == path.resolve():
        raise RecipeError(f"{document.place(('include',))}: the recipe includes itself by way of {include}")
    below, named = _included(base, (*above, path.resolve()))
    anchor_paths(below.data, base.parent)
    if "steps" in document.data and "steps" in below.data:
        raise RecipeError(
            f"{document.place(('steps',))}: `steps:` would replace every step of the included {include}; change them "
            "with `remove`, `insert` and `set`, or leave out the include"
        )
    merged = merge(below, document)
    if "name" not in document.data:
        # A run directory belongs to a recipe by its name: it must not be the included one's.
        merged.data["name"] = slug(path.stem)
        merged.move(("name",), document.place(("include",)))
    if "remove" in edits:
        remove_steps(merged, edits["remove"], document.place(("remove",)))
    if "insert" in edits:
        insert_steps(merged, edits["insert"], document)
    overrides = edits.get("set")
    if overrides is not None and not isinstance(overrides, dict):
        raise RecipeError(f"{document.place(('set',))}: `set:` is a mapping such as {{distill.samples: 4}}")
    for key, value in (overrides or {}).items():
        if (said := _said(document, tuple(key.split(".")))) is not None:
            raise RecipeError(f"{document.place(('set', key))}: `{key}` is said at {said}, too; keep one of the two")
        override.apply(merged, key, value, document.place(("set", key)))
    # What this file itself gives a value to must be named after its own edits.
    own = {name for name in variables.declared(merged) if merged.place(("vars", name)).file == str(path)}
    return merged, (named - own) | variables.named(merged.data)


def _said(document: Document, path: KeyPath) -> Place | None:
    """Where the file itself says what one of its overrides sets."""
    return document.places.get(path) if path[0] in document.data else None


def _include_path(include: Any, path: Path, document: Document) -> Path:
    """A recipe's file: beside the file that includes it, or a shipped one, by its name with or without .yaml."""
    place = document.place(("include",))
    if not isinstance(include, str):
        raise RecipeError(f"{place}: `include:` takes one path or one shipped name")
    named = Path(include).expanduser() if include.startswith("~/") else Path(include)
    for file in (path.parent / named, SHIPPED / named, SHIPPED / f"{include}.yaml"):
        if file.is_file():
            return file
    hint = _nearest(named.stem)
    raise RecipeError(f"{place}: no recipe '{include}' beside {path.name} or among the shipped ones; {hint}")


def _block_path(named: str, path: Path) -> Path:
    """A block's file: beside the file that includes it, or a shipped one."""
    for folder in (path.parent, SHIPPED):
        for name in (named, f"{named}.yaml"):
            if (folder / name).is_file():
                return folder / name
    known = [file.relative_to(SHIPPED).as_posix() for file in sorted(SHIPPED.glob("blocks/*.yaml"))]
    stems = {PurePath(name).stem: name for name in known}
    near = difflib.get_close_matches(PurePath(named).stem, stems, n=1)
    hint = f"did you mean '{stems[near[0]]}'?" if near else f"shipped blocks: {', '.join(known) or 'none'}"
    raise RecipeError(f"no block '{named}' beside {path.name} or among the shipped ones; {hint}")


def _from_here(key: str, value: Any) -> Any:
    """A path typed on the command line starts where the user stands, not at the recipe's folder.

    So do values of other keys (variables, say) that begin with ./, ../ or ~/.
    """
    if not isinstance(value, str):
        return value
    is_path = key.rpartition(".")[2] in PATH_KEYS and is_relative(value)
    return str(Path(value).expanduser().resolve()) if is_path or value.startswith(("./", "../", "~/")) else value


def _check_variable(document: Document, key: str, option: str) -> None:
    head, _, name = key.partition(".")
    known = document.data.get("vars") or {}
    if head == "vars" and isinstance(known, dict) and name not in known:
        names = ", ".join(known) or "none"
        raise RecipeError(f"--set {option}: this recipe has no variable '{name}'; it has {names}")


def _limit(document: Document, limit: int) -> None:
    if limit < 1:
        raise RecipeError(f"--limit {limit}: give a number of rows, 1 or more")
    steps = document.data.get("steps")
    for index, step in enumerate(steps if isinstance(steps, list) else []):
        if isinstance(step, dict) and step.get("step") == "pull" and isinstance(step.get("sources"), list):
            for number, source in enumerate(step["sources"]):
                if isinstance(source, dict):
                    own = source.get("limit")
                    source["limit"] = min(limit, own) if isinstance(own, int) else limit
                    document.move(("steps", index, "sources", number, "limit"), Place(f"--limit {limit}"))
