"""429s and pauses on a clock that jumps: minutes of a teacher that limits in one way or another, in a second."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from cotkit.distill.faults import PassingFault
from cotkit.distill.gate import Gate
from cotkit.distill.prices import Pricing, Usage
from cotkit.distill.purse import Purse
from cotkit.distill.retry import with_retries
from cotkit.distill.teacher import Limits


class JumpingLoop(asyncio.SelectorEventLoop):
    """A loop whose time is that of the next thing to do."""

    _at = 0.0

    def time(self) -> float:
        return self._at

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self._at = max(self._at, self._scheduled[0]._when)  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


@dataclass
class Server:
    """A teacher that turns away whom `admits` does not want; `early` came before a Retry-After was over."""

    admits: Callable[[Server], bool]
    retry_after: float
    latency_s: tuple[float, float] = (0.2, 0.2)
    network_s: float = 0.001
    status: int = 429
    serving: int = 0
    refused: int = 0
    answered: int = 0
    early: int = 0
    pauses: int = 0
    _told_at: float = -1000.0
    admitted_at: list[float] = field(default_factory=list)

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def ask(self) -> None:
        if self._told_at < self.now < self._told_at + self.retry_after:
            self.early += 1
        await asyncio.sleep(self.network_s)
        if not self.admits(self):
            await asyncio.sleep(self.network_s)
            self.refused += 1
            self.pauses += self.now >= self._told_at + self.retry_after
            self._told_at = self.now
            reason = "rate_limited" if self.status == 429 else "server_error"
            raise PassingFault(reason, "later", self.status, self.retry_after)
        self.admitted_at.append(self.now)
        self.serving += 1
        await asyncio.sleep(random.uniform(*self.latency_s))
        self.serving -= 1
        await asyncio.sleep(self.network_s)
        self.answered += 1


def slots(number: int) -> Callable[[Server], bool]:
    return lambda server: server.serving < number


def window(number: int) -> Callable[[Server], bool]:
    """So many in each second of the clock."""
    return lambda server: sum(int(at) == int(server.now) for at in server.admitted_at[-number:]) < number


def bucket(a_second: float, burst: int) -> Callable[[Server], bool]:
    level, at = float(burst), 0.0

    def admits(server: Server) -> bool:
        nonlocal level, at
        level, at = min(burst, level + (server.now - at) * a_second), server.now
        if level < 1:
            return False
        level -= 1
        return True

    return admits


def run(server: Server, prompts: int, concurrency: int) -> float:
    """Ask the server so many prompts; the seconds that it took by its own clock."""

    async def main() -> float:
        gate = Gate(Limits(concurrency=concurrency), Purse(Pricing()))
        gate.pace(2 * server.network_s)
        todo: Iterator[int] = iter(range(prompts))

        async def attempt() -> None:
            ticket = await gate.enter(10)
            try:
                await server.ask()
            except PassingFault as fault:
                gate.leave(ticket, None, fault)
                raise
            gate.leave(ticket, Usage(1, 1), None)

        async def work() -> None:
            for _ in todo:
                await with_retries(attempt, gate, 5)

        await with_retries(attempt, gate, 5)
        next(todo)
        gate.release()
        await asyncio.gather(*(work() for _ in range(concurrency)))
        return asyncio.get_running_loop().time()

    random.seed(8)
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        took = runner.run(main())
    assert server.answered == prompts
    return took


@pytest.mark.parametrize(
    ("server", "prompts", "ideal_s", "most"),
    [
        (Server(slots(64), 1.0), 1000, 1000 / 64 * 0.2, 1.3),
        (Server(slots(64), 1.0, (0.5, 0.5)), 2000, 2000 / 64 * 0.5, 1.2),
        (Server(slots(64), 1.0, (5, 60), network_s=0.02), 1000, 1000 / 64 * 32.5, 1.2),
    ],
)
def test_a_full_server_is_kept_busy(server: Server, prompts: int, ideal_s: float, most: float) -> None:
    assert run(server, prompts, 256) <= most * ideal_s
    assert server.refused <= 0.05 * (server.refused + prompts)


def test_what_a_server_bears_is_not_forgotten_in_its_pauses() -> None:
    server = Server(slots(64), 30.0, (0.2, 1.0), network_s=0.02)
    run(server, 2000, 256)
    assert server.refused <= 0.05 * 2000
    assert server.pauses <= 4


@pytest.mark.parametrize("part", [0.05, 0.3])
def test_stray_429s_with_a_pause_each_leave_the_run_wide(part: float) -> None:
    server = Server(lambda _: random.random() >= part, 1.0, (0.2, 1.0), network_s=0.02)
    took = run(server, 5000, 256)
    assert took <= 60  # 12 to 20 s of answers, the rest is what the server asked to wait


def test_a_window_that_is_full_is_asked_once_before_it_ends() -> None:
    server = Server(window(20), 2.0, (0.1, 1.0), network_s=0.02)
    run(server, 600, 64)
    assert server.pauses > 10
    assert server.early <= 1


def test_a_bucket_that_answered_that_one_is_believed_once() -> None:
    server = Server(bucket(10, 20), 10.0, (0.2, 1.0), network_s=0.02)
    run(server, 600, 64)
    assert server.pauses > 10
    assert server.early <= 64  # the width, when that one was answered; never again afterwards


def test_the_pause_of_a_503_is_kept_by_all() -> None:
    server = Server(slots(64), 1.0, status=503)
    run(server, 300, 80)
    assert server.refused > 0
    assert server.early == 0
