"""From all requests to those that must be sent: known ones are answered on the way, equal ones asked once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice

from cotkit.distill.journal import Entry, Journal, Refused
from cotkit.distill.request import Request

# Journal look-ups are made for so many requests at once; also the most that wait in memory.
_BITE = 256
# More open decisions than that wait for some of them, before the next request is read.
_MOST_OPEN = 20_000

Known = Callable[[Request, Entry | Refused], None]


class Feed:
    """Pulls requests lazily, so that ten million prompts are never ten million tasks.

    Args:
        known: called with each request whose answer, or lasting refusal, the journal holds.
        refused: look at earlier refusals; else these requests are asked again.
    """

    def __init__(self, requests: Iterable[Request], journal: Journal, known: Known, refused: bool = True) -> None:
        self._requests = iter(requests)
        self._journal = journal
        self._known = known
        self._refused = refused
        self._bite: list[Request] = []
        self._found: dict[str, Entry | Refused] = {}
        # Answered since the last look-up, so perhaps missing from it.
        self._fresh: set[str] = set()
        self._asked: dict[str, list[Request]] = {}
        self._more: deque[Request] = deque()
        self._open = 0
        self._changed = asyncio.Event()
        self._lock = asyncio.Lock()

    def push(self, request: Request) -> None:
        """One more request, decided on by an answer; it goes before the rest."""
        self._more.append(request)
        self._changed.set()

    def hold_open(self, change: int) -> None:
        """+1: something is going on that may push a request; -1: it is over."""
        self._open += change
        self._changed.set()

    async def next(self) -> Request | None:
        """The next request to send; None when there is none left."""
        async with self._lock:
            while True:
                if self._more:
                    request = self._more.popleft()
                    self._found.update(self._look([request.hash]))
                elif self._open <= _MOST_OPEN and (self._bite or await self._load()):
                    request = self._bite.pop()
                    if request.hash in self._fresh:
                        self._found.update(self._journal.get_many([request.hash]))
                elif self._more:
                    continue  # decided on while _load gave way
                elif self._open > 0:
                    self._changed.clear()
                    await self._changed.wait()
                    continue
                else:
                    return None
                if (entry := self._found.get(request.hash)) is not None:
                    self._known(request, entry)
                elif request.hash in self._asked:
                    self._asked[request.hash].append(request)
                else:
                    self._asked[request.hash] = [request]
                    return request

    def settle(self, request: Request, answered: bool) -> list[Request]:
        """`request` is through: all requests equal to it, itself among them."""
        if answered:
            self._fresh.add(request.hash)
        return self._asked.pop(request.hash)

    async def _load(self) -> bool:
        # The journal is read on the loop's own thread: let the answers that arrived in first.
        await asyncio.sleep(0)
        self._bite = list(islice(self._requests, _BITE))
        self._bite.reverse()
        self._fresh.clear()
        self._found = self._look([r.hash for r in self._bite])
        return bool(self._bite)

    def _look(self, hashes: list[str]) -> dict[str, Entry | Refused]:
        found: dict[str, Entry | Refused] = {}
        if self._refused:
            found.update(self._journal.refused(hashes))
        found.update(self._journal.get_many(hashes))
        return found
