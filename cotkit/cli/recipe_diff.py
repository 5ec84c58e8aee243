"""`cotkit recipes diff`: two recipes side by side, for a person."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cotkit.cli.options import Json
from cotkit.cli.output import DIFFERENT, Output

if TYPE_CHECKING:
    from cotkit.recipe.diff import Change, Names, RecipeDiff, StepDiff, Value

_LONGEST = 70
# So many keys of a step or an item that only one recipe has are shown.
_MOST_KEYS = 12
# Lists whose items are told by their names alone.
_BY_NAME = ("benchmarks", "sources")

_WHAT = "A recipe (path or shipped name), a recipe.lock.yaml, a run, or a published dataset."


def diff(
    a: Annotated[str, typer.Argument(metavar="A", help=_WHAT)],
    b: Annotated[str, typer.Argument(metavar="B", help=_WHAT)],
    as_json: Json = False,
) -> None:
    """What differs between two recipes as they would run: steps, lists by their names, keys with both values.

    Exit code 0: nothing differs (but perhaps the name). 8: something does.

    Examples:

      cotkit recipes diff quickstart aime-math

      cotkit recipes diff mine.yaml runs/mine

      cotkit recipes diff runs/first runs/second --json
    """
    from cotkit.recipe.diff import compare
    from cotkit.recipe.resolve import pair

    output = Output(as_json)
    old, new = pair(a, b)
    for side in (old, new):
        if side.unchecked:
            output.warn(f"both are compared as they are written, since one cannot be resolved: {side.unchecked}")
    found = compare(old, new)
    machine = {
        "a": {"path": str(old.path), "name": old.data.get("name")},
        "b": {"path": str(new.path), "name": new.data.get("name")},
        "equal": not found,
        **asdict(found),
    }
    head = [f"--- {a}  ({old.data.get('name')})", f"+++ {b}  ({new.data.get('name')})"]
    if found or as_json:
        output.data("\n".join([*head, *_lines(found)]), machine)
    if not found:
        output.say("nothing differs")
        return
    raise typer.Exit(DIFFERENT)


def _lines(found: RecipeDiff) -> Iterator[str]:
    for change in found.keys:
        yield _change(change)
    if found.steps:
        yield "steps"
        yield from _names(found.steps, "  ", whole=True)
    for step in found.changed:
        yield from _step(step)
    if found.lock:
        yield "locked"
        yield from (f"  {_change(change)}" for change in found.lock)


def _step(step: StepDiff) -> Iterator[str]:
    from cotkit.cli.story import printable

    name = step.a if step.a == step.b else f"{step.a} → {step.b}"
    kind = "" if name == step.kind else f"  ({step.kind})"
    yield printable(f"{name}{kind}")
    for names in step.names:
        yield f"  {printable(names.key)}"
        yield from _names(names, "    ", whole=names.key.rpartition(".")[2] not in _BY_NAME)
    yield from (f"  {_change(change)}" for change in step.changes)


def _names(names: Names, indent: str, whole: bool) -> Iterator[str]:
    """Names that one side has alone: with their keys, or all on one line."""
    from cotkit.cli.story import printable
    from cotkit.recipe.diff import LABELS

    for sign, only, after in (("-", names.only_a, names.after_a), ("+", names.only_b, names.after_b)):
        if not whole and only:
            yield f"{indent}{sign} {printable(', '.join(only))}"
            continue
        for name, keys in only.items():
            place = f" (after {after[name]})" if after.get(name) else " (first)" if name in after else ""
            yield f"{indent}{sign} {printable(name + place)}"
            told = [(k, v) for k, v in _flat(keys) if k not in ("", *LABELS) or v != name]
            yield from (f"{indent}    {printable(key)}: {_short(value)}" for key, value in told[:_MOST_KEYS])
            if len(told) > _MOST_KEYS:
                yield f"{indent}    … and {len(told) - _MOST_KEYS} more keys"
    if names.order:
        yield f"{indent}order: {printable(', '.join(names.order[0]))} → {printable(', '.join(names.order[1]))}"


def _flat(value: Any, path: str = "") -> list[tuple[str, Any]]:
    if not isinstance(value, Mapping) or not value:
        return [(path, value)]
    return [leaf for key, item in value.items() for leaf in _flat(item, f"{path}.{key}" if path else str(key))]


def _change(change: Change) -> str:
    from cotkit.cli.story import printable

    texts = [_text(value.value) if value else "" for value in (change.a, change.b)]
    skip = _alike(*texts) if change.a and change.b else 0
    return f"{printable(change.key)}: {_value(change.a, skip)} → {_value(change.b, skip)}"


def _alike(a: str, b: str) -> int:
    """How much of two long texts to leave out at their beginnings, so that the difference is seen."""
    if max(len(a), len(b)) <= _LONGEST:
        return 0
    alike = next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return max(0, alike - 20)


def _value(value: Value | None, skip: int) -> str:
    if value is None:
        return "(not set)"
    return f"{'(default) ' if value.default else ''}{_short(value.value, skip)}"


def _short(value: Any, skip: int = 0) -> str:
    text = _text(value)
    text = f"…{text[skip:]}" if skip else text
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _text(value: Any) -> str:
    from cotkit.cli.story import printable

    if isinstance(value, str) and value and value == value.strip():
        return printable(value)
    items = value if isinstance(value, list) else []
    if items and all(isinstance(item, Mapping) and isinstance(item.get("name"), str) for item in items):
        return printable(", ".join(_item(item) for item in items))
    return printable(json.dumps(value, ensure_ascii=False))


def _item(item: Mapping[str, Any]) -> str:
    """`length (min_chars: 15)`."""
    keys = ", ".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in item.items() if key != "name")
    return f"{item['name']} ({keys})" if keys else str(item["name"])
