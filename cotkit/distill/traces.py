"""From outcomes to trace rows, and the whole way from prompts to traces that all callers share."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass
from json import loads
from pathlib import Path
from typing import Any, TypeVar

from cotkit.distill.engine import Failure, Outcome, Tally, ask_all, replay_all
from cotkit.distill.journal import Entry, Journal
from cotkit.distill.prices import cost
from cotkit.distill.prompt import Message
from cotkit.distill.recording import load_recording
from cotkit.distill.request import Request, build, canonical
from cotkit.distill.teacher import Limits, Sampling, Teacher, read_key
from cotkit.distill.wire import NoAnswer, read_answer
from cotkit.records import Trace

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Told:
    """One sample is through.

    Attributes:
        index: its number: prompt number * samples + sample, whatever order answers come in.
        trace: the row; status "failed" where `failure` says why.
    """

    index: int
    trace: Trace
    failure: Failure | None


def distill_prompts(
    prompts: Iterable[tuple[str, Sequence[Message]]],
    teacher: Teacher,
    sampling: Sampling,
    limits: Limits,
    journal: Path,
    on_trace: Callable[[Told], None],
    samples: int = 1,
) -> Tally:
    """Ask `teacher` for `samples` answers to each (id, messages), or read them from where they lie.

    `prompts` is read lazily; `on_trace` hears of every sample once, in any order. With `teacher.replay`
    the recording alone answers; `journal`, the network and the key are left alone.

    Raises TeacherError, StorageError or InputError (see ask_all, Journal.open, load_recording).
    """
    names: dict[int, tuple[str, int]] = {}

    def requests() -> Iterator[Request]:
        for number, (name, messages) in enumerate(prompts):
            for sample in range(samples):
                index = number * samples + sample
                names[index] = (name, sample)
                yield build(teacher, sampling, messages, sample, index)

    def tell(request: Request, outcome: Outcome) -> None:
        name, sample = names.pop(request.index)
        trace, failure = make_trace(name, sample, request.hash, outcome, teacher, origin)
        on_trace(Told(request.index, trace, failure))

    origin: dict[str, str] = {}
    if teacher.replay is not None:
        recording = load_recording(teacher.replay)
        origin = dict(recording.provenance)
        return replay_all(requests(), recording, tell)
    key = read_key(teacher)
    with Journal.open(journal) as opened:
        return _run(ask_all(requests(), teacher, limits, journal=opened, key=key, on_outcome=tell))


def make_trace(
    name: str, sample: int, request_hash: str, outcome: Outcome, teacher: Teacher, origin: dict[str, str]
) -> tuple[Trace, Failure | None]:
    """The row of one outcome; the failure beside it where there is no answer."""
    if isinstance(outcome, Failure):
        return _failed(name, sample, request_hash, teacher, outcome), outcome
    answer = read_answer(outcome.body)
    if isinstance(answer, NoAnswer):
        # Read by a later version that is stricter than the one that kept it.
        failure = Failure("malformed_answer", answer.message, passing=False, http_status=outcome.http_status)
        return _failed(name, sample, request_hash, teacher, failure), failure
    usage = answer.usage
    usd = cost(usage, teacher.price)
    kind = "none" if answer.reasoning is None else "summary" if teacher.reasoning == "summary" else "raw"
    trace = Trace(
        problem_id=name,
        sample=sample,
        teacher=teacher.model,
        request_hash=request_hash,
        status=answer.status,
        reasoning=answer.reasoning,
        response=answer.response,
        reasoning_kind=kind,
        finish_reason=answer.finish_reason,
        prompt_tokens=usage.prompt,
        completion_tokens=usage.completion,
        reasoning_tokens=usage.reasoning,
        cost_usd=None if usd is None else float(usd),
        latency_s=outcome.latency_s,
        provenance=_provenance(outcome, teacher, origin),
    )
    return trace, None


def _failed(name: str, sample: int, request_hash: str, teacher: Teacher, failure: Failure) -> Trace:
    return Trace(
        problem_id=name,
        sample=sample,
        teacher=teacher.model,
        request_hash=request_hash,
        status="failed",
        error=f"{failure.reason}: {failure.message}",
    )


def _provenance(entry: Entry, teacher: Teacher, origin: dict[str, str]) -> str:
    own = {"base_url": teacher.base_url, "answered_at": entry.created_at, "cotkit": entry.cotkit}
    return canonical({**origin, **loads(entry.provenance), **own})


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
