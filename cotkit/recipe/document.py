"""YAML as plain data that remembers where each value stands, so that errors can say file:line:column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from cotkit.errors import RecipeError

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Place:
    """Where a value was written: a file with 1-based line and column, or a command-line option."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass
class Document:
    """Plain data, and the place of each key and list item by its path."""

    data: Any
    places: dict[KeyPath, Place] = field(default_factory=dict)

    def place(self, path: KeyPath) -> Place:
        """The place of `path`, or of its nearest parent that has one."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.places:
                return self.places[path[:length]]
        return Place("the recipe")

    def move(self, path: KeyPath, place: Place) -> None:
        """`path` and all below it now come from `place`."""
        for known in [p for p in self.places if p[: len(path)] == path]:
            del self.places[known]
        self.places[path] = place


def read(path: Path) -> Document:
    """A recipe file, parsed.

    Raises RecipeError for a file that cannot be read, is not YAML, is not a mapping or repeats a key.
    """
    document = read_any(path)
    if not isinstance(document.data, dict):
        raise RecipeError(
            f"{Place(str(path), 1, 1)}: a recipe is a YAML mapping with `name:` and `steps:`; see "
            "`cotkit recipes show quickstart`"
        )
    return document


def read_any(path: Path) -> Document:
    """A YAML file, parsed; raises RecipeError as `read`, but its data may be a list, too."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise RecipeError(f"{path}: no such recipe file; `cotkit recipes` lists the shipped ones") from error
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(
            f"{path}: the recipe cannot be read ({error}); check the path and that it is UTF-8"
        ) from error
    return parse(text, str(path))


def parse(text: str, file: str) -> Document:
    """Parse YAML text; `file` is only for places and messages."""
    loader = yaml.SafeLoader(text)
    try:
        root = loader.get_single_node()
        document = Document(None)
        if root is not None:
            _check_depth(root, file)
            document.data = _build(root, (), file, document.places, loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file)
        raise RecipeError(f"{place}: not valid YAML ({error.problem}); mend the syntax there") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a word like 2024-99-99 that YAML takes for a date
        raise RecipeError(f"{file}: not valid YAML ({error}); quote the value that was meant as text") from error
    finally:
        loader.dispose()
    return document


def _check_depth(root: yaml.Node, file: str) -> None:
    """An anchor that contains itself would never end."""
    stack: list[tuple[yaml.Node, tuple[int, ...]]] = [(root, ())]
    while stack:
        node, above = stack.pop()
        if id(node) in above or len(above) > 100:
            raise RecipeError(f"{_place(node, file)}: an anchor contains itself or the nesting is too deep")
        if isinstance(node, yaml.SequenceNode):
            stack.extend((child, (*above, id(node))) for child in node.value)
        elif isinstance(node, yaml.MappingNode):
            stack.extend((value, (*above, id(node))) for _, value in node.value)


def _place(node: yaml.Node, file: str) -> Place:
    return Place(file, node.start_mark.line + 1, node.start_mark.column + 1)


def _build(node: yaml.Node, path: KeyPath, file: str, places: dict[KeyPath, Place], loader: yaml.SafeLoader) -> Any:
    places.setdefault(path, _place(node, file))
    if isinstance(node, yaml.SequenceNode):
        return [_build(child, (*path, i), file, places, loader) for i, child in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        _refuse_repeated(node, file)
        loader.flatten_mapping(node)
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = loader.construct_object(key_node)
            place = _place(key_node, file)
            if not isinstance(key, str):
                raise RecipeError(f"{place}: keys are words, not {key!r}; quote it if a word was meant")
            places[*path, key] = place
            result[key] = _build(value_node, (*path, key), file, places, loader)
        return result
    return loader.construct_object(node)


def _refuse_repeated(node: yaml.MappingNode, file: str) -> None:
    """Before `<<` is put in: a merged key may be overridden, a written one may not stand twice."""
    seen: set[str] = set()
    for key_node, _ in node.value:
        if isinstance(key_node, yaml.ScalarNode) and key_node.tag != "tag:yaml.org,2002:merge":
            if key_node.value in seen:
                raise RecipeError(
                    f"{_place(key_node, file)}: the key '{key_node.value}' stands twice in this mapping; keep one"
                )
            seen.add(key_node.value)


def merge(base: Document, over: Document) -> Document:
    """`over` laid on `base`: mappings are merged key by key, everything else is replaced."""
    merged = Document(base.data, dict(base.places))
    merged.data = _merge(base.data, over.data, (), merged, over)
    return merged


def _merge(base: Any, over: Any, path: KeyPath, merged: Document, source: Document) -> Any:
    if isinstance(base, Mapping) and isinstance(over, Mapping):
        result = dict(base)
        for key, value in over.items():
            result[key] = _merge(base[key], value, (*path, key), merged, source) if key in base else value
            if key not in base or not (isinstance(base[key], Mapping) and isinstance(value, Mapping)):
                _replace_places((*path, key), merged, source)
        return result
    return over


def _replace_places(path: KeyPath, merged: Document, source: Document) -> None:
    for known in [p for p in merged.places if p[: len(path)] == path]:
        del merged.places[known]
    merged.places.update({p: place for p, place in source.places.items() if p[: len(path)] == path})
