"""Pushing to a folder: a whole copy beside the target, then one rename."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cotkit.curate.card import card_state
from cotkit.curate.layout import PushOptions, PushResult, is_ours, listed
from cotkit.curate.pushed import ADVICE, pushed_before, remember
from cotkit.errors import HubError

CARD = "README.md"


def push_to_folder(folder: Path, files: Sequence[str], target: Path, options: PushOptions) -> PushResult:
    """Make `target` a copy of the dataset; until the rename its old content stands.

    Raises HubError where the target holds anything that cotkit did not write or this run did not push, or cannot be
    written.
    """
    try:
        target = target.resolve()
        _refuse_foreign(folder.resolve(), target)
        card = _digest(folder / CARD)
        if _same(folder, target, files):
            remember(folder, str(target), card)
            return PushResult(str(target), None, changed=False)
        if not options.overwrite:
            _refuse_unknown(target, pushed_before(folder).get(str(target)))
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{target.name}.new-", dir=target.parent))
        try:
            fresh.chmod(0o755)
            for name in files:
                _copy(folder / name, fresh / name)
            _swap(fresh, target)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        remember(folder, str(target), card)
    except OSError as error:
        raise HubError(
            f"{target}: cannot be written ({error.strerror or error}); check the path and its rights"
        ) from error
    return PushResult(str(target), None, changed=True)


def _refuse_foreign(folder: Path, target: Path) -> None:
    if target.is_relative_to(folder) or folder.is_relative_to(target):
        raise HubError(f"{target}: this folder holds the dataset itself; push to another one")
    if not target.exists():
        return
    if not target.is_dir():
        raise HubError(f"{target}: this is a file, not a folder; push to another path")
    foreign = next((name for name in listed(target) if not is_ours(name)), None)
    if foreign is not None:
        raise HubError(
            f"{target}: the folder holds '{foreign}', which cotkit did not write and a push would delete; "
            f"move it away, or push to another folder"
        )


def _refuse_unknown(target: Path, known: str | None) -> None:
    """Only what this run pushed here, as it was then, is replaced unasked; `known` is the digest of that card."""
    if not target.exists() or not listed(target):
        return
    card, advice = target / CARD, f"{ADVICE}, or push to another folder"
    if not card.exists() or card_state(card.read_bytes().decode("utf-8", errors="replace")) != "ours":
        raise HubError(f"{target}: its README.md is not as cotkit wrote it, and a push would replace it; {advice}")
    if known is None:
        raise HubError(f"{target}: the folder holds a dataset that this run did not push; look at it, then {advice}")
    if known != _digest(card):
        raise HubError(
            f"{target}: the folder holds another version than the one that this run pushed; look at it, then {advice}"
        )


def _same(folder: Path, target: Path, files: Sequence[str]) -> bool:
    return (
        target.is_dir()
        and listed(target) == list(files)
        and all(_digest(folder / n) == _digest(target / n) for n in files)
    )


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(source, "rb") as read, open(target, "wb") as write:
        shutil.copyfileobj(read, write, 1 << 20)
        write.flush()
        os.fsync(write.fileno())


def _swap(fresh: Path, target: Path) -> None:
    """Two renames; a failure of the second one undoes the first."""
    old = fresh.with_name(fresh.name.replace(".new-", ".old-"))
    existed = target.exists()
    if existed:
        os.rename(target, old)
    try:
        os.rename(fresh, target)
    except OSError:
        if existed:
            os.rename(old, target)
        raise
    _sync_folder(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
