"""When an attempt is made again, and when the whole line waits or stops."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from cotkit.distill.faults import Fault, PassingFault, Refusal

if TYPE_CHECKING:
    from tenacity import RetryCallState

T = TypeVar("T")

# A server that asks for more is left alone: the run ends and a later one continues it.
LONGEST_PAUSE_S = 600.0
# Rate limits are not counted as attempts, but a teacher that never lets one through is no teacher.
MOST_RATE_LIMITS = 200
_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 30.0


class Halted(Exception):
    """The run is stopping: this request was not answered and is not to be asked."""


@dataclass
class Line:
    """What all workers share: a pause that a server asked for, and the word to stop."""

    pause_until: float = 0.0
    refusal: Refusal | None = None
    stopped: asyncio.Event = field(default_factory=asyncio.Event)

    def stop(self, refusal: Refusal) -> None:
        """No request is sent from now on. The first reason counts."""
        self.refusal = self.refusal or refusal
        self.stopped.set()

    def pause(self, seconds: float) -> None:
        """Nobody sends for so long; a shorter wish does not cut a longer one."""
        self.pause_until = max(self.pause_until, time.monotonic() + seconds)

    async def sleep(self, seconds: float) -> None:
        """Sleep, but wake up when the run stops."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.stopped.wait()

    async def ready(self) -> None:
        """Wait out the pause. Raises Halted when the run is stopping."""
        while not self.stopped.is_set() and (left := self.pause_until - time.monotonic()) > 0:
            # Spread over a tenth of the pause, so that not all knock at the same moment.
            await self.sleep(left + random.uniform(0, 0.1 * left))
        if self.stopped.is_set():
            raise Halted


@dataclass
class _Budget:
    """Attempts of one request; `stop` is asked by tenacity after each."""

    retries: int
    faults: int = 0
    rate_limits: int = 0

    def stop(self, state: RetryCallState) -> bool:
        fault = _fault(state)
        if fault is not None and fault.reason == "rate_limited":
            self.rate_limits += 1
        else:
            self.faults += 1
        return self.faults > self.retries or self.rate_limits > MOST_RATE_LIMITS


def _fault(state: RetryCallState) -> Fault | None:
    error = state.outcome.exception() if state.outcome is not None else None
    return error if isinstance(error, Fault) else None


async def with_retries(attempt: Callable[[], Awaitable[T]], line: Line, retries: int) -> T:
    """`attempt()` until it succeeds. Raises its last fault, or Halted.

    A server's Retry-After pauses all workers; without one the wait doubles from half a second, with jitter.
    """
    from tenacity import AsyncRetrying, retry_if_exception_type, wait_exponential, wait_random

    doubling = wait_exponential(multiplier=_FIRST_WAIT_S, max=_LONGEST_WAIT_S) + wait_random(0, _FIRST_WAIT_S)

    def wait(state: RetryCallState) -> float:
        fault = _fault(state)
        return doubling(state) if fault is None or fault.retry_after is None else 0.0

    async def once() -> T:
        await line.ready()
        try:
            return await attempt()
        except PassingFault as fault:
            if fault.retry_after is not None:
                if fault.retry_after > LONGEST_PAUSE_S:
                    raise Refusal("long_pause", fault.message, fault.status, fault.retry_after) from None
                line.pause(fault.retry_after)
            raise

    # An instance for each request: tenacity keeps its state in the instance.
    retrying = AsyncRetrying(
        retry=retry_if_exception_type(PassingFault),
        stop=_Budget(retries).stop,
        wait=wait,
        sleep=line.sleep,
        reraise=True,
    )
    return await retrying(once)
