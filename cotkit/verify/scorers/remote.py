"""Scorers behind HTTP: what they share, which is how to ask, how often, and what a failure is."""

from __future__ import annotations

import json
import math
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from cotkit.errors import TeacherError
from cotkit.steps import StepContext
from cotkit.verify.scorers import Attempt, Scored, Scorer

_MAX_REPLY = 16 * 2**20
_REFUSED = (401, 403, 404, 405)
_MAX_WAIT_S = 30.0
_VARIABLE = re.compile(r"[A-Za-z_]\w{0,99}")

# A path on the server and a body -> its reply, read as JSON.
Ask = Callable[[str, Mapping[str, Any]], Any]


class NotScored(Exception):
    """The server gave no usable reply to one request."""

    def __init__(self, why: str, passing: bool = False, **evidence: Any) -> None:
        super().__init__(why)
        self.scored = Scored(why=why, evidence=evidence, is_passing=passing)


def _url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
        raise PydanticCustomError("url", "write http://HOST:PORT or https://HOST/PATH, without a password or a query")
    return value.rstrip("/")


def _variable(value: str | None) -> str | None:
    if value is not None and not _VARIABLE.fullmatch(value):
        raise PydanticCustomError("variable", "name the environment variable that holds the key, not the key itself")
    return value


class Remote(Scorer):
    """Base of scorers that ask a server about one attempt at a time, several at once."""

    # A key pasted into the wrong place must not come back in the error.
    model_config = ConfigDict(hide_input_in_errors=True)

    url: Annotated[str, AfterValidator(_url)] = Field(description="Where the server is.")
    api_key_env: Annotated[str | None, AfterValidator(_variable)] = Field(
        None, description="Name of the environment variable that holds the key; no key is sent when unset."
    )
    timeout_s: float = Field(120.0, gt=0, le=3600, description="Seconds that one reply may take.")
    tries: int = Field(3, ge=1, le=10, description="How often a request is sent where the server fails or is busy.")
    at_once: int = Field(8, ge=1, le=256, description="Attempts that are being scored at the same time.")

    alone: ClassVar[bool] = True
    excluded: ClassVar[Mapping[str, str]] = {
        "api_key_env": "who pays does not change the score",
        "timeout_s": "how long is waited does not change a reply",
        "tries": "how often is asked does not change a reply",
        "at_once": "how fast is asked does not change a reply",
    }

    def ready(self) -> None:
        self._headers()

    def _headers(self) -> dict[str, str]:
        if self.api_key_env is None:
            return {}
        key = os.environ.get(self.api_key_env, "").strip()
        if not key:
            raise TeacherError(
                f"the environment variable {self.api_key_env} is not set, and the scorer '{self.by}' needs its key "
                "there; set it, or leave 'api_key_env' out if no key is needed"
            )
        return {"Authorization": f"Bearer {key}"}

    @contextmanager
    def asking(self) -> Iterator[Ask]:
        """Connections to the server, for several threads."""
        import httpx2

        limits = httpx2.Limits(max_connections=self.at_once)
        # Redirects are not followed: they would carry the key elsewhere.
        with httpx2.Client(
            headers=self._headers(), timeout=self.timeout_s, limits=limits, follow_redirects=False
        ) as http:
            yield lambda path, body: self._post(http, path, body)

    def score_all(self, groups: Sequence[Sequence[Attempt]], context: StepContext) -> Iterator[list[Scored]]:
        with self.asking() as ask, ThreadPoolExecutor(self.at_once) as threads:

            def one(attempt: Attempt) -> Scored:
                try:
                    return self.asked(attempt, ask)
                except NotScored as failed:
                    return failed.scored

            try:
                waiting = [[threads.submit(one, attempt) for attempt in group] for group in groups]
                for group in waiting:
                    yield [scored.result() for scored in group]
            finally:
                threads.shutdown(wait=False, cancel_futures=True)

    def asked(self, attempt: Attempt, ask: Ask) -> Scored:
        """The scores of one attempt. Raises NotScored."""
        raise NotImplementedError

    def _post(self, http: Any, path: str, body: Mapping[str, Any]) -> Any:
        """The reply as JSON. Raises NotScored, TeacherError where the server refuses for good."""
        import httpx2

        why: dict[str, Any] = {}
        for number in range(self.tries):
            wait = min(_MAX_WAIT_S, 0.25 * 2**number)
            try:
                with http.stream("POST", self.url + path, json=body) as reply:
                    status, text = reply.status_code, _bounded(reply)
                    asked_to_wait = reply.headers.get("retry-after", "")
            except httpx2.HTTPError as error:
                why = {"error": type(error).__name__}
            else:
                if status in _REFUSED:
                    raise TeacherError(
                        f"the scorer '{self.by}' at {urlsplit(self.url).hostname} answers {status} on "
                        f"{urlsplit(self.url).path}{path}; check url, model and api_key_env"
                    )
                if status < 300:
                    return _json(text)
                if status < 500 and status not in (408, 429):
                    raise NotScored("scorer_refused", status=status)
                why = {"status": status}
                wait = min(_MAX_WAIT_S, float(asked_to_wait)) if asked_to_wait.isdecimal() else wait
            if number + 1 < self.tries:
                time.sleep(wait)
        raise NotScored("scorer_failed", passing=True, **why)


def _bounded(reply: Any) -> bytes:
    whole = bytearray()
    for part in reply.iter_bytes():
        whole += part
        if len(whole) > _MAX_REPLY:
            raise NotScored("scorer_reply_too_long", bytes=len(whole))
    return bytes(whole)


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotScored("scorer_reply_malformed") from error


def number(value: Any) -> float:
    """A finite number out of a reply. Raises NotScored for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise NotScored("scorer_reply_malformed")
    return float(value)
