"""What a run has pushed, and where: only its own dataset is replaced by a later push without being told to."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

# Beside the dataset folder.
MEMORY = "pushed.json"
ADVICE = "set overwrite (--overwrite) to replace it"


def pushed_before(folder: Path) -> dict[str, str]:
    """Place -> what an earlier push of the dataset in `folder` left there.

    A place is `user/name@branch` with the commit, or the path of a folder with the sha256 of its card.
    """
    try:
        found = json.loads((folder.parent / MEMORY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def remember(folder: Path, place: str, mark: str) -> None:
    text = json.dumps({**pushed_before(folder), place: mark}, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    # What was pushed stands, and a run directory that nobody may write to is asked for overwrite next time.
    with suppress(OSError):
        (folder.parent / MEMORY).write_text(text, encoding="utf-8")
