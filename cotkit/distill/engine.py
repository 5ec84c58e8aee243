"""Asks a teacher many things: bounded, durable, and stopped by the first word that it is useless."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cotkit import __version__
from cotkit.distill.client import Send, connect
from cotkit.distill.faults import Fault, LastingFault, PassingFault, Refusal
from cotkit.distill.feed import Feed
from cotkit.distill.journal import Entry, Journal
from cotkit.distill.recording import Recording
from cotkit.distill.request import Request
from cotkit.distill.retry import Halted, Line, with_retries
from cotkit.distill.teacher import Limits, Teacher
from cotkit.errors import TeacherError

# The first request goes alone, since a refusal comes at once; a slow answer must not hold up the rest.
PROBE_S = 20.0
# After a refusal, what is in flight may still end: it is paid for already.
GRACE_S = 30.0


@dataclass(frozen=True, slots=True)
class Failure:
    """A request without an answer; `passing` if a later run may get one."""

    reason: str
    message: str
    passing: bool
    attempts: int = 0
    http_status: int | None = None


Outcome = Entry | Failure
OnOutcome = Callable[[Request, Outcome], None]


@dataclass
class Tally:
    """What asking took: attempts sent now, and answers that the journal or a recording had."""

    requests: int = 0
    journaled: int = 0
    replayed: int = 0


def replay_all(requests: Iterable[Request], recording: Recording, on_outcome: OnOutcome) -> Tally:
    """Answer from a recording alone."""
    tally = Tally()
    for request in requests:
        entry = recording.entries.get(request.hash)
        if entry is None:
            message = "the recording holds no answer to this request"
            on_outcome(request, Failure("not_recorded", message, passing=False))
        else:
            tally.replayed += 1
            on_outcome(request, entry)
    return tally


async def ask_all(
    requests: Iterable[Request],
    teacher: Teacher,
    limits: Limits,
    *,
    journal: Journal,
    key: str | None,
    on_outcome: OnOutcome,
) -> Tally:
    """Get an outcome for every request, in any order: from the journal, or else from the teacher.

    An answer is on the disk before `on_outcome` hears of it and before its slot is used again. `requests`
    is read lazily, at most a few hundred ahead.

    Raises TeacherError where the teacher refuses for good, after keeping what was answered;
    StorageError where an answer cannot be kept.
    """
    run = _Run(teacher, limits, journal, on_outcome)
    feed = Feed(requests, journal, run.known)
    first = await feed.next()
    if first is None:
        return run.tally
    async with connect(teacher, limits, key) as send:
        probed = asyncio.Event()
        tasks = {asyncio.create_task(_probe(run, feed, send, first, probed))}
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(PROBE_S):
                    await probed.wait()
            tasks |= {asyncio.create_task(_work(run, feed, send)) for _ in range(limits.concurrency - 1)}
            await _until_done(tasks, run.line)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    if run.line.refusal is not None:
        raise TeacherError(_sentence(teacher, run.line.refusal))
    return run.tally


@dataclass
class _Run:
    teacher: Teacher
    limits: Limits
    journal: Journal
    on_outcome: OnOutcome
    line: Line = field(default_factory=Line)
    tally: Tally = field(default_factory=Tally)
    answered: int = 0
    # Requests lost one after another because nobody listens at the teacher's address.
    unreached: int = 0

    def known(self, request: Request, entry: Entry) -> None:
        self.tally.journaled += 1
        self.on_outcome(request, entry)


async def _probe(run: _Run, feed: Feed, send: Send, first: Request, probed: asyncio.Event) -> None:
    """The first slot: one request by itself, then as the others."""
    try:
        await _handle(run, feed, send, first)
    finally:
        probed.set()
    await _work(run, feed, send)


async def _work(run: _Run, feed: Feed, send: Send) -> None:
    """One slot: request after request until there is none, or the run stops."""
    while not run.line.stopped.is_set():
        request = await feed.next()
        if request is None:
            return
        await _handle(run, feed, send, request)


async def _handle(run: _Run, feed: Feed, send: Send, request: Request) -> None:
    try:
        outcome = await _ask(run, send, request)
    except Halted:
        return
    except Refusal as refusal:
        run.line.stop(refusal)
        return
    if isinstance(outcome, Entry):
        run.answered += 1
        run.unreached = 0
        await run.journal.put(outcome)
    elif outcome.reason == "unreachable":
        run.unreached += 1
        if run.answered == 0 or run.unreached >= max(3, run.limits.concurrency):
            run.line.stop(Refusal("unreachable", outcome.message))
            return
    for equal in feed.settle(request, isinstance(outcome, Entry)):
        run.on_outcome(equal, outcome)


async def _ask(run: _Run, send: Send, request: Request) -> Outcome:
    attempts = 0

    async def attempt() -> Entry:
        nonlocal attempts
        attempts += 1
        run.tally.requests += 1
        reply = await send(request.body)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return Entry(request.hash, request.text, reply.body, reply.status, round(reply.latency_s, 3), now, __version__)

    try:
        return await with_retries(attempt, run.line, run.limits.retries)
    except (PassingFault, LastingFault) as fault:
        return Failure(fault.reason, fault.message, isinstance(fault, PassingFault), attempts, fault.status)


async def _until_done(tasks: set[asyncio.Task[None]], line: Line) -> None:
    """Wait for all; after a refusal for GRACE_S at most. Raises what a task raised."""
    pending = set(tasks)
    deadline: float | None = None
    while pending:
        if deadline is None and line.stopped.is_set():
            deadline = time.monotonic() + GRACE_S
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        done, pending = await asyncio.wait(pending, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            return
        for task in done:
            task.result()


def _sentence(teacher: Teacher, fault: Fault) -> str:
    who = f"the teacher {teacher.model} at {teacher.host}"
    later = "what was answered is kept, and running again continues there"
    if fault.reason == "unreachable":
        return f"{who} cannot be reached: {fault.message}; start it or check 'teacher.base_url'; {later}"
    if fault.reason == "long_pause":
        return f"{who} asks to wait {fault.retry_after:.0f} s ({fault.message}); run again then; {later}"
    variable = teacher.api_key_env
    key = f"the key in {variable}" if variable else "whether it needs a key ('teacher.api_key_env')"
    advice = {
        401: f"check {key}",
        403: f"check {key} and what its account may use",
        402: "the account is out of money: top it up",
        429: "the account is out of money: top it up",
        404: "check 'teacher.model' and 'teacher.base_url'",
    }.get(fault.status or 0, "check 'teacher.base_url'")
    return f"{who} refuses with {fault.message}; {advice}; {later}"
