"""What grading one candidate may cost."""

from __future__ import annotations

import gc
import signal
import time
from collections.abc import Callable

# CPU seconds that the steps in this process may take for one candidate, and how often they may ask the worker.
MAX_SECONDS = 0.4
# How often the time begins anew after a full garbage collection, which looks through all that the process around us
# holds: half a second in a trainer, and not the candidate's doing.
MAX_RESPITES = 2

MAX_PROOFS = 3


class Budget:
    """What is left for one candidate: sets of sets compare every item with every item."""

    def __init__(self) -> None:
        self.deadline = time.thread_time() + MAX_SECONDS
        self.proofs = MAX_PROOFS
        self._respites = MAX_RESPITES
        self._collections = _full_collections()

    def spent(self) -> bool:
        """Whether the time is up."""
        if time.thread_time() <= self.deadline:
            return False
        collections = _full_collections()
        if collections == self._collections or self._respites == 0:
            return True
        self._respites -= 1
        self._collections = collections
        self.deadline = time.thread_time() + MAX_SECONDS
        return False

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


def _full_collections() -> int:
    return int(gc.get_stats()[2]["collections"])
