"""The problem sets that cotkit knows by name: the data in presets/*.yaml, and its shape."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cache
from typing import Literal

from pydantic import Field

from cotkit.config import PACKAGE, Config
from cotkit.records import Domain
from cotkit.source import Columns

FOLDER = PACKAGE / "curate" / "sources" / "presets"

Kind = Literal["text", "number", "bool", "list", "object", "any"]


class Preset(Config):
    """One known set of problems."""

    title: str = Field(description="What it is, for people.")
    id: str = Field(description="Hub id.")
    configs: tuple[str, ...] = Field((), description="Configurations, read one after the other; none: the only one.")
    splits: tuple[str, ...] = Field(("train",), description="Splits, read one after the other.")
    revision: str | None = Field(None, description="Branch or commit, where the default branch cannot be read.")
    files: tuple[str, ...] = Field((), description="Data files, where the repository needs a loading script.")
    rows: int | None = Field(None, description="Rows of these configurations and splits; None is unknown.")
    reads: Mapping[str, Kind] = Field(description="The columns that cotkit reads, and what kind of value they hold.")
    columns: Columns = Field(Columns(), description="Which column, after `convert`, holds what.")
    aliases: Mapping[str, tuple[str, ...]] = Field(
        default_factory=dict, description="Column -> names that known copies of the set use instead."
    )
    convert: str | None = Field(None, description="Function of conversions for what a column map cannot express.")
    keep: tuple[str, ...] = Field((), description="Further columns that go into `metadata` where a row has them.")
    license: str = Field(description="As published; unknown where nothing is stated or we could not see it.")
    domain: Domain = Field("math", description="Domain of its rows.")
    gated: bool = Field(False, description="Whether its terms must be accepted on the Hub first.")
    oddities: tuple[str, ...] = Field((), description="What to know before using it, a sentence each.")


@cache
def presets() -> Mapping[str, Preset]:
    """Name -> preset, file by file."""
    import yaml

    found: dict[str, Preset] = {}
    for path in sorted(FOLDER.glob("*.yaml")):
        for name, value in yaml.safe_load(path.read_text(encoding="utf-8")).items():
            found[name] = Preset.model_validate(value)
    return found


def unknown(name: str) -> str:
    """A sentence on a name that no preset has, with the nearest ones."""
    near = difflib.get_close_matches(name, presets(), n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(repr(n) for n in near)}?" if near else "`cotkit curate sources` lists them"
    return f"no source preset is called '{name}'; {hint}"
