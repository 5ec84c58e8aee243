"""Thought templates: ways of thinking without a problem, their check and the search for the one that fits.

ReasonFlux (arXiv 2502.06772) keeps some 400 of them. Ours are twelve, in our own words; a library in the form of its
repository (template_name, reason_flow …) is read as well.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, ValidationError

from cotkit.config import PACKAGE, Config
from cotkit.errors import InputError

if TYPE_CHECKING:
    from cotkit.dedup.embed import Encoder, Vectors

SHIPPED = PACKAGE / "distill" / "data" / "templates.yaml"
# ReasonFlux's names of the fields; two of its fields say when a template is of use.
_THEIRS = {
    "template_name": "title",
    "template_type": "area",
    "knowledge_tag": "tags",
    "reason_flow": "steps",
    "example_application": "example",
}
_LISTS = ("tags", "steps")


class Template(Config):
    """One way of thinking."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{1,80}$", description="Name, unique in its library.")
    title: str = Field(min_length=5, max_length=200, description="What it does.")
    area: str = Field(min_length=3, max_length=100, description="Field of mathematics.")
    tags: tuple[str, ...] = Field(min_length=1, max_length=40, description="Words that belong to it.")
    when: str = Field(min_length=20, max_length=2_000, description="What problems it is for.")
    steps: tuple[str, ...] = Field(min_length=2, max_length=20, description="What is done, in order.")
    example: str | None = Field(None, max_length=20_000, description="A problem that it solves, worked out.")

    def text(self) -> str:
        """What it is found by."""
        return f"{self.title}. {self.area}: {', '.join(self.tags)}. {self.when}"


def library(path: Path | None = None) -> tuple[Template, ...]:
    """The templates of a YAML or JSON file, or the shipped ones. Raises InputError with the first thing wrong."""
    templates, faults = read_library(path or SHIPPED)
    if faults:
        raise InputError(f"{path or SHIPPED}: {faults[0]}; `cotkit templates lint` lists all")
    return templates


def read_library(path: Path) -> tuple[tuple[Template, ...], list[str]]:
    """(templates, a sentence for each thing that is wrong). Raises InputError for a file that is no list of them."""
    import yaml

    try:
        data: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; give a YAML or JSON file of templates") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: this is no YAML ({' '.join(str(error).split())[:200]})") from None
    entries = data.get("templates") if isinstance(data, dict) else data
    if not isinstance(entries, list) or not entries:
        raise InputError(f"{path}: a list of templates is expected, or one under the key 'templates'")
    found: list[Template] = []
    faults: list[str] = []
    for number, entry in enumerate(entries, 1):
        try:
            found.append(Template.model_validate(_ours(entry)))
        except ValidationError as error:
            for one in error.errors(include_input=False, include_url=False):
                faults.append(f"template {number}: {'.'.join(map(str, one['loc'])) or 'entry'}: {one['msg']}")
    return tuple(found), [*faults, *_repeated(found)]


def _repeated(templates: Iterable[Template]) -> list[str]:
    faults: list[str] = []
    for what in ("id", "title", "when"):
        seen: dict[str, str] = {}
        for template in templates:
            value = " ".join(getattr(template, what).casefold().split())
            if value in seen:
                faults.append(f"template '{template.id}': its {what} is that of '{seen[value]}'")
            seen.setdefault(value, template.id)
    return faults


def _ours(entry: Any) -> Any:
    """An entry with our names; text where a list belongs is read line by line, a list where text belongs is joined."""
    if not isinstance(entry, dict):
        return entry
    if "template_name" not in entry:
        return entry
    when = [_text(entry.get(key)) for key in ("description", "application_scenario")]
    mine = {ours: entry.get(theirs) for theirs, ours in _THEIRS.items() if theirs in entry}
    mine = {k: _lines(v) if k in _LISTS else _text(v) for k, v in mine.items()}
    unknown = {k: v for k, v in entry.items() if k not in _THEIRS and k not in ("description", "application_scenario")}
    slug = re.sub(r"[^a-z0-9]+", "-", str(mine["title"]).casefold()).strip("-")[:80]
    return {"id": slug, "when": " ".join(part for part in when if part), **mine, **unknown}


def _text(value: Any) -> Any:
    return "\n".join(map(str, value)) if isinstance(value, list) else value


def _lines(value: Any) -> Any:
    return [line.strip() for line in value.splitlines() if line.strip()] if isinstance(value, str) else value


@dataclass(frozen=True)
class Index:
    """A library, ready to be searched."""

    templates: Sequence[Template]
    vectors: Vectors
    encoder: Encoder

    def search(self, query: str, count: int = 1) -> list[tuple[float, Template]]:
        """(cosine, template) of the nearest ones, best first. MiniLM knows English: other queries find by chance."""
        asked = self.encoder.encode([query])
        scores = [(self.vectors.cosine(i, asked, 0), template) for i, template in enumerate(self.templates)]
        return sorted(scores, key=lambda one: (-one[0], one[1].id))[:count]


@cache
def index(path: Path | None = None) -> Index:
    """A library ready to be searched; loading MiniLM takes seconds, so once a process.

    Raises InputError (see library, cotkit.dedup.embed.load_encoder).
    """
    from cotkit.dedup.embed import load_encoder

    templates, encoder = library(path), load_encoder()
    return Index(templates, encoder.encode([template.text() for template in templates]), encoder)


def digest_of(path: Path | None = None) -> str:
    """Digest of what a library holds. Raises InputError as `library` does."""
    told = [template.model_dump(mode="json") for template in library(path)]
    return "sha256:" + hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
