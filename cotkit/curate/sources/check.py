"""Does a preset still fit what the Hub holds? A few rows tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from cotkit.curate.sources.catalogue import Preset, presets, unknown
from cotkit.curate.sources.preset import PresetSource
from cotkit.errors import RecipeError


@dataclass(frozen=True, slots=True)
class Part:
    """One configuration and split.

    Attributes:
        revision: the commit that was read.
        rows: how many rows were looked at.
        missing: columns that the preset reads and no row has.
        changed: column -> what kind of value it holds now.
        new: columns that the preset does not know; no fault.
        unusable: why a row could not be converted, the first of them.
    """

    config: str | None
    split: str
    revision: str
    rows: int
    missing: tuple[str, ...]
    changed: Mapping[str, str]
    new: tuple[str, ...]
    unusable: str | None

    @property
    def fits(self) -> bool:
        return not (self.missing or self.changed or self.unusable) and self.rows > 0


def check_source(name: str, rows: int = 3) -> list[Part]:
    """The first `rows` rows of every configuration and split, held against the preset.

    Raises RecipeError for an unknown name, InputError where the Hub gives nothing (gated, gone, unreachable).
    """
    if name not in presets():
        raise RecipeError(unknown(name))
    source = PresetSource.model_validate({"name": name, "malformed": "drop"})
    found = []
    pins: Mapping[str, str] = {}
    for part in source.parts():
        pins = part.materials(pins)
        plain = list(islice(part.rows(pins), rows))
        unusable = next((raw.error for raw in map(source.converted, plain) if raw.values is None), None)
        differs = differences(source.known, [raw.values or {} for raw in plain])
        config, split = getattr(part, "config", None), getattr(part, "split", "")
        found.append(Part(config, split, pins[name].rpartition("=")[2], len(plain), *differs, unusable))
    return found


def differences(
    known: Preset, rows: list[Mapping[str, Any]]
) -> tuple[tuple[str, ...], dict[str, str], tuple[str, ...]]:
    """Missing columns, columns of another kind, new columns."""
    seen = {column for row in rows for column in row}
    missing = tuple(column for column in known.reads if column not in seen) if rows else ()
    changed = {}
    for column, kind in known.reads.items():
        kinds = {kind_of(row[column]) for row in rows if row.get(column) is not None}
        if kind != "any" and kinds - {kind}:
            changed[column] = f"{' and '.join(sorted(kinds))}, not {kind}"
    return missing, changed, tuple(sorted(seen - set(known.reads)))


def kind_of(value: Any) -> str:
    kinds: dict[type, str] = {str: "text", bool: "bool", int: "number", float: "number", list: "list", dict: "object"}
    return kinds.get(type(value), "any")
