"""What differs between two resolved recipes: step by step, list items by their names, defaults told as defaults."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cotkit.recipe.document import KeyPath
from cotkit.recipe.resolve import Side

_MISSING = object()
_TOP = ("version", "description", "seed")
# Keys that say what a mapping is; two of another kind have no keys to compare.
_TAGS = ("step", "kind", "by")
# Keys that may name an item of a list, best first.
LABELS = ("name", "step", "kind", "by", "model", "source")


@dataclass(frozen=True)
class Value:
    """A key's value in one recipe; `default` where it is what the key has when it is left out."""

    value: Any
    default: bool


@dataclass(frozen=True)
class Change:
    """A key (dotted; list items by name) with its value in each recipe; None where the key is not written there."""

    key: str
    a: Value | None
    b: Value | None


@dataclass(frozen=True)
class Names:
    """A list of named things.

    Attributes:
        only_a, only_b: name -> the keys that are no defaults, for what only one recipe has.
        after_a, after_b: for each of those the name before it in its own recipe; None for the first one.
        order: the names that both have, as each recipe orders them, where the orders differ.
    """

    key: str
    only_a: Mapping[str, Any]
    only_b: Mapping[str, Any]
    after_a: Mapping[str, str | None]
    after_b: Mapping[str, str | None]
    order: tuple[tuple[str, ...], tuple[str, ...]] | None = None

    def __bool__(self) -> bool:
        return bool(self.only_a or self.only_b or self.order)


@dataclass(frozen=True)
class StepDiff:
    """A step that both have (under other names where `a` and `b` differ): its lists, then its keys."""

    kind: str
    a: str
    b: str
    names: tuple[Names, ...]
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class RecipeDiff:
    """Everything that differs but the recipes' names; false where nothing does.

    Attributes:
        keys: of the recipe itself.
        steps: the steps as a list of named things.
        changed: steps that both have.
        lock: pins and versions of packages, where both are locks.
    """

    keys: tuple[Change, ...]
    steps: Names
    changed: tuple[StepDiff, ...]
    lock: tuple[Change, ...]

    def __bool__(self) -> bool:
        return bool(self.keys or self.steps or self.changed or self.lock)


def compare(a: Side, b: Side) -> RecipeDiff:
    """What differs between two recipes; without push steps where one of them is published, which has none."""
    first, second = (_steps(side, a.published or b.published) for side in (a, b))
    pairs = _pairs(a, b, first, second)
    partner = {other: name for name, other in pairs.items()}
    only_a = {name: _told(a, ("steps", n)) for name, n in first.items() if name not in pairs}
    only_b = {name: _told(b, ("steps", n)) for name, n in second.items() if name not in partner}
    order = _order(list(pairs), [partner[name] for name in second if name in partner])
    steps = Names("steps", only_a, only_b, _before(only_a, first), _before(only_b, second), order)
    changed = []
    for name, other in pairs.items():
        places: tuple[KeyPath, KeyPath] = (("steps", first[name]), ("steps", second[other]))
        found = list(_compare(a, b, *places, "", frozenset({"name", "step"})))
        names = tuple(one for one in found if isinstance(one, Names))
        changes = tuple(one for one in found if isinstance(one, Change))
        if found or name != other:
            changed.append(StepDiff(a.at(places[0])["step"], name, other, names, changes))
    keys = tuple(c for key in _TOP for c in _compare(a, b, (key,), (key,), key) if isinstance(c, Change))
    return RecipeDiff(keys, steps, tuple(changed), tuple(_locks(a.lock, b.lock)))


def _steps(side: Side, published: bool) -> dict[str, int]:
    """Name -> number of each step."""
    found = _labelled(side.data.get("steps") or [])
    return {n: i for n, i in found.items() if not published or side.at(("steps", i, "step")) != "push"}


def _compare(
    a: Side, b: Side, at_a: KeyPath, at_b: KeyPath, key: str, skip: frozenset[str] = frozenset()
) -> Iterator[Names | Change]:
    """Everything that differs at two places, and below them."""
    old, new = a.at(at_a, _MISSING), b.at(at_b, _MISSING)
    if old == new or (old is _MISSING and b.is_default(at_b)) or (new is _MISSING and a.is_default(at_a)):
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping) and not _other_kind(old, new):
        for name in dict.fromkeys((*old, *new)):
            if name not in skip:
                yield from _compare(a, b, (*at_a, name), (*at_b, name), f"{key}.{name}" if key else name)
    elif _is_named(old) and _is_named(new):
        first, second = _labelled(old), _labelled(new)
        only_a = {name: _told(a, (*at_a, n)) for name, n in first.items() if name not in second}
        only_b = {name: _told(b, (*at_b, n)) for name, n in second.items() if name not in first}
        order = _order([name for name in first if name in second], [name for name in second if name in first])
        names = Names(key, only_a, only_b, _before(only_a, first), _before(only_b, second), order)
        if names:
            yield names
        for name in first:
            if name in second:
                yield from _compare(a, b, (*at_a, first[name]), (*at_b, second[name]), f"{key}.{name}")
    else:
        yield Change(key, _value(a, at_a, old), _value(b, at_b, new))


def _value(side: Side, place: KeyPath, value: Any) -> Value | None:
    """With all keys of a mapping, since the other side has none to compare; those that are no defaults come first."""
    if value is _MISSING:
        return None
    told = _told(side, place)
    if isinstance(value, Mapping):
        told |= {k: _told(side, (*place, k)) for k in value if k not in told}
    return Value(told, side.is_default(place))


def _told(side: Side, place: KeyPath) -> Any:
    """The value without keys that are at their defaults, but for what it is."""
    value = side.at(place)
    if isinstance(value, Mapping):
        tags = {"name", *_tags(value)}
        return {k: _told(side, (*place, k)) for k in value if k in tags or not side.is_default((*place, k), of=place)}
    if isinstance(value, list):
        return [_told(side, (*place, n)) for n in range(len(value))]
    return value


def _other_kind(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    first, second = _tags(old), _tags(new)
    return any(first[tag] != second[tag] for tag in first if tag in second)


def _tags(value: Mapping[str, Any]) -> dict[str, str]:
    """`by` of a step is no tag: there it is a selector."""
    return {tag: value[tag] for tag in _TAGS if isinstance(value.get(tag), str)}


def label(item: Any) -> str | None:
    """By what an item of a list is named; None for one without a name."""
    if isinstance(item, str):
        return item
    keys = LABELS if isinstance(item, Mapping) else ()
    return next((item[key] for key in keys if isinstance(item.get(key), str)), None)


def _is_named(value: Any) -> bool:
    """A list of mappings with names (some may be written by their names alone), or an empty one."""
    return (
        isinstance(value, list)
        and all(label(item) is not None for item in value)
        and (not value or any(isinstance(item, Mapping) for item in value))
    )


def _labelled(items: Sequence[Any]) -> dict[str, int]:
    """Name -> place in the list; a name that comes again is numbered."""
    found: dict[str, int] = {}
    for number, item in enumerate(items):
        name, count = label(item) or str(number), 2
        while name in found:
            name, count = f"{label(item)}#{count}", count + 1
        found[name] = number
    return found


def _pairs(a: Side, b: Side, first: Mapping[str, int], second: Mapping[str, int]) -> dict[str, str]:
    """Steps of the same name and kind; then those that are alone of their kind on either side."""

    def kind(side: Side, number: int) -> Any:
        return side.at(("steps", number, "step"), None)

    pairs = {n: n for n in first if n in second and kind(a, first[n]) == kind(b, second[n])}
    left = [n for n in first if n not in pairs]
    right = [n for n in second if n not in pairs]
    for name in left:
        mine = [n for n in left if kind(a, first[n]) == kind(a, first[name])]
        theirs = [n for n in right if kind(b, second[n]) == kind(a, first[name])]
        if len(mine) == len(theirs) == 1:
            pairs[name] = theirs[0]
    return {name: pairs[name] for name in first if name in pairs}


def _before(only: Iterable[str], names: Iterable[str]) -> dict[str, str | None]:
    """For each of `only` the name before it among `names`, which are in their order."""
    ordered = list(names)
    before = dict(zip(ordered, [None, *ordered], strict=False))
    return {name: before[name] for name in only}


def _order(old: Sequence[str], new: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    return None if list(old) == list(new) else (tuple(old), tuple(new))


def _locks(a: Mapping[str, Any] | None, b: Mapping[str, Any] | None) -> Iterator[Change]:
    if a is None or b is None:
        return
    old, new = dict(_leaves(a.items())), dict(_leaves(b.items()))
    for key in dict.fromkeys((*old, *new)):
        if old.get(key) != new.get(key):
            yield Change(key, *(Value(side[key], False) if key in side else None for side in (old, new)))


def _leaves(items: Iterable[tuple[str, Any]], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in items:
        if isinstance(value, Mapping):
            yield from _leaves(value.items(), f"{path}{key}.")
        else:
            yield f"{path}{key}", value
