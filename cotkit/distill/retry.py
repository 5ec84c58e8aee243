"""When an attempt is made again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from cotkit.distill.faults import Fault, PassingFault, Refusal
from cotkit.distill.gate import Gate

if TYPE_CHECKING:
    from tenacity import RetryCallState

T = TypeVar("T")

# A server that asks for more is left alone: the run ends and a later one continues it.
LONGEST_PAUSE_S = 600.0
# Rate limits are not counted as attempts, but a teacher that never lets one through is no teacher.
MOST_RATE_LIMITS = 200
_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 30.0


@dataclass
class _Attempts:
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


async def with_retries(attempt: Callable[[], Awaitable[T]], gate: Gate, retries: int) -> T:
    """`attempt()` until it succeeds. Raises its last fault, or what the gate raises.

    A server's Retry-After is waited out at the gate, by all; without one the wait doubles from half a second, with
    jitter.
    """

    async def once() -> T:
        try:
            return await attempt()
        except PassingFault as fault:
            if fault.retry_after is not None and fault.retry_after > LONGEST_PAUSE_S:
                raise Refusal("long_pause", fault.message, fault.status, fault.retry_after) from None
            raise

    # Nearly all attempts succeed: the machinery for the others is only built for them.
    try:
        return await once()
    except PassingFault as fault:
        first: PassingFault | None = fault
    from tenacity import AsyncRetrying, retry_if_exception_type, wait_exponential, wait_random

    doubling = wait_exponential(multiplier=_FIRST_WAIT_S, max=_LONGEST_WAIT_S) + wait_random(0, _FIRST_WAIT_S)

    def wait(state: RetryCallState) -> float:
        fault = _fault(state)
        return doubling(state) if fault is None or fault.retry_after is None else 0.0

    async def resumed() -> T:
        nonlocal first
        if first is not None:
            fault, first = first, None
            raise fault
        return await once()

    # An instance for each request: tenacity keeps its state in the instance.
    retrying = AsyncRetrying(
        retry=retry_if_exception_type(PassingFault),
        stop=_Attempts(retries).stop,
        wait=wait,
        sleep=gate.sleep,
        reraise=True,
    )
    return await retrying(resumed)
