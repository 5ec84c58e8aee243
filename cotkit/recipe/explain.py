"""Validation errors as sentences that say where, what and what to do."""

from __future__ import annotations

import difflib
from typing import Any

from pydantic import ValidationError

from cotkit.recipe.document import Document, KeyPath

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
    for item in error.errors(include_url=False, include_input=False):
        path, value = data_path(item["loc"], document.data)
        if item["type"] == "too_short" and value:
            continue  # its items were refused one by one; each has a sentence of its own
        text, path = _sentence(item, path)
        place = document.place(path)
        sentences.append(((place.line, place.column), f"{place}: {text}"))
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


def _sentence(item: Any, path: KeyPath) -> tuple[str, KeyPath]:
    kind, context = item["type"], item.get("ctx") or {}
    key = _name(path)
    if kind == "unknown_key":
        return item["msg"], (*path, context["key"])
    if kind == "missing":
        return f"the key '{item['loc'][-1]}' is missing here; add it", path
    if kind == "too_short":
        return f"{key} must not be empty", path
    if kind == "union_tag_not_found":
        return f"the key {context['discriminator']} is missing here; it says which kind this is", path
    if kind == "union_tag_invalid":
        known = [name.strip(" '") for name in context["expected_tags"].split(",")]
        near = difflib.get_close_matches(context["tag"], known, n=1, cutoff=0.5)
        hint = f"did you mean '{near[0]}'?" if near else f"it is one of {', '.join(known)}"
        tag_key = str(context["discriminator"]).strip("'")
        return f"unknown {tag_key} '{context['tag']}'; {hint}", (*path, tag_key)
    if kind in _EXPECTED:
        return f"{key} must be {_EXPECTED[kind]}", path
    if kind == "literal_error":
        return f"{key} must be {context['expected']}", path
    message = item["msg"].removeprefix("Value error, ")
    return f"{key}: {message[:1].lower()}{message[1:]}", path


def _name(path: KeyPath) -> str:
    words = [str(p) for p in path if isinstance(p, str)]
    return f"'{'.'.join(words[-2:] if len(words) > 1 and words[-2] != 'steps' else words[-1:])}'" if words else "this"
