"""Where every attempt waits for its permit: slots, limits a minute, the budget, pauses, the word to stop.

Waiting here is no part of a request's time. Waiters are served in order, one wake-up each, so ten
thousand of them cost no more than ten.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal

from cotkit.distill.faults import Fault, PassingFault, Refusal
from cotkit.distill.pause import Pause
from cotkit.distill.prices import Usage
from cotkit.distill.purse import Purse, Reserve
from cotkit.distill.teacher import Limits, Ramp
from cotkit.distill.throttle import Bucket, Throttle

# A trip is measured once, and may have had to look up a name.
_LEAST_TICK_S, _LONGEST_TICK_S = 0.002, 0.3
_USUAL_TRIP_S = 0.1
_NOTHING = Reserve(0, 0, Decimal(0))


class Halted(Exception):
    """The run is stopping: this request was not answered and is not to be asked."""


class SpentOut(Exception):
    """The budget does not bear this request."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A permit for one attempt; hand it back with leave()."""

    number: int
    reserve: Reserve
    usual: Reserve


class Gate:
    """Shared by all workers of a run; belongs to one event loop.

    Attributes:
        refusal: why the run stops.
        held: at most so many in flight for now, while the first answers are looked at.
    """

    def __init__(self, limits: Limits, purse: Purse) -> None:
        self._loop = asyncio.get_running_loop()
        now = self._loop.time()
        self._purse = purse
        self._throttle = Throttle(limits.ramp, quick=not isinstance(limits.concurrency, Ramp))
        self._rpm = Bucket(limits.rpm, now) if limits.rpm else None
        self._input = Bucket(limits.input_tpm, now) if limits.input_tpm else None
        self._output = Bucket(limits.output_tpm, now) if limits.output_tpm else None
        self._metered = bool(self._rpm or self._input or self._output)
        self._waiters: deque[tuple[asyncio.Future[Ticket], int]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._opener: asyncio.TimerHandle | None = None
        self._tick_s = _LEAST_TICK_S
        self._in_flight = 0
        self._sent = 0
        self._pause = Pause()
        self.held: int | None = 1
        self.refusal: Refusal | None = None
        self.stopped = asyncio.Event()

    async def enter(self, characters: int) -> Ticket:
        """Wait for a permit for a prompt of so many characters. Raises Halted or SpentOut."""
        if self.stopped.is_set():
            raise Halted
        if not self._waiters:
            ticket = self._try(characters)
            if isinstance(ticket, Ticket):
                return ticket
        future: asyncio.Future[Ticket] = self._loop.create_future()
        self._waiters.append((future, characters))
        self._pump()
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                self.leave(future.result(), None, None)
            raise

    def leave(self, ticket: Ticket, usage: Usage | None, fault: Fault | None) -> None:
        """The attempt ended: with `usage` if it was answered, with `fault` if not.

        After 429 fewer go; where the teacher says how long to wait, nobody goes before (see Pause).
        """
        now = self._loop.time()
        if self._purse.limited:
            self._purse.hold(ticket.reserve, -1)
        if usage is not None:
            self._throttle.answered(now)
            self._pause.answered(ticket.number, now)
        else:
            limited = fault is not None and fault.reason == "rate_limited"
            wait_s = fault.retry_after if isinstance(fault, PassingFault) else None
            if limited:
                self._throttle.limited(ticket.number, self._sent, self._in_flight, now, wait_s or 0.0)
            if wait_s is not None:
                self._throttle.paused()
            self._pause.failed(ticket.number, limited, wait_s, now)
        used = usage or Usage(0, 0)
        if self._input is not None and used.prompt is not None:
            self._input.take(used.prompt - ticket.usual.prompt)
        if self._output is not None and used.completion is not None:
            self._output.take(used.completion - ticket.usual.completion)
        self._in_flight -= 1
        if self._waiters:
            self._pump()

    def pace(self, trip_s: float | None) -> None:
        """Open no faster than a 429 to the last step comes back, by the time that the way there and back takes."""
        self._tick_s = min(_LONGEST_TICK_S, max(_LEAST_TICK_S, _USUAL_TRIP_S if trip_s is None else trip_s))

    def release(self) -> None:
        """The first answers are as they should be: all slots may be used."""
        self.held = None
        self._pump()

    def stop(self, refusal: Refusal) -> None:
        """No request is sent from now on. The first reason counts."""
        self.refusal = self.refusal or refusal
        self.stopped.set()
        for future, _ in self._waiters:
            if not future.done():
                future.set_exception(Halted())
        self._waiters.clear()

    async def sleep(self, seconds: float) -> None:
        """Sleep, but wake up when the run stops."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.stopped.wait()

    def _try(self, characters: int) -> Ticket | float | None:
        """A permit; or seconds until there may be one; or None if something has to end first.

        Raises SpentOut.
        """
        limit = self._throttle.limit if self.held is None else min(self.held, self._throttle.limit)
        if self._in_flight >= max(1, int(limit)):
            return None
        now = self._loop.time()
        pause = self._pause.left(now)
        if pause > 0:
            return pause
        usual = self._purse.usual(characters) if self._metered else _NOTHING
        amounts = ((self._rpm, 1), (self._input, usual.prompt), (self._output, usual.completion))
        wait = max((bucket.wait(amount, now) for bucket, amount in amounts if bucket is not None), default=0.0)
        if wait > 0:
            return wait
        reserve = _NOTHING
        if self._purse.out:
            raise SpentOut
        if self._purse.limited:
            reserve = self._purse.expect(characters)
            if not self._purse.fits(reserve):
                if self._in_flight > 0:
                    return None
                self._purse.out = True
                raise SpentOut
            self._purse.hold(reserve)
        for bucket, amount in amounts:
            if bucket is not None:
                bucket.take(amount)
        self._in_flight += 1
        self._sent += 1
        self._pause.sent(self._sent, self._in_flight, now)
        return Ticket(self._sent, reserve, usual)

    def _pump(self) -> None:
        """Let in who may go now; come back when the next one may."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiters:
            future, characters = self._waiters[0]
            if future.done():  # cancelled
                self._waiters.popleft()
                continue
            try:
                ticket = self._try(characters)
            except SpentOut as error:
                future.set_exception(error)
                self._waiters.popleft()
                continue
            if isinstance(ticket, Ticket):
                future.set_result(ticket)
                self._waiters.popleft()
                continue
            if ticket is not None:
                self._timer = self._loop.call_later(ticket, self._pump)
            break
        if self._throttle.opening and self.held is None and self._waiters and self._opener is None:
            self._opener = self._loop.call_later(self._tick_s, self._open)

    def _open(self) -> None:
        self._opener = None
        if self._throttle.opening:
            self._throttle.open_wider()
            self._pump()
