"""Validation errors as sentences that say where, what and what to do."""

from __future__ import annotations

import difflib
import re
from typing import Any

from pydantic import ValidationError

from cotkit.recipe.document import Document, KeyPath
from cotkit.recipe.edit import step_name
from cotkit.registry import names

_EXPECTED = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}


def first_sentences(error: ValidationError, document: Document, most: int = 5) -> list[str]:
    """Up to `most` sentences, one an error, in the order of the file."""
    sentences: list[tuple[tuple[int, int], str]] = []
    wanted: dict[KeyPath, list[str]] = {}  # what a value of several types may be, by its place
    for item in error.errors(include_url=False, include_input=False):
        path, value = data_path(item["loc"], document.data)
        if item["type"] in _EXPECTED:
            wanted.setdefault(path, []).append(_EXPECTED[item["type"]])
            continue
        if item["type"] == "too_short" and value:
            continue  # its items were refused one by one; each has a sentence of its own
        text, path = _sentence(item, path, document)
        place = document.place(path)
        sentences.append(((place.line, place.column), f"{place}: {text}"))
    for path, kinds in wanted.items():
        place = document.place(path)
        text = f"{place}: {_name(path, document)} must be {' or '.join(dict.fromkeys(kinds))}"
        sentences.append(((place.line, place.column), text))
    unique = list(dict.fromkeys(text for _, text in sorted(sentences)))
    more = [f"… and {len(unique) - most} more"] if len(unique) > most else []
    return unique[:most] + more


def data_path(loc: tuple[int | str, ...], data: Any) -> tuple[KeyPath, Any]:
    """Pydantic's location without the tags of unions, which are no keys of the data; and the data there."""
    path: KeyPath = ()
    for part in loc:
        inside = (isinstance(data, dict) and part in data) or (
            isinstance(data, list) and isinstance(part, int) and part < len(data)
        )
        if inside:
            data = data[part]
            path = (*path, part)
    return path, data


def culprit(document: Document, path: KeyPath, sentence: str) -> KeyPath:
    """The key below `path` that a sentence about what stands there is about; `path` itself where it names none.

    Of several keys one that was set from outside (by another file, or an option) is likelier the wrong one than what
    it was set into, and the last such file more than those before it.
    """
    words = [word for word in re.findall(r"\w+", sentence) if word not in ("step", "name")]
    named = [p for p in document.places if len(p) > len(path) and p[: len(path)] == path and p[-1] in words]
    home = document.place(path).file
    files = [document.places[p].file for p in named if document.places[p].file != home]
    named = [p for p in named if not files or document.places[p].file == files[-1]]
    return min(named, key=lambda p: words.index(str(p[-1])), default=path)


def _sentence(item: Any, path: KeyPath, document: Document) -> tuple[str, KeyPath]:
    kind, context = item["type"], item.get("ctx") or {}
    key = _name(path, document)
    if kind == "unknown_key":
        return item["msg"], (*path, context["key"])
    if kind == "missing":
        return f"the key '{item['loc'][-1]}' is missing here; add it", path
    if kind == "too_short":
        return f"{key} must not be empty", path
    if kind == "union_tag_not_found":
        if path == ("engine",):
            kinds = ", ".join(names("engines"))
            below = next((p for p in document.places if p[:1] == path), path)
            return f"the recipe names no kind of engine; say engine.kind, too: one of {kinds}", below
        return f"the key {context['discriminator']} is missing here; it says which kind this is", path
    if kind == "union_tag_invalid":
        known = [name.strip(" '") for name in context["expected_tags"].split(",")]
        near = difflib.get_close_matches(context["tag"], known, n=1, cutoff=0.5)
        hint = f"did you mean '{near[0]}'?" if near else f"it is one of {', '.join(known)}"
        tag_key = str(context["discriminator"]).strip("'")
        return f"unknown {tag_key} '{context['tag']}'; {hint}", (*path, tag_key)
    if kind == "literal_error":
        return f"{key} must be {context['expected']}", path
    message = item["msg"].removeprefix("Value error, ")
    return f"{key}: {message[:1].lower()}{message[1:]}", culprit(document, path, message)


def _name(path: KeyPath, document: Document) -> str:
    if len(path) == 2 and path[0] == "steps" and (step := step_name(document.data["steps"][path[1]])):
        return f"step '{step}'"
    words = [str(p) for p in path if isinstance(p, str)]
    if not words:
        return "this"
    name = f"'{'.'.join(words[-2:] if len(words) > 1 and words[-2] != 'steps' else words[-1:])}'"
    return f"item {path[-1] + 1} of {name}" if isinstance(path[-1], int) else name
