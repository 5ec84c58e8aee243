"""One attempt at the wire: the `openai` package's aiohttp transport, raw bytes in and out, typed faults.

The package's own request and answer models cost more CPU than all the rest together (measured: benchmarks/distill.py),
so requests are built once and sent through its transport; aiohttp's pool has no cost that grows with the requests in
flight. The pool's size is given, since its default is smaller than ours. A stream is read as bytes, too (see sse.py).
"""

from __future__ import annotations

import asyncio
import json
import math
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from cotkit import __version__
from cotkit.distill.descriptors import enough_descriptors
from cotkit.distill.faults import Fault, LastingFault, PassingFault, Refusal
from cotkit.distill.sse import Assembly
from cotkit.distill.teacher import Limits, Teacher
from cotkit.distill.wire import Answer, NoAnswer, error_text, excerpt, read_answer

if TYPE_CHECKING:
    import httpx2
    import openai

SHORTEST_SECRET = 8
_PASSING = (408, 409, 425, 429)
# After the last word there may come the usage; comments for ever are not waited for.
_AFTERWORD_S = 5.0
_LONGEST_STREAM = 512 * 1024 * 1024
# Codes of servers that answer 400 to a model that they do not have (DeepSeek, others).
_NO_MODEL = (b'"model_not_found"', b"Model Not Exist")
_TOO_LONG = (b"context_length_exceeded", b"exceed_context_size_error", b"maximum context length", b"available context")
# What JSON may or must put a backslash before.
_ESCAPED = '/"\\'
_SECONDS = re.compile(r"([0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]{1,3})?)\s*(ms|s|sec|secs|second|seconds|m|min)?", re.I)
_UNITS = {"ms": 0.001, "s": 1.0, "sec": 1.0, "secs": 1.0, "second": 1.0, "seconds": 1.0, "m": 60.0, "min": 60.0}


@dataclass(frozen=True, slots=True)
class Reply:
    """A response with status 200 that holds an answer; `latency_s` is of this attempt alone."""

    body: bytes
    status: int
    latency_s: float
    answer: Answer


Send = Callable[[Mapping[str, Any]], Awaitable[Reply]]


def _transport(limits: Limits) -> httpx2.AsyncClient:
    """As many connections as slots. Redirects are not followed: a POST becomes a GET, or carries the key elsewhere."""
    import httpx2
    import openai

    slots = limits.ramp.max
    return openai.DefaultAioHttpClient(
        limits=httpx2.Limits(max_connections=slots, max_keepalive_connections=slots),
        timeout=httpx2.Timeout(limits.timeout_s),
        follow_redirects=False,
    )


@asynccontextmanager
async def open_client(teacher: Teacher, limits: Limits, key: str | None) -> AsyncIterator[openai.AsyncOpenAI]:
    """The package's client, for files and batches; give each call `hidden_headers`."""
    import openai

    client = openai.AsyncOpenAI(
        base_url=teacher.base_url, api_key=key or "none", http_client=_transport(limits), max_retries=3
    )
    try:
        yield client
    finally:
        await client.close()


def hidden_headers(key: str | None) -> dict[str, Any]:
    """The client would add the user's OpenAI account, from the environment, to requests of any host."""
    import openai

    hidden: dict[str, Any] = {"OpenAI-Organization": openai.Omit(), "OpenAI-Project": openai.Omit()}
    return hidden if key is not None else {**hidden, "Authorization": openai.Omit()}


@asynccontextmanager
async def connect(teacher: Teacher, limits: Limits, key: str | None) -> AsyncIterator[Send]:
    """A function that makes one attempt: body -> Reply. It raises PassingFault, LastingFault or Refusal."""
    with enough_descriptors(limits.ramp.max):
        async with _transport(limits) as http:
            yield _sender(http, teacher, limits, key)


async def round_trip(base_url: str) -> float | None:
    """Seconds that a connection to the host takes; None where it cannot be told (a proxy, no answer in two seconds)."""
    parts = urlsplit(base_url)
    if parts.scheme in getproxies() or "all" in getproxies():
        return None
    began = time.monotonic()
    try:
        async with asyncio.timeout(2.0):
            port = parts.port or (443 if parts.scheme == "https" else 80)
            _, writer = await asyncio.open_connection(parts.hostname, port)
    except (OSError, TimeoutError):
        return None
    trip = time.monotonic() - began
    writer.close()
    return trip


def _sender(http: httpx2.AsyncClient, teacher: Teacher, limits: Limits, key: str | None) -> Send:
    import httpx2

    url = httpx2.URL(f"{teacher.base_url}/chat/completions")
    given = {
        "Accept": "text/event-stream" if teacher.stream else "application/json",
        "Content-Type": "application/json",
        "User-Agent": f"cotkit/{__version__}",
    }
    headers = httpx2.Headers(given if key is None else {**given, "Authorization": f"Bearer {key}"})
    extensions = {"timeout": httpx2.Timeout(limits.timeout_s).as_dict()}

    async def send(body: Mapping[str, Any]) -> Reply:
        assembly = Assembly(lambda text: without(key, text))
        try:
            return await attempt(body, assembly)
        except Fault as fault:
            fault.begun = _begun(assembly, key)
            raise

    async def attempt(body: Mapping[str, Any], assembly: Assembly) -> Reply:
        started = time.monotonic()
        request = httpx2.Request("POST", url, headers=headers, content=_json(body), extensions=extensions)
        try:
            # The read time-out starts anew with every keep-alive byte: the deadline is kept here.
            async with asyncio.timeout(limits.timeout_s):
                response = await http.send(request, stream=True)
                status = response.status_code
                if teacher.stream and status == 200:
                    content = await _assembled(response, assembly)
                else:
                    content = await _whole(response)
        except TimeoutError:
            raise _timeout(limits) from None
        except httpx2.HTTPError as error:
            raise _connection_fault(error, limits) from None
        except OSError as error:  # such as no file left to open
            raise PassingFault("connection", f"no connection ({error.strerror or type(error).__name__})") from None
        latency = time.monotonic() - started
        if status != 200:
            body_read = content if isinstance(content, bytes) else b""
            raise fault_of(status, body_read, response.headers, key)
        if isinstance(content, NoAnswer):
            raise PassingFault("malformed_answer", content.message, status)
        # A server may echo its headers; what is kept must not hold the key.
        content = without(key, content)
        answer = read_answer(content)
        if isinstance(answer, NoAnswer):
            raise _hidden_fault(content, key) or PassingFault("malformed_answer", answer.message, status)
        return Reply(content, status, latency, answer)

    return send


def _json(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


async def _whole(response: Any) -> bytes:
    """The body; the package's own way through every chunk is taken only where there is something to unpack."""
    if "content-encoding" in response.headers:
        return bytes(await response.aread())
    try:
        return b"".join([data async for data in response.aiter_raw()])
    finally:
        await response.aclose()


async def _assembled(response: Any, assembly: Assembly) -> bytes | NoAnswer:
    """The body of a streamed response. A stream that goes on after its end is left to itself."""
    size = 0
    loop = asyncio.get_running_loop()
    raw = "content-encoding" not in response.headers
    try:
        async with asyncio.timeout(None) as rest:
            async for data in response.aiter_raw() if raw else response.aiter_bytes():
                size += len(data)
                if size > _LONGEST_STREAM:
                    return NoAnswer("the stream is longer than any answer")
                assembly.feed(data)
                if assembly.broken:
                    break
                if assembly.finished and rest.when() is None:
                    rest.reschedule(loop.time() + _AFTERWORD_S)
    except TimeoutError:
        if not rest.expired():
            raise
    finally:
        await response.aclose()
    return assembly.result()


def _begun(assembly: Assembly, key: str | None) -> tuple[str | None, str | None] | None:
    """(reasoning, response) of a stream that broke, as far as it had come."""
    came = assembly.begun()
    answer = None if came is None else read_answer(without(key, came))
    if not isinstance(answer, Answer) or (answer.reasoning is None and answer.response is None):
        return None
    return answer.reasoning, answer.response


def _hidden_fault(content: bytes, key: str | None) -> Fault | None:
    """OpenRouter and others send status 200 and put the error, with its code, into the body."""
    try:
        error = json.loads(content).get("error")
        code = int(error["code"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return fault_of(code, content, None, key) if code in (401, 402, 403, 429) else None


def without(key: str | None, body: bytes) -> bytes:
    """The body with the key struck out, also where JSON escapes it (once or twice over); all else stays as it is.

    Placeholders of local servers (EMPTY, none) are words, not secrets.
    """
    if key is None or len(key) < SHORTEST_SECRET:
        return body
    body = body.replace(key.encode(), b"***")
    # The search behind escapes is dear, so it is made where there are such.
    marks = [rf"\u00{n}" for n in range(2, 8)] + [f"\\{c}" for c in _ESCAPED if c in key]
    return _escaped(key).sub(b"***", body) if any(mark.encode() in body for mark in marks) else body


def _escaped(key: str) -> re.Pattern[bytes]:
    """The key with any of its characters behind backslashes or as \\u00XX; a run of backslashes is taken whole."""
    parts: list[str] = []
    for c in key:
        plain = rf"\\{{0,64}}{re.escape(c)}" if c in _ESCAPED else re.escape(c)
        whole = "" if parts else r"(?<!\\)"
        parts.append(rf"(?:{plain}|{whole}\\{{1,64}}u00(?i:{ord(c):02x}))")
    return re.compile("".join(parts).encode())


def _timeout(limits: Limits) -> Fault:
    return PassingFault("timeout", f"no whole answer within {limits.timeout_s:g} s")


def _connection_fault(error: Exception, limits: Limits) -> Fault:
    """aiohttp's transport says ConnectTimeout of a refused connection and of an unknown host, too."""
    import httpx2

    if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout):
        return PassingFault("unreachable", f"no connection ({excerpt(str(error), 120)})")
    if isinstance(error, httpx2.TimeoutException):
        return _timeout(limits)
    return PassingFault("connection", f"the connection was lost ({type(error).__name__})")


def fault_of(status: int, body: bytes, headers: Mapping[str, str] | None = None, key: str | None = None) -> Fault:
    """What an HTTP status means for the row and for the run. 402 with Retry-After is OpenRouter's passing one."""
    text = error_text(without(key, body))
    wait = retry_after(headers or {})
    message = f"status {status}: {text}" if text else f"status {status}"
    if status == 429 and b'"insufficient_quota"' in body:  # OpenAI's word for an empty account
        return Refusal("teacher_refused", message, status)
    if status == 429:
        return PassingFault("rate_limited", message, status, wait)
    if status in _PASSING or status >= 500 or (status == 402 and wait is not None):
        return PassingFault("server_error", message, status, wait)
    if status == 403 and _is_moderation(body):
        return LastingFault("refused", message, status)
    if status in (401, 402, 403, 404) or status < 400 or any(words in body for words in _NO_MODEL):
        return Refusal("teacher_refused", message, status)
    reason = "prompt_too_long" if any(words in body for words in _TOO_LONG) else "bad_request"
    return LastingFault(reason, message, status)


def _is_moderation(body: bytes) -> bool:
    """OpenRouter says 403 of one flagged prompt, too; the account is fine then."""
    return b'"flagged_input"' in body


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait by `retry-after-ms` or `retry-after` (seconds, with or without a unit, or an HTTP date).

    None where unsaid, and where no time is left to wait: zero, less, or a date that is over. A date is reckoned from
    the server's own `date`, since our clock may be wrong.
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name)
        if value is None:
            continue
        if (said := _SECONDS.fullmatch(value[:64].strip())) is not None:
            seconds = float(said[1]) * _UNITS.get((said[2] or "").lower(), unit)
        else:
            try:
                date = headers.get("date")
                now = parsedate_to_datetime(date).timestamp() if date else time.time()
                seconds = parsedate_to_datetime(value).timestamp() - now
            except (ValueError, TypeError, OverflowError):
                continue
        if math.isfinite(seconds) and seconds > 0:
            return seconds
    return None
