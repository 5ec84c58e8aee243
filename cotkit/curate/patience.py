"""Which errors of the Hub pass by themselves, and how long to wait for that."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tenacity import RetryCallState

LONGEST_WAIT = 120.0
# The Hub asks for patience.
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


def http_error(error: BaseException) -> BaseException | None:
    """The transport's or the Hub's error behind an exception.

    A failed LFS upload comes as a RuntimeError that holds it. The transport library is named by the
    client's own base class, since it has changed from one major version of the client to the next.
    """
    from huggingface_hub.errors import HfHubHTTPError

    base = next(c for c in HfHubHTTPError.__mro__ if c.__name__ == "HTTPError")
    seen: BaseException | None = error
    while seen is not None and not isinstance(seen, base):
        seen = seen.__cause__
    return seen


def status(error: BaseException) -> int | None:
    """The HTTP status that an error carries; None where the connection itself failed."""
    code = getattr(getattr(error, "response", None), "status_code", None)
    return code if isinstance(code, int) else None


def is_unreachable(error: BaseException) -> bool:
    """Whether no answer came from the Hub at all, be it for want of a network or by HF_HUB_OFFLINE."""
    from huggingface_hub.errors import LocalEntryNotFoundError, OfflineModeIsEnabled

    if isinstance(error, OfflineModeIsEnabled | LocalEntryNotFoundError):
        return True
    found = http_error(error)
    return isinstance(error, ConnectionError | TimeoutError) or (found is not None and status(found) is None)


def is_passing(error: BaseException, also: frozenset[int] = frozenset()) -> bool:
    """Whether a later attempt may succeed; `also` adds statuses that pass for this caller."""
    found = http_error(error)
    return found is not None and (status(found) in _PASSING | also or status(found) is None)


def wait(state: RetryCallState) -> float:
    """Seconds: 0.5, doubled each time, or as long as the Hub's Retry-After says."""
    error = state.outcome.exception() if state.outcome else None
    found = http_error(error) if error else None
    after = getattr(getattr(found, "response", None), "headers", {}).get("Retry-After", "")
    asked = float(after) if re.fullmatch(r"\d{1,6}", after) else 0.0
    backoff = 0.5 * float(2 ** (state.attempt_number - 1))
    return min(max(backoff, asked), LONGEST_WAIT)
