"""One attempt at the wire: the `openai` client over aiohttp, raw bytes out, typed faults.

`client.post` with a response class skips the client's typed models, and aiohttp's pool has no cost that
grows with the requests in flight; the pool's size is given, since its default is smaller than ours.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from cotkit.distill.faults import Fault, LastingFault, PassingFault, Refusal
from cotkit.distill.teacher import Limits, Teacher
from cotkit.distill.wire import NoAnswer, error_text, excerpt, read_answer

if TYPE_CHECKING:
    import openai

SHORTEST_SECRET = 8
_PASSING = (408, 409, 425, 429)


@dataclass(frozen=True, slots=True)
class Reply:
    """A response with status 200 that holds an answer; `latency_s` is of this attempt alone."""

    body: bytes
    status: int
    latency_s: float


Send = Callable[[Mapping[str, Any]], Awaitable[Reply]]


@asynccontextmanager
async def connect(teacher: Teacher, limits: Limits, key: str | None) -> AsyncIterator[Send]:
    """A function that makes one attempt: body -> Reply. It raises PassingFault, LastingFault or Refusal."""
    import httpx2
    import openai

    slots = limits.concurrency
    http = openai.DefaultAioHttpClient(
        limits=httpx2.Limits(max_connections=slots, max_keepalive_connections=slots),
        timeout=httpx2.Timeout(limits.timeout_s),
        # A redirected POST becomes a GET, or carries the key elsewhere.
        follow_redirects=False,
    )
    # The client would add the user's OpenAI account, from the environment, to requests of any host.
    hidden: dict[str, Any] = {"OpenAI-Organization": openai.Omit(), "OpenAI-Project": openai.Omit()}
    if key is None:
        hidden["Authorization"] = openai.Omit()
    client = openai.AsyncOpenAI(
        base_url=teacher.base_url, api_key=key or "none", http_client=http, max_retries=0, timeout=limits.timeout_s
    )

    async def send(body: Mapping[str, Any]) -> Reply:
        started = time.monotonic()
        try:
            # The read time-out starts anew with every keep-alive byte: the deadline is kept here.
            async with asyncio.timeout(limits.timeout_s):
                response = await client.post(
                    "/chat/completions", cast_to=httpx2.Response, body=body, options={"headers": hidden}
                )
                content = await response.aread()
        except TimeoutError:
            raise _timeout(limits) from None
        except openai.APIStatusError as error:
            raise _status_fault(error, key) from None
        except (openai.APIConnectionError, httpx2.HTTPError) as error:
            raise _connection_fault(error, limits) from None
        latency = time.monotonic() - started
        # A server may echo its headers; what is kept must not hold the key.
        content = _without(key, content)
        answer = read_answer(content)
        if isinstance(answer, NoAnswer):
            raise PassingFault("malformed_answer", answer.message, response.status_code)
        return Reply(content, response.status_code, latency)

    try:
        yield send
    finally:
        await client.close()


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
    """What an HTTP status means for the row and for the run. 402 with Retry-After is OpenRouter's passing one."""
    status = error.status_code
    body = error.response.content
    text = error_text(_without(key, body))
    wait = retry_after(error.response.headers)
    message = f"status {status}: {text}" if text else f"status {status}"
    if status == 429 and b'"insufficient_quota"' in body:  # OpenAI's word for an empty account
        return Refusal("teacher_refused", message, status)
    if status == 429:
        return PassingFault("rate_limited", message, status, wait)
    if status in _PASSING or status >= 500 or (status == 402 and wait is not None):
        return PassingFault("server_error", message, status, wait)
    if status == 403 and _is_moderation(body):
        return LastingFault("refused", message, status)
    if status in (401, 402, 403, 404) or status < 400:
        return Refusal("teacher_refused", message, status)
    return LastingFault("bad_request", message, status)


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
