"""One judged process: start it, talk to it within deadlines and bounds, end it and all that is left of it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any

from cotkit.verify.code.levels import SCRATCH, Sandbox, command, far_side, identity, readable_paths, rlimits
from cotkit.verify.code.policy import CodePolicy
from cotkit.verify.code.prelude import NODES
from cotkit.verify.code.seccomp import call_filter
from cotkit.verify.code.wire import pack

START_S = 30.0
_CHUNK = 1 << 18
_GONE_S = 5.0  # for the kernel to end what was killed


class Late(Exception):
    """The deadline passed."""


class Flood(Exception):
    """More output than the policy allows."""


class Ended(Exception):
    """The process closed its side, or is gone."""


class NotStarted(Exception):
    """The sandbox did not come up; the program never ran."""


@dataclass(frozen=True)
class End:
    """How a process ended: `code` as subprocess has it (negative: a signal), None where we killed it."""

    code: int | None
    cpu_s: float


class Child:
    """A judged process; a context manager, at whose end nothing of it is left.

    Args:
        job: what runner.py is told; the parts that depend on the sandbox are added here. Where its mode is
            stdin, what the program prints is kept in `printed`; elsewhere it is thrown away.
        cpu_s: CPU seconds of the whole process, or of one test where each has a process.

    Raises NotStarted where the sandbox does not come up.
    """

    def __init__(self, sandbox: Sandbox, policy: CodePolicy, job: Mapping[str, Any], cpu_s: float) -> None:
        self.room = policy.output_mb * 2**20
        self.loaded = False
        self._outer = sandbox.level in ("bwrap", "namespaces")
        self.answers = bytearray()
        self.printed = bytearray()
        self.pending = b""
        self._cpu_end = float("inf")
        self._next_look = float("inf")
        self.open: dict[int, bytearray] = {}
        self._fds: list[int] = []
        self._end: End | None = None
        reads = job["mode"] == "stdin"
        packages = [start.rpartition("/")[0] for start in job["packages"].values()]
        readable = readable_paths(sandbox, packages)
        whole = {
            **job,
            "guard": list(sandbox.guard),
            "confine": far_side("confine", sandbox.python.ours) if sandbox.guard or reads else "",
            "filter": b"" if sandbox.level == "rlimits" else call_filter() or b"",
            "scratch": SCRATCH if sandbox.level == "bwrap" else "",
            "readable": readable,
            "parent": os.getpid(),
            "room": self.room,
            "nodes": NODES,
            "limits": rlimits(sandbox, policy, cpu_s),
            "recursion_limit": policy.recursion_limit,
        }
        try:
            self.process = self._start(sandbox, policy, readable, reads)
        except OSError as error:
            self._close()
            raise NotStarted(f"{error.strerror}: {error.filename}") from error
        self.session = self.process.pid
        try:
            self._hello(pack(far_side("runner", sandbox.python.ours)) + pack(whole))
        except BaseException:
            self.finish()
            raise

    def _pipe(self) -> tuple[int, int]:
        ends = os.pipe()
        self._fds += ends
        return ends

    def _start(self, sandbox: Sandbox, policy: CodePolicy, readable: list[str], reads: bool) -> subprocess.Popen[bytes]:
        far_ask, self.ask = self._pipe()
        answer, far_answer = self._pipe()
        keep = [far_ask, far_answer]
        self.open[answer] = self.answers
        far_out = subprocess.DEVNULL
        if reads:
            out, far_out = self._pipe()
            self.open[out] = self.printed
        for fd in (self.ask, *self.open):
            os.set_blocking(fd, False)
        filter_fd = None
        if sandbox.level == "bwrap":
            filter_fd, filter_end = self._pipe()
            os.write(filter_end, call_filter(outer=True, forks=reads) or b"")
            self._shut(filter_end)
            keep.append(filter_fd)
        line = command(sandbox, policy, filter_fd, readable)
        process = subprocess.Popen(
            [*line, str(far_ask), str(far_answer)],
            stdin=subprocess.DEVNULL,
            stdout=far_out,
            stderr=subprocess.DEVNULL,
            env={},
            cwd="/",
            pass_fds=keep,
            start_new_session=True,
            **identity(sandbox),
        )
        for fd in (*keep, *([far_out] if far_out >= 0 else [])):
            self._shut(fd)
        return process

    def _shut(self, fd: int) -> None:
        if fd in self._fds:
            self._fds.remove(fd)
            os.close(fd)

    def _hello(self, message: bytes) -> None:
        try:
            line = self.exchange(message, time.monotonic() + START_S)
        except (Late, Flood, Ended) as error:
            raise NotStarted(f"the sandbox did not start ({type(error).__name__.lower()})") from error
        if b"ready" not in line:
            raise NotStarted("the sandbox did not start")

    def exchange(self, message: bytes, deadline: float) -> bytes:
        """Send a message and return the next line of the process. Raises Late, Flood, Ended."""
        self.pending += message
        while b"\n" not in self.answers:
            self._pump(deadline)
        head, _, rest = self.answers.partition(b"\n")
        self.answers[:] = rest
        return bytes(head)

    def take_printed(self) -> bytes:
        """What was printed since the last time, by a process that has ended. Raises Flood."""
        out = next((fd for fd, into in self.open.items() if into is self.printed), None)
        while out in self.open and self._read(out):
            pass
        printed = bytes(self.printed)
        self.printed.clear()
        return printed

    def allow(self, cpu_s: float) -> None:
        """From now on, `cpu_s` more CPU seconds; past them reading raises Late. Nothing is looked up before then."""
        self._cpu_end = self.cpu() + cpu_s
        self._next_look = time.monotonic() + cpu_s

    def cpu(self) -> float:
        """CPU seconds so far of the process that runs the program; 0 where the system does not tell."""
        inner = _below(self.process.pid)
        try:
            fields = Path(f"/proc/{[self.process.pid, *inner][-1]}/stat").read_text().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except (OSError, ValueError, IndexError):
            return 0.0

    def _pump(self, deadline: float) -> None:
        """Move what can be moved, once."""
        now = time.monotonic()
        if now >= self._next_look:
            left = self._cpu_end - self.cpu()
            if left <= 0:
                raise Late
            self._next_look = now + max(left, 0.02)
        wait = min(deadline, self._next_look) - now
        if now >= deadline:
            raise Late
        if not self.open:
            raise Ended
        poll = select.poll()
        for fd in self.open:
            poll.register(fd, select.POLLIN)
        if self.pending:
            poll.register(self.ask, select.POLLOUT)
        for fd, _ in poll.poll(max(1.0, wait * 1000)):
            if fd == self.ask:
                self._write()
            else:
                self._read(fd)

    def _write(self) -> None:
        try:
            self.pending = self.pending[os.write(self.ask, self.pending[:_CHUNK]) :]
        except BlockingIOError:
            pass
        except OSError:  # it reads no more; what it says is still read
            self.pending = b""

    def _read(self, fd: int) -> bool:
        """Whether there was something to read."""
        try:
            data = os.read(fd, _CHUNK)
        except BlockingIOError:
            return False
        if not data:
            del self.open[fd]
            self._shut(fd)
            return False
        into = self.open[fd]
        into += data
        if len(into) > self.room:
            raise Flood
        return True

    def finish(self, wait_s: float = 0) -> End:
        """End the process and everything of it, if it does not end by itself within `wait_s`. Never raises."""
        deadline = time.monotonic() + wait_s
        while self._end is None:
            self._reap(os.WNOHANG, killed=False)
            if self._end is None and time.monotonic() >= deadline:
                self._kill()
            elif self._end is None:
                time.sleep(0.001)
        self._close()
        return self._end

    def _reap(self, flags: int, *, killed: bool) -> None:
        try:
            pid, status, usage = os.wait4(self.process.pid, flags)
        except ChildProcessError:  # somebody else waited for it: a program that ignores SIGCHLD
            self.process.returncode = -signal.SIGKILL
            self._end = End(None, 0.0)
            return
        if pid:
            self.process.returncode = os.waitstatus_to_exitcode(status)
            self._end = End(None if killed else self.process.returncode, usage.ru_utime + usage.ru_stime)

    def _kill(self) -> None:
        """All below the process first: bubblewrap and confine.py then end by themselves and have their CPU time."""
        inner = _below(self.process.pid)
        for parent, pid in reversed(list(pairwise([self.process.pid, *inner]))):
            _kill_child(pid, parent)
        if not inner or not self._outer:
            self.process.kill()
        deadline = time.monotonic() + _GONE_S
        while self._end is None and inner and time.monotonic() < deadline:
            self._reap(os.WNOHANG, killed=True)
            if self._end is None:
                time.sleep(0.001)
        if self._end is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.session, signal.SIGKILL)
            self.process.kill()
            self._reap(0, killed=True)

    def _close(self) -> None:
        while self._fds:
            os.close(self._fds.pop())
        self.open.clear()

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish()


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (OSError, ValueError):
        return []


def _below(pid: int) -> list[int]:
    """The line of a process's descendants: no process here has more than one child."""
    found: list[int] = []
    while children := _children(found[-1] if found else pid):
        found.append(children[0])
    return found


def _kill_child(pid: int, parent: int) -> None:
    """Kill a child of `parent`. Its number may pass to another process at any time: the handle may not."""
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return
    try:
        if pid in _children(parent):
            with suppress(ProcessLookupError, PermissionError):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
    finally:
        os.close(handle)
