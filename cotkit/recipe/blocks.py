"""Blocks: parts of recipes in files of their own, taken in by `include:` at any place below the top.

In a list, `- include: blocks/benchmarks-math.yaml` is replaced by the items of that file; in a mapping, the file's keys
are put in, and those written beside the `include` win.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cotkit.errors import RecipeError
from cotkit.recipe.document import Document, merge, read_any

Find = Callable[[str, Path], Path]


def expand(document: Document, path: Path, find: Find) -> Document:
    """The document with the blocks that its lists and mappings include; an `include` at the top is left alone.

    Args:
        path: its file.
        find: (what `include` says, the file that says it) -> the block's file.

    Raises RecipeError for a block that is not there, includes itself, or is a list where keys are wanted.
    """
    above = (path.resolve(),)
    parts = [(k, _part(document, k)) for k in document.data]
    parts = [(k, part if k == "include" else _expand(part, path, find, above)) for k, part in parts]
    return _joined(parts, {k: part.data for k, part in parts}, document)


def _expand(document: Document, path: Path, find: Find, above: tuple[Path, ...]) -> Document:
    data = document.data
    if isinstance(data, list):
        items = [one for i in range(len(data)) for one in _items(_part(document, i), path, find, above)]
        return _joined(list(enumerate(items)), [one.data for one in items], document)
    if not isinstance(data, dict):
        return document
    # `usage: {include: true}` is a key of OpenRouter's, and no block.
    takes_in = not isinstance(data.get("include", True), bool)
    parts = [(k, _expand(_part(document, k), path, find, above)) for k in data if not (takes_in and k == "include")]
    own = _joined(parts, {k: part.data for k, part in parts}, document)
    if not takes_in:
        return own
    block = _block(document, path, find, above)
    if not isinstance(block.data, dict):
        raise RecipeError(
            f"{document.place(('include',))}: the block {data['include']} has no keys, and keys are wanted here; "
            "a block that is a list is included as an item of a list, with nothing beside it"
        )
    return _placed(merge(block, own), document)


def _items(document: Document, path: Path, find: Find, above: tuple[Path, ...]) -> list[Document]:
    """What one item of a list becomes."""
    if not isinstance(document.data, dict) or set(document.data) != {"include"}:
        return [_expand(document, path, find, above)]
    block = _block(document, path, find, above)
    if isinstance(block.data, list):
        return [_part(block, i) for i in range(len(block.data))]
    return [_placed(block, document)]


def _placed(block: Document, document: Document) -> Document:
    """As a whole a block stands where it is included: if it does not fit there, that is where to mend it."""
    return Document(block.data, {**block.places, (): document.place(())})


def _block(document: Document, path: Path, find: Find, above: tuple[Path, ...]) -> Document:
    named, place = document.data["include"], document.place(("include",))
    if not isinstance(named, str):
        raise RecipeError(f"{place}: `include:` takes the path of one block, such as blocks/benchmarks-math.yaml")
    try:
        file = find(named, path)
    except RecipeError as error:
        raise RecipeError(f"{place}: {error}") from error
    if file.resolve() in above:
        raise RecipeError(f"{place}: the block {named} includes itself")
    block = read_any(file)
    anchor_paths(block.data, file.parent)
    return _expand(block, file, find, (*above, file.resolve()))


def _part(document: Document, key: str | int) -> Document:
    places = {path[1:]: place for path, place in document.places.items() if path[:1] == (key,)}
    return Document(document.data[key], {(): document.place((key,)), **places})


def _joined(parts: Sequence[tuple[str | int, Document]], data: Any, whole: Document) -> Document:
    places = {(key, *path): place for key, part in parts for path, place in part.places.items()}
    return Document(data, {(): whole.place(()), **places})


# Keys that hold paths: those of an included file start at its own folder, not at the including one's.
PATH_KEYS = ("path", "replay", "journal", "weights", "to", "notes", "cache")


def anchor_paths(value: Any, base: Path) -> None:
    """Make the relative paths in `value` start at `base`, in place."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key in PATH_KEYS and isinstance(item, str) and is_relative(item):
                value[key] = str(base.resolve() / item)
            else:
                anchor_paths(item, base)
    elif isinstance(value, list):
        for item in value:
            anchor_paths(item, base)


def is_relative(text: str) -> bool:
    """Whether this path starts at the folder of the file that names it."""
    return not (text.startswith(("/", "~", "cotkit:", "hub:", "${")) or Path(text).is_absolute())
