"""/v1/files and /v1/batches of the scripted teacher: a batch is worked off at the third look at it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiohttp import web

Answer = Callable[[Mapping[str, Any]], tuple[int, dict[str, Any]]]
_LOOKS = 2


class Batches:
    """Files and batches in memory."""

    def __init__(self, answer: Answer, is_late: Callable[[], bool]) -> None:
        self._answer = answer
        self._is_late = is_late
        self._files: dict[str, bytes] = {}
        self._batches: dict[str, dict[str, Any]] = {}
        self._looks: dict[str, int] = {}

    def add_to(self, app: web.Application) -> None:
        """Add the routes."""
        app.router.add_post("/v1/files", self._upload)
        app.router.add_get("/v1/files/{id}/content", self._content)
        app.router.add_post("/v1/batches", self._make)
        app.router.add_get("/v1/batches", self._list)
        app.router.add_get("/v1/batches/{id}", self._look)

    def _keep(self, data: bytes) -> str:
        name = f"file-{len(self._files)}"
        self._files[name] = data
        return name

    async def _upload(self, request: web.Request) -> web.Response:
        from aiohttp import web

        form = await request.post()
        part: Any = form["file"]
        data = part.file.read()
        name = self._keep(data)
        made = {"id": name, "object": "file", "bytes": len(data), "created_at": 1, "filename": "f", "purpose": "batch"}
        return web.json_response({**made, "status": "processed"})

    async def _content(self, request: web.Request) -> web.Response:
        from aiohttp import web

        return web.Response(body=self._files[request.match_info["id"]])

    async def _make(self, request: web.Request) -> web.Response:
        from aiohttp import web

        asked = await request.json()
        name = f"batch-{len(self._batches)}"
        self._batches[name] = {
            "id": name,
            "object": "batch",
            "status": "validating",
            "created_at": 1,
            "endpoint": asked["endpoint"],
            "input_file_id": asked["input_file_id"],
            "completion_window": asked["completion_window"],
            "metadata": asked.get("metadata"),
            "output_file_id": None,
            "error_file_id": None,
        }
        if self._is_late():
            return web.json_response({"error": {"message": "late"}}, status=500)
        return web.json_response(self._batches[name])

    async def _list(self, request: web.Request) -> web.Response:
        from aiohttp import web

        names = list(reversed(self._batches))  # the newest first, a page at a time, as OpenAI does
        after = request.query.get("after")
        begin = names.index(after) + 1 if after is not None else 0
        end = begin + int(request.query.get("limit", 20))
        page = [self._batches[name] for name in names[begin:end]]
        return web.json_response({"object": "list", "data": page, "has_more": end < len(names)})

    async def _look(self, request: web.Request) -> web.Response:
        from aiohttp import web

        name = request.match_info["id"]
        batch = self._batches[name]
        self._looks[name] = self._looks.get(name, 0) + 1
        if batch["output_file_id"] is None and self._looks[name] > _LOOKS:
            self._work_off(batch)
        return web.json_response(batch)

    def _work_off(self, batch: dict[str, Any]) -> None:
        """Answers go to the output file, HTTP errors to the error file; a reset or a hang leaves the line out."""
        good: list[dict[str, Any]] = []
        bad: list[dict[str, Any]] = []
        for line in self._files[batch["input_file_id"]].splitlines():
            row = json.loads(line)
            status, body = self._answer(row["body"])
            response = {"status_code": status, "request_id": "r", "body": body}
            (good if status == 200 else bad).append(
                {"custom_id": row["custom_id"], "response": response, "error": None}
            )
        batch["status"] = "completed"
        batch["output_file_id"] = self._keep(_jsonl(good))
        batch["error_file_id"] = self._keep(_jsonl(bad)) if bad else None


def _jsonl(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()
