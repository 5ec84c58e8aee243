"""One attempt at the wire: the `openai` client over aiohttp, raw bytes out, typed faults.

`client.post` with a response class skips the client's typed models, and aiohttp's pool has no cost that
grows with the requests in flight; the pool's size is given, since its default is smaller than ours. A stream
is read as bytes, too (see sse.py).
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from cotkit.distill.faults import Fault, LastingFault, PassingFault, Refusal
from cotkit.distill.sse import Assembly
from cotkit.distill.teacher import Limits, Teacher
from cotkit.distill.wire import Answer, NoAnswer, error_text, excerpt, read_answer

if TYPE_CHECKING:
    import openai

SHORTEST_SECRET = 8
_PASSING = (408, 409, 425, 429)
# With this header the client hands a response over before it has read it.
_UNREAD = {"X-Stainless-Raw-Response": "stream"}
# After the last word there may come the usage; comments for ever are not waited for.
_AFTERWORD_S = 5.0
_LONGEST_STREAM = 512 * 1024 * 1024
# Codes of servers that answer 400 to a model that they do not have (DeepSeek, others).
_NO_MODEL = (b'"model_not_found"', b"Model Not Exist")
_TOO_LONG = (b"context_length_exceeded", b"exceed_context_size_error", b"maximum context length", b"available context")


@dataclass(frozen=True, slots=True)
class Reply:
    """A response with status 200 that holds an answer; `latency_s` is of this attempt alone."""

    body: bytes
    status: int
    latency_s: float
    answer: Answer


Send = Callable[[Mapping[str, Any]], Awaitable[Reply]]


@asynccontextmanager
async def open_client(teacher: Teacher, limits: Limits, key: str | None) -> AsyncIterator[openai.AsyncOpenAI]:
    """The `openai` client as cotkit wants it: as many connections as slots, no retries of its own, no extra headers."""
    import httpx2
    import openai

    slots = limits.ramp.max
    http = openai.DefaultAioHttpClient(
        limits=httpx2.Limits(max_connections=slots, max_keepalive_connections=slots),
        timeout=httpx2.Timeout(limits.timeout_s),
        # A redirected POST becomes a GET, or carries the key elsewhere.
        follow_redirects=False,
    )
    client = openai.AsyncOpenAI(
        base_url=teacher.base_url,
        api_key=key or "none",
        http_client=http,
        max_retries=0,
        timeout=limits.timeout_s,
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
    async with open_client(teacher, limits, key) as client:
        yield _sender(client, teacher, limits, key)


def _sender(client: openai.AsyncOpenAI, teacher: Teacher, limits: Limits, key: str | None) -> Send:
    import httpx2
    import openai

    headers = {**hidden_headers(key), **(_UNREAD if teacher.stream else {})}

    async def send(body: Mapping[str, Any]) -> Reply:
        started = time.monotonic()
        try:
            # The read time-out starts anew with every keep-alive byte: the deadline is kept here.
            async with asyncio.timeout(limits.timeout_s):
                response = await client.post(
                    "/chat/completions", cast_to=httpx2.Response, body=body, options={"headers": headers}
                )
                content = await _assembled(response) if teacher.stream else response.content
        except TimeoutError:
            raise _timeout(limits) from None
        except openai.APIStatusError as error:
            raise _status_fault(error, key) from None
        except (openai.APIConnectionError, httpx2.HTTPError) as error:
            raise _connection_fault(error, limits) from None
        latency = time.monotonic() - started
        # A server may echo its headers; what is kept must not hold the key.
        if isinstance(content, NoAnswer):
            raise PassingFault("malformed_answer", content.message, response.status_code)
        content = _without(key, content)
        answer = read_answer(content)
        if isinstance(answer, NoAnswer):
            raise _hidden_fault(content, key) or PassingFault(
                "malformed_answer", answer.message, response.status_code
            ) from None
        return Reply(content, response.status_code, latency, answer)

    return send


async def _assembled(response: Any) -> bytes | NoAnswer:
    """The body of a streamed response. A stream that goes on after its end is left to itself."""
    assembly, size = Assembly(), 0
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


def _hidden_fault(content: bytes, key: str | None) -> Fault | None:
    """OpenRouter and others send status 200 and put the error, with its code, into the body."""
    try:
        error = json.loads(content).get("error")
        code = int(error["code"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return fault_of(code, content, None, key) if code in (401, 402, 403, 429) else None


def _without(key: str | None, body: bytes) -> bytes:
    """The body with the key struck out. Placeholders of local servers (EMPTY, none) are words, not secrets."""
    return body.replace(key.encode(), b"***") if key is not None and len(key) >= SHORTEST_SECRET else body


def _timeout(limits: Limits) -> Fault:
    return PassingFault("timeout", f"no whole answer within {limits.timeout_s:g} s")


def _connection_fault(error: Exception, limits: Limits) -> Fault:
    """aiohttp's transport says ConnectTimeout of a refused connection and of an unknown host, too."""
    import httpx2

    cause = error.__cause__ or error
    if isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout):
        return PassingFault("unreachable", f"no connection ({excerpt(str(cause), 120)})")
    if isinstance(cause, httpx2.TimeoutException):
        return _timeout(limits)
    return PassingFault("connection", f"the connection was lost ({type(cause).__name__})")


def _status_fault(error: openai.APIStatusError, key: str | None) -> Fault:
    return fault_of(error.status_code, error.response.content, error.response.headers, key)


def fault_of(status: int, body: bytes, headers: Mapping[str, str] | None = None, key: str | None = None) -> Fault:
    """What an HTTP status means for the row and for the run. 402 with Retry-After is OpenRouter's passing one."""
    text = error_text(_without(key, body))
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
    """Seconds to wait by `retry-after-ms` or `retry-after` (seconds or an HTTP date); None where unsaid."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name)
        if value is None:
            continue
        try:
            seconds = float(value) * unit
        except ValueError:
            try:
                seconds = parsedate_to_datetime(value).timestamp() - time.time()
            except (ValueError, TypeError, OverflowError):
                continue
        if math.isfinite(seconds):
            return max(0.0, seconds)
    return None
