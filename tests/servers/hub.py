"""A Hub on loopback, for tests: enough of its protocol to create, push, list, load and stream data sets.

Written from what huggingface_hub and datasets send and accept (hub 2.4, datasets 5.2); it was never compared
with the real Hub. All in memory. Clients must have HF_ENDPOINT set before they import huggingface_hub,
so run them in a subprocess, with HF_HUB_DISABLE_XET=1 where they push.

    with HubServer() as hub:
        hub.inject("POST .*/commit/", 503, times=2)
        subprocess.run(..., env={**os.environ, "HF_ENDPOINT": hub.url, "HF_TOKEN": "x", ...})

or `python tests/servers/hub.py PORT`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from hub_store import ATTRIBUTES, Commit, File, Repo

DATE = "2026-01-01T00:00:00.000Z"
LFS_FROM = 10_000_000


@dataclass(frozen=True)
class Call:
    """One answered request."""

    method: str
    path: str
    code: int


@dataclass
class Fault:
    match: str
    code: int
    times: int
    headers: Mapping[str, str]
    applied: bool

    def hits(self, call: str, applied: bool) -> bool:
        """True, and counted, if this request meets the fault."""
        if self.times <= 0 or self.applied != applied or not re.search(self.match, call):
            return False
        self.times -= 1
        return True


class Refused(Exception):
    """An answer that is an error; the client maps the name to one of its exception classes."""

    def __init__(self, code: int, name: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.headers = {"X-Error-Code": name, "X-Error-Message": message, **(headers or {})}


class HubServer:
    """The server and its state. With a token, only that one is accepted; without, any."""

    def __init__(self, port: int = 0, token: str | None = None) -> None:
        self.token = token
        self.repos: dict[str, Repo] = {}
        self.lfs: dict[str, bytes] = {}
        self.log: list[Call] = []
        self.faults: list[Fault] = []
        self.meanwhile: list[tuple[str, Callable[[], None]]] = []
        self.lock = threading.RLock()
        self._http = ThreadingHTTPServer(("127.0.0.1", port), type("Handler", (Handler,), {"hub": self}))
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def inject(
        self,
        match: str,
        code: int,
        times: int = 1,
        headers: Mapping[str, str] | None = None,
        applied: bool = False,
    ) -> None:
        """Answer `code` to the next `times` requests whose "METHOD /path" the regex `match` finds.

        With `applied` the request is carried out first, as when an answer is lost on its way.
        """
        self.faults.append(Fault(match, code, times, headers or {}, applied))

    def once_before(self, match: str, action: Callable[[], None]) -> None:
        """Do something just before the next request that `match` finds, as a second user would."""
        self.meanwhile.append((match, action))

    def commits(self, repo: str, branch: str = "main") -> list[str]:
        """Titles of a branch's commits, newest first; empty where there is no such data set."""
        found = self.repos.get(repo)
        return [c.title for c in found.history(found.find(branch))] if found else []

    def files(self, repo: str, branch: str = "main") -> dict[str, bytes]:
        commit = self.repos[repo].find(branch)
        return {path: f.data for path, f in commit.files.items()} if commit else {}

    def edit(self, repo: str, path: str, data: bytes, title: str = "edit by hand") -> None:
        """What somebody does in the browser."""
        found = self.repos[repo]
        head = found.commits[found.branches["main"]]
        found.add("main", head.sha, {**head.files, path: File(data)}, title)

    def serve(self) -> None:
        self._http.serve_forever(poll_interval=0.05)

    def __enter__(self) -> HubServer:
        self._thread = threading.Thread(target=self.serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class Handler(BaseHTTPRequestHandler):
    """Routes: a pattern on "METHOD /path" and the method that answers it with the pattern's groups."""

    protocol_version = "HTTP/1.1"
    hub: HubServer
    body: bytes
    query: dict[str, list[str]]

    _REPO = r"/api/datasets/([^/]+/[^/]+)"
    ROUTES = (
        (r"GET /api/whoami-v2", "whoami"),
        (r"POST /api/validate-yaml", "accept"),
        (r"POST /api/repos/create", "create_repo"),
        (r"POST /datasets/([^/]+/[^/]+)\.git/info/lfs/objects/batch", "lfs_batch"),
        (r"PUT /_lfs/(\w+)", "lfs_put"),
        (r"POST /_lfs/verify", "accept"),
        (rf"GET {_REPO}(?:/revision/([^/]+))?", "info"),
        (rf"GET {_REPO}/refs", "refs"),
        (rf"GET {_REPO}/commits/([^/]+)", "history"),
        (rf"GET {_REPO}/tree/([^/]+)(?:/(.*))?", "tree"),
        (rf"POST {_REPO}/paths-info/([^/]+)", "paths_info"),
        (rf"POST {_REPO}/preupload/([^/]+)", "preupload"),
        (rf"POST {_REPO}/commit/([^/]+)", "commit"),
        (rf"POST {_REPO}/branch/(.+)", "branch"),
        (rf"POST {_REPO}/tag/([^/]+)", "tag"),
        (r"(?:GET|HEAD) /datasets/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", "resolve"),
    )

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _answer(self) -> None:
        url = urlsplit(self.path)
        self.query = parse_qs(url.query)
        self.body = self._read()
        call = f"{self.command} {url.path}"
        with self.hub.lock:
            try:
                self._inject(call, applied=False)
                for other in [m for m in self.hub.meanwhile if re.search(m[0], call)]:
                    self.hub.meanwhile.remove(other)
                    other[1]()
                for pattern, name in self.ROUTES:
                    if match := re.fullmatch(pattern, call):
                        getattr(self, name)(*match.groups())
                        return
                raise Refused(404, "", f"no such route: {call}")
            except Refused as error:
                self._send(error.code, {"error": str(error)}, error.headers)

    do_GET = do_HEAD = do_POST = do_PUT = _answer

    def _inject(self, call: str, applied: bool) -> None:
        for fault in self.hub.faults:
            if fault.hits(call, applied):
                raise Refused(fault.code, "", "injected", fault.headers)

    def _read(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _send(self, code: int, answer: Any, headers: Mapping[str, str] | None = None) -> None:
        if code < 400:
            self._inject(f"{self.command} {urlsplit(self.path).path}", applied=True)
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        kind = "application/octet-stream" if isinstance(answer, bytes) else "application/json"
        self.hub.log.append(Call(self.command, self.path, code))
        self.send_response(code)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _authorized(self) -> bool:
        given = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        return given == self.hub.token if self.hub.token else bool(given)

    def _may_write(self) -> None:
        if not self._authorized():
            raise Refused(401, "", "Invalid username or password.")

    def _repo(self, name: str) -> Repo:
        found = self.hub.repos.get(name)
        if found is None or (found.private and not self._authorized()):
            raise Refused(404 if self._authorized() else 401, "RepoNotFound", "Repository not found")
        return found

    def _at(self, repo: Repo, revision: str | None) -> Commit:
        found = repo.find(revision or "main")
        if found is None:
            raise Refused(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return found

    def whoami(self) -> None:
        self._may_write()
        self._send(200, {"type": "user", "name": "me", "orgs": [], "auth": {"accessToken": {"role": "write"}}})

    def accept(self) -> None:
        self._send(200, {"errors": [], "warnings": []})

    def create_repo(self) -> None:
        self._may_write()
        wanted = json.loads(self.body)
        name = f"{wanted.get('organization') or 'me'}/{wanted['name']}"
        answer = {"url": f"{self.hub.url}/datasets/{name}", "name": name, "id": "x"}
        if name in self.hub.repos:
            self._send(409, {**answer, "error": "You already created this dataset repo"})
            return
        private = wanted.get("visibility") == "private" or bool(wanted.get("private"))
        self.hub.repos[name] = repo = Repo(private)
        repo.add("main", None, {".gitattributes": File(ATTRIBUTES)}, "initial commit")
        self._send(200, answer)

    def lfs_batch(self, name: str) -> None:
        self._may_write()
        objects: list[dict[str, Any]] = []
        for wanted in json.loads(self.body)["objects"]:
            known = wanted["oid"] in self.hub.lfs
            upload = {"href": f"{self.hub.url}/_lfs/{wanted['oid']}", "header": {}}
            actions = {"upload": upload, "verify": {"href": f"{self.hub.url}/_lfs/verify", "header": {}}}
            objects.append({"oid": wanted["oid"], "size": wanted["size"], **({} if known else {"actions": actions})})
        self._send(200, {"transfer": "basic", "objects": objects})

    def lfs_put(self, sha256: str) -> None:
        if hashlib.sha256(self.body).hexdigest() != sha256:
            raise Refused(400, "", "the content is not what its digest says")
        self.hub.lfs[sha256] = self.body
        self._send(200, {})

    def info(self, name: str, revision: str | None) -> None:
        repo = self._repo(name)
        commit = self._at(repo, revision)
        fixed = {"_id": "x", "lastModified": DATE, "createdAt": DATE, "gated": False, "disabled": False, "tags": []}
        found = {"id": name, "author": name.split("/", maxsplit=1)[0], "sha": commit.sha, "private": repo.private}
        siblings = [{"rfilename": path} for path in sorted(commit.files)]
        self._send(200, {**fixed, **found, "downloads": 0, "likes": 0, "siblings": siblings})

    def refs(self, name: str) -> None:
        repo = self._repo(name)

        def listed(kind: str, names: Mapping[str, str]) -> list[dict[str, str]]:
            return [{"name": n, "ref": f"refs/{kind}/{n}", "targetCommit": sha} for n, sha in names.items()]

        self._send(200, {"branches": listed("heads", repo.branches), "tags": listed("tags", repo.tags), "converts": []})

    def history(self, name: str, revision: str) -> None:
        repo = self._repo(name)
        commits = repo.history(self._at(repo, revision))
        self._send(200, [{"id": c.sha, "title": c.title, "message": "", "authors": [], "date": DATE} for c in commits])

    def tree(self, name: str, revision: str, folder: str | None) -> None:
        commit = self._at(self._repo(name), revision)
        prefix = f"{unquote(folder).strip('/')}/" if folder else ""
        deep = self.query.get("recursive", ["false"])[0].lower() in ("true", "1")
        found: dict[str, Any] = {}
        for path, file in sorted(commit.files.items()):
            if not path.startswith(prefix):
                continue
            parts = path.removeprefix(prefix).split("/")
            for depth in range(1, len(parts) if deep else min(2, len(parts))):
                parent = prefix + "/".join(parts[:depth])
                found[parent] = {"type": "directory", "oid": "0" * 40, "size": 0, "path": parent}
            if deep or len(parts) == 1:
                found[path] = file.entry(path)
        if prefix and not found:
            raise Refused(404, "EntryNotFound", f"{folder} does not exist")
        self._send(200, list(found.values()))

    def paths_info(self, name: str, revision: str) -> None:
        commit = self._at(self._repo(name), revision)
        is_json = "json" in self.headers.get("Content-Type", "")
        wanted = json.loads(self.body)["paths"] if is_json else parse_qs(self.body.decode()).get("paths", [])
        self._send(200, [commit.files[path].entry(path) for path in wanted if path in commit.files])

    def preupload(self, name: str, revision: str) -> None:
        self._may_write()
        known = self._at(self._repo(name), revision).files
        answer = [
            {
                "path": f["path"],
                "uploadMode": "lfs" if f["path"].endswith(".parquet") or f["size"] >= LFS_FROM else "regular",
                "shouldIgnore": False,
                "oid": known[f["path"]].etag if f["path"] in known else None,
            }
            for f in json.loads(self.body)["files"]
        ]
        self._send(200, {"files": answer})

    def commit(self, name: str, revision: str) -> None:
        self._may_write()
        repo = self._repo(name)
        head = self._at(repo, revision)
        lines = [json.loads(line) for line in self.body.splitlines()]
        title = next(line["value"]["summary"] for line in lines if line["key"] == "header")
        files = dict(head.files)
        for line in lines:
            self._apply(line["key"], line["value"], files, head)
        made = repo.add(unquote(revision).removeprefix("refs/heads/"), head.sha, files, title)
        url = f"{self.hub.url}/datasets/{name}/commit/{made.sha}"
        self._send(200, {"success": True, "commitOid": made.sha, "commitUrl": url, "hookOutput": ""})

    def _apply(self, key: str, value: dict[str, Any], files: dict[str, File], head: Commit) -> None:
        if key == "header" and value.get("parentCommit") not in (None, head.sha):
            raise Refused(412, "", "A commit has happened since. Please refresh and try again.")
        if key == "file":
            files[value["path"]] = File(base64.b64decode(value["content"]))
        elif key == "lfsFile":
            if value["oid"] not in self.hub.lfs:
                raise Refused(400, "", "LFS pointer pointed to a file that does not exist")
            files[value["path"]] = File(self.hub.lfs[value["oid"]], value["oid"])
        elif key == "deletedFile":
            if value["path"] not in files:
                raise Refused(404, "EntryNotFound", "A file with this name doesn't exist")
            del files[value["path"]]
        elif key == "deletedFolder":
            for path in [p for p in files if p.startswith(value["path"].rstrip("/") + "/")]:
                del files[path]

    def branch(self, name: str, branch: str) -> None:
        self._may_write()
        repo = self._repo(name)
        if unquote(branch) in repo.branches:
            raise Refused(409, "", "Reference already exists")
        start = json.loads(self.body or b"{}").get("startingPoint")
        repo.branches[unquote(branch)] = self._at(repo, start).sha
        self._send(200, {})

    def tag(self, name: str, revision: str) -> None:
        self._may_write()
        repo = self._repo(name)
        tag = json.loads(self.body)["tag"]
        if tag in repo.tags:
            raise Refused(409, "", "Tag reference exists already")
        repo.tags[tag] = self._at(repo, revision).sha
        self._send(200, {})

    def resolve(self, name: str, revision: str, path: str) -> None:
        commit = self._at(self._repo(name), revision)
        file = commit.files.get(unquote(path))
        if file is None:
            raise Refused(404, "EntryNotFound", "Entry not found")
        size = len(file.data)
        headers = {"ETag": f'"{file.etag}"', "Accept-Ranges": "bytes", "X-Repo-Commit": commit.sha}
        if file.sha256:
            headers |= {"X-Linked-Etag": f'"{file.sha256}"', "X-Linked-Size": str(size)}
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        if wanted is None:
            self._send(200, file.data, headers)
            return
        start, end = int(wanted[1]), min(int(wanted[2] or size - 1), size - 1)
        if start >= size:
            self._send(416, b"", {**headers, "Content-Range": f"bytes */{size}"})
            return
        headers["Content-Range"] = f"bytes {start}-{end}/{size}"
        self._send(206, file.data[start : end + 1], headers)


if __name__ == "__main__":
    server = HubServer(int(sys.argv[1]))
    print(f"hub on {server.url}", flush=True)
    server.serve()
