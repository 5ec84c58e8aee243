"""Process reward models on loopback, for tests: four wire formats that score a step by a word in it.

A step with "wrong" in it gets 0.1, with "doubt" 0.4, every other one 0.9. Written from what vLLM's server is documented
to answer; it was never compared with one.
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


def keyword_score(step: str) -> float:
    return 0.1 if "wrong" in step else 0.4 if "doubt" in step else 0.9


def _logit(p: float) -> float:
    return math.log(p / (1 - p))


class FakePrm:
    """Runs the server for the time of a with block.

    Args:
        decode: token ids -> text, for the embeddings endpoint.
        change: what becomes of the scores of one reply before they are sent (to lose one, say).
        answer: path and body -> whole reply or None, goes before everything else.
    """

    def __init__(
        self,
        decode: Callable[[list[int]], str] | None = None,
        change: Callable[[list[Any]], list[Any]] = lambda scores: scores,
        answer: Callable[[str, Any], Any] | None = None,
    ) -> None:
        outer = self
        self.calls: list[tuple[str, Any, str | None]] = []
        self.fail: list[int] = []
        self.decode, self.change, self.answer = decode, change, answer

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                outer.calls.append((self.path, body, self.headers.get("authorization")))
                status = outer.fail.pop(0) if outer.fail else 200
                reply = outer.reply(self.path, body) if status == 200 else {"error": "no"}
                content = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self) -> FakePrm:
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.shutdown()
        self.server.server_close()

    def reply(self, path: str, body: Any) -> Any:
        if self.answer is not None:
            return self.answer(path, body)
        if path == "/pooling" and "messages" in body:  # Qwen: [bad, good] after every <extra_0>
            steps = body["messages"][-1]["content"].split("<extra_0>")[:-1]
            return _one(data=self.change([[1 - keyword_score(s), keyword_score(s)] for s in steps]))
        if path == "/pooling":  # Math-Shepherd: [good, bad] after every ки
            steps = body["input"].split("ки")[:-1]
            return _one(data=self.change([[keyword_score(s), 1 - keyword_score(s)] for s in steps]))
        if path == "/v1/embeddings":  # Skywork: a value a token
            assert self.decode is not None
            (tokens,) = body["input"]
            values, step = [], ""
            for token in tokens:
                text = self.decode([token])
                step = "" if step.endswith("\n") else step
                step += text
                values.append(_logit(keyword_score(step)))
            return _one(embedding=self.change(values))
        assert path == "/v1/chat/completions", path
        p = keyword_score(body["messages"][-1]["content"])
        words = [{"token": "+", "logprob": math.log(p)}, {"token": "-", "logprob": math.log(1 - p)}]
        content = [{"token": "+", "top_logprobs": self.change(words)}]
        return {"choices": [{"logprobs": {"content": content}, "message": {"content": "+"}}]}


def _one(**row: Any) -> dict[str, Any]:
    return {"data": [{"index": 0, **row}]}
