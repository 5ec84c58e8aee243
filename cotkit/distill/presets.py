"""Teachers that cotkit knows, out of one data file; see data/teachers.yaml for what the keys mean."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field

from cotkit.config import PACKAGE, Config

FILE = PACKAGE / "distill" / "data" / "teachers.yaml"

Capability = Literal["trace", "n", "logprobs", "prefix", "json", "stop", "seed"]
Shown = Literal["auto", "raw", "summary", "none"]
Continues = Literal["last_message", "final_message", "prefix_key"]


class Preset(Config):
    """One known teacher. Keys that it shares with the recipe's `teacher` are the defaults there."""

    title: str = Field(description="What it is, for people.")
    base_url: str | None = Field(None, description="Its address, where it has one of its own.")
    api_key_env: str | None = Field(None, description="Variable that usually holds its key.")
    models: tuple[str, ...] = Field((), description="Models to begin with.")
    reasoning: Shown = Field(description="What it shows of its thinking.")
    found: str = Field("", description="Where the trace comes back, for people.")
    has: tuple[Capability, ...] = Field((), description="What it can.")
    continues: Continues = Field("last_message", description="How it is asked to go on with a begun answer.")
    json_by_schema: bool = Field(False, description="Its JSON mode binds the answer only where a schema comes with it.")
    ignores: tuple[str, ...] = Field((), description="Sampling keys that it takes and does not obey.")
    refuses: tuple[str, ...] = Field((), description="Sampling keys that it answers with an error.")
    extra_body: Mapping[str, Any] = Field(default_factory=dict, description="How it is asked to think.")
    max_tokens_key: str = Field("max_tokens", description="Its name for max_tokens.")
    stream: bool = Field(False, description="Whether it must be asked with stream.")
    timeout_s: float | None = Field(None, description="Deadline of a request that suits it.")
    prices: str | None = Field(None, description="Provider in the price table.")
    free: bool = Field(False, description="Its tokens cost nothing: it runs on your own machines.")
    batch_discount: float = Field(1.0, description="What a batch costs in parts of the normal price.")
    notes: tuple[str, ...] = Field((), description="What to know about it.")

    @property
    def lacks(self) -> tuple[Capability, ...]:
        """What it cannot."""
        every: tuple[Capability, ...] = ("trace", "n", "logprobs", "prefix", "json", "stop", "seed")
        return tuple(c for c in every if c not in self.has)


@cache
def presets() -> Mapping[str, Preset]:
    """Name -> preset, in the order of the file."""
    import yaml

    data = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return {name: Preset.model_validate(value) for name, value in data["teachers"].items()}


def nearest(name: str) -> str:
    """`did you mean 'deepseek'?`, or the whole list, for a name that is none."""
    near = difflib.get_close_matches(name, presets(), n=1, cutoff=0.5)
    return f"did you mean '{near[0]}'?" if near else f"there are {', '.join(presets())}"


def provider_of(preset: str | None, base_url: str) -> str | None:
    """The provider in the price table: the preset's, or that of the known host that the URL names."""
    if preset is not None:
        return presets()[preset].prices
    host = urlsplit(base_url).hostname
    known = (p for p in presets().values() if p.base_url and p.prices and urlsplit(p.base_url).hostname == host)
    return next((p.prices for p in known), None)
