"""The run directory: one folder a step, each put in place by one rename."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotkit.errors import InputError, StorageError
from cotkit.run.tables import digest_of, link_or_copy, read_table, storage, sync, write_json, write_text

if TYPE_CHECKING:
    import polars as pl

LOCK_FILE = "recipe.lock.yaml"
FUNNEL_FILE = "funnel.json"
REPORT_FILE = "report.html"
_STEP_FOLDER = re.compile(r"^(\d{2,})-(.+)$")


@dataclass(frozen=True)
class RunDirectory:
    """A run on disk. Only RunDirectory knows how the folders are named."""

    path: Path

    def folder(self, number: int, name: str) -> Path:
        return self.path / f"{number:02d}-{name}"

    def find(self, name: str) -> Path | None:
        """The step's folder under whatever number it has."""
        for folder, found in self.step_folders():
            if found == name:
                return folder
        return None

    def step_folders(self) -> list[tuple[Path, str]]:
        if not self.path.is_dir():
            return []
        matches = ((p, _STEP_FOLDER.match(p.name)) for p in sorted(self.path.iterdir()) if p.is_dir())
        return [(p, m.group(2)) for p, m in matches if m and (p / "report.json").is_file()]

    def report(self, name: str) -> dict[str, Any] | None:
        """The report of a finished step, or None where it is missing or its tables are not whole."""
        folder = self.find(name)
        if folder is None:
            return None
        try:
            report: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
            sizes = report["files"]
            known = {"key", "parts", "funnel", "content", "seconds"} <= report.keys() and "kept.parquet" in sizes
            whole = known and all((folder / file).stat().st_size == entry["bytes"] for file, entry in sizes.items())
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return report if whole else None

    def altered(self, name: str) -> list[str]:
        """Files of a finished step that are gone, or are not as they were written; its report, if that is damaged."""
        folder = self._found(name)
        try:
            files = json.loads((folder / "report.json").read_text(encoding="utf-8"))["files"].items()
            written = {str(file): entry["sha256"] for file, entry in files}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return ["report.json"]
        return [f for f, digest in written.items() if not (folder / f).is_file() or digest_of(folder / f) != digest]

    def kept(self, name: str) -> pl.DataFrame:
        return self.table(name, "kept")

    def dropped(self, name: str) -> pl.DataFrame:
        return self.table(name, "dropped")

    def table(self, name: str, table: str) -> pl.DataFrame:
        """`kept` or `dropped` of a step; raises InputError where it has not run."""
        return read_table(self.file(name, table))

    def file(self, name: str, table: str = "kept") -> Path:
        """The file of a step's table; raises InputError where it has not run."""
        return self._found(name) / f"{table}.parquet"

    def _found(self, name: str) -> Path:
        folder = self.find(name)
        if folder is None:
            raise InputError(f"{self.path}: step '{name}' has not run here; run the recipe up to it first")
        return folder

    def work_folder(self, number: int, name: str) -> Path:
        """An empty scratch folder for a step that is about to run."""
        work = self.path / f".work-{number:02d}-{name}"
        with storage(work):
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir(parents=True)
        return work

    def shards_folder(self, number: int, name: str, plan: str, keep: bool = True) -> Path:
        """The folder for the shards of a step: with `keep` that of an earlier run of the same `plan`, or an empty one.

        It is named by the plan: a worker that outlives its run must not leave its shard in a run of another plan.
        """
        own = self._shards(number, name)
        folder = own / hashlib.sha256(plan.encode()).hexdigest()[:16]
        with storage(folder):
            own.mkdir(parents=True, exist_ok=True)
            for other in sorted(own.iterdir()):
                if other != folder or not keep:
                    _remove(other)
            folder.mkdir(exist_ok=keep)
        return folder

    def _shards(self, number: int, name: str) -> Path:
        return self.path / f".shards-{number:02d}-{name}"

    def commit(self, work: Path, number: int, name: str, report: dict[str, Any]) -> dict[str, Any]:
        """Put `work`, with the tables in it, in place of the step's old folder.

        Killed before the last rename, the old result (or none) stands; after it, the new one is whole.
        Returns the report with digests and sizes of the files. Raises StorageError.
        """
        made = sorted(p.relative_to(work).as_posix() for p in work.rglob("*") if p.is_file())
        files = {f: {"bytes": (work / f).stat().st_size, "sha256": digest_of(work / f)} for f in made}
        report = {**report, "files": files}
        write_json(work / "report.json", report)
        target = self.folder(number, name)
        with storage(target):
            for folder, found in self.step_folders():
                if found == name or folder == target:
                    _remove(folder)
            _clear(target)
            os.rename(work, target)
            sync(self.path)
        shutil.rmtree(self._shards(number, name), ignore_errors=True)
        return report

    def renumber(self, number: int, name: str) -> None:
        """A cached step whose place in the recipe has changed moves to its new number; it needs no shards."""
        shutil.rmtree(self._shards(number, name), ignore_errors=True)
        folder, target = self.find(name), self.folder(number, name)
        if folder is not None and folder != target:
            with storage(target):
                _clear(target)
                os.rename(folder, target)

    def remove_others(self, names: Sequence[str]) -> list[str]:
        """Remove folders of steps that are none of the recipe's, by name, and what is left over of killed runs but the
        shards of its own steps."""
        gone = []
        shards = {self._shards(number, name) for number, name in enumerate(names, start=1)}
        with storage(self.path):
            for folder, name in self.step_folders():
                if name not in names:
                    _remove(folder)
                    gone.append(name)
            for scratch in (*self.path.glob(".work-*"), *set(self.path.glob(".shards-*")) - shards):
                shutil.rmtree(scratch, ignore_errors=True)
            for scratch in self.path.glob(".gone-*"):
                shutil.rmtree(scratch, ignore_errors=True)
        return gone

    def promote(self, folder: Path, name: str, key: str) -> None:
        """Make `<run>/<name>` the same as `folder`, unless that was done before for the same `key`.

        Tables are hard-linked where the file system can; texts are copied, since people edit a card in place,
        and their edits stay until there is something new to publish.
        """
        target, marker = self.path / name, self.path / f".{name}.key"
        if target.is_dir() and marker.is_file() and marker.read_text() == key:
            return
        fresh, old = self.path / f".work-{name}", self.path / f".gone-{name}"
        with storage(target):
            shutil.rmtree(fresh, ignore_errors=True)
            shutil.rmtree(old, ignore_errors=True)
            shutil.copytree(folder, fresh, copy_function=_link_or_copy)
            if target.exists():
                os.rename(target, old)
            os.rename(fresh, target)
            sync(self.path)
            shutil.rmtree(old, ignore_errors=True)
        write_text(marker, key)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Only one cotkit writes into a run; the lock goes with the process, however it ends.

        Raises StorageError where another process holds it, or the folder cannot be made.
        """
        with storage(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StorageError(
                    f"{self.path}: another cotkit is at work in this run directory; wait for it, or give another --out"
                ) from error
            yield
        finally:
            os.close(descriptor)


def _clear(target: Path) -> None:
    """Make way for a step's folder: a damaged result of ours goes, anything else stays and is told."""
    if not target.exists():
        return
    if not (target / "kept.parquet").is_file():
        raise StorageError(f"{target}: something that is no result of cotkit is in the way; move it elsewhere")
    _remove(target)


def _remove(folder: Path) -> None:
    """Rename first: a kill in the middle leaves no half a step behind."""
    gone = folder.with_name(f".gone-{folder.name}")
    shutil.rmtree(gone, ignore_errors=True)
    os.rename(folder, gone)
    shutil.rmtree(gone, ignore_errors=True)


def _link_or_copy(source: str, target: str) -> None:
    if source.endswith(".parquet"):
        link_or_copy(source, target)
    else:
        shutil.copy2(source, target)
