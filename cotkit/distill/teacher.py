"""What a recipe says of a teacher: where it is, how it is asked, what it costs."""

from __future__ import annotations

import json
import os
import re
from decimal import Decimal
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from cotkit.config import Config, LocalPath
from cotkit.errors import TeacherError

SamplingKey = Literal["temperature", "top_p", "max_tokens", "seed"]

# Capitals only, as such variables are named: a pasted key (sk-…, hf_…) then never passes for a name.
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
_SECRET_NAME = re.compile(r"api[-_]?key|authorization|password|secret|credential|bearer", re.IGNORECASE)
# Keys that the recipe sets elsewhere, or that change the shape of the answer.
_RESERVED = ("model", "messages", "n", "stream", "stream_options", "temperature", "top_p", "max_tokens", "seed")


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        good = False
    # The value is never quoted back: it may hold a password.
    if not good or any(c.isspace() or not c.isprintable() for c in value):
        raise PydanticCustomError("url", "a URL like https://host/v1 is expected here")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise PydanticCustomError(
            "url_secret",
            "user names, passwords and query parts are not allowed here, since the URL is written to disk; "
            "name the environment variable that holds the key in 'api_key_env'",
        )
    return value.rstrip("/")


def _variable(value: Any) -> Any:
    if value is None or (isinstance(value, str) and _VARIABLE.fullmatch(value)):
        return value
    raise PydanticCustomError(
        "variable", "the NAME of an environment variable is expected here, such as TEACHER_API_KEY, not the key itself"
    )


def _extra(value: dict[str, Any]) -> dict[str, Any]:
    for key in value:
        if key in _RESERVED:
            raise PydanticCustomError(
                "reserved", "the key '{key}' cannot be set in extra_body; it has a key of its own", {"key": key}
            )
    _refuse_secrets(value)
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise PydanticCustomError(
            "json", "only JSON values are allowed in extra_body: text, numbers, true, false, null, lists, mappings"
        ) from None
    return value


def _refuse_secrets(value: Any) -> None:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if isinstance(value, dict):
        for key in value:
            if _SECRET_NAME.search(str(key)):
                raise PydanticCustomError(
                    "secret",
                    "the key '{key}' looks like a secret; put it in an environment variable",
                    {"key": str(key)},
                )
    for item in items:
        _refuse_secrets(item)


class Price(Config):
    """What the teacher charges, in US dollars per million tokens."""

    input: Decimal = Field(ge=0, description="Per million prompt tokens.")
    output: Decimal = Field(ge=0, description="Per million completion tokens, reasoning included.")
    cached_input: Decimal | None = Field(None, ge=0, description="Per million cached prompt tokens; `input` if unset.")


class Teacher(Config):
    """An OpenAI-compatible endpoint that answers with its reasoning."""

    # A key pasted into the wrong place must not come back in the error.
    model_config = ConfigDict(hide_input_in_errors=True)

    base_url: Annotated[str, AfterValidator(_url)] = Field(
        description="Where the API is, up to and without /chat/completions."
    )
    model: str = Field(min_length=1, description="Name of the model, as the endpoint knows it.")
    api_key_env: Annotated[str | None, BeforeValidator(_variable)] = Field(
        None, description="Name of the environment variable that holds the key; no key is sent when unset."
    )
    reasoning: Literal["raw", "summary", "none"] = Field(
        "raw", description="What the teacher shows of its thinking: all of it, a summary, or nothing."
    )
    price: Price | None = Field(None, description="What it charges; costs are unknown, not zero, when unset.")
    ignores: tuple[SamplingKey, ...] = Field(
        (), description="Sampling keys that the teacher accepts and does not obey; a recipe that sets one is refused."
    )
    extra_body: Annotated[dict[str, Any], AfterValidator(_extra)] = Field(
        default_factory=dict, description="Further keys of the request, sent as they are."
    )
    replay: LocalPath | None = Field(
        None, description="A recording to answer from, alone: no network, no key. What it lacks is dropped."
    )

    @property
    def host(self) -> str:
        """Host and port, for messages."""
        return urlsplit(self.base_url).netloc


class Sampling(Config):
    """Sampling keys of the request. What is unset is not sent."""

    temperature: float | None = Field(None, ge=0, description="Sampling temperature.")
    top_p: float | None = Field(None, gt=0, le=1, description="Nucleus sampling: mass of the tokens considered.")
    max_tokens: int | None = Field(None, ge=1, description="Longest answer in tokens, reasoning included.")
    seed: int | None = Field(None, description="Seed of sample 0; sample k is asked with seed + k.")

    def sent(self, sample: int) -> dict[str, float | int]:
        """What goes into the request of one sample."""
        keys = self.model_dump(exclude_none=True)
        if self.seed is not None:
            keys["seed"] = self.seed + sample
        return keys


class Limits(Config):
    """How hard the teacher is asked. Nothing here changes an answer, so nothing here is in a cache key."""

    concurrency: int = Field(8, ge=1, le=10_000, description="Requests in flight at once.")
    timeout_s: float = Field(600.0, gt=0, description="Deadline of one attempt in seconds, from send to last byte.")
    retries: int = Field(
        5, ge=0, description="Further attempts after a passing fault. Waiting out a rate limit is not counted."
    )


def read_key(teacher: Teacher) -> str | None:
    """The key out of the environment; None where the teacher needs none.

    Raises TeacherError, naming the variable and never its value.
    """
    if teacher.api_key_env is None:
        return None
    key = os.environ.get(teacher.api_key_env, "").strip()
    if not key:
        raise TeacherError(
            f"the environment variable {teacher.api_key_env} is not set, and the teacher {teacher.model} at "
            f"{teacher.host} needs its key there; set it, or leave 'api_key_env' out if no key is needed"
        )
    if not key.isascii() or not key.isprintable() or " " in key:
        raise TeacherError(
            f"the environment variable {teacher.api_key_env} holds spaces or characters that no key has; set it again"
        )
    return key
