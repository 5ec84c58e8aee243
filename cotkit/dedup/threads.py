"""One batch per core instead of all cores on one batch: torch's own threads wait for each other in small products."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from cotkit.cores import cores

T = TypeVar("T")
R = TypeVar("R")


def spread(work: Callable[[T], R], jobs: Iterable[T], threads: int | None = None) -> Iterator[R]:
    """`work` on each job, one per core (or so many) at a time, results in order; a few jobs are in hand at once.

    Inside, torch runs each operation on one thread.
    """
    import torch

    def alone(job: T) -> R:
        torch.set_num_threads(1)  # counts for the calling thread
        return work(job)

    before = torch.get_num_threads()
    waiting = iter(jobs)
    threads = threads or cores()
    try:
        with ThreadPoolExecutor(max_workers=threads) as pool:
            running = [pool.submit(alone, job) for job in islice(waiting, 2 * threads)]
            while running:
                result = running.pop(0).result()
                running.extend(pool.submit(alone, job) for job in islice(waiting, 1))
                yield result
    finally:
        torch.set_num_threads(before)
