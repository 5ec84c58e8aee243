"""A streamed answer, put together from its server-sent events.

The bytes are parsed here and not by the client: a parse of our own costs a tenth of its typed chunks. An
answer counts only when its stream ended as it should; one that breaks off is no answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from cotkit.distill.wire import NoAnswer, error_text, excerpt

_TEXTS = ("content", "reasoning_content", "reasoning", "thinking", "refusal")
# A line that never ends is no stream; answers of a million tokens fit many times over.
_LONGEST_LINE = 64 * 1024 * 1024
# Fields without a value.
_BARE = (b"data", b"id", b"event", b"retry")


class Assembly:
    """Takes bytes as they arrive; `result()` is the completion as the server would have sent it whole.

    Args:
        strike: takes secrets out of what is quoted in an error.
    """

    def __init__(self, strike: Callable[[bytes], bytes] = bytes) -> None:
        self._strike = strike
        self._rest = b""
        self._data: list[bytes] = []
        self._begun = False
        self._cr = False
        self._head: dict[str, Any] = {}
        self._texts: dict[str, list[str]] = {}
        self._lists: dict[str, list[Any]] = {}
        self._finish: str | None = None
        self._usage: Any = None
        self._last_id: str | None = None
        self._event_id: str | None = None
        self._plain: list[bytes] = []
        self._broken: str | None = None
        self.chunks = 0
        self.ended = False

    def feed(self, data: bytes) -> None:
        """Read what arrived; anything after the end of the stream is ignored. Lines end in LF, CRLF or CR."""
        if self._cr and data.startswith(b"\n"):
            data = data[1:]
        self._cr = data.endswith(b"\r")
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > _LONGEST_LINE:
            self._break("a line of the stream does not end")
        for line in lines:
            if self.ended or self.broken:
                return
            self._line(line)

    @property
    def broken(self) -> bool:
        """Nothing that comes can make it whole any more."""
        return self._broken is not None

    @property
    def finished(self) -> bool:
        """The last word has come; usage may follow."""
        return self.ended or self._finish is not None

    def result(self) -> bytes | NoAnswer:
        """The whole completion as JSON; NoAnswer where the stream broke off, held an error or was none."""
        if not self.ended:
            self.feed(b"\n\n")
        if self._broken is not None:
            return NoAnswer(self._broken)
        if self.chunks == 0:
            # A server that does not stream though it was asked to: its body is read as it is.
            return b"\n".join(self._plain)
        if self._finish is None:
            return NoAnswer("the stream broke off: no finish_reason came")
        return self._completion()

    def begun(self) -> bytes | None:
        """What of a completion came before the stream broke off, as JSON without an ending; None where nothing did."""
        return self._completion() if self._texts or self._lists else None

    def _completion(self) -> bytes:
        message: dict[str, Any] = {"role": "assistant"}
        for name, texts in self._texts.items():
            message[name] = "".join(texts)
        for name, items in self._lists.items():
            text = message.get(name)
            message[name] = [*([{"type": "text", "text": text}] if text else []), *items]
        choice = {"index": 0, "message": message, "finish_reason": self._finish}
        usage = {} if self._usage is None else {"usage": self._usage}
        whole = {**self._head, "object": "chat.completion", "choices": [choice], **usage, "streamed": self.chunks}
        return json.dumps(whole, ensure_ascii=True, separators=(",", ":")).encode()

    def _line(self, line: bytes) -> None:
        if not self._begun:
            line, self._begun = line.removeprefix(b"\xef\xbb\xbf"), True
        if not line:
            self._dispatch()
        elif line.startswith(b"data:"):
            payload = line[5:].strip()
            if self._data and (payload == b"[DONE]" or _is_json(b"\n".join(self._data))):
                self._dispatch()  # a server that leaves out the empty line between two events
            if payload == b"[DONE]":
                self.ended = True
            elif payload:
                self._data.append(payload)
        elif line.startswith(b"id:"):
            self._event_id = line[3:].strip().decode("utf-8", "replace")
        elif line.strip() and not line.startswith((b":", b"event:", b"retry:")) and line not in _BARE:
            if self.chunks or self._data:
                # A damaged line may have been text of the answer.
                self._break(f"a line of the stream is no event: {self._told(line)}")
            else:
                self._plain.append(line)

    def _dispatch(self) -> None:
        """An event is whole; the lines of its data belong together."""
        if self._data:
            payload = b"\n".join(self._data)
            self._data.clear()
            # Behind a gap nothing is the answer's next word.
            if not self._repeated() and not self.broken:
                self._event(payload)
        self._event_id = None

    def _told(self, payload: bytes) -> str:
        return excerpt(self._strike(payload).decode("utf-8", "replace"), 80)

    def _repeated(self) -> bool:
        """Servers that number their events may send one twice, or out of order."""
        if self._event_id is None:
            return False
        last, self._last_id = self._last_id, self._event_id
        if last is None:
            return False
        if self._event_id == last:
            return True
        if last.isdecimal() and self._event_id.isdecimal() and int(self._event_id) != int(last) + 1:
            self._break("events of the stream are missing or out of order")
        return False

    def _event(self, payload: bytes) -> None:
        try:
            event = json.loads(payload)
        except (ValueError, RecursionError):
            self._break(f"an event of the stream is not JSON: {self._told(payload)}")
            return
        if not isinstance(event, dict):
            return
        if event.get("error"):
            self._break(f"the stream ended in an error: {error_text(self._strike(payload))}")
            return
        if self._plain:
            self._break(f"a line of the stream is no event: {self._told(self._plain[0])}")
            return
        self.chunks += 1
        if event.get("usage") is not None:
            self._usage = event["usage"]
        choices = event.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, dict) or choice.get("index") not in (0, None):
            return
        if not self._head:
            self._head = {key: event[key] for key in ("id", "created", "model", "provider") if key in event}
        delta = choice.get("delta")
        if isinstance(delta, dict):
            self._delta(delta)
        if choice.get("finish_reason") is not None:
            self._finish = str(choice["finish_reason"])

    def _delta(self, delta: dict[str, Any]) -> None:
        for name in _TEXTS:
            value = delta.get(name)
            if not value:
                continue
            if self._finish is not None:
                self._break("the stream is out of order: text came after its end")
            elif isinstance(value, str):
                if name not in ("content", "refusal") and value.strip() and "content" in self._texts:
                    self._out_of_order()
                self._texts.setdefault(name, []).append(value)
            elif isinstance(value, list):
                self._lists.setdefault(name, []).extend(value)
        details = delta.get("reasoning_details")
        if isinstance(details, list):
            self._lists.setdefault("reasoning_details", []).extend(details)

    def _out_of_order(self) -> None:
        if "".join(self._texts["content"]).strip():
            self._break("the stream is out of order: reasoning came after the answer had begun")

    def _break(self, why: str) -> None:
        self._broken = self._broken or why
        self.ended = True


def _is_json(payload: bytes) -> bool:
    try:
        json.loads(payload)
    except (ValueError, RecursionError):
        return False
    return True
