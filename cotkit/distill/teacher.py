"""What a recipe says of a teacher: where it is, how it is asked, what it costs."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from cotkit.config import Config, LocalPath
from cotkit.distill.presets import Preset, Shown, nearest, presets, provider_of
from cotkit.distill.prices import Pricing, Quote, table_rows
from cotkit.errors import TeacherError

SamplingKey = Literal["temperature", "top_p", "max_tokens", "seed"]

# Capitals only, as such variables are named: a pasted key (sk-…, hf_…) then never passes for a name.
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
_SECRET_NAME = re.compile(r"api[-_]?key|authorization|password|secret|credential|bearer", re.IGNORECASE)
# Keys that the recipe sets elsewhere, or that change the shape of the answer.
_RESERVED = ("model", "messages", "n", "stream", "stream_options", "temperature", "top_p", "max_tokens", "seed")


def _url(value: str) -> str:
    if not value:
        raise PydanticCustomError("url", "give the teacher's base_url, or a preset that has one")
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

    preset: str | None = Field(
        None, description="A teacher that cotkit knows (`cotkit teachers`); it fills the keys that are left out here."
    )
    base_url: Annotated[str, AfterValidator(_url)] = Field(
        "", description="Where the API is, up to and without /chat/completions."
    )
    model: str = Field(min_length=1, description="Name of the model, as the endpoint knows it.")
    api_key_env: Annotated[str | None, BeforeValidator(_variable)] = Field(
        None, description="Name of the environment variable that holds the key; no key is sent when unset."
    )
    reasoning: Shown = Field(
        "auto",
        description="What the teacher shows of its thinking: all of it, a summary, or nothing. With raw or summary"
        " the run stops if the first answers hold none; with auto it warns.",
    )
    price: Price | None = Field(
        None, description="What it charges; else the shipped table says it, and what is not there is unknown, not zero."
    )
    ignores: tuple[SamplingKey, ...] = Field(
        (), description="Sampling keys that the teacher does not obey or not take; a recipe that sets one is refused."
    )
    extra_body: Annotated[dict[str, Any], AfterValidator(_extra)] = Field(
        default_factory=dict, description="Further JSON keys of the request, such as a thinking switch."
    )
    max_tokens_key: Literal["max_tokens", "max_completion_tokens"] = Field(
        "max_tokens", description="The teacher's own name for sampling.max_tokens."
    )
    stream: bool = Field(
        False, description="Ask for the answer in a stream; for teachers that answer no other way. It costs more CPU."
    )
    replay: LocalPath | None = Field(
        None, description="A recording to answer from, alone: no network, no key. What it lacks is dropped."
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_from_preset(cls, data: Any) -> Any:
        if not isinstance(data, dict) or data.get("preset") is None:
            return data
        known = presets().get(str(data["preset"]))
        if known is None:
            hint = nearest(str(data["preset"]))
            raise PydanticCustomError(
                "preset", "there is no teacher preset '{name}'; {hint}", {"name": str(data["preset"]), "hint": hint}
            )
        filled = _from_preset(known)
        extra = data.get("extra_body")
        if isinstance(extra, dict):
            extra = {**filled["extra_body"], **extra}
        return {**filled, **{k: v for k, v in data.items() if k != "base_url" or v}, **_some(extra_body=extra)}

    @property
    def host(self) -> str:
        """Host and port, for messages."""
        return urlsplit(self.base_url).netloc

    @property
    def known(self) -> Preset | None:
        """The preset that is named."""
        return None if self.preset is None else presets()[self.preset]

    def for_answers(self) -> Teacher:
        """The same, asked for its answers alone, as a judge is: none of its requests waits for thinking to be shown."""
        return self.model_copy(update={"reasoning": "none"})

    def pricing(self) -> Pricing:
        """What it charges, when."""
        known = self.known
        discount = Decimal(str(known.batch_discount)) if known is not None else Decimal(1)
        if self.price is not None:
            price = self.price
            return Pricing(
                fixed=Quote(price.input, price.output, price.cached_input, "the recipe's own price"), discount=discount
            )
        if known is not None and known.free:
            return Pricing(fixed=Quote(Decimal(0), Decimal(0), None, "free: it runs on your own machines"))
        provider = provider_of(self.preset, self.base_url)
        if provider is None:
            return Pricing()
        return Pricing(table_rows(provider, self.model), charged=provider == "openrouter", discount=discount)

    def unpriced(self) -> bool:
        """Would its answers cost something that nobody can tell?"""
        pricing = self.pricing()
        return self.replay is None and not pricing.charged and pricing.at(datetime.now(UTC)) is None


def _from_preset(known: Preset) -> dict[str, Any]:
    """The keys of a teacher that a preset fills."""
    return {
        **_some(base_url=known.base_url, api_key_env=known.api_key_env),
        "reasoning": known.reasoning,
        "ignores": (*known.ignores, *known.refuses),
        "extra_body": dict(known.extra_body),
        "max_tokens_key": known.max_tokens_key,
        "stream": known.stream,
    }


def _some(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


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


class Ramp(Config):
    """Requests in flight that follow what the teacher bears."""

    start: int = Field(4, ge=1, le=10_000, description="Requests in flight at first; one more with each answer.")
    min: int = Field(1, ge=1, le=10_000, description="Never fewer, however often the teacher says 429.")
    max: int = Field(256, ge=1, le=10_000, description="Never more.")

    @model_validator(mode="after")
    def _in_order(self) -> Ramp:
        if not self.min <= self.start <= self.max:
            raise PydanticCustomError("ramp", "min, start and max of concurrency must be in this order of size")
        return self


class Limits(Config):
    """How hard the teacher is asked. Nothing here changes an answer, so nothing here is in a cache key."""

    concurrency: Annotated[int, Field(ge=1, le=10_000)] | Ramp = Field(
        8,
        description="Requests in flight at once. On 429 they are halved and creep up again; start, min and max set"
        " the way, and with all three equal the number is fixed.",
    )
    rpm: int | None = Field(None, ge=1, description="Most requests in a minute.")
    input_tpm: int | None = Field(None, ge=1, description="Most prompt tokens in a minute.")
    output_tpm: int | None = Field(None, ge=1, description="Most completion tokens in a minute.")
    timeout_s: float = Field(600.0, gt=0, description="Deadline of one attempt in seconds, from send to last byte.")
    retries: int = Field(
        5, ge=0, description="Further attempts after a passing fault. Waiting out a rate limit is not counted."
    )
    retry_refused: bool = Field(
        False, description="Ask again what the teacher refused in an earlier run (a 400, moderation)."
    )

    @property
    def ramp(self) -> Ramp:
        """Concurrency as (start, min, max)."""
        if isinstance(self.concurrency, Ramp):
            return self.concurrency
        return Ramp(start=self.concurrency, min=1, max=self.concurrency)


class Budget(Config):
    """Where a run stops by itself. What earlier runs paid for the same requests counts, too."""

    usd: Decimal | None = Field(None, gt=0, description="Most US dollars.")
    tokens: int | None = Field(None, ge=1, description="Most tokens, prompt and completion together.")


class Batch(Config):
    """Asking through a provider's batch files (OpenAI's /v1/batches): slower, and at half price with many."""

    window: str = Field("24h", description="The provider's completion window.")
    most_requests: int = Field(50_000, ge=1, description="Most requests in one file.")
    most_mb: float = Field(100, gt=0, description="Largest file in megabytes.")
    poll_s: float = Field(30.0, gt=0, description="Seconds between two looks at a batch.")
    rounds: int = Field(3, ge=1, description="How often what a batch left out is sent again.")


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
