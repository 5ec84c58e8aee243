"""The files of a published dataset, and what a push is told and answers."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cotkit.errors import InputError

# Config -> folder of its shards. `data/SPLIT-…` is where `datasets` looks without being told.
FOLDERS: Mapping[str, str] = {"default": "data"} | {
    name: name for name in ("all-traces", "unverified", "negatives", "metadata")
}
_SHARD = rf"(?:{'|'.join(FOLDERS.values())})/[A-Za-z0-9_]+-\d{{5,}}-of-\d{{5,}}\.parquet"
_LAYOUT = re.compile(
    rf"README\.md|recipe(?:\.lock)?\.yaml|reproduce\.json|dataset_info\.json|axolotl\.yaml|plots/[a-z_]+\.svg|{_SHARD}"
)


@dataclass(frozen=True, slots=True)
class PushResult:
    """What a push did.

    Attributes:
        url: where the dataset is now: an address, or a folder.
        commit: the Hub's commit that holds it; None for a folder.
        changed: False where everything was there already and nothing was written.
    """

    url: str
    commit: str | None
    changed: bool


@dataclass(frozen=True, slots=True)
class PushOptions:
    """How to push; only `overwrite` and `redistribute` matter for a folder."""

    private: bool = True
    revision: str = "main"
    message: str | None = None
    overwrite: bool = False
    redistribute: bool = False


def dataset_files(folder: Path) -> list[str]:
    """The files of a published dataset, as sorted paths relative to the folder. Raises InputError."""
    names = [name for name in listed(folder) if is_ours(name)]
    for wanted in ("README.md", "recipe.yaml"):
        if wanted not in names:
            raise InputError(
                f"{folder}: no published dataset is here ({wanted} is missing); run the publish step first"
            )
    if not any(name.endswith(".parquet") for name in names):
        raise InputError(f"{folder}: the published dataset has no data files; run the publish step again")
    return names


def listed(folder: Path) -> list[str]:
    """All files below a folder, hidden ones too, as sorted relative POSIX paths."""
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir())


def is_ours(name: str) -> bool:
    """True for a path that `publish` writes."""
    return _LAYOUT.fullmatch(name) is not None


def splits(names: Sequence[str]) -> set[str]:
    """The splits that data files belong to, each with its folder."""
    return {_split(name) for name in names if name.endswith(".parquet") and is_ours(name)}


def stale(theirs: Sequence[str], ours: Sequence[str]) -> list[str]:
    """Files of a target that a push of `ours` leaves without meaning: other shards of a split, and what an earlier
    push wrote beside the data."""
    return [n for n in theirs if n not in ours and is_ours(n) and (_is_beside(n) or _split(n) in splits(ours))]


def _is_beside(name: str) -> bool:
    return not name.startswith("data/")


def _split(name: str) -> str:
    return name.rsplit("-", 3)[0]


def digest_of_files(folder: Path, names: Sequence[str]) -> str:
    """One sha256 over the names and contents of files; the card itself is left out."""
    lines = []
    for name in sorted(names):
        if name != "README.md":
            with open(folder / name, "rb") as file:
                lines.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {name}\n")
    return hashlib.sha256("".join(lines).encode()).hexdigest()
