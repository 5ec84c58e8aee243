"""A look at one teacher: a short problem is asked, and what came back is told."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from cotkit.distill.engine import Failure
from cotkit.distill.journal import read_journal
from cotkit.distill.logprobs import read_logprobs
from cotkit.distill.presets import Capability
from cotkit.distill.prompt import Prompt
from cotkit.distill.teacher import Limits, Sampling, Teacher
from cotkit.distill.traces import Told, distill_prompts
from cotkit.distill.wire import Answer, read_answer

QUESTION = "What is 17 + 25? Think step by step, then give the number in \\boxed{}."

# works: the answer shows it. ignored: an answer came, and does not. refused: none came. unclear: it was cut off, or is
# about something else.
Shown = Literal["works", "ignored", "refused", "unclear"]


@dataclass(frozen=True)
class _Trial:
    """A request that only a teacher with a capability obeys; `shows` looks at (text, body) of the answer for it.

    None where the answer tells nothing.
    """

    keys: Mapping[str, Any]
    shows: Callable[[str, bytes], bool | None]
    question: str = QUESTION


def _has_logprobs(_: str, body: bytes) -> bool:
    """Of the tokens, and of the likeliest ones at each place: strategies need both."""
    return any(top for _, top in read_logprobs(body) or ())


def _is_object(text: str, _: bytes) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _stopped(text: str, _: bytes) -> bool | None:
    if "four" in text:
        return False
    return True if "three" in text else None


_TRIALS: dict[Capability, _Trial] = {
    "logprobs": _Trial({"logprobs": True, "top_logprobs": 5}, _has_logprobs),
    "stop": _Trial(
        {"stop": ["four"]},
        _stopped,
        "Write these words on one line, and nothing else: one two three four five six.",
    ),
    # OpenAI refuses the mode where the prompt does not say JSON.
    "json": _Trial({"response_format": {"type": "json_object"}}, _is_object, "In JSON: what is 17 + 25, and why?"),
}


@dataclass(frozen=True)
class Report:
    """What `cotkit teachers check` tells.

    Attributes:
        found: where the reasoning was; None where there was none.
        trials: capability -> what a request that uses it showed.
        failure: why there is no answer at all.
    """

    status: str
    found: str | None
    kind: str
    reasoning_chars: int
    response: str | None
    usage: dict[str, int | None]
    usd: Decimal | None
    price: str
    latency_s: float | None
    trials: dict[str, Shown]
    failure: Failure | None


def check(teacher: Teacher, limits: Limits, max_tokens: int, trials: bool) -> Report:
    """Ask one short problem (and, with `trials`, one small request for each capability).

    Raises TeacherError where the teacher refuses for good or cannot be reached.
    """
    told, answer, _ = _ask(teacher, limits, max_tokens)
    pricing = teacher.pricing()
    quote = pricing.at(datetime.now(UTC))
    found: dict[str, Shown] = {}
    for capability, trial in _TRIALS.items() if trials and told.failure is None else ():
        found[capability] = _tried(trial, teacher, limits, max_tokens)
    trace, usage = told.trace, answer.usage if answer is not None else None
    price = quote.text() if quote is not None else "unpriced: give teacher.price"
    if quote is None and pricing.charged:
        price = "as the provider reports it with each answer"
    return Report(
        trace.status,
        answer.found if answer is not None else None,
        trace.reasoning_kind,
        len(trace.reasoning or ""),
        trace.response,
        {
            "prompt": usage.prompt if usage else None,
            "completion": usage.completion if usage else None,
            "reasoning": usage.reasoning if usage else None,
            "cached": usage.cached if usage else None,
        },
        None if trace.cost_usd is None else Decimal(str(trace.cost_usd)),
        price,
        trace.latency_s,
        found,
        told.failure,
    )


def _tried(trial: _Trial, teacher: Teacher, limits: Limits, max_tokens: int) -> Shown:
    asked = teacher.model_copy(update={"extra_body": {**teacher.extra_body, **trial.keys}})
    told, _, body = _ask(asked, limits, max_tokens, trial.question)
    if told.failure is not None:
        return "refused"
    # A stop sequence that is met while the model thinks leaves thinking alone.
    text = told.trace.response or told.trace.reasoning or ""
    shown = trial.shows(text, body)
    if shown:
        return "works"
    return "unclear" if shown is None or told.trace.status == "length" else "ignored"


def _ask(
    teacher: Teacher, limits: Limits, max_tokens: int, question: str = QUESTION
) -> tuple[Told, Answer | None, bytes]:
    told: list[Told] = []
    sampling = Sampling(max_tokens=max_tokens)
    messages = Prompt(user="{problem}").messages(question)
    with tempfile.TemporaryDirectory(prefix="cotkit-") as folder:
        journal = Path(folder) / "journal.sqlite"
        # The look itself must not be stopped for what it is to find out.
        open_minded = teacher.model_copy(update={"reasoning": "auto"})
        distill_prompts([("check", messages)], open_minded, sampling, limits, journal, told.append)
        bodies = [entry.body for entry in read_journal(journal)]
    answer = read_answer(bodies[0]) if bodies else None
    return told[0], answer if isinstance(answer, Answer) else None, bodies[0] if bodies else b""
