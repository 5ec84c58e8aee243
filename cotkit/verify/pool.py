"""Killable worker processes for all that could run long.

sympy cannot be stopped from inside: a big-integer operation in C hears no Python signal handler, and
`signal.alarm` works in the main thread only (math-verify #50, #55; verl #5635, #5839). So it runs in long-lived child
processes with a memory limit; the kernel ends a child whose pair has used up its CPU time (worker.py), and a new one
takes its place. Works from any thread, notebook or actor. POSIX only.
"""

from __future__ import annotations

import json
import os
import queue
import select
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

import cotkit
from cotkit.verify.symbolic import too_large
from cotkit.verify.tree import Node, encode

# Only against a child that neither works nor ends; CPU time is what limits a pair.
_WALL_S = 120.0


@dataclass(frozen=True)
class Proof:
    """`equal` is None where the worker could not tell; `reason` says why."""

    equal: bool | None
    reason: str


class _Worker:
    """One child process; used by one thread at a time."""

    def __init__(self, memory_mb: int, cpu_s: float) -> None:
        root = str(Path(cotkit.__file__).resolve().parent.parent)
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": os.pathsep.join(paths)}
        self.process = subprocess.Popen(
            # -P: no module of the folder that we happen to stand in
            [sys.executable, "-P", "-m", "cotkit.verify.worker", str(memory_mb), str(cpu_s)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
        self.buffer = b""

    def send(self, request: Any) -> None:
        assert self.process.stdin is not None  # noqa: S101 - opened as a pipe
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()

    def line(self) -> Any:
        """The next message. Raises TimeoutError past _WALL_S, EOFError where the child has ended."""
        assert self.process.stdout is not None  # noqa: S101 - opened as a pipe
        deadline = time.monotonic() + _WALL_S
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

    def stop(self) -> str:
        """End the child; why it had ended, if it had."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(0.2 if self.process.poll() is None else 0)
        self.process.kill()
        code = self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(OSError):  # unsent bytes to a dead child
                    pipe.close()
        return "timeout" if code == -signal.SIGPROF else "worker_died"


def _stop_all(workers: set[_Worker], owner: int) -> None:
    if os.getpid() != owner:  # a forked copy of the pool: the children are not its own
        return
    while workers:
        worker = workers.pop()
        worker.process.kill()
        worker.stop()


class Pool:
    """At most `workers` child processes, started at first use; safe from several threads.

    Args:
        workers: how many children.
        cpu_s: seconds of CPU that a child may spend on one pair.
        memory_mb: address space of a child in MiB (RLIMIT_AS, where the system has it).
    """

    def __init__(self, workers: int = 1, cpu_s: float = 1.0, memory_mb: int = 1024) -> None:
        self.cpu_s = cpu_s
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
        """Whether two trees are equal, as far as `cpu_s` seconds of sympy can tell. Never raises."""
        why = too_large(a) or too_large(b)
        if why is not None:
            return Proof(None, why)
        lines, failure = self._ask(["prove", encode(a), encode(b)], 1)
        return Proof(None, failure) if failure is not None else Proof(*lines[0])

    def grade(self, policy: Mapping[str, Any], pairs: Sequence[Any]) -> list[Any]:
        """One answer of worker.py for each pair, in order; the pair that ends its worker is undecided."""
        done: list[Any] = []
        step = len(pairs)
        while len(done) < len(pairs):
            part = list(pairs[len(done) : len(done) + step])
            lines, failure = self._ask(["grade", dict(policy), part], len(part))
            done.extend(lines)
            if failure is None:
                step = len(pairs)
            elif step == 1 or failure == "pool_closed":
                done.append(["undecided", None, None, "none", failure])
            else:
                step = 1  # which pair it was shows when they come one by one
        return done

    def _ask(self, request: Any, answers: int) -> tuple[list[Any], str | None]:
        """The answers that came, and why not all of them did."""
        worker = self._slots.get()
        lines: list[Any] = []
        try:
            worker = worker or self._start()
            if worker is None:
                return [], "pool_closed"
            worker.send(request)
            while len(lines) < answers:
                lines.append(worker.line())
        except TimeoutError:
            self._drop(worker)
            worker = None
            return lines, "timeout"
        except (OSError, EOFError, ValueError):
            why = self._drop(worker)
            worker = None
            return lines, why
        except BaseException:  # KeyboardInterrupt between question and answer
            self._drop(worker)
            worker = None
            raise
        else:
            return lines, None
        finally:
            self._slots.put(worker)

    def _start(self) -> _Worker | None:
        with self._lock:
            if self._closed:
                return None
            worker = _Worker(self.memory_mb, self.cpu_s)
            self._alive.add(worker)
            return worker

    def _drop(self, worker: _Worker | None) -> str:
        if worker is None:
            return "worker_died"
        with self._lock:
            self._alive.discard(worker)
        return worker.stop()


@cache
def _of_process(pid: int) -> Pool:  # noqa: ARG001 - a forked process has another number, and so a pool of its own
    return Pool(cpu_s=0.6)  # with what this process may spend (scalars.py), one second for a pair


def shared() -> Pool:
    """The one worker that a process keeps for callers of `grade` that bring none; it holds no results."""
    return _of_process(os.getpid())
