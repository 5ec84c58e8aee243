"""From outcomes to trace rows, and the whole way from prompts to traces that all callers share."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from json import loads
from pathlib import Path
from typing import Any, TypeVar

from cotkit.distill.batch import ask_batches
from cotkit.distill.engine import Asking, Failure, Outcome, Tally, ask_all, replay_all
from cotkit.distill.guard import Confirm, keep_settings, must_agree
from cotkit.distill.journal import Entry, Journal
from cotkit.distill.prices import Pricing
from cotkit.distill.prompt import Message
from cotkit.distill.purse import Purse
from cotkit.distill.recording import load_recording
from cotkit.distill.request import Request, build, canonical
from cotkit.distill.teacher import Batch, Budget, Limits, Sampling, Teacher, read_key
from cotkit.distill.wire import Answer, NoAnswer, read_answer
from cotkit.records import Trace

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Told:
    """One sample is through.

    Attributes:
        index: its number: prompt number * (most samples of a prompt) + sample, whatever order answers come in.
        trace: the row; status "failed" where `failure` says why.
    """

    index: int
    trace: Trace
    failure: Failure | None


# Which sample of the same prompt to ask next, if this one calls for it.
More = Callable[[Told], Awaitable[int | None]]


@dataclass(frozen=True)
class Consent:
    """What must not change without a word: asked before anything is sent, see guard.must_agree.

    Attributes:
        settings: what was paid for (guard.settings_text).
        confirm: asks the user; None where nobody can be asked.
        expected: "400 answers, about $3.20, would be".
    """

    settings: str
    confirm: Confirm | None
    expected: str


def distill_prompts(  # noqa: PLR0913 (the one door of the room)
    prompts: Iterable[tuple[str, Sequence[Message]]],
    teacher: Teacher,
    sampling: Sampling,
    limits: Limits,
    journal: Path,
    on_trace: Callable[[Told], None],
    samples: int = 1,
    *,
    most: int | None = None,
    more: More | None = None,
    budget: Budget | None = None,
    charged: Iterable[tuple[str, Sequence[Message]]] | None = None,
    batch: Batch | None = None,
    consent: Consent | None = None,
    note: Callable[[str], None] = lambda _: None,
) -> Tally:
    """Ask `teacher` for `samples` answers to each (id, messages), or read them from where they lie.

    `prompts` is read lazily; `on_trace` hears of every sample once, in any order. With `teacher.replay`
    the recording alone answers; `journal`, the network and the key are left alone.

    Args:
        more: decides, after each sample, whether another one of its prompt is asked; `most` is their number.
        budget: where to stop; what was not asked then comes as a failure "over_budget".
        charged: with a budget, the prompts whose earlier answers count against it: `prompts` themselves when unset,
            which are then held in memory.
        batch: ask through the provider's batch files.
        consent: settings that must not change without a word.
        note: hears warnings while the run goes on; they are in Tally.said, too.

    Raises TeacherError, StorageError or InputError (see ask_all, Journal.open, load_recording), RecipeError
    where consent is not given.
    """
    names: dict[int, tuple[str, int]] = {}
    stride = most or samples

    def request_for(name: str, messages: Sequence[Message], sample: int, number: int) -> Request:
        index = number * stride + sample
        names[index] = (name, sample)
        return build(teacher, sampling, messages, sample, index)

    def requests() -> Iterator[Request]:
        for number, (name, messages) in enumerate(prompts):
            for sample in range(samples):
                yield request_for(name, messages, sample, number)

    waiting: dict[int, Told] = {}

    def tell(request: Request, outcome: Outcome, answer: Answer | None) -> None:
        name, sample = names.pop(request.index)
        told = Told(request.index, *make_trace(name, sample, request.hash, outcome, teacher, origin, pricing, answer))
        if more is not None:
            waiting[request.index] = told
        on_trace(told)

    async def again(request: Request, _: Outcome) -> Request | None:
        told = waiting.pop(request.index)
        sample = None if more is None else await more(told)
        if sample is None:
            return None
        return request_for(told.trace.problem_id, request.body["messages"], sample, request.index // stride)

    origin: dict[str, str] = {}
    pricing = teacher.pricing()
    known = teacher.known
    if known is not None and known.timeout_s is not None and "timeout_s" not in limits.altered():
        limits = limits.model_copy(update={"timeout_s": known.timeout_s})
    decide = None if more is None else again
    if budget is not None and charged is None:
        charged = prompts = list(prompts)
    if teacher.replay is not None:
        recording = load_recording(teacher.replay)
        origin = dict(recording.provenance)
        return _run(replay_all(requests(), recording, tell, decide))
    key = read_key(teacher)

    with Journal.open(journal) as opened:

        def charge() -> None:
            mine = (build(teacher, sampling, m, k, 0).hash for _, m in charged or () for k in range(stride))
            for entry in opened.share(mine):
                answer = read_answer(entry.body)
                if isinstance(answer, Answer):
                    purse.pay(entry, answer.usage)

        def before(first: Request) -> None:
            if consent is not None:
                must_agree(opened, consent.settings, stride, consent.confirm, consent.expected, first)

        purse = Purse(pricing, budget, sampling.max_tokens)
        asking = Asking(teacher, limits, opened, key, tell, purse, before, decide, note, charge)
        work = ask_all(requests(), asking) if batch is None else ask_batches(requests(), asking, batch)
        tally = _run(work)
        if consent is not None and tally.journaled:
            keep_settings(opened, consent.settings, stride)
        return tally


def make_trace(  # noqa: PLR0913, PLR0917
    name: str,
    sample: int,
    request_hash: str,
    outcome: Outcome,
    teacher: Teacher,
    origin: dict[str, str],
    pricing: Pricing,
    answer: Answer | NoAnswer | None = None,
) -> tuple[Trace, Failure | None]:
    """The row of one outcome; the failure beside it where there is no answer. `answer` saves reading it anew."""
    if isinstance(outcome, Failure):
        return _failed(name, sample, request_hash, teacher, outcome), outcome
    answer = read_answer(outcome.body) if answer is None else answer
    if isinstance(answer, NoAnswer):
        # Read by a later version that is stricter than the one that kept it.
        failure = Failure("malformed_answer", answer.message, passing=False, http_status=outcome.http_status)
        return _failed(name, sample, request_hash, teacher, failure), failure
    usage = answer.usage
    usd = pricing.cost(usage, datetime.fromisoformat(outcome.created_at), outcome.batched)
    trace = Trace(
        problem_id=name,
        sample=sample,
        teacher=teacher.model,
        request_hash=request_hash,
        status=answer.status,
        reasoning=answer.reasoning,
        response=answer.response,
        reasoning_kind=_kind(answer, teacher),
        finish_reason=answer.finish_reason,
        prompt_tokens=usage.prompt,
        completion_tokens=usage.completion,
        reasoning_tokens=usage.reasoning,
        cost_usd=None if usd is None else float(usd),
        latency_s=outcome.latency_s,
        provenance=_provenance(outcome, teacher, origin, answer),
    )
    return trace, None


def _kind(answer: Answer, teacher: Teacher) -> str:
    """What a teacher is said to show wins over what its answer looks like."""
    if answer.reasoning is None:
        return "none"
    shown = teacher.reasoning
    return "summary" if shown == "summary" or (shown == "auto" and answer.summary) else "raw"


def _failed(name: str, sample: int, request_hash: str, teacher: Teacher, failure: Failure) -> Trace:
    return Trace(
        problem_id=name,
        sample=sample,
        teacher=teacher.model,
        request_hash=request_hash,
        status="failed",
        error=f"{failure.reason}: {failure.message}",
    )


def _provenance(entry: Entry, teacher: Teacher, origin: dict[str, str], answer: Answer) -> str:
    own: dict[str, Any] = {"base_url": teacher.base_url, "answered_at": entry.created_at, "cotkit": entry.cotkit}
    if answer.flags:
        own["reading"] = list(answer.flags)
    earlier = {} if entry.provenance == "{}" else loads(entry.provenance)
    return canonical({**origin, **earlier, **own})


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, also where a loop runs already (a notebook)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    results: list[T] = []
    errors: list[BaseException] = []

    def target() -> None:
        try:
            results.append(asyncio.run(work))
        except BaseException as error:  # noqa: BLE001 (raised again in the caller's thread)
            errors.append(error)

    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]
