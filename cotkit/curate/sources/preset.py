"""A set of problems that cotkit knows by name, from the Hub or from a copy on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from cotkit.config import LocalPath
from cotkit.curate.sources.catalogue import Preset, presets, unknown
from cotkit.curate.sources.conversions import CONVERSIONS
from cotkit.curate.sources.conversions.shape import LeftOut
from cotkit.curate.sources.file import FileSource
from cotkit.curate.sources.hub import HubSource
from cotkit.errors import InputError
from cotkit.source import RawRow, Source


class PresetSource(Source):
    """Rows of a known set (`cotkit curate sources`): its Hub id, split, columns, licence and oddities are known."""

    kind: Literal["preset"] = "preset"
    preset: str | None = Field(None, description="Name of the preset, where `name` is to be another one.")
    path: LocalPath | None = Field(None, description="A copy on disk, file or folder, to read instead of the Hub.")
    configs: tuple[str, ...] = Field((), description="Configurations to read; those of the preset when left out.")
    splits: tuple[str, ...] = Field((), description="Splits to read; those of the preset when left out.")
    revision: str | None = Field(None, description="Branch, tag or commit; that of the preset when left out.")
    malformed: Literal["stop", "drop"] = Field(
        "stop", description="A row that cannot be read or has not the known form: stop with its place, or drop it."
    )
    all_rows: bool = Field(
        False, description="Keep the rows that the preset leaves out (pictures, other languages), too."
    )

    excluded: ClassVar[Mapping[str, str]] = {"path": "the digest of the content is in the key instead"}

    @model_validator(mode="before")
    @classmethod
    def _known(cls, data: Any) -> Any:
        """What the recipe leaves open is as the preset says."""
        if not isinstance(data, dict):
            return data
        name = data.get("preset") or data.get("name")
        if not isinstance(name, str):
            return data
        if name not in presets():
            raise PydanticCustomError("preset", "{reason}", {"reason": unknown(name)})
        known = presets()[name]
        columns = {key: getattr(known.columns, key) for key in known.columns.named()}
        own = data.get("columns")
        filled: dict[str, Any] = {
            "name": name,
            "license": None if known.license == "unknown" else known.license,
            "domain": known.domain,
        }
        own_columns = {**columns, **own} if isinstance(own, dict) else own or columns
        return {**filled, **data, "columns": own_columns}

    @property
    def known(self) -> Preset:
        return presets()[self.preset or self.name]

    def also_keep(self) -> tuple[str, ...]:
        return self.known.keep

    def parts(self) -> list[Source]:
        """The plain sources that this one reads, in order."""
        known = self.known
        if self.path is not None:
            return [FileSource(name=self.name, path=self.path, malformed=self.malformed)]
        wanted: dict[str, Any] = {"id": known.id, "revision": self.revision or known.revision, "files": known.files}
        configs: tuple[str | None, ...] = self.configs or known.configs or (None,)
        return [
            HubSource(name=self.name, config=config, split=split, **wanted)
            for config in configs
            for split in self.splits or known.splits
        ]

    def materials(self, pins: Mapping[str, str]) -> dict[str, str]:
        """The content, and what the catalogue says of it."""
        rules = hashlib.sha256(self.known.model_dump_json().encode()).hexdigest()
        return {**self.parts()[0].materials(pins), "preset": f"sha256:{rules}"}

    def rows(self, pins: Mapping[str, str]) -> Iterator[RawRow]:
        number = 0
        for part in self.parts():
            for raw in part.rows(pins):
                yield replace(self.converted(raw), number=number)
                number += 1

    def converted(self, raw: RawRow) -> RawRow:
        """A row as the set has it, with the columns that the preset makes of it."""
        if raw.values is None:
            return raw
        known, values = self.known, dict(raw.values)
        for column, others in known.aliases.items():
            other = next((name for name in others if name in values), None)
            if column not in values and other is not None:
                values[column] = values.pop(other)
        if known.convert is None:
            return replace(raw, values=values)
        try:
            made = CONVERSIONS[known.convert](values)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            # Somebody else's data: whatever is not as the preset says.
            why = f"not a row of the preset '{self.preset or self.name}' ({type(error).__name__}: {str(error)[:150]})"
            if self.malformed == "stop":
                raise InputError(
                    f"{raw.place}: {why}; `cotkit curate check-source` shows what changed, "
                    f"`malformed: drop` drops such rows"
                ) from error
            return replace(raw, values=None, error=why)
        if isinstance(made, LeftOut):
            return replace(raw, values={**values, **made.values}, left_out=None if self.all_rows else made.reason)
        return replace(raw, values={**values, **made})
