"""A look at one teacher: a short problem is asked, and what came back is told."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from cotkit.distill.engine import Failure
from cotkit.distill.journal import read_journal
from cotkit.distill.presets import Capability
from cotkit.distill.prompt import Prompt
from cotkit.distill.teacher import Limits, Sampling, Teacher
from cotkit.distill.traces import Told, distill_prompts
from cotkit.distill.wire import Answer, read_answer

QUESTION = "What is 17 + 25? Think step by step, then give the number in \\boxed{}."

# Capability -> keys of a request that only a teacher with it takes well.
_TRIALS: dict[Capability, dict[str, Any]] = {
    "logprobs": {"logprobs": True},
    "stop": {"stop": ["\\boxed"]},
    "json": {"response_format": {"type": "json_object"}},
}


@dataclass(frozen=True)
class Report:
    """What `cotkit teachers check` tells.

    Attributes:
        found: where the reasoning was; None where there was none.
        works: capability -> does the teacher take it? (True: it answered; False: it refused.)
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
    works: dict[str, bool]
    failure: Failure | None


def check(teacher: Teacher, limits: Limits, max_tokens: int, trials: bool) -> Report:
    """Ask one short problem (and, with `trials`, one small request for each capability).

    Raises TeacherError where the teacher refuses for good or cannot be reached.
    """
    told, answer = _ask(teacher, limits, max_tokens)
    pricing = teacher.pricing()
    quote = pricing.at(datetime.now(UTC))
    works: dict[str, bool] = {}
    for capability, keys in _TRIALS.items() if trials and told.failure is None else ():
        trial = teacher.model_copy(update={"extra_body": {**teacher.extra_body, **keys}})
        works[capability] = _ask(trial, limits, max_tokens)[0].failure is None
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
        works,
        told.failure,
    )


def _ask(teacher: Teacher, limits: Limits, max_tokens: int) -> tuple[Told, Answer | None]:
    told: list[Told] = []
    sampling = Sampling(max_tokens=max_tokens)
    messages = Prompt(user="{problem}").messages(QUESTION)
    with tempfile.TemporaryDirectory(prefix="cotkit-") as folder:
        journal = Path(folder) / "journal.sqlite"
        # The look itself must not be stopped for what it is to find out.
        open_minded = teacher.model_copy(update={"reasoning": "auto"})
        distill_prompts([("check", messages)], open_minded, sampling, limits, journal, told.append)
        bodies = [entry.body for entry in read_journal(journal)]
    answer = read_answer(bodies[0]) if bodies else None
    return told[0], answer if isinstance(answer, Answer) else None
