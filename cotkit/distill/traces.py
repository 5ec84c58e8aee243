"""From outcomes to trace rows, and the whole way from prompts to traces that all callers share."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from json import loads
from pathlib import Path
from typing import Any, TypeVar

from cotkit.distill.batch import ask_batches
from cotkit.distill.engine import Again, Asking, Failure, Outcome, Tally, ask_all, replay_all
from cotkit.distill.guard import Confirm, keep_settings, must_agree
from cotkit.distill.journal import Entry, Journal
from cotkit.distill.journal_file import must_have_room
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

    def hear(told: Told) -> None:
        if more is not None:
            waiting[told.index] = told
        on_trace(told)

    async def again(request: Request, _: Outcome) -> Request | None:
        told = waiting.pop(request.index)
        sample = None if more is None else await more(told)
        if sample is None:
            return None
        return request_for(told.trace.problem_id, request.body["messages"], sample, request.index // stride)

    if budget is not None and charged is None:
        charged = prompts = list(prompts)
    paid = (build(teacher, sampling, m, k, 0).hash for _, m in charged or () for k in range(stride))
    door = Door(teacher, limits, journal, budget, sampling.max_tokens, consent, note)
    decide = None if more is None else again
    return door.ask(requests(), names, hear, charged=paid, again=decide, batch=batch, samples=stride)


@dataclass(frozen=True)
class Door:
    """The way to one teacher: its recording, or its journal and then itself.

    Attributes:
        longest: what `sampling.max_tokens` allows; None for as long as it likes.
        consent: settings that must not change without a word.
        note: hears warnings while the run goes on; they are in Tally.said, too.
    """

    teacher: Teacher
    limits: Limits
    journal: Path
    budget: Budget | None = None
    longest: int | None = None
    consent: Consent | None = None
    note: Callable[[str], None] = lambda _: None

    def ask(  # noqa: PLR0913 (what may differ from one asking to the next)
        self,
        requests: Iterable[Request],
        names: MutableMapping[int, tuple[str, int]],
        on_trace: Callable[[Told], None],
        *,
        charged: Iterable[str] = (),
        again: Again | None = None,
        batch: Batch | None = None,
        samples: int = 1,
        on_body: Callable[[int, bytes], None] | None = None,
    ) -> Tally:
        """Get every request answered; `on_trace` hears of each once, in any order.

        Args:
            names: index of a request -> (problem_id, sample); taken out once it is told.
            charged: hashes of requests whose earlier answers count against the budget.
            samples: what consent is asked for, of each prompt.
            on_body: hears the raw answer to a request, by its index, before `on_trace` does.

        Raises what distill_prompts raises.
        """
        teacher, origin, pricing = self.teacher, dict[str, str](), self.teacher.pricing()

        def tell(request: Request, outcome: Outcome, answer: Answer | None) -> None:
            name, sample = names.pop(request.index)
            if on_body is not None and isinstance(outcome, Entry):
                on_body(request.index, outcome.body)
            trace, failure = make_trace(name, sample, request.hash, outcome, teacher, origin, pricing, answer)
            on_trace(Told(request.index, trace, failure))

        if teacher.replay is not None:
            recording = load_recording(teacher.replay)
            origin = dict(recording.provenance)
            return _run(replay_all(requests, recording, tell, again))
        key = read_key(teacher)
        with Journal.open(self.journal) as opened:

            def charge() -> None:
                for entry in opened.share(charged):
                    answer = read_answer(entry.body)
                    if isinstance(answer, Answer):
                        purse.pay(entry, answer.usage)

            def before(first: Request) -> None:
                must_have_room(opened.path, self.limits.ramp.max)
                if self.consent is not None:
                    settings, confirm, expected = self.consent.settings, self.consent.confirm, self.consent.expected
                    must_agree(opened, settings, samples, confirm, expected, first)

            purse = Purse(pricing, self.budget, self.longest)
            asking = Asking(teacher, self._limits(), opened, key, tell, purse, before, again, self.note, charge)
            work = ask_all(requests, asking) if batch is None else ask_batches(requests, asking, batch)
            tally = _run(work)
            if self.consent is not None and tally.journaled:
                keep_settings(opened, self.consent.settings, samples)
            return tally

    def _limits(self) -> Limits:
        known = self.teacher.known
        if known is None or known.timeout_s is None or "timeout_s" in self.limits.altered():
            return self.limits
        return self.limits.model_copy(update={"timeout_s": known.timeout_s})


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
    reasoning, response = failure.begun or (None, None)
    shown = "summary" if teacher.reasoning == "summary" else "raw"
    return Trace(
        problem_id=name,
        sample=sample,
        teacher=teacher.model,
        request_hash=request_hash,
        status="failed",
        reasoning=reasoning,
        response=response,
        reasoning_kind="none" if reasoning is None else shown,
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
