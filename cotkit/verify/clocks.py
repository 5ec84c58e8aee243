"""Rules for times of day."""

from __future__ import annotations

from fractions import Fraction

from cotkit.verify.scalars import How, Outcome, no, unknown, yes
from cotkit.verify.values import Clock, Equation, Ratio, Rational, Value


def clock(a: Value, b: Value, how: How) -> Outcome | None:
    """Times of day; twelve hours apart is undecided where one side does not say am or pm."""
    if not isinstance(a, Clock):
        return None
    if isinstance(b, Clock):
        if (a.hour, a.minute, a.half) == (b.hour, b.minute, b.half):
            return yes()
        minutes = [_minutes(c) for c in (a, b)]
        if None not in minutes:
            return yes("same time") if minutes[0] == minutes[1] else no("times_differ")
        same = (a.hour % 12, a.minute) == (b.hour % 12, b.minute)
        return unknown("am_or_pm") if same else no("times_differ")
    if not a.half and (isinstance(b, Ratio) or (isinstance(b, Equation) and isinstance(b.right, Ratio))):
        # 14:20 is a ratio where the other side is one
        return how.same(Ratio((Rational(Fraction(a.hour)), Rational(Fraction(a.minute)))), b)
    return None


def _minutes(time: Clock) -> int | None:
    """Minutes since midnight; None where morning and afternoon are not told apart."""
    if time.half:
        return (time.hour % 12 + 12 * (time.half == "pm")) * 60 + time.minute
    return time.hour * 60 + time.minute if time.hour > 12 or time.hour == 0 else None
