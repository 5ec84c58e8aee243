"""`cotkit report RUN --overthinking`: how much of the traces of a run was needed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from cotkit.cli.output import Output
from cotkit.curate.overthinking import Thinking, means
from cotkit.errors import InputError

if TYPE_CHECKING:
    from cotkit.run.directory import RunDirectory

FILE = "overthinking.parquet"


def tell_overthinking(directory: RunDirectory, output: Output) -> None:
    """Averages of the trim steps of a run, each trace counted once. Raises InputError where there is none."""
    found = [(name, folder / FILE) for folder, name in directory.step_folders() if (folder / FILE).is_file()]
    if not found:
        raise InputError(f"{directory.path}: no trim step has run here; add one between verify and select")
    told = [{"step": name, **_told(path)} for name, path in found]
    lines = [
        ", ".join(f"{key} {value:,.4g}" if key != "step" else f"{value}" for key, value in row.items()) for row in told
    ]
    output.data("\n".join(lines), told)


def _told(path: Path) -> dict[str, float]:
    from cotkit.run.tables import read_table

    rows = [Thinking(**row) for row in read_table(path).iter_rows(named=True)]
    unit = rows[0].unit if rows else "characters"
    return {
        "traces": len(rows),
        "segmented": sum(row.solutions > 0 for row in rows),
        **means(rows),
        f"{unit} before": sum(row.length for row in rows),
        f"{unit} after": sum(row.trimmed_length for row in rows),
        **dict(Counter(row.fate for row in rows).most_common()),
    }
