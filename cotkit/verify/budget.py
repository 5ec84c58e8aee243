"""What grading one candidate may cost."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

# CPU seconds that the steps in this process may take for one candidate, and how often they may ask the worker.
MAX_SECONDS = 0.4

MAX_PROOFS = 3


class Budget:
    """What is left for one candidate: sets of sets compare every item with every item."""

    def __init__(self) -> None:
        self.deadline = time.thread_time() + MAX_SECONDS
        self.proofs = MAX_PROOFS

    def spent(self) -> bool:
        """Whether the time is up."""
        return time.thread_time() > self.deadline

    def load(self, what: Callable[[], object]) -> None:
        """Call `what`, which loads something for good: the first candidate that needs it does not pay for all others.

        The kernel's clock of a worker stands still as well.
        """
        left = signal.getitimer(signal.ITIMER_PROF) if hasattr(signal, "getitimer") else (0.0, 0.0)
        if left[0] > 0:
            signal.setitimer(signal.ITIMER_PROF, 0)
        began = time.thread_time()
        try:
            what()
        finally:
            self.deadline += time.thread_time() - began
            if left[0] > 0:
                signal.setitimer(signal.ITIMER_PROF, *left)
