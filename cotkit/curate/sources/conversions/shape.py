"""What a conversion takes and gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True)
class LeftOut:
    """A row that the set's users leave out by its nature: the short reason, and its columns all the same."""

    reason: str
    values: Row = field(default_factory=dict)


Conversion = Callable[[Row], Row | LeftOut]
