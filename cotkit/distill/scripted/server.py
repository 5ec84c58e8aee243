"""The scripted teacher's server: in a thread for tests and rehearsals, or as `cotkit teachers serve`."""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from cotkit.distill.scripted.batches import Batches
from cotkit.distill.scripted.faults import refusal, spoil
from cotkit.distill.scripted.scenario import Fault, Reply, Scenario
from cotkit.distill.scripted.shapes import Said, chunks, completion, say, user_text
from cotkit.errors import InputError

if TYPE_CHECKING:
    from aiohttp import web


@dataclass
class Log:
    """What was asked and what went out.

    Attributes:
        requests: {"body", "headers", "fault"} of each, in order of arrival.
        answered: how often a whole paid answer went out, by a hash of the request's body.
    """

    requests: list[dict[str, Any]] = field(default_factory=list)
    asked: dict[str, int] = field(default_factory=dict)
    answered: dict[str, int] = field(default_factory=dict)
    in_flight: int = 0
    most_in_flight: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    first_at: float | None = None
    last_at: float | None = None

    def as_json(self) -> dict[str, Any]:
        """For /_log."""
        return {
            "asked": len(self.requests),
            "answered": sum(self.answered.values()),
            "paid_twice": sum(n - 1 for n in self.answered.values() if n > 1),
            "most_in_flight": self.most_in_flight,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "requests": self.requests,
        }


class ScriptedTeacher:
    """A server on the loopback for the time of a with block; `url` is what goes into base_url.

    Args:
        speak: from a request's body to its reply, where a scenario's lists do not suffice; None leaves it to those.
    """

    def __init__(
        self,
        scenario: Scenario | None = None,
        port: int = 0,
        log_file: Path | None = None,
        speak: Callable[[Mapping[str, Any]], Reply | None] | None = None,
    ) -> None:
        self.scenario = scenario or Scenario()
        self._speak = speak or (lambda _: None)
        self.log = Log()
        self.faults: list[Fault] = list(self.scenario.faults)
        self._hits: dict[int, int] = {}
        self._passed: dict[int, int] = {}
        self._port = port
        self._log_file = log_file
        self._ready = threading.Event()
        self._error: OSError | None = None
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event
        self.url = ""

    def fault(self, kind: str, **more: Any) -> None:
        """Add a fault; the first one that fits a request hits it."""
        self.faults.append(Fault.model_validate({"kind": kind, **more}))

    def __enter__(self) -> ScriptedTeacher:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._error is not None:
            raise InputError(f"port {self._port}: {self._error.strerror}; give another --port")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def wait(self) -> None:
        """Serve until the thread ends (Ctrl-C in the foreground)."""
        while self._thread.is_alive():
            self._thread.join(0.5)

    async def _main(self) -> None:
        from aiohttp import web

        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application(client_max_size=1024**3)
        app.router.add_get("/_log", self._get_log)
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/chat/completions", self._chat)
        Batches(self._answer_line, self._is_late).add_to(app)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self._port, backlog=4096)
        try:
            await site.start()
        except OSError as error:
            self._error = error
            self._ready.set()
            return
        server: Any = site._server
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        self._ready.set()
        await self._stop.wait()
        await runner.cleanup()

    async def _get_log(self, request: web.Request) -> web.Response:
        from aiohttp import web

        return web.json_response(self.log.as_json())

    async def _models(self, request: web.Request) -> web.Response:
        from aiohttp import web

        return web.json_response({"object": "list", "data": [{"id": self.scenario.model or "any", "object": "model"}]})

    def _answer_line(self, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """One line of a batch file."""
        name = _name(body)
        kind = self._fault(name, user_text(body))
        status, _, error = refusal(kind, Fault(kind="500"), "") if kind else (0, {}, {})
        if status:
            return status, error
        self._count(name)
        said = say(self.scenario, body, 0, self._speak(body))
        return 200, completion(self.scenario, body, said)

    def _count(self, name: str) -> None:
        self.log.answered[name] = self.log.answered.get(name, 0) + 1

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        from aiohttp import web

        raw = await request.read()
        body: dict[str, Any] = json.loads(raw)
        name, log, scenario = _name(body), self.log, self.scenario
        attempt = log.asked.get(name, 0)
        log.asked[name] = attempt + 1
        log.in_flight += 1
        log.most_in_flight = max(log.most_in_flight, log.in_flight)
        log.first_at = log.first_at or time.monotonic()
        echo = request.headers.get("authorization", "")
        kind = self._refuses(request, body) or self._fault(name, user_text(body))
        # Of the key only whether one came: this log may land on a disk.
        headers = {k.lower(): v for k, v in request.headers.items() if k.lower() != "authorization"}
        entry = {"body": body, "headers": {**headers, "authorized": bool(echo)}, "fault": kind}
        log.requests.append(entry)
        if self._log_file is not None:
            with self._log_file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry, ensure_ascii=False) + "\n")
        try:
            fault = self._last_fault if kind else Fault(kind="500")
            await asyncio.sleep(fault.delay_s)
            status, more, error = refusal(kind, fault, echo)
            if status:
                return web.json_response(error, status=status, headers=more)
            if kind in ("hang", "drip"):
                return await self._hang(request, drip=kind == "drip")
            if kind == "reset":
                return _reset(request)
            await asyncio.sleep(scenario.latency_s)
            said = spoil(kind, say(scenario, body, attempt, self._speak(body)))
            response = await self._send(request, body, said, kind)
            if kind not in ("reset_body", "cut_json", "no_choices", "html_200", "html_502", "error_200", "no_resource",
                            "error_200_402", "cut_stream", "error_event", "cut_event", "out_of_order"):  # fmt: skip
                self._count(name)
                log.prompt_tokens += said.prompt_tokens
                log.completion_tokens += said.completion_tokens
                log.last_at = time.monotonic()
            return response
        finally:
            log.in_flight -= 1

    def _refuses(self, request: web.Request, body: Mapping[str, Any]) -> str:
        """What the teacher says no to by its nature."""
        scenario = self.scenario
        self._last_fault = Fault(kind="429", retry_after=scenario.retry_after)
        if scenario.key is not None and request.headers.get("authorization") != f"Bearer {scenario.key}":
            return "401"
        if scenario.model is not None and body.get("model") != scenario.model:
            return "404"
        if scenario.shape == "qwen" and not body.get("stream"):
            return "400"
        if scenario.context_tokens is not None and len(user_text(body).split()) > scenario.context_tokens:
            return "400_context"
        if scenario.slots is not None and self.log.in_flight > scenario.slots:
            return "429"
        return ""

    def _is_late(self) -> bool:
        """Is a batch made and the client told of an error (500_late)?"""
        return any(f.kind == "500_late" for f in self.faults) and self._fault("batch", "") == "500_late"

    def _fault(self, name: str, text: str) -> str:
        for number, fault in enumerate(self.faults):
            if fault.match not in text or self._hits.get(number, 0) >= fault.times:
                continue
            if (
                fault.rate < 1
                and int(hashlib.sha256(f"{number} {name}".encode()).hexdigest()[:8], 16) / 2**32 >= fault.rate
            ):
                continue
            if fault.first and self.log.asked.get(name, 0) > 1:
                continue
            if self._passed.get(number, 0) < fault.after:
                self._passed[number] = self._passed.get(number, 0) + 1
                continue
            self._hits[number] = self._hits.get(number, 0) + 1
            self._last_fault = fault
            return fault.kind
        return ""

    async def _send(self, request: web.Request, body: dict[str, Any], said: Said, kind: str) -> web.StreamResponse:
        from aiohttp import web

        plain = ("html_200", "html_502", "error_200", "error_200_402")
        if body.get("stream") and kind not in plain:
            return await self._stream(request, body, said, kind)
        whole = json.dumps(completion(self.scenario, body, said, kind != "no_usage")).encode()
        status, content_type = 200, "application/json"
        if kind == "reset_body":
            response = web.StreamResponse(headers={"content-length": str(len(whole))})
            await response.prepare(request)
            await response.write(whole[: len(whole) // 2])
            return _reset(request, response)
        if kind == "cut_json":
            whole = whole[: len(whole) // 2]
        elif kind == "no_choices":
            whole = b'{"id": "x", "choices": [], "usage": {}}'
        elif kind == "error_200":
            whole = json.dumps({"error": {"message": "upstream failed", "code": 502}}).encode()
        elif kind == "error_200_402":
            whole = json.dumps({"error": {"message": "no credit", "code": 402}}).encode()
        elif kind in ("html_200", "html_502"):
            whole, content_type = b"<html><body>Bad gateway</body></html>", "text/html"
            status = 502 if kind == "html_502" else 200
        elif kind == "wrong_type":
            content_type = "text/plain"
        return web.Response(body=whole, status=status, content_type=content_type)

    async def _stream(self, request: web.Request, body: dict[str, Any], said: Said, kind: str) -> web.StreamResponse:
        from aiohttp import web

        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        events = [json.dumps(e) for e in chunks(self.scenario, body, said, kind != "no_usage")]
        lines = [f"data: {e}\n\n" for e in events]
        middle = len(lines) // 2
        if kind in ("double_chunk", "out_of_order"):
            lines = [f"id: {n}\n{line}" for n, line in enumerate(lines)]
        if kind == "double_chunk":
            lines.insert(middle, lines[middle])
        if kind == "out_of_order":
            lines[middle], lines[middle + 1] = lines[middle + 1], lines[middle]
        if kind == "cut_event":
            lines[middle] = lines[middle][:30] + "\n\n"
        if kind == "error_event":
            lines[middle] = 'data: {"error": {"message": "the engine died", "code": 500}}\n\n'
        if kind in ("cut_stream", "reset_body"):
            lines = lines[:middle]
        await response.write(b": keep-alive\n\n" + "".join(lines).encode())
        if kind == "reset_body":
            return _reset(request, response)
        if kind == "endless_comments":
            with suppress(OSError):
                while not self._stop.is_set():
                    await response.write(b": keep-alive\n\n")
                    await asyncio.sleep(0.05)
        if kind != "cut_stream":
            await response.write(b"data: [DONE]\n\n")
        await response.write_eof()
        return response

    async def _hang(self, request: web.Request, drip: bool) -> web.StreamResponse:
        """Silence, or keep-alive bytes for ever."""
        from aiohttp import web

        response = web.StreamResponse(headers={"content-type": "application/json"})
        if drip:
            await response.prepare(request)
        with suppress(OSError):
            while not self._stop.is_set() and request.transport is not None and not request.transport.is_closing():
                if drip:
                    await response.write(b"\n")
                await asyncio.sleep(0.05)
        return response


def _reset(request: web.Request, response: web.StreamResponse | None = None) -> web.StreamResponse:
    """Cut the connection with a RST."""
    from aiohttp import web

    transport = request.transport
    if transport is not None:
        raw = transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return response or web.Response()


def _name(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
