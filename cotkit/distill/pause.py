"""The pause that a server asks for with Retry-After, and the one request that may go before it is over."""

from __future__ import annotations

import random
from typing import Literal


class Pause:
    """Nobody asks the teacher before Retry-After is over, with one exception.

    A 429 to a request that was sent beside more others than were ever answered together may speak of their number
    alone, as DeepSeek's do. Then an answer that comes back has freed a place, and one request goes to see. If it is
    answered, the pause is over; if not, it is kept to its end. Times are those of the event loop, in seconds.
    """

    def __init__(self) -> None:
        self._until = 0.0
        # The most requests that were on their way when one was sent that was answered.
        self._proven = 0
        self._one: Literal["not", "after an answer", "now", "gone"] = "not"
        self._number = 0

    def begin(self, seconds: float, abreast: int | None, now: float) -> None:
        """The server asks to wait; a shorter wish does not cut a longer one.

        Args:
            abreast: how many were on their way, with it, when the request was sent that got a 429; None where the
                server said something else.
        """
        crowded = abreast is not None and abreast > self._proven
        if not crowded:
            self._one = "not"
        elif now >= self._until:
            self._one = "after an answer"
        # A little more, and never the same: what knocks here knocks elsewhere, too.
        self._until = max(self._until, now + seconds + random.uniform(0, 0.02 * seconds))

    def left(self, now: float) -> float:
        """Seconds until the next request may go; 0 if it may go now."""
        return 0.0 if self._one == "now" else max(0.0, self._until - now)

    def sent(self, number: int) -> None:
        """The request of this number goes."""
        if self._one == "now":
            self._one, self._number = "gone", number

    def ended(self, number: int, abreast: int, answered: bool) -> None:
        """A request ended that was sent as one of `abreast`."""
        if answered:
            self._proven = max(self._proven, abreast)
        if self._one == "after an answer" and answered:
            self._one = "now"
        elif self._one == "gone" and number == self._number:
            self._one = "not"
            if answered:
                self._until = 0.0
