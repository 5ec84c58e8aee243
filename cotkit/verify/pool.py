"""Killable worker processes for the symbolic step.

sympy cannot be stopped from inside: a big-integer operation in C hears no signal, and `signal.alarm` works
in the main thread only (math-verify #50, #55; verl #5635, #5839). So it runs in long-lived child processes
with a memory limit; a child that is late is killed and replaced. POSIX only.
"""

from __future__ import annotations

import json
import os
import queue
import select
import subprocess
import sys
import threading
import time
import weakref
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import cotkit
from cotkit.verify.symbolic import too_large
from cotkit.verify.tree import Node, encode

# Importing sympy takes 0.2 s idle and several seconds on a machine under load.
_START_S = 60.0


@dataclass(frozen=True)
class Proof:
    """`equal` is None where the worker could not tell; `reason` says why."""

    equal: bool | None
    reason: str


class _Worker:
    """One child process; used by one thread at a time."""

    def __init__(self, memory_mb: int) -> None:
        root = str(Path(cotkit.__file__).resolve().parent.parent)
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": os.pathsep.join(paths)}
        self.process = subprocess.Popen(
            # -P: no module of the folder that we happen to stand in
            [sys.executable, "-P", "-m", "cotkit.verify.worker", str(memory_mb)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
        self.buffer = b""
        self.ready = False

    def line(self, deadline: float) -> Any:
        """The next message. Raises TimeoutError past the deadline, EOFError where the child has ended."""
        assert self.process.stdout is not None  # noqa: S101 - opened as a pipe
        while b"\n" not in self.buffer:
            wait = deadline - time.monotonic()
            if wait <= 0 or not select.select([self.process.stdout], [], [], wait)[0]:
                raise TimeoutError
            chunk = os.read(self.process.stdout.fileno(), 65_536)
            if not chunk:
                raise EOFError
            self.buffer += chunk
        head, _, self.buffer = self.buffer.partition(b"\n")
        return json.loads(head)

    def ask(self, a: Node, b: Node, timeout_s: float) -> Proof:
        assert self.process.stdin is not None  # noqa: S101 - opened as a pipe
        starting = time.monotonic() + _START_S
        if not self.ready:
            self.line(starting)
            self.ready = True
        self.process.stdin.write(json.dumps([timeout_s, encode(a), encode(b)]).encode() + b"\n")
        self.process.stdin.flush()
        self.line(starting)  # "begin": the clock starts now
        equal, reason = self.line(time.monotonic() + timeout_s)
        return Proof(equal, reason)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(OSError):  # unsent bytes to a dead child
                    pipe.close()


def _stop_all(workers: set[_Worker], owner: int) -> None:
    if os.getpid() != owner:  # a forked copy of the pool: the children are not its own
        return
    while workers:
        workers.pop().stop()


class Pool:
    """At most `workers` child processes, started at first use; safe from several threads.

    Args:
        workers: how many children.
        timeout_s: wall-clock seconds a child may spend on one pair before it is killed.
        memory_mb: address space of a child in MiB (RLIMIT_AS, where the system has it).
    """

    def __init__(self, workers: int = 1, timeout_s: float = 2.0, memory_mb: int = 1024) -> None:
        self.timeout_s = timeout_s
        self.memory_mb = memory_mb
        self._slots: queue.LifoQueue[_Worker | None] = queue.LifoQueue()
        for _ in range(max(1, workers)):
            self._slots.put(None)
        self._alive: set[_Worker] = set()
        self._lock = threading.Lock()
        self._closed = False
        self._finalizer = weakref.finalize(self, _stop_all, self._alive, os.getpid())

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kill all children. A pair asked for afterwards is undecided."""
        with self._lock:
            self._closed = True
            _stop_all(self._alive, os.getpid())

    def equivalent(self, a: Node, b: Node) -> Proof:
        """Whether two trees are equal, within `timeout_s` once a child is free. Never raises."""
        why = too_large(a) or too_large(b)
        if why is not None:
            return Proof(None, why)
        worker = self._slots.get()
        try:
            worker = worker or self._start()
            if worker is None:
                return Proof(None, "pool_closed")
            proof = worker.ask(a, b, self.timeout_s)
        except TimeoutError:
            self._drop(worker)
            worker = None
            return Proof(None, "timeout")
        except (OSError, EOFError, ValueError):
            self._drop(worker)
            worker = None
            return Proof(None, "worker_died")
        except BaseException:  # KeyboardInterrupt between question and answer
            self._drop(worker)
            worker = None
            raise
        else:
            return proof
        finally:
            self._slots.put(worker)

    def _start(self) -> _Worker | None:
        with self._lock:
            if self._closed:
                return None
            worker = _Worker(self.memory_mb)
            self._alive.add(worker)
            return worker

    def _drop(self, worker: _Worker | None) -> None:
        if worker is not None:
            with self._lock:
                self._alive.discard(worker)
            worker.stop()
