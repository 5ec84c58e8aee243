"""How many requests may be in flight, and how fast: what a teacher's 429s teach, and its limits a minute."""

from __future__ import annotations

from cotkit.distill.teacher import Ramp

# After a 429 the number that was borne is kept for so long before more is tried; it doubles each time that
# trying more brought another 429.
_HOLD_S = 5.0
_LONGEST_HOLD_S = 120.0
# From the borne number back to the most, along a cube: carefully first, in ten seconds the whole way.
_GROW_S = 10.0
# So many attempts are looked back on at least; less than _STRAY of them turned away means nothing.
_WINDOW = 20
_STRAY = 0.03
# How long 429s are taken for what they are when fewer requests did not help; it doubles each time that this is seen.
_NOISE_S = 10.0
# A plain number opens by so many at a time, or a sixteenth (see Gate.pace), so that the 429s of a small server arrive
# while few are out.
OPENING = 16
OPENING_STEP = 8


class Throttle:
    """Halve on 429, creep up again, with a memory of what was borne.

    Not every 429 speaks of too many requests at once. A burst of them is one event: what was sent before the last
    cut does not cut again. A stray one, far below the limit or among many answers, cuts nothing; nor do those that
    go on well below the most that was borne, since fewer requests did not help: then it all goes again. Half of all
    attempts turned away is always too many.

    Args:
        ramp: start, min and max; with all three equal nothing moves.
        quick: open within seconds from a small number, as if start were max.
    """

    def __init__(self, ramp: Ramp, quick: bool) -> None:
        self._min, self._max = ramp.min, ramp.max
        self._quick = quick
        self.opening = quick and ramp.max > OPENING
        self.limit: float = min(OPENING, ramp.max) if self.opening else ramp.start
        self._borne: int | None = None
        self._cut_at = 0
        self._hold_s = _HOLD_S
        self._hold_until = 0.0
        self._noise_until = 0.0
        self._noise_s = _NOISE_S
        # The most that was borne before the last cut, since all of them went: each cut alone lowers what was borne by
        # little, and many of them would lead to one request at a time.
        self._before = 0
        # Part of the attempts that were turned away lately.
        self._bad = 0.0

    def open_wider(self) -> None:
        """A moment has passed without a 429 since the start."""
        self.limit = min(self._max, self.limit + max(OPENING_STEP, self.limit // 16))
        self.opening = self.limit < self._max

    def answered(self, now: float) -> None:
        """An answer came: one more may go, up to what was borne; beyond it, only after the hold."""
        self._bad *= 1 - 1 / max(_WINDOW, self.limit)
        if self._borne is None:
            if not self.opening:
                self.limit = min(self._max, self.limit + 1)
        elif self.limit < self._borne:
            self.limit = min(self._borne, self.limit + 1)
        elif now > self._hold_until:
            part = min(1.0, (now - self._hold_until) / _GROW_S)
            self.limit = max(self.limit, self._borne + (self._max - self._borne) * part**3)
            if part == 1.0:
                self._borne, self._before, self._hold_s = None, 0, _HOLD_S

    def paused(self) -> None:
        """The teacher said when to come again, and nobody comes before: what it bore is not too many then.

        A ramp goes its own way, from the half.
        """
        if self._quick and self._borne is not None:
            self.limit = max(self.limit, self._borne)

    def limited(self, number: int, newest: int, in_flight: int, now: float, wait_s: float = 0.0) -> None:
        """A 429 came to request `number` while `in_flight` were out, `newest` being the last one sent.

        With `wait_s`, nobody is asked for so long: what was learnt is not forgotten meanwhile.
        """
        self._bad += (1 - self._bad) / max(_WINDOW, self.limit)
        if in_flight > 1:
            self.opening = False
        if number <= self._cut_at:
            if self._borne is not None and now >= self._noise_until:
                self._borne = max(self._min, self._borne - 1)
                self.limit = min(self.limit, self._borne)
            return
        if self._is_noise(in_flight, now):
            return
        again = self._borne is not None and in_flight >= 0.8 * self._borne and self._bad < 0.2
        self._hold_s = min(_LONGEST_HOLD_S, 2 * self._hold_s) if again else _HOLD_S
        self._hold_until = now + wait_s + self._hold_s
        self._cut_at = newest
        self._before = max(self._before, self._borne or 0)
        self._borne = min(self._max, max(self._min, in_flight - 1))
        self.limit = max(self._min, min(self.limit, in_flight / 2))

    def _is_noise(self, in_flight: int, now: float) -> bool:
        if self._bad >= 0.5:
            return False
        if self._bad < _STRAY or now < self._noise_until or in_flight < self.limit / 2:
            return True
        most = max(self._before, self._borne or 0)
        if in_flight <= 0.75 * most:
            self._noise_until = now + self._noise_s
            self._noise_s = min(_LONGEST_HOLD_S, 2 * self._noise_s)
            self._borne = most
            self._hold_until, self._hold_s = now, _HOLD_S
            return True
        return False


class Bucket:
    """A limit a minute as a leaking bucket: no window of 60 seconds holds more than the limit.

    An amount above the whole bucket goes when the bucket is full, and is paid off before the next.
    """

    def __init__(self, per_minute: float, now: float) -> None:
        self._burst = max(1.0, per_minute / 10)
        self._rate = max(per_minute - self._burst, per_minute / 2) / 60
        self._level = self._burst
        self._at = now

    def wait(self, amount: float, now: float) -> float:
        """Seconds until `amount` may go; 0 if it may go now."""
        # A clock that went backwards gives nothing and takes nothing.
        self._level = min(self._burst, self._level + max(0.0, now - self._at) * self._rate)
        self._at = max(now, self._at)
        missing = min(amount, self._burst) - self._level
        return missing / self._rate if missing > 1e-9 else 0.0

    def take(self, amount: float) -> None:
        """`amount` goes; a negative one is given back."""
        self._level = min(self._burst, self._level - amount)
