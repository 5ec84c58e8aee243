"""From all requests to those that must be sent: known ones are answered on the way, equal ones asked once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from itertools import islice

from cotkit.distill.journal import Entry, Journal
from cotkit.distill.request import Request

# Journal look-ups are made for so many requests at once; also the most that wait in memory.
_BITE = 256


class Feed:
    """Pulls requests lazily, so that ten million prompts are never ten million tasks.

    Args:
        known: called with each request whose answer the journal holds.
    """

    def __init__(self, requests: Iterable[Request], journal: Journal, known: Callable[[Request, Entry], None]) -> None:
        self._requests = iter(requests)
        self._journal = journal
        self._known = known
        self._bite: list[Request] = []
        self._found: dict[str, Entry] = {}
        # Answered since the last look-up, so perhaps missing from it.
        self._fresh: set[str] = set()
        self._asked: dict[str, list[Request]] = {}
        self._lock = asyncio.Lock()

    async def next(self) -> Request | None:
        """The next request to send; None when there is none left."""
        async with self._lock:
            while True:
                if not self._bite and not await self._load():
                    return None
                request = self._bite.pop()
                if request.hash in self._fresh:
                    self._found.update(self._journal.get_many([request.hash]))
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
        self._found = self._journal.get_many([r.hash for r in self._bite])
        return bool(self._bite)
