"""Filters on problems; a filter is one small module registered by name in cotkit/registry.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

from cotkit.config import Config
from cotkit.records import Problem
from cotkit.registry import Registered
from cotkit.steps import Step


class Filter(Config):
    """Base of all filters. A subclass adds `name: Literal["its-name"]` and its own keys.

    Class attributes:
        reason: the short word under which the funnel counts what this filter drops.
    """

    name: str

    reason: ClassVar[str] = "filtered"

    def reason_of(self, evidence: Mapping[str, Any]) -> str:
        """The reason of one drop, for a filter that has several."""
        return self.reason

    def check_after(self, before: Sequence[Step]) -> list[str]:
        """What cannot work after these steps of the recipe, a sentence each."""
        return []

    def reject(self, problem: Problem) -> dict[str, Any] | None:
        """None keeps the problem; a dict drops it and is stored as the evidence (JSON values only)."""
        raise NotImplementedError


AnyFilter = Annotated[Filter, Registered("filters", "name")]
