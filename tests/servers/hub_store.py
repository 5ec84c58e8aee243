"""What the Hub of tests/servers/hub.py holds: data sets as commits of files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

ATTRIBUTES = b"*.parquet filter=lfs diff=lfs merge=lfs -text\n"


@dataclass(frozen=True)
class File:
    """A file of a commit. `sha256` is set for LFS content."""

    data: bytes
    sha256: str | None = None

    @property
    def blob(self) -> str:
        content = self.data if self.sha256 is None else self.sha256.encode()
        return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()

    @property
    def etag(self) -> str:
        return self.sha256 or self.blob

    def entry(self, path: str) -> dict[str, Any]:
        size = len(self.data)
        lfs = {"lfs": {"oid": self.sha256, "size": size, "pointerSize": 134}} if self.sha256 else {}
        return {"type": "file", "oid": self.blob, "size": size, "path": path, **lfs}


@dataclass(frozen=True)
class Commit:
    sha: str
    parent: str | None
    title: str
    files: Mapping[str, File]


@dataclass
class Repo:
    """Commits by hash, and branches and tags that name them."""

    private: bool
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def add(self, branch: str, parent: str | None, files: Mapping[str, File], title: str) -> Commit:
        what = json.dumps([len(self.commits), parent, title, {path: f.etag for path, f in files.items()}])
        sha = hashlib.sha1(what.encode(), usedforsecurity=False).hexdigest()
        self.commits[sha] = Commit(sha, parent, title, dict(files))
        self.branches[branch] = sha
        return self.commits[sha]

    def find(self, revision: str) -> Commit | None:
        name = unquote(revision).removeprefix("refs/heads/")
        return self.commits.get(self.branches.get(name) or self.tags.get(name) or name)

    def history(self, commit: Commit | None) -> Iterator[Commit]:
        while commit:
            yield commit
            commit = self.commits.get(commit.parent or "")
