"""Asks a teacher many things: bounded, durable, and stopped by the first word that it is useless."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cotkit import __version__
from cotkit.distill.client import Send, connect, round_trip
from cotkit.distill.faults import Fault, LastingFault, PassingFault, Refusal, sentence_of
from cotkit.distill.feed import Feed
from cotkit.distill.gate import Gate, Halted, SpentOut
from cotkit.distill.guard import FIRST, Watch
from cotkit.distill.interrupt import first_interrupt
from cotkit.distill.journal import Entry, Journal, Refused
from cotkit.distill.purse import Purse
from cotkit.distill.recording import Recording
from cotkit.distill.request import Request
from cotkit.distill.retry import with_retries
from cotkit.distill.teacher import Limits, Teacher
from cotkit.distill.wire import Answer, read_answer
from cotkit.errors import TeacherError

# The first request goes alone, since a refusal comes soon: within some round trips to the server and the time that a
# proxy takes to ask somebody, and never later than PROBE_S. A slow answer must not hold up the rest: the more slots
# stand idle, the less is waited, a second at most and a tenth at least.
PROBE_S = 20.0
PATIENCE_S = 0.1
LONGEST_PATIENCE_S = 1.0
IDLE_SLOT_S = 80.0
ROUND_TRIPS = 10
# After a refusal, what is in flight may still end: it is paid for already.
GRACE_S = 30.0
# After Ctrl-C somebody waits.
INTERRUPTED_S = 5.0
# Refused one after another before anything was answered: then it is not the problems that are wrong.
MOST_REFUSED = 8


@dataclass(frozen=True, slots=True)
class Failure:
    """A request without an answer; `passing` if a later run may get one.

    `begun` is (reasoning, response) as far as a stream had come when it broke, in the last attempt that got so far.
    """

    reason: str
    message: str
    passing: bool
    attempts: int = 0
    http_status: int | None = None
    begun: tuple[str | None, str | None] | None = None


Outcome = Entry | Failure
OnOutcome = Callable[[Request, Outcome, Answer | None], None]
# After an outcome: the next request that it calls for (resampling), or None.
Again = Callable[[Request, Outcome], Awaitable[Request | None]]


@dataclass
class Tally:
    """What asking took: attempts sent now, and answers that the journal or a recording had.

    Attributes:
        rate_limited: attempts that the teacher turned away with 429.
        wasted: attempts without an answer, by reason.
        over_budget: requests that were not asked because the budget was used up.
        said: sentences for the user: warnings, why it stopped.
    """

    requests: int = 0
    journaled: int = 0
    replayed: int = 0
    over_budget: int = 0
    wasted: dict[str, int] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)


async def replay_all(
    requests: Iterable[Request], recording: Recording, on_outcome: OnOutcome, again: Again | None = None
) -> Tally:
    """Answer from a recording alone."""
    tally = Tally()
    for first in requests:
        request: Request | None = first
        while request is not None:
            outcome: Outcome | None = recording.entries.get(request.hash)
            if outcome is None:
                message = "the recording holds no answer to this request"
                outcome = Failure("not_recorded", message, passing=False)
            else:
                tally.replayed += 1
            on_outcome(request, outcome, None)
            request = None if again is None else await again(request, outcome)
    return tally


@dataclass
class Asking:
    """Who asks what: everything that a run needs besides its requests.

    Attributes:
        purse: counts, and stops, what is spent.
        before: called once with the first request that has to be sent; may raise to prevent it.
        again: decides on further samples.
        note: hears warnings.
        charge: charges the purse with what earlier runs paid for the same requests. Called before anything is sent:
            a budget must not depend on the order of the rows.
    """

    teacher: Teacher
    limits: Limits
    journal: Journal
    key: str | None
    on_outcome: OnOutcome
    purse: Purse
    before: Callable[[Request], None] = lambda _: None
    again: Again | None = None
    note: Callable[[str], None] = lambda _: None
    charge: Callable[[], None] = lambda: None


async def ask_all(requests: Iterable[Request], asking: Asking) -> Tally:
    """Get an outcome for every request, in any order: from the journal, or else from the teacher.

    An answer is on the disk before `on_outcome` hears of it and before its slot is used again. `requests`
    is read lazily, at most a few hundred ahead.

    Raises TeacherError where the teacher refuses for good, after keeping what was answered;
    StorageError where an answer cannot be kept; what `asking.before` raises.
    """
    run = _Run(asking)
    if asking.purse.limited:
        asking.charge()
    first = await run.feed_from(requests).next()
    if first is None:
        if run.error is not None:
            raise run.error
        return run.tally
    asking.before(first)
    import tenacity  # noqa: F401  what retries need is read now: amid a run there may be no file left to open it

    probed = asyncio.Event()

    def interrupted() -> None:
        run.note(f"stopping: answers on their way are kept for {INTERRUPTED_S:g} s more; Ctrl-C again ends at once")
        run.gate.stop(Refusal("interrupted", "Ctrl-C"))
        probed.set()

    with first_interrupt(interrupted):
        await _ask_feed(run, first, probed)
    if run.error is not None:
        raise run.error
    if run.gate.refusal is not None:
        if run.gate.refusal.reason == "interrupted":
            raise KeyboardInterrupt
        raise TeacherError(sentence_of(asking.teacher, run.gate.refusal))
    run.watch.ended()
    if asking.purse.out:
        run.note(asking.purse.sentence())
    return run.tally


async def _ask_feed(run: _Run, first: Request, probed: asyncio.Event) -> None:
    """One slot begins with the first request; when that is `probed`, or takes long, the others follow."""
    async with connect(run.asking.teacher, run.asking.limits, run.asking.key) as send:
        tasks = {asyncio.create_task(_probe(run, send, first, probed))}
        # Modules and their models are no garbage: looking through them again and again was a third of the CPU that the
        # first thousand requests took.
        gc.freeze()
        try:
            trip_s = await round_trip(run.asking.teacher.base_url)
            run.gate.pace(trip_s)
            with suppress(TimeoutError):
                async with asyncio.timeout(_patience(trip_s, run.asking.limits.ramp.start)):
                    await probed.wait()
            run.watch.probed()
            if run.refused > 0:
                run.gate.held = FIRST
            tasks |= {asyncio.create_task(_work(run, send)) for _ in range(run.asking.limits.ramp.max - 1)}
            await _until_done(tasks, run.gate)
        finally:
            gc.unfreeze()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _patience(trip_s: float | None, slots: int) -> float:
    """How long a refusal of the first request may take, in seconds, by the way to the server and who waits for it."""
    patience = max(PATIENCE_S, min(LONGEST_PATIENCE_S, IDLE_SLOT_S / slots))
    return PROBE_S if trip_s is None else min(PROBE_S, patience + ROUND_TRIPS * trip_s)


class _Run:
    def __init__(self, asking: Asking) -> None:
        self.asking = asking
        self.tally = Tally()
        self.gate = Gate(asking.limits, asking.purse)
        self.watch = Watch(asking.teacher, self.gate, self.note)
        self.answered = 0
        # Requests lost one after another because nobody listens at the teacher's address.
        self.unreached = 0
        self.refused = 0
        self.error: Exception | None = None
        self.feed: Feed
        self._deciding: set[asyncio.Task[None]] = set()

    def feed_from(self, requests: Iterable[Request]) -> Feed:
        self.feed = Feed(requests, self.asking.journal, self._known, not self.asking.limits.retry_refused)
        return self.feed

    def note(self, text: str) -> None:
        self.tally.said.append(text)
        self.asking.note(text)

    def _known(self, request: Request, found: Entry | Refused) -> None:
        self.tally.journaled += 1
        if isinstance(found, Refused):
            message = f"{found.message} (on {found.created_at[:10]}; not asked again)"
            self.tell(request, Failure(found.reason, message, passing=False, http_status=found.http_status), None)
            return
        answer = read_answer(found.body)
        if isinstance(answer, Answer) and not self.asking.purse.limited:
            self.asking.purse.pay(found, answer.usage)  # with a budget it was charged before the first request
        self.tell(request, found, answer if isinstance(answer, Answer) else None)

    def tell(self, request: Request, outcome: Outcome, answer: Answer | None) -> None:
        self.asking.on_outcome(request, outcome, answer)
        if self.asking.again is not None:
            self.feed.hold_open(+1)
            task = asyncio.create_task(self._decide(self.asking.again, request, outcome))
            self._deciding.add(task)
            task.add_done_callback(self._deciding.discard)

    async def _decide(self, again: Again, request: Request, outcome: Outcome) -> None:
        """Ask whether there should be another sample; the slot that was answered is free meanwhile."""
        try:
            more = await again(request, outcome)
            if more is not None:
                self.feed.push(more)
        except Exception as error:  # noqa: BLE001 (raised again when the workers are home)
            self.error = self.error or error
            self.gate.stop(Refusal("undecided", str(error)))
        finally:
            self.feed.hold_open(-1)


async def _probe(run: _Run, send: Send, first: Request, probed: asyncio.Event) -> None:
    """The first slot: one request by itself, then as the others."""
    try:
        await _handle_open(run, send, first)
    finally:
        probed.set()
    await _work(run, send)


async def _work(run: _Run, send: Send) -> None:
    """One slot: request after request until there is none, or the run stops."""
    while not run.gate.stopped.is_set():
        request = await run.feed.next()
        if request is None:
            return
        await _handle_open(run, send, request)


async def _handle_open(run: _Run, send: Send, request: Request) -> None:
    """While this goes on, the feed may still get more requests if answers decide on them."""
    if run.asking.again is None:
        await _handle(run, send, request)
        return
    run.feed.hold_open(+1)
    try:
        await _handle(run, send, request)
    finally:
        run.feed.hold_open(-1)


async def _handle(run: _Run, send: Send, request: Request) -> None:
    outcome: Outcome
    answer: Answer | None = None
    try:
        outcome, answer = await _ask(run, send, request)
    except Halted:
        return
    except SpentOut:
        run.tally.over_budget += 1
        outcome = Failure("over_budget", "the budget was used up before this was asked", passing=True)
    except Refusal as refusal:
        run.gate.stop(refusal)
        return
    except (PassingFault, LastingFault) as fault:
        attempts = fault.attempts
        passing = isinstance(fault, PassingFault)
        outcome = Failure(fault.reason, fault.message, passing, attempts, fault.status, fault.begun)
    if isinstance(outcome, Failure) and _useless(run, outcome):
        return
    if isinstance(outcome, Entry) and answer is not None:
        run.answered += 1
        run.unreached = 0
        await run.asking.journal.put(outcome)
    elif isinstance(outcome, Failure) and not outcome.passing:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        await run.asking.journal.put(Refused(request.hash, outcome.reason, outcome.message, outcome.http_status, now))
    for equal in run.feed.settle(request, isinstance(outcome, Entry)):
        run.tell(equal, outcome, answer)


def _useless(run: _Run, failure: Failure) -> bool:
    """Count failures that may mean all of them; stop the run when they do."""
    if failure.reason == "unreachable":
        run.unreached += 1
        if run.answered == 0 or run.unreached >= max(3, run.asking.limits.ramp.max):
            run.gate.stop(Refusal("unreachable", failure.message))
            return True
    elif failure.reason == "bad_request" and run.answered == 0:
        run.refused += 1
        if run.refused >= MOST_REFUSED:
            run.gate.stop(Refusal("bad_request", failure.message, failure.http_status))
            return True
    return False


async def _ask(run: _Run, send: Send, request: Request) -> tuple[Entry, Answer]:
    attempts, begun = 0, None
    size = len(request.text)
    gate, tally = run.gate, run.tally

    async def attempt() -> tuple[Entry, Answer]:
        nonlocal attempts, begun
        ticket = await gate.enter(size)
        attempts += 1
        tally.requests += 1
        usage, failed = None, None
        try:
            reply = await send(request.body)
            now = datetime.now(UTC).isoformat(timespec="seconds")
            latency = round(reply.latency_s, 3)
            entry = Entry(request.hash, request.text, reply.body, reply.status, latency, now, __version__)
            usage = reply.answer.usage
            # Paid before the permit goes back: no other request may count on this money.
            run.asking.purse.pay(entry, reply.answer.usage)
            # Looked at before it goes back, too: while a slow disk takes the answer in, no others go unseen.
            run.watch.hear(reply.answer)
        except Fault as fault:
            failed = fault
            begun = fault.begun or begun
            tally.wasted[fault.reason] = tally.wasted.get(fault.reason, 0) + 1
            raise
        finally:
            gate.leave(ticket, usage, failed)
        return entry, reply.answer

    try:
        return await with_retries(attempt, gate, run.asking.limits.retries)
    except Fault as fault:
        fault.attempts, fault.begun = attempts, begun
        raise


async def _until_done(tasks: set[asyncio.Task[None]], gate: Gate) -> None:
    """Wait for all; after a refusal for GRACE_S at most. Raises what a task raised."""
    everything = asyncio.gather(*tasks)
    # Where this wait itself is cancelled (Ctrl-C), nobody is left to hear how they ended.
    everything.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    stopping = asyncio.create_task(gate.stopped.wait())
    try:
        both: set[asyncio.Future[Any]] = {everything, stopping}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if not everything.done():
            interrupted = gate.refusal is not None and gate.refusal.reason == "interrupted"
            await asyncio.wait({everything}, timeout=INTERRUPTED_S if interrupted else GRACE_S)
        if everything.done():
            everything.result()
    finally:
        stopping.cancel()
