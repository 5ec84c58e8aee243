"""What a scripted teacher does, as a YAML file or a few arguments."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import Field, ValidationError

from cotkit.config import Config
from cotkit.errors import InputError

Shape = Literal[
    "deepseek", "openrouter", "vllm", "vllm-old", "sglang", "llamacpp", "llamacpp-none", "ollama", "ktransformers",
    "together", "fireworks", "gemini", "xai", "qwen", "mistral", "groq", "moonshot", "openai",
]  # fmt: skip
FaultKind = Literal[
    "429", "429_date", "429_ms", "429_bare", "429_quota", "400", "400_context", "400_model", "401", "402", "402_retry",
    "403", "403_moderation", "404", "500", "503", "302",
    "hang", "drip", "reset", "reset_body", "cut_json", "no_choices", "html_200", "html_502", "error_200",
    "error_200_402", "reasoning_only", "length", "filter", "null", "empty", "no_resource", "no_usage", "wrong_type",
    "cut_stream", "error_event", "cut_event", "double_chunk", "out_of_order", "endless_comments",
    "500_late",
]  # fmt: skip


class Fault(Config):
    """One thing that goes wrong."""

    kind: FaultKind = Field(description="What happens.")
    match: str = Field("", description="Only to requests whose last user message holds this.")
    after: int = Field(0, ge=0, description="Let so many fitting requests pass first.")
    times: int = Field(1_000_000, ge=1, description="How often.")
    rate: float = Field(1.0, gt=0, le=1, description="Only to this part of the requests, by their content.")
    delay_s: float = Field(0.0, ge=0, description="Seconds until it comes, as of a proxy that asks somebody first.")
    first: bool = Field(False, description="Only to the first attempt of each request.")
    retry_after: float = Field(0.1, ge=0, description="Seconds in Retry-After, where the fault has one.")


class Reply(Config):
    """An answer by heart."""

    match: str = Field(description="For requests whose last user message holds this.")
    attempt: int | None = Field(None, ge=0, description="Only for this attempt, counted from 0.")
    begun: str | None = Field(None, description="Only where a begun answer is to be continued that ends with this.")
    reasoning: str | None = Field(None, description="Its reasoning; made up when unset.")
    content: str | None = Field(None, description="Its visible answer, whole.")
    answer: str | None = Field(None, description="What stands in the box of its answer.")
    logprobs: tuple[tuple[float, ...], ...] | None = Field(
        None,
        description="Of each token its log probability, then those of the likeliest tokens there, if asked for.",
    )


class Scenario(Config):
    """A scripted teacher. Its answers are a function of the request, so equal requests get equal bytes."""

    shape: Shape = Field("deepseek", description="Whose wire shape it speaks.")
    model: str | None = Field(None, description="The only model that it has; any when unset.")
    key: str | None = Field(None, description="The key that it asks for; any when unset.")
    latency_s: float = Field(0.0, ge=0, description="Seconds that each answer takes.")
    slots: int | None = Field(None, ge=1, description="Requests at once; more get 429 with Retry-After.")
    retry_after: float = Field(1.0, ge=0, description="Seconds in the Retry-After of a full server.")
    thinks: bool = Field(True, description="Whether its answers hold reasoning at all.")
    accuracy: float = Field(1.0, ge=0, le=1, description="Part of its attempts that are right, by the request's hash.")
    seed: int = Field(0, description="Another seed gives another draw of right and wrong.")
    context_tokens: int | None = Field(None, ge=1, description="Longer prompts get 400.")
    prompt_tokens: int | None = Field(None, ge=0, description="Usage to report; counted from the text when unset.")
    completion_tokens: int | None = Field(None, ge=0, description="Usage to report; counted when unset.")
    characters: int = Field(400, ge=1, description="Length of a made-up reasoning.")
    answers: dict[str, str] = Field(default_factory=dict, description="Part of a problem -> what is boxed for it.")
    replies: tuple[Reply, ...] = Field((), description="Answers by heart; the first that fits counts.")
    faults: tuple[Fault, ...] = Field((), description="What goes wrong; the first that fits a request hits it.")


def load_scenario(name: str) -> Scenario:
    """A scenario from a YAML file, or the plain one of a shape (`deepseek`, `vllm`, …).

    Raises InputError with the key that is wrong.
    """
    import yaml

    if name in get_args(Shape):
        return Scenario.model_validate({"shape": name})
    path = Path(name)
    if not path.is_file():
        raise InputError(f"{name}: neither a scenario file nor a shape; shapes are {', '.join(get_args(Shape))}")
    try:
        data: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Scenario.model_validate(data if data is not None else {})
    except yaml.YAMLError as error:
        raise InputError(f"{path}: this is no YAML ({' '.join(str(error).split())})") from None
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        raise InputError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
