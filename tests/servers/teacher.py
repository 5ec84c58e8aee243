"""A teacher on the loopback: a real HTTP server with deterministic answers and faults on demand.

In a test:            with FakeTeacher(answers={"2+2": "4"}) as teacher: ... teacher.url ...
As another process:   python tests/servers/teacher.py PORT [--latency S]     (prints "ready PORT")

GET /_log gives what was asked and answered; POST /_faults sets faults, POST /_reset clears the log.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

FAULTS = (
    "429", "429_date", "429_bare", "429_quota", "400", "401", "402", "402_retry", "403", "403_moderation", "404",
    "500", "503", "302",
    "hang", "drip", "reset", "reset_body", "cut_json", "no_choices", "html_200", "html_502", "error_200",
    "reasoning_only", "length", "filter", "null", "no_resource", "tags", "no_usage",
)  # fmt: skip


@dataclass
class Fault:
    """`kind` hits the first `times` requests whose user text holds `match`."""

    kind: str
    match: str = ""
    times: int = 1_000_000
    after: int = 0  # let so many matching requests pass first
    retry_after: float = 0.1


@dataclass
class Seen:
    asked: int = 0
    answered: int = 0
    answered_at: float | None = None


@dataclass
class _State:
    answers: Mapping[str, str] | Callable[[str], str]
    latency: float
    key: str | None
    replies: Callable[[str], str] | None = None
    faults: list[Fault] = field(default_factory=list)
    seen: dict[str, Seen] = field(default_factory=dict)
    requests: list[dict[str, Any]] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    slots: int | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)
    stopping: threading.Event = field(default_factory=threading.Event)


class FakeTeacher:
    """Runs the server in threads of this process for the time of a with block.

    Args:
        answers: what is boxed, by a part of the user text, or a function of the user text.
        latency: seconds that each answer takes.
        key: the API key asked for; None takes any.
        slots: how many requests it serves at once; more get 429 with Retry-After.
        replies: the whole content of an answer, as a function of the user text; goes before `answers`.
    """

    def __init__(
        self,
        answers: Mapping[str, str] | Callable[[str], str] | None = None,
        latency: float = 0.0,
        key: str | None = None,
        port: int = 0,
        slots: int | None = None,
        replies: Callable[[str], str] | None = None,
    ) -> None:
        self.state = _State(answers or {}, latency, key, replies, slots=slots)
        state = self.state

        class Handler(_Handler):
            pass

        Handler.state = state
        self.server = _Server(("127.0.0.1", port), Handler)
        self.port = int(self.server.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}/v1"

    def fault(self, kind: str, match: str = "", **more: Any) -> None:
        """Add a fault; the first one that fits a request hits it."""
        assert kind in FAULTS, kind
        with self.state.lock:
            self.state.faults.append(Fault(kind, match, **more))

    @property
    def asked(self) -> int:
        """Requests received so far."""
        with self.state.lock:
            return len(self.state.requests)

    def log(self) -> dict[str, Any]:
        """What was asked and answered."""
        return _log(self.state)

    def at_rest(self) -> dict[str, Any]:
        """The log once all clients are gone and all that they had sent is dealt with.

        A client goes on with its answer, or is killed, before the server has counted what it sent.
        """
        # Connections are taken in order: when this one is served, none waits that came before.
        own = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        own.request("GET", "/_log")
        own.getresponse().read()
        own.close()
        deadline = time.monotonic() + 60
        while self.server.connections > 0:
            assert time.monotonic() < deadline, "a client is still there"
            time.sleep(0.005)
        return self.log()

    def __enter__(self) -> FakeTeacher:
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.state.stopping.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512
    connections = 0

    def __init__(self, *arguments: Any) -> None:
        self.counting = threading.Lock()
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self.counting:
            self.connections += 1
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self.counting:
            self.connections -= 1

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a client that was killed is part of the tests


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: _State
    wbufsize = -1

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        if self.path == "/_log":
            self._send(200, json.dumps(_log(self.state)).encode())
        else:
            self._send(404, b"{}")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        state = self.state
        if self.path == "/_faults":
            with state.lock:
                state.faults.extend(Fault(**fault) for fault in json.loads(body))
            self._send(200, b"{}")
            return
        if self.path == "/_reset":
            with state.lock:
                state.seen.clear()
                state.requests.clear()
            self._send(200, b"{}")
            return
        name = hashlib.sha256(body).hexdigest()
        data = json.loads(body)
        with state.lock:
            state.seen.setdefault(name, Seen()).asked += 1
            state.requests.append({"body": data, "headers": {k.lower(): v for k, v in self.headers.items()}})
            state.in_flight += 1
            state.most_in_flight = max(state.most_in_flight, state.in_flight)
            crowded = state.slots is not None and state.in_flight > state.slots
            kind, fault = ("429", Fault("429")) if crowded else self._fault(user_text(data))
        try:
            if self._serve(kind, fault, data):
                with state.lock:
                    seen = state.seen[name]
                    seen.answered += 1
                    seen.answered_at = time.monotonic()
        finally:
            with state.lock:
                state.in_flight -= 1

    def _fault(self, text: str) -> tuple[str, Fault]:
        if self.path != "/v1/chat/completions":
            return "404", Fault("404")
        if self.state.key is not None and self.headers.get("authorization") != f"Bearer {self.state.key}":
            return "401", Fault("401")
        for fault in self.state.faults:
            if fault.match not in text or fault.times <= 0:
                continue
            if fault.after > 0:
                fault.after -= 1
                continue
            fault.times -= 1
            return fault.kind, fault
        return "", Fault("")

    def _serve(self, kind: str, fault: Fault, data: dict[str, Any]) -> bool:
        """Answer, or do what the fault says; True where a whole paid answer went out."""
        # Error texts echo the key, as careless gateways do.
        echo = self.headers.get("authorization", "")
        status, headers = _refusal(kind, fault)
        if status:
            error: dict[str, Any] = {"message": f"{kind} for you, who sent {echo} " + "x" * 500, "type": kind}
            if kind == "403_moderation":
                error["metadata"] = {"reasons": ["violence"], "flagged_input": "…"}
            if kind == "429_quota":
                error["code"] = "insufficient_quota"
            self._send(status, json.dumps({"error": error}).encode(), headers)
            return False
        if kind in ("hang", "drip"):
            self._hang(drip=kind == "drip")
            return False
        if kind == "reset":
            self._reset()
            return False
        self.state.stopping.wait(self.state.latency)
        whole = json.dumps(answer(data, kind, self.state.answers, self.state.replies)).encode()
        if kind == "reset_body":
            self._headers(200, len(whole), {})
            self.wfile.write(whole[: len(whole) // 2])
            self.wfile.flush()
            self._reset()
            return False
        if kind == "cut_json":
            whole = whole[: len(whole) // 2]
        elif kind == "no_choices":
            whole = b'{"id": "x", "choices": [], "usage": {}}'
        elif kind == "error_200":
            whole = json.dumps({"error": {"message": f"upstream failed for {echo}", "code": 502}}).encode()
        elif kind in ("html_200", "html_502"):
            whole = b"<html><body>Bad gateway</body></html>"
        self._send(502 if kind == "html_502" else 200, whole)
        return kind not in ("cut_json", "no_choices", "error_200", "html_200", "html_502", "no_resource")

    def _hang(self, drip: bool) -> None:
        """Silence, or keep-alive bytes for ever."""
        if drip:
            self._headers(200, 1_000_000, {})
        while not self.state.stopping.wait(0.05):
            try:
                self.wfile.write(b"\n" if drip else b"")
                self.wfile.flush()
                if not drip and self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b"":
                    break
            except BlockingIOError:
                continue
            except OSError:
                break
        self.close_connection = True

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def _headers(self, status: int, length: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(length))
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()

    def _send(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self._headers(status, len(body), headers or {})
        self.wfile.write(body)
        self.wfile.flush()


def _refusal(kind: str, fault: Fault) -> tuple[int, dict[str, str]]:
    """(status, headers) of a fault that is a plain HTTP error; 0 for the others."""
    if not kind[:3].isdigit():
        return 0, {}
    headers: dict[str, str] = {}
    if kind in ("429", "402_retry", "503"):
        headers["retry-after"] = str(fault.retry_after)
    if kind == "429_date":
        gmt = time.gmtime(time.time() + fault.retry_after)
        headers["retry-after"] = time.strftime("%a, %d %b %Y %H:%M:%S GMT", gmt)
    if kind == "302":
        headers["location"] = "http://127.0.0.1:9/v1/chat/completions"
    return int(kind[:3]), headers


def user_text(data: Mapping[str, Any]) -> str:
    """The last user message of a request."""
    texts = [m.get("content", "") for m in data.get("messages", []) if m.get("role") == "user"]
    return str(texts[-1]) if texts else ""


def boxed(text: str, answers: Mapping[str, str] | Callable[[str], str]) -> str:
    """What is put into the box: as told, or else a sum of the numbers in the text."""
    if callable(answers):
        return answers(text)
    for part, value in answers.items():
        if part in text:
            return value
    return str(sum(int(n) for n in re.findall(r"\d{1,6}", text)))


def answer(
    data: Mapping[str, Any],
    kind: str,
    answers: Mapping[str, str] | Callable[[str], str],
    replies: Callable[[str], str] | None = None,
) -> dict[str, Any]:
    """The completion: a function of the request alone, so equal requests get equal bodies."""
    text = user_text(data)
    name = hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:12]
    reasoning: str | None = f"Let me think ({name}). The problem says: {text[:400]}\nSo I add what is given."
    content: str | None = replies(text) if replies else f"\n\nThe answer is \\boxed{{{boxed(text, answers)}}}."
    finish = {"length": "length", "filter": "content_filter", "no_resource": "insufficient_system_resource"}
    if kind in ("reasoning_only", "length"):
        content = ""
    if kind == "null":
        content = reasoning = None
    message: dict[str, Any] = {"role": "assistant", "content": content, "reasoning_content": reasoning}
    if kind == "tags":
        message = {"role": "assistant", "content": f"<think>\n{reasoning}\n</think>{content}"}
    prompt_tokens, completion_tokens = len(text.split()) + 5, len((reasoning or "").split()) + 9
    usage = {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens}
    usage["total_tokens"] = prompt_tokens + completion_tokens
    done = {"index": 0, "finish_reason": finish.get(kind, "stop"), "message": message}
    whole = {"id": f"chatcmpl-{name}", "object": "chat.completion", "model": data.get("model"), "choices": [done]}
    return whole if kind == "no_usage" else {**whole, "usage": usage}


def _log(state: _State) -> dict[str, Any]:
    with state.lock:
        return {
            "asked": len(state.requests),
            "answered": sum(s.answered for s in state.seen.values()),
            "asked_again": sum(max(0, s.asked - 1) for s in state.seen.values()),
            "most_in_flight": state.most_in_flight,
            "by_request": {name: asdict(seen) for name, seen in state.seen.items()},
            "requests": list(state.requests),
        }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--key")
    options = parser.parse_args()
    with FakeTeacher(latency=options.latency, key=options.key, port=options.port) as teacher:
        print(f"ready {teacher.port}", flush=True)
        with suppress(KeyboardInterrupt):
            teacher.thread.join()


if __name__ == "__main__":
    main()
