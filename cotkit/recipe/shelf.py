"""The shipped recipes as a list for people: what each makes, in which mode, what it costs, how it is run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from cotkit.recipe.document import read
from cotkit.recipe.load import shipped

_COST = re.compile(r"^# Cost: (none|about \$[\d,]*\d|as [\w.-]+)", re.MULTILINE)
_RUN = re.compile(r"^# Run: (.+?)(?:   |$)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Entry:
    """A shipped recipe.

    Attributes:
        mode: faithful (as published), strict (cotkit's decontamination and verdicts), or empty where there is one only.
        cost: what its header says at list prices, such as "about $390"; "none" where nobody is paid.
        run: the command of its header.
    """

    name: str
    mode: str
    description: str
    cost: str
    run: str


def shelf() -> list[Entry]:
    """By name. Raises RecipeError for a recipe that cannot be read."""
    paths = shipped()
    names = {path.stem for path in paths}
    return [_entry(path, names) for path in sorted(paths, key=lambda path: path.stem)]


def _entry(path: Path, names: set[str]) -> Entry:
    text = path.read_text(encoding="utf-8")
    mode = "strict" if "strict" in path.stem.split("-") else "faithful" if f"{path.stem}-strict" in names else ""
    cost, run = _COST.search(text), _RUN.search(text)
    return Entry(
        name=path.stem,
        mode=mode,
        description=" ".join(str(read(path).data.get("description", "")).split()),
        cost=cost[1] if cost else "",
        run=run[1] if run else "",
    )
