"""What grading one candidate may cost."""

from __future__ import annotations

import time

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
