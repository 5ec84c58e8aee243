"""Worker processes that run shards, one at a time each, started afresh (spawn): no thread or lock is inherited."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

from cotkit.cores import SHARE, cores
from cotkit.engine import AnyJob
from cotkit.errors import EngineError
from cotkit.run.engines.errand import portable


@dataclass
class _Worker:
    process: SpawnProcess
    line: Connection
    job: Any = None


def run_all(jobs: Sequence[AnyJob], workers: int, ended: Callable[[AnyJob], None]) -> None:
    """Run every job in one of `workers` processes; no more of them are under way than there are processes.

    Raises what a job raises, and EngineError for a process that ends by itself.
    """
    waiting = deque(jobs)
    share = max(1, cores() // workers)
    team = [_start(share) for _ in range(workers)]
    try:
        for worker in team:
            _give(worker, waiting)
        while busy := [worker for worker in team if worker.job is not None]:
            ready = wait([worker.line for worker in busy])
            for worker in busy:
                if worker.line in ready:
                    ended(_heard(worker))
                    _give(worker, waiting)
    finally:
        for worker in team:
            worker.line.close()
            worker.process.kill()
        for worker in team:
            worker.process.join()


def _start(share: int) -> _Worker:
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, share), daemon=True)
    process.start()
    theirs.close()  # so that the line breaks when the process ends
    return _Worker(process, ours)


def _give(worker: _Worker, waiting: deque[Any]) -> None:
    worker.job = waiting.popleft() if waiting else None
    if worker.job is not None:
        try:
            worker.line.send(worker.job)
        except OSError as error:
            raise _lost(worker) from error


def _heard(worker: _Worker) -> Any:
    """The job that has ended. Raises what it raised."""
    try:
        error = worker.line.recv()
    except (EOFError, OSError) as broken:
        raise _lost(worker) from broken
    if error is not None:
        raise error
    return worker.job


def _lost(worker: _Worker) -> EngineError:
    worker.process.join(5)
    place = worker.job.place if worker.job is not None else "a shard"
    return EngineError(
        f"{place}: its worker process ended by itself (exit code {worker.process.exitcode}), as one does that the "
        f"system stops for want of memory; take fewer workers, then run the same command again: it goes on with the "
        f"shards that are missing"
    )


def _serve(line: Connection, share: int) -> None:
    """The worker's side: shards until the line is closed."""
    for number in (signal.SIGINT, signal.SIGTERM):  # both go to all processes of a job, and are the parent's to hear
        signal.signal(number, signal.SIG_IGN)
    os.environ[SHARE] = os.environ["POLARS_MAX_THREADS"] = str(share)
    while True:
        try:
            job = line.recv()
        except (EOFError, OSError):
            return
        error: BaseException | None = None
        try:
            job.run()
        except Exception as raised:  # noqa: BLE001 - the parent raises it
            error = portable(raised, job)
        try:
            line.send(error)
        except OSError:
            return
