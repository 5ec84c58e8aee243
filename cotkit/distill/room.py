"""How many problems a strategy may be amid at once: within a budget no more than it bears to their ends."""

from __future__ import annotations

from collections.abc import Callable

from cotkit.distill.converse import WINDOW, Ended
from cotkit.distill.teacher import Budget, Limits

# So many problems are open for each request that may be in flight: some wait for a reply, some ask one thing at a time.
_EACH = 4


class Room:
    """Depth before breadth: money that runs out amid a hundred problems has bought no row.

    The first problem is played alone and tells what one costs; from then on as many are open as what is left of the
    budget pays for, growing with what is known. Without a budget there is no bound but memory.

    Args:
        left: what of the budget is not spent; None without one.
    """

    def __init__(self, left: Callable[[], Budget | None], limits: Limits) -> None:
        self._left = left
        self._most = min(WINDOW, _EACH * limits.ramp.max)
        self._ended = self._paid = 0
        self._usd, self._tokens = 0.0, 0

    def heard(self, one: Ended) -> None:
        """A problem is through."""
        self._ended += 1
        if one.failure is None and one.calls:
            self._paid += 1
            self._usd += sum(call.cost_usd or 0.0 for call in one.calls)
            self._tokens += sum((call.prompt_tokens or 0) + (call.completion_tokens or 0) for call in one.calls)

    def __call__(self) -> int:
        """So many may be open now; at least one."""
        left = self._left()
        if left is None:
            return WINDOW
        bears: list[float] = [self._most, 1 + _EACH * self._ended]
        if left.usd is not None and self._usd > 0:
            bears.append(float(left.usd) * self._paid / self._usd)
        if left.tokens is not None and self._tokens > 0:
            bears.append(left.tokens * self._paid / self._tokens)
        return max(1, int(min(bears)))
