"""The pause that a server asks for with Retry-After, and the one request that may go before it is over."""

from __future__ import annotations

import random
from typing import Literal


class Pause:
    """Nobody asks the teacher before Retry-After is over, with one exception.

    A 429 to a request that had more beside it than were ever answered together may speak of their number alone, as
    DeepSeek's do. Then an answer that comes back has freed a place, and one request goes to see. If it is answered,
    the pause is over. If it is not, or if a 429 comes that their number does not explain, each pause of the run is
    kept to its end from then on. Times are those of the event loop, in seconds.
    """

    def __init__(self) -> None:
        self._until = 0.0
        self._newest = self._burst = 0
        # Requests in flight: how many were, with each, when it was sent, less those that were turned away since.
        self._abreast: dict[int, int] = {}
        self._most_answered = 0
        self._trusted = True
        self._scout: Literal["none", "waits", "may go", "gone"] = "none"
        self._freed = 0
        self._scout_number = 0

    def left(self, now: float) -> float:
        """Seconds until the next request may go; 0 if it may go now."""
        return 0.0 if self._scout == "may go" else max(0.0, self._until - now)

    def sent(self, number: int, in_flight: int, now: float) -> None:
        """A request goes as one of so many."""
        self._newest = number
        self._abreast[number] = in_flight
        if self._scout == "may go":
            self._scout, self._scout_number = ("gone" if now < self._until else "none"), number

    def answered(self, number: int, now: float) -> None:
        """That request was answered."""
        self._most_answered = max(self._most_answered, self._abreast.pop(number))
        self._freed += 1
        if self._scout == "waits" and now < self._until:
            # Not at the first answer: what was on its way when the 429 came may have taken that place.
            if self._freed > len(self._abreast) / 8:
                self._scout = "may go"
        elif self._is_scout(number):
            # After the end of the pause an answer proves nothing.
            self._scout, self._trusted, self._until = "none", now < self._until, min(now, self._until)

    def failed(self, number: int, limited: bool, wait_s: float | None, now: float) -> None:
        """That request was not answered; with `limited` it was a 429, with `wait_s` the server asks to wait.

        A shorter wish does not cut a longer one.
        """
        beside = self._abreast.pop(number)
        if limited:
            self._freed = 0
            for other in self._abreast:
                if other > number:
                    self._abreast[other] -= 1
        if self._is_scout(number):
            self._scout, self._trusted = "none", False
        if wait_s is None:
            return
        if not limited:
            self._scout = "none"
        elif number > self._burst:  # what was sent before the last one is turned away together with it
            self._burst = self._newest
            self._trusted = self._trusted and beside > self._most_answered
            self._scout = "waits" if self._trusted else "none"
        # A little more, and never the same: what knocks here knocks elsewhere, too.
        self._until = max(self._until, now + wait_s + random.uniform(0, 0.02 * wait_s))

    def _is_scout(self, number: int) -> bool:
        return self._scout == "gone" and number == self._scout_number
